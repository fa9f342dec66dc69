import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, OciError } from '../errors.ts';

/** The files of an image layout, wherever they are; paths are relative, with `/`. */
export interface LayoutFiles {
  /** What people recognise it by: the path of the folder or the tar. */
  readonly name: string;
  /** Bytes; undefined when there is no such regular file. */
  size(path: string): Promise<number | undefined>;
  /** The bytes from `start` (inclusive) to `end` (exclusive). */
  read(path: string, start: number, end: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

const chunkSize = 256 * 1024;

/** Reads a part of an open file piece by piece. */
async function* readPart(
  path: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    for (let at = start; at < end;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(
        Buffer.allocUnsafe(Math.min(chunkSize, end - at)),
        0,
        null,
        at,
      );
      if (bytesRead === 0) {
        return;
      }
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** A layout as a folder. Links are not followed: a layout of someone else must not show files of this machine. */
export function folderFiles(folder: string): LayoutFiles {
  return {
    name: folder,
    size: async (path) => {
      try {
        const stats = await lstat(join(folder, path));
        return stats.isFile() ? stats.size : undefined;
      } catch (error) {
        const wrapped = fileError(error, join(folder, path));
        if (wrapped instanceof OciError && wrapped.code === 'file-missing') {
          return undefined;
        }
        throw wrapped;
      }
    },
    read: (path, start, end, signal) => readPart(join(folder, path), start, end, signal),
  };
}

/** Most entries of a tar that are remembered. */
const maxEntries = 200_000;
const blockSize = 512;

/**
 * A layout as an uncompressed tar, read in place: one pass over the headers, then parts of the file.
 * @throws {OciError} `archive-invalid`; `unsupported` for a compressed tar
 */
export async function tarFiles(path: string, signal?: AbortSignal): Promise<LayoutFiles> {
  const entries = await tarEntries(path, signal);
  return {
    name: path,
    size: (name) => Promise.resolve(entries.get(name)?.size),
    read: async function* (name, start, end, reading) {
      const entry = entries.get(name);
      if (entry) {
        yield* readPart(path, entry.start + start, entry.start + Math.min(end, entry.size), reading);
      }
    },
  };
}

interface TarEntry {
  readonly start: number;
  readonly size: number;
}

async function tarEntries(path: string, signal?: AbortSignal): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    const { size: total } = await file.stat();
    const header = Buffer.alloc(blockSize);
    for (let at = 0; at + blockSize <= total;) {
      signal?.throwIfAborted();
      await file.read(header, 0, blockSize, at);
      if (at === 0 && header[0] === 0x1f && header[1] === 0x8b) {
        throw new OciError('unsupported', `${path} is compressed; unpack it first`);
      }
      if (header.every((byte) => byte === 0)) {
        break;
      }
      if (header.toString('latin1', 257, 262) !== 'ustar' || entries.size >= maxEntries) {
        throw new OciError('archive-invalid', `${path} is not a tar of a layout`);
      }
      const size = tarNumber(header.subarray(124, 136));
      const start = at + blockSize;
      // Names of a layout are short; what needs a long-name extension is none of its files.
      const type = header[156];
      if ((type === 0x30 || type === 0) && size >= 0 && start + size <= total) {
        entries.set(tarName(header).replace(/^\.\//, ''), { start, size });
      }
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new OciError('archive-invalid', `${path} has an entry without a size`);
      }
      at = start + Math.ceil(size / blockSize) * blockSize;
    }
  } finally {
    await file.close();
  }
  return entries;
}

function tarName(header: Buffer): string {
  const text = (from: number, to: number): string => {
    const end = header.indexOf(0, from);
    return header.toString('utf8', from, end < 0 || end > to ? to : end);
  };
  const prefix = text(345, 500);
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
