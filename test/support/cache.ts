import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const root = path.resolve(import.meta.dirname, '../..');

/** Where downloads and builds are kept; git ignores it. */
export const cacheFolder = process.env['OCI_EXPLORER_CACHE'] ?? path.join(root, '.cache');

/** Says what takes long, on stderr so that stdout stays the result. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs `job` with its name and duration on stderr. */
export async function timed<T>(what: string, job: () => Promise<T>): Promise<T> {
  say(`${what} …`);
  const start = performance.now();
  const result = await job();
  say(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/**
 * Has `make` make `result` (a file or folder) once, however many processes ask at the same time. `make` lets it appear as
 * its last step. A maker that died leaves a lock whose process is gone; the next one takes over.
 */
export async function once(result: string, make: () => Promise<void>): Promise<string> {
  const lock = path.join(cacheFolder, `${path.basename(result)}.lock`);
  mkdirSync(cacheFolder, { recursive: true });
  while (!exists(result)) {
    if (!takeLock(lock)) {
      await sleep(200);
      continue;
    }
    try {
      if (!exists(result)) {
        await make();
      }
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return result;
}

function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    try {
      const owner = readFileSync(lock, 'utf8');
      // Written a moment after it is created: an empty one is young unless it stays so.
      const stale = owner === '' ? Date.now() - statSync(lock).mtimeMs > 5_000 : !isRunning(Number(owner));
      if (stale) {
        rmSync(lock, { force: true });
      }
    } catch {
      // Gone meanwhile.
    }
    return false;
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
