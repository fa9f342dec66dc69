import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { digestOf, hexOf } from '../digest.ts';
import { isOciError } from '../errors.ts';
import { locked, sweepLocks } from '../layout/lock.ts';

/** How often a lock is waited for, 20 s each, before the work goes on without it. */
const maxTries = 3;

let known: Promise<string | undefined> | undefined;

/**
 * Runs `work` while no other process of this person on this machine runs what has the same `key`. Best effort: where no lock
 * can be had, or for too long, the work is done all the same; what it protects has to hold against other machines anyway.
 */
export async function machineLocked<T>(key: string, work: () => Promise<T>): Promise<T> {
  const folder = await (known ??= lockFolder());
  if (folder === undefined) {
    return work();
  }
  const path = join(folder, `${hexOf(digestOf(Buffer.from(key))).slice(0, 32)}.lock`);
  const held: { work?: Promise<T> } = {};
  const begin = (): Promise<T> => (held.work = work());
  for (let attempt = 1; attempt <= maxTries; attempt++) {
    try {
      return await locked(path, begin);
    } catch (error) {
      if (held.work) {
        throw error;
      }
      if (!isOciError(error, 'busy')) {
        break;
      }
    }
  }
  return work();
}

/** A folder that is this person's alone: what others could write to could hold us up, or lead us elsewhere. */
async function lockFolder(): Promise<string | undefined> {
  try {
    const { uid } = userInfo();
    const folder = join(tmpdir(), `oci-explorer-${Math.max(0, uid)}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await lstat(folder);
    const isOurs = uid < 0 || (found.uid === uid && (found.mode & 0o022) === 0);
    if (!found.isDirectory() || !isOurs) {
      return undefined;
    }
    await sweepLocks(folder, /[0-9a-f]{32}\.lock/);
    return folder;
  } catch {
    return undefined;
  }
}
