import { Readable } from 'node:stream';
import { blockSize, padding } from '../../src/archive/tarHeader.ts';

/** One header as it is written, right or wrong, and its content. */
export interface RawEntry {
  readonly name: string;
  /** Default `0`, a file. */
  readonly flag?: string;
  readonly content?: string | Uint8Array;
  /** What the header says instead of the length of the content: a number, or the twelve bytes themselves. */
  readonly size?: number | string;
  readonly mode?: number;
  readonly time?: number;
  readonly target?: string;
  readonly owner?: string;
  /** Eight bytes; default those of ustar. */
  readonly magic?: string;
  readonly prefix?: string;
  readonly badChecksum?: boolean;
}

export function rawEntry(entry: RawEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, '0');
  const size = entry.size ?? content.byteLength;
  block.write(entry.name, 0, 100);
  block.write(octal(entry.mode ?? 0o644, 8), 100, 'latin1');
  block.write(typeof size === 'string' ? size : octal(size, 12), 124, 12, 'latin1');
  block.write(octal(entry.time ?? 0, 12), 136, 'latin1');
  block.write(entry.flag ?? '0', 156, 'latin1');
  block.write(entry.target ?? '', 157, 100);
  block.write(entry.magic ?? 'ustar\u000000', 257, 'latin1');
  block.write(entry.owner ?? '', 265, 32);
  block.write(entry.prefix ?? '', 345, 155);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0) + (entry.badChecksum === true ? 1 : 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
  return Buffer.concat([block, content, Buffer.alloc(padding(content.byteLength))]);
}

/** An extended header with these records. */
export function pax(records: Readonly<Record<string, string>>, flag = 'x'): RawEntry {
  const content = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    const length = rest + String(rest + String(rest).length).length;
    return `${length} ${key}=${value}\n`;
  });
  return { name: 'PaxHeaders.0/x', flag, content: content.join('') };
}

export function rawTar(entries: readonly RawEntry[], end: Uint8Array = Buffer.alloc(2 * blockSize)): Buffer {
  return Buffer.concat([...entries.map(rawEntry), end]);
}

/** Bytes as a stream of pieces of `size`. */
export function piecesOf(bytes: Uint8Array, size = 65_536): AsyncIterable<Uint8Array> {
  const count = Math.ceil(bytes.byteLength / size);
  return Readable.from(
    Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size)),
  );
}
