import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, ownName, sweep } from '../../base/leftovers.ts';
import { fileError, OciError } from '../errors.ts';

/**
 * A lock nobody renewed for this long is left over: from a process that died on another machine, or whose number another
 * process got, as happens at each start of a container.
 */
const staleAfter = 30_000;
const renewEvery = 5_000;
const giveUpAfter = 20_000;

/**
 * Runs `work` while no other process that uses this lock file does: two windows on one layout are the normal case.
 * @throws {OciError} `busy` when the lock cannot be had in 20 s
 */
export async function locked<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const owner = await acquire(path, signal);
  const renewing = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, renewEvery);
  renewing.unref();
  try {
    return await work();
  } finally {
    clearInterval(renewing);
    await release(path, owner);
  }
}

/** One that was taken over meanwhile, as after a sleep of the machine, is not ours to remove. */
async function release(path: string, owner: string): Promise<void> {
  const held = await readFile(path, 'utf8').catch(() => owner);
  if (held === owner) {
    await rm(path, { force: true });
  }
}

/** @returns what the lock says of its owner */
async function acquire(path: string, signal?: AbortSignal): Promise<string> {
  const owner = `${process.pid}@${hostname()} ${randomUUID()}`;
  const own = `${ownName(`${path}.`)}${randomUUID()}`;
  const start = performance.now();
  try {
    await writeFile(own, owner, { flag: 'wx' });
    for (;;) {
      signal?.throwIfAborted();
      try {
        // A hard link appears whole or not at all: nobody reads a lock without an owner.
        await link(own, path);
        return owner;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw error;
        }
      }
      if (await isStale(path)) {
        await removeStale(path, `${own}.stale`);
      } else if (performance.now() - start > giveUpAfter) {
        throw new OciError('busy', `${path} is held by another process`, { url: path });
      } else {
        await delay(5 + Math.random() * 20, undefined, { signal });
      }
    }
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await rm(own, { force: true });
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const [, pid, host] = /^(\d+)@(\S+) /.exec(text) ?? [];
    const isGone = host === hostname() && pid !== undefined && !isAlive(Number(pid));
    return isGone || Date.now() - mtimeMs > staleAfter;
  } catch {
    // Gone meanwhile: try again.
    return false;
  }
}

/** Takes the stale lock away; one that somebody took meanwhile is put back. */
async function removeStale(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
    if (!(await isStale(aside))) {
      await link(aside, path).catch(() => undefined);
    }
  } catch {
    // Another process was faster.
  } finally {
    await rm(aside, { force: true });
  }
}

/** Removes what is left of processes that were killed while they waited for a lock of this name. */
export async function sweepLocks(folder: string, name: RegExp): Promise<void> {
  await sweep(folder, {
    before: new RegExp(`${name.source}\\.`),
    behind: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.stale)?/,
  });
}
