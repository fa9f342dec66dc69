import { OciError } from '../oci/errors.ts';

export type PaxRecords = ReadonlyMap<string, string>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function archiveInvalid(message: string, cause?: unknown): OciError {
  return new OciError('archive-invalid', message, cause === undefined ? {} : { cause });
}

/** Up to the first NUL. Bytes that are no UTF-8 are read as Latin-1, so that different names stay different. */
export function tarText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  try {
    return utf8.decode(text);
  } catch {
    return text.toString('latin1');
  }
}

/** Octal digits, or with the highest bit set a big-endian number (GNU). @throws {OciError} `archive-invalid` */
export function tarNumber(bytes: Buffer, what: string): number {
  const first = bytes[0] ?? 0;
  if (first === 0x80) {
    const value = bytes.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    if (Number.isSafeInteger(value)) {
      return value;
    }
  } else if (first < 0x80) {
    const text = bytes
      .toString('latin1')
      .replace(/\0[^]*$/, '')
      .trim();
    if (/^[0-7]*$/.test(text)) {
      return text === '' ? 0 : Number.parseInt(text, 8);
    }
  }
  throw archiveInvalid(`A header has no valid ${what}`);
}

/** The sum is that of the header with blanks in its place; old tars added signed bytes. */
export function hasChecksum(block: Buffer): boolean {
  let unsigned = 0;
  let signed = 0;
  for (const [index, value] of block.entries()) {
    const byte = index >= 148 && index < 156 ? 0x20 : value;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  const text = block
    .subarray(148, 156)
    .toString('latin1')
    .replace(/\0[^]*$/, '')
    .trim();
  const sum = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : -1;
  return sum === unsigned || sum === signed;
}

/** `<length> key=value\n`, one after another (POSIX pax). @throws {OciError} `archive-invalid` */
export function paxRecords(bytes: Buffer): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.byteLength && bytes[at] !== 0) {
    const blank = bytes.indexOf(0x20, at);
    const digits = blank < 0 || blank - at > 10 ? '' : bytes.toString('latin1', at, blank);
    const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
    const record = bytes.subarray(blank + 1, at + length);
    const equals = record.indexOf(0x3d);
    if (at + length > bytes.byteLength || blank + 1 >= at + length || equals < 1 || record.at(-1) !== 0x0a) {
      throw archiveInvalid('An extended header is not valid');
    }
    const value = record.subarray(equals + 1, -1);
    const key = record.toString('utf8', 0, equals);
    if (value.includes(0) && (key === 'path' || key === 'linkpath')) {
      throw new OciError('path-unsafe', 'A name holds a NUL');
    }
    records.set(key, tarText(value));
    at += length;
  }
  return records;
}
