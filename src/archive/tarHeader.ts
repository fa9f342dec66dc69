/** One entry of a tar, as oras packs a folder. */
export interface TarEntry {
  /** With `/`, no trailing one for folders. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Bytes of a file; 0 for the others. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Raw text of a link. */
  readonly target?: string;
}

export const blockSize = 512;
const nameSize = 100;
const prefixSize = 155;
/** Largest size that eleven octal digits hold. */
const maxOctalSize = 8 ** 11 - 1;

const typeFlags = { file: '0', folder: '5', link: '2' } as const;

/**
 * The header blocks of an entry, byte for byte as Go's archive/tar writes them: ustar, and PAX only for what ustar cannot
 * say. Owner is 0 without a name.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const { name, size, target = '' } = entry;
  const split = splitName(name);
  const records: Record<string, string> = {};
  if (Buffer.byteLength(target) > nameSize || !isAscii(target)) {
    records['linkpath'] = target;
  }
  if (size > maxOctalSize) {
    records['size'] = String(size);
  }
  const isPlain = Buffer.byteLength(name) <= nameSize && isAscii(name);
  if (Object.keys(records).length === 0 && (isPlain || split)) {
    return mainBlock(entry, split ?? { prefix: '', suffix: name });
  }
  if (!isPlain) {
    records['path'] = name;
  }
  return Buffer.concat([paxBlocks(name, records), mainBlock(entry, { prefix: '', suffix: toAscii(name) })]);
}

function mainBlock(
  entry: TarEntry,
  { prefix, suffix }: { readonly prefix: string; readonly suffix: string },
): Buffer {
  const block = Buffer.alloc(blockSize);
  text(block, 0, nameSize, suffix);
  octal(block, 100, 8, entry.mode & 0o7777);
  octal(block, 108, 8, 0);
  octal(block, 116, 8, 0);
  octal(block, 124, 12, entry.size > maxOctalSize ? 0 : entry.size);
  octal(block, 136, 12, entry.time);
  text(block, 156, 1, typeFlags[entry.kind]);
  text(block, 157, nameSize, toAscii(entry.target ?? ''));
  octal(block, 329, 8, 0);
  octal(block, 337, 8, 0);
  text(block, 345, prefixSize, prefix);
  return sealed(block);
}

/** The extended header in front of an entry. */
function paxBlocks(name: string, records: Readonly<Record<string, string>>): Buffer {
  const data = Buffer.from(
    Object.keys(records)
      .sort()
      .map((key) => paxRecord(key, records[key] ?? ''))
      .join(''),
  );
  const block = Buffer.alloc(blockSize);
  const slash = name.lastIndexOf('/') + 1;
  text(
    block,
    0,
    nameSize,
    toAscii(`${name.slice(0, slash)}PaxHeaders.0/${name.slice(slash)}`)
      .slice(0, nameSize)
      .replace(/\/+$/, ''),
  );
  for (const [at, length] of [
    [100, 8],
    [108, 8],
    [116, 8],
    [136, 12],
  ] as const) {
    octal(block, at, length, 0);
  }
  octal(block, 124, 12, data.byteLength);
  text(block, 156, 1, 'x');
  return Buffer.concat([sealed(block), data, Buffer.alloc(padding(data.byteLength))]);
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const size = Buffer.byteLength(rest);
  let length = size + String(size).length;
  if (String(length).length + size !== length) {
    length = size + String(length).length;
  }
  return `${length}${rest}`;
}

/** Magic and checksum. */
function sealed(block: Buffer): Buffer {
  block.write('ustar\u000000', 257, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
  return block;
}

/** Cut to its field; readers of old take a name that ends with a slash there for a folder, so Go leaves that away. */
function text(block: Buffer, at: number, length: number, value: string): void {
  const bytes = Buffer.from(value, 'utf8');
  bytes.copy(block, at, 0, length);
  if (bytes.byteLength > length && bytes[length - 1] === 0x2f) {
    block[at + value.slice(0, length - 1).replace(/\/+$/, '').length] = 0;
  }
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
}

function isAscii(value: string): boolean {
  return /^[\x01-\x7f]*$/.test(value);
}

function toAscii(value: string): string {
  return value.replace(/[^\x01-\x7f]/g, '');
}

/** A long name in the two fields of ustar, cut at a slash as Go cuts it. */
function splitName(name: string): { readonly prefix: string; readonly suffix: string } | undefined {
  if (name.length <= nameSize || !isAscii(name)) {
    return undefined;
  }
  const slash = name.slice(0, Math.min(name.length, prefixSize + 1)).lastIndexOf('/');
  const rest = name.length - slash - 1;
  return slash <= 0 || rest > nameSize || rest === 0 || slash > prefixSize
    ? undefined
    : { prefix: name.slice(0, slash), suffix: name.slice(slash + 1) };
}

/** Bytes up to the next block. */
export function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}
