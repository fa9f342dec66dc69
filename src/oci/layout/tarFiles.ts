import { open, type FileHandle } from 'node:fs/promises';
import { fileError, OciError } from '../errors.ts';
import { readPart, type LayoutFiles } from './files.ts';
import { indexPath, markerPath } from './indexFile.ts';

/** Most entries of a tar that are remembered, and most bytes of a header that extends the next one. */
const maxEntries = 200_000;
const maxExtension = 1024 * 1024;
/** Longest name that is remembered. */
const maxName = 512;
const blockSize = 512;
/** Bytes that are read at once for headers: of small files, some fit. */
const windowSize = 32 * 1024;

/** First bytes of what a tar is packed in. */
const packings: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
];

/** A layout as an uncompressed tar, read in place. */
export function tarFiles(path: string, all: TarEntries): LayoutFiles {
  const top = topOf(all.files);
  const find = (name: string): TarEntry | undefined => all.files.get(top + name);
  return {
    name: path,
    size: (name) => Promise.resolve(find(name)?.size),
    read: async function* (name, start, end, reading) {
      const entry = find(name);
      if (entry) {
        yield* readPart(path, entry.start + start, entry.start + Math.min(end, entry.size), reading);
      }
    },
    // Where the files are was found when the tar was opened.
    version: () => Promise.resolve('tar'),
  };
}

/** Where the bytes of an entry are in the tar. */
export interface TarEntry {
  readonly start: number;
  readonly size: number;
}

/** Names as they stand there, without `./` before them; of two of one name the last, as who unpacks has it. */
export interface TarEntries {
  readonly files: ReadonlyMap<string, TarEntry>;
  /** What links name, hard ones from the top of the archive, others from where they are. */
  readonly links: ReadonlyMap<string, { readonly target: string; readonly isHard: boolean }>;
}

/** The one folder the layout is in, when someone packed the folder and not what is in it. */
function topOf(entries: ReadonlyMap<string, TarEntry>): string {
  const tops = [...entries.keys()]
    .filter((name) => name === markerPath || name.endsWith(`/${markerPath}`))
    .map((name) => name.slice(0, -markerPath.length))
    .filter((top) => entries.has(top + indexPath));
  return tops.length === 1 ? (tops[0] ?? '') : '';
}

/**
 * One pass over the headers; what is in it is read when it is asked for.
 * @throws {OciError} `archive-invalid`; `unsupported` for a compressed tar
 */
export async function tarEntries(path: string, signal?: AbortSignal): Promise<TarEntries> {
  const files = new Map<string, TarEntry>();
  const links = new Map<string, { readonly target: string; readonly isHard: boolean }>();
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    const { size: total } = await file.stat();
    const blockAt = blocksOf(file);
    let header = await blockAt(0);
    if (packings.some((magic) => magic.every((byte, index) => header[index] === byte))) {
      throw new OciError('unsupported', `${path} is compressed; unpack it first`);
    }
    let extension: Extension = {};
    for (let at = 0, count = 0; at + blockSize <= total; count++) {
      signal?.throwIfAborted();
      header = await blockAt(at);
      if (header.every((byte) => byte === 0)) {
        break;
      }
      const size = extension.size ?? tarNumber(header.subarray(124, 136));
      const start = at + blockSize;
      const type = String.fromCharCode(header[156] ?? 0);
      if (header.toString('latin1', 257, 262) !== 'ustar' || count >= maxEntries) {
        throw new OciError('archive-invalid', `${path} is not a tar of a layout`);
      }
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new OciError('archive-invalid', `${path} has an entry without a size`);
      }
      if (type === 'x' || type === 'L' || type === 'K') {
        // Names of sha512 blobs are longer than a header holds.
        extension = { ...extension, ...(await readExtension(file, type, start, size, path)) };
      } else {
        const name = (extension.name ?? tarName(header)).replace(/^(?:\.\/)+/, '');
        if (name.length > maxName) {
          // No file of a layout is called so, and a hostile archive would fill the memory with names.
        } else if ((type === '0' || type === '\0') && start + size <= total) {
          files.set(name, { start, size });
          links.delete(name);
        } else if (type === '1' || type === '2') {
          links.set(name, { target: extension.target ?? text(header, 157, 257), isHard: type === '1' });
          files.delete(name);
        }
        extension = {};
      }
      at = start + Math.ceil(size / blockSize) * blockSize;
    }
  } finally {
    await file.close();
  }
  return { files, links };
}

/** Blocks at any place, those that stand close together by one read. */
function blocksOf(file: FileHandle): (at: number) => Promise<Buffer> {
  const window = Buffer.alloc(windowSize);
  let from = 0;
  let length = 0;
  return async (at) => {
    if (at < from || at + blockSize > from + length) {
      from = at;
      ({ bytesRead: length } = await file.read(window, 0, windowSize, at));
      window.fill(0, length);
    }
    return window.subarray(at - from, at - from + blockSize);
  };
}

/** What a header says of the next one. */
interface Extension {
  readonly name?: string;
  readonly target?: string;
  readonly size?: number;
}

/** GNU's long name, or the records of PAX: `<length> key=value\n`. */
async function readExtension(
  file: FileHandle,
  type: 'x' | 'L' | 'K',
  start: number,
  size: number,
  path: string,
): Promise<Extension> {
  if (size > maxExtension) {
    throw new OciError('archive-invalid', `${path} has an extended header of ${size} bytes`);
  }
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, start);
  const data = buffer.subarray(0, bytesRead);
  if (type !== 'x') {
    const text = data.toString('utf8').replace(/\0.*$/s, '');
    return type === 'L' ? { name: text } : { target: text };
  }
  let extension: Extension = {};
  for (let at = 0; at < data.byteLength;) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    if (space < 0 || !Number.isSafeInteger(length) || length < space - at + 3) {
      throw new OciError('archive-invalid', `${path} has an extended header that makes no sense`);
    }
    const [, key, value = ''] = /^([^=]*)=(.*)\n$/s.exec(data.toString('utf8', space + 1, at + length)) ?? [];
    if (key === 'path') {
      extension = { ...extension, name: value };
    } else if (key === 'linkpath') {
      extension = { ...extension, target: value };
    } else if (key === 'size') {
      extension = { ...extension, size: Number(value) };
    }
    at += length;
  }
  return extension;
}

function tarName(header: Buffer): string {
  // Only POSIX has a prefix there; GNU keeps times in it.
  const prefix = header[262] === 0 ? text(header, 345, 500) : '';
  return prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
}

/** A field that ends with a NUL, or with its last byte. */
function text(header: Buffer, from: number, to: number): string {
  const end = header.indexOf(0, from);
  return header.toString('utf8', from, end < 0 || end > to ? to : end);
}

/** Octal text, or for large files binary with the first bit set. */
function tarNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.subarray(4).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : digits === '' ? 0 : -1;
}
