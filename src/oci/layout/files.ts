import { constants, type BigIntStats as Stats } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { fileError, OciError } from '../errors.ts';

/** The files of an image layout, wherever they are; paths are relative, with `/`. */
export interface LayoutFiles {
  /** What people recognise it by: the path of the folder or the tar. */
  readonly name: string;
  /** Bytes; undefined when there is no such regular file. */
  size(path: string): Promise<number | undefined>;
  /** The bytes from `start` (inclusive) to `end` (exclusive). */
  read(path: string, start: number, end: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** A text that is another one after every change of the file; undefined when that cannot be told now. */
  version(path: string): Promise<string | undefined>;
}

const chunkSize = 256 * 1024;
/** Two changes within one tick of a file system's clock look like one; FAT ticks every two seconds. */
const youngMilliseconds = 2_500;

/** Not through a link, where the system can tell. */
const readHere = constants.O_RDONLY | constants.O_NOFOLLOW;

/** Reads a part of a file piece by piece. */
export async function* readPart(
  path: string,
  start: number,
  end: number,
  signal?: AbortSignal,
  flags: number = constants.O_RDONLY,
): AsyncIterable<Uint8Array> {
  const file = await open(path, flags).catch((error: unknown) => {
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

/** A layout as a folder. Links are not followed out of it: a layout of someone else must not show files of this machine. */
export function folderFiles(folder: string): LayoutFiles {
  const look = async (path: string): Promise<Stats | undefined> => {
    const file = join(folder, path);
    try {
      await refuseOutside(folder, dirname(file));
      const stats = await lstat(file, { bigint: true });
      return stats.isFile() ? stats : undefined;
    } catch (error) {
      const wrapped = fileError(error, file);
      if (wrapped instanceof OciError && wrapped.code === 'file-missing') {
        return undefined;
      }
      throw wrapped;
    }
  };
  return {
    name: folder,
    size: async (path) => {
      const stats = await look(path);
      return stats && Number(stats.size);
    },
    read: (path, start, end, signal) => readPart(join(folder, path), start, end, signal, readHere),
    version: async (path) => {
      const stats = await look(path);
      return stats === undefined || Date.now() - Number(stats.mtimeMs) < youngMilliseconds
        ? undefined
        : [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    },
  };
}

/** @throws {OciError} `path-unsafe` when a folder of the layout is a link to somewhere else */
async function refuseOutside(folder: string, inner: string): Promise<void> {
  const [root, real] = await Promise.all([realpath(folder), realpath(inner)]);
  if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new OciError('path-unsafe', `${inner} is a link out of the layout`, { url: inner });
  }
}
