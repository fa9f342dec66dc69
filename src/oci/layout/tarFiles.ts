import { open, type FileHandle } from 'node:fs/promises';
import { fileError, OciError } from '../errors.ts';
import { readPart, type LayoutFiles } from './files.ts';
import { indexPath, markerPath } from './indexFile.ts';

/** Most entries of a tar that are remembered, and most bytes of a header that extends the next one. */
const maxEntries = 200_000;
const maxExtension = 1024 * 1024;
const blockSize = 512;

/** First bytes of what a tar is packed in. */
const packings: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
];

/**
 * A layout as an uncompressed tar, read in place: one pass over the headers, then parts of the file.
 * @throws {OciError} `archive-invalid`; `unsupported` for a compressed tar
 */
export async function tarFiles(path: string, signal?: AbortSignal): Promise<LayoutFiles> {
  const all = await tarEntries(path, signal);
  const top = topOf(all);
  const find = (name: string): TarEntry | undefined => all.get(top + name);
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

interface TarEntry {
  readonly start: number;
  readonly size: number;
}

/** The one folder the layout is in, when someone packed the folder and not what is in it. */
function topOf(entries: ReadonlyMap<string, TarEntry>): string {
  const tops = [...entries.keys()]
    .filter((name) => name === markerPath || name.endsWith(`/${markerPath}`))
    .map((name) => name.slice(0, -markerPath.length))
    .filter((top) => entries.has(top + indexPath));
  return tops.length === 1 ? (tops[0] ?? '') : '';
}

async function tarEntries(path: string, signal?: AbortSignal): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    const { size: total } = await file.stat();
    const header = Buffer.alloc(blockSize);
    await file.read(header, 0, blockSize, 0);
    if (packings.some((magic) => magic.every((byte, index) => header[index] === byte))) {
      throw new OciError('unsupported', `${path} is compressed; unpack it first`);
    }
    let extension: Extension = {};
    for (let at = 0, count = 0; at + blockSize <= total; count++) {
      signal?.throwIfAborted();
      await file.read(header, 0, blockSize, at);
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
      if (type === 'x' || type === 'L') {
        // Names of sha512 blobs are longer than a header holds.
        extension = { ...extension, ...(await readExtension(file, type, start, size, path)) };
      } else {
        if ((type === '0' || type === '\0') && start + size <= total) {
          entries.set((extension.name ?? tarName(header)).replace(/^(?:\.\/)+/, ''), { start, size });
        }
        extension = {};
      }
      at = start + Math.ceil(size / blockSize) * blockSize;
    }
  } finally {
    await file.close();
  }
  return entries;
}

/** What a header says of the next one. */
interface Extension {
  readonly name?: string;
  readonly size?: number;
}

/** GNU's long name, or the records of PAX: `<length> key=value\n`. */
async function readExtension(
  file: FileHandle,
  type: 'x' | 'L',
  start: number,
  size: number,
  path: string,
): Promise<Extension> {
  if (size > maxExtension) {
    throw new OciError('archive-invalid', `${path} has an extended header of ${size} bytes`);
  }
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, start);
  const data = buffer.subarray(0, bytesRead);
  if (type === 'L') {
    return { name: data.toString('utf8').replace(/\0.*$/s, '') };
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
    } else if (key === 'size') {
      extension = { ...extension, size: Number(value) };
    }
    at += length;
  }
  return extension;
}

function tarName(header: Buffer): string {
  const text = (from: number, to: number): string => {
    const end = header.indexOf(0, from);
    return header.toString('utf8', from, end < 0 || end > to ? to : end);
  };
  // Only POSIX has a prefix there; GNU keeps times in it.
  const prefix = header[262] === 0 ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
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
