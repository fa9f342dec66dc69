import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Milliseconds after which what a process elsewhere left unchanged is taken to be left behind. */
const staleAfter = 24 * 3_600_000;

let known: string | undefined;

/** Where the numbers of processes are ours: the machine, and in a container that one. */
function machine(): string {
  if (known === undefined) {
    let space = '';
    try {
      space = readlinkSync('/proc/self/ns/pid');
    } catch {
      // Only Linux has them.
    }
    known = createHash('sha256').update(`${hostname()} ${space}`).digest('hex').slice(0, 8);
  }
  return known;
}

/** The start of a name for what is removed again at the end of its work: it tells whose work that is. */
export function ownName(prefix: string): string {
  return `${prefix}${process.pid}-${machine()}-`;
}

/**
 * Removes what processes left in a folder that were killed: at once where the process of this machine is gone, else a day
 * after the last change. What a running process of this machine owns stays, as a person may be asked about it for days.
 * Never fails: what cannot be removed stays.
 * @param named what stands before and behind the owner in a name
 * @param mayGo asked before anything goes
 */
export async function sweep(
  folder: string,
  named: { readonly before: RegExp; readonly behind: RegExp },
  mayGo: (path: string) => Promise<boolean> = () => Promise.resolve(true),
): Promise<void> {
  const pattern = new RegExp(`^${named.before.source}(\\d{1,10})-([0-9a-f]{8})-${named.behind.source}$`);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const [found, pid, where] = pattern.exec(name) ?? [];
    if (found === undefined) {
      continue;
    }
    const path = join(folder, name);
    try {
      if ((await isLeftBehind(path, pid, where)) && (await mayGo(path))) {
        await rm(path, { recursive: true, force: true });
      }
    } catch {
      // Another process was faster, or it is not ours to remove.
    }
  }
}

async function isLeftBehind(path: string, pid = '', where = ''): Promise<boolean> {
  return where === machine() ? !isAlive(Number(pid)) : Date.now() - (await lstat(path)).mtimeMs > staleAfter;
}

/** Whether there is a process of this number on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
