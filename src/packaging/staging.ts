import {
  access,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ownName, sweep } from '../base/leftovers.ts';
import { fileError, isOciError } from '../oci/errors.ts';
import { inTheWay, statOf } from './placement.ts';
import type { FileSystem } from './unpack.ts';

/** A folder nobody sees, from which a rename leads into the target. */
export interface Staging {
  /** The target, without links in its path as far as it exists. */
  readonly target: string;
  readonly path: string;
  /** Where blobs are fetched to; what a pull to this target left behind that was killed is in it. */
  readonly blobs: string;
  readonly fileSystem: FileSystem;
  /** Takes it away. With `untouched` the target gets the times it had. */
  remove(untouched: boolean): Promise<void>;
}

/**
 * Beside the target; inside it where that is another file system, or where only the target may be written.
 * @throws {OciError} `read-only`, `disk-full`, `path-taken` where the target is no folder
 */
export async function openStaging(chosen: string): Promise<Staging> {
  const target = await realTarget(chosen);
  try {
    const existing = await statOf(target);
    if (existing) {
      if (!existing.isDirectory()) {
        throw inTheWay(target, 'is no folder');
      }
      await access(target, constants.W_OK | constants.X_OK);
    }
    const path = await makeStaging(target, existing !== undefined);
    try {
      const blobs = join(path, blobsName);
      await mkdir(blobs);
      const fileSystem = await probe(path);
      // The one beside may have been written to while there was no target yet, and the one inside when it was a mount.
      for (const folder of new Set([dirname(path), await nearest(dirname(target)), target])) {
        await sweepStagings(folder, target, blobs);
      }
      return {
        target,
        path,
        blobs,
        fileSystem,
        remove: async (untouched) => {
          await rm(path, { recursive: true, force: true, maxRetries: 3 });
          if (untouched && existing && dirname(path) === target) {
            await utimes(target, existing.atimeMs / 1000, existing.mtimeMs / 1000);
          }
        },
      };
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
  } catch (error) {
    throw fileError(error, target);
  }
}

/** As far as it exists, by its real name. */
export async function realTarget(path: string): Promise<string> {
  return realpath(path).catch(async (error: unknown) => {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path || (await statOf(path))) {
      throw fileError(error, path);
    }
    return join(await realTarget(parent), basename(path));
  });
}

async function makeStaging(target: string, exists: boolean): Promise<string> {
  const parent = await nearest(dirname(target));
  const isOneFileSystem = !exists || ((await sameDevice(parent, target)) && !(await isMountPoint(target)));
  const inside = ownName(join(target, '.pull-'));
  if (!isOneFileSystem) {
    return mkdtemp(inside);
  }
  return mkdtemp(ownName(join(parent, namePrefix(target)))).catch((error: unknown) => {
    if (exists && isOciError(fileError(error, parent), 'read-only')) {
      return mkdtemp(inside);
    }
    throw error;
  });
}

function namePrefix(target: string): string {
  return `.${basename(target).slice(0, 40)}.pull-`;
}

/** The folder itself, or the first above it that is there. */
async function nearest(folder: string): Promise<string> {
  let found = folder;
  while (dirname(found) !== found && !(await statOf(found))) {
    found = dirname(found);
  }
  return found;
}

/** Milliseconds that what was fetched for another target is kept for its next pull. */
const keptFor = 24 * 3_600_000;

/**
 * What is left of pulls that were killed: the blobs of one to the same target come into `blobs`, those of others wait for it
 * a day. One that was replacing files stays: those are kept in it.
 */
async function sweepStagings(folder: string, target: string, blobs: string): Promise<void> {
  await sweep(folder, { before: /\..*pull-/, behind: /\w{6}/ }, async (path) => {
    const names = await readdir(path);
    if (names.includes('old') && (await readdir(join(path, 'old'))).length > 0) {
      return false;
    }
    if (!names.includes(blobsName)) {
      return names.every((name) => name === probeName || name === 'new' || name === 'old');
    }
    const left = join(path, blobsName);
    const isSame = dirname(path) === target || basename(path).startsWith(namePrefix(target));
    if (isSame) {
      await takeOver(left, blobs);
    }
    return isSame || (await readdir(left)).length === 0 || Date.now() - (await lstat(left)).mtimeMs > keptFor;
  });
}

/** Each file comes whole to who takes it first. Nothing is taken that others could write to, or that leads elsewhere. */
async function takeOver(left: string, blobs: string): Promise<void> {
  const uid = process.getuid?.();
  const isOurs = async (path: string): Promise<boolean> =>
    (await lstat(path)).uid === (uid ?? 0) || uid === undefined;
  if (!(await isOurs(left))) {
    return;
  }
  for (const name of await readdir(left)) {
    const path = join(blobs, name);
    await rename(join(left, name), path).catch(() => undefined);
    const stats = await statOf(path);
    if (stats && !(stats.isFile() && stats.nlink === 1 && (await isOurs(path)))) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function sameDevice(one: string, other: string): Promise<boolean> {
  return (await stat(one)).dev === (await stat(other)).dev;
}

/** A folder bound into another of its own file system has the same device, and yet no rename leads there. */
async function isMountPoint(path: string): Promise<boolean> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table.split('\n').some((line) => {
    const point = line.split(' ')[4] ?? '';
    return (
      point.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))) === path
    );
  });
}

const probeName = 'Probe';
const blobsName = 'blobs';

/** Tries what the file system does with modes and with case. */
async function probe(path: string): Promise<FileSystem> {
  const folder = join(path, probeName);
  await mkdir(folder, { mode: 0o777 });
  const { mode } = await lstat(folder);
  const foldsCase = (await statOf(join(path, 'pROBE'))) !== undefined;
  const { bavail, bsize } = await statfs(path);
  return {
    allowedMode: mode & 0o777,
    foldsCase,
    portable: process.platform === 'win32',
    room: bavail * bsize,
  };
}
