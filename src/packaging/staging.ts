import {
  access,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
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
    return {
      target,
      path,
      fileSystem: await probe(path).catch(async (error: unknown) => {
        await rm(path, { recursive: true, force: true });
        throw error;
      }),
      remove: async (untouched) => {
        await rm(path, { recursive: true, force: true, maxRetries: 3 });
        if (untouched && existing && dirname(path) === target) {
          await utimes(target, existing.atimeMs / 1000, existing.mtimeMs / 1000);
        }
      },
    };
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
  let parent = dirname(target);
  while (!exists && !(await statOf(parent))) {
    parent = dirname(parent);
  }
  await sweepStagings(parent);
  if (exists) {
    await sweepStagings(target);
  }
  const beside = ownName(join(parent, exists ? `.${basename(target).slice(0, 40)}.pull-` : '.pull-'));
  const isOneFileSystem = !exists || ((await sameDevice(parent, target)) && !(await isMountPoint(target)));
  const inside = ownName(join(target, '.pull-'));
  if (!isOneFileSystem) {
    return mkdtemp(inside);
  }
  return mkdtemp(beside).catch((error: unknown) => {
    if (exists && isOciError(fileError(error, parent), 'read-only')) {
      return mkdtemp(inside);
    }
    throw error;
  });
}

/** What is left of pulls that were killed, but for one that was replacing files: those are kept in it. */
async function sweepStagings(folder: string): Promise<void> {
  await sweep(folder, { before: /\..*pull-/, behind: /\w{6}/ }, async (path) => {
    const names = await readdir(path);
    return names.includes('old')
      ? (await readdir(join(path, 'old'))).length === 0
      : names.every((name) => name === probeName || name === 'new');
  });
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
