import fs from 'node:fs';
import fsPromises, { open, type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Calls = Record<string, Call>;
type Wrap = (name: string, call: Call) => (self: unknown, args: unknown[]) => unknown;

export interface DiskFault {
  /** The first call that changes the disk and fails, from 1. */
  readonly at: number;
  /** What it says: `ENOSPC`, `EROFS`, … */
  readonly code: string;
  /** True: whatever takes room fails from then on, as on a disk that stays full; moving and removing still work. */
  readonly isLasting: boolean;
}

export interface DiskRun<T> {
  /** Calls that would change the disk. */
  readonly calls: number;
  /** Files that were opened and not closed. */
  readonly leftOpen: number;
  readonly outcome: PromiseSettledResult<T>;
}

/** What takes room; of `open`, where it may make a file. */
const takesRoom: ReadonlySet<string> = new Set([
  ...['open', 'mkdir', 'mkdtemp', 'writeFile', 'appendFile', 'copyFile', 'link', 'symlink'],
  ...['write', 'writev', 'sync', 'datasync'],
]);
const onlyChanges: ReadonlySet<string> = new Set(['rename', 'chmod', 'utimes', 'truncate']);

/**
 * Does `work` while the disk fails at one call, in this process and nowhere else: no disk of a real machine is full at each
 * moment in turn. Nothing else may write meanwhile.
 */
export async function onFailingDisk<T>(
  { at, code, isLasting }: DiskFault,
  work: () => Promise<T>,
): Promise<DiskRun<T>> {
  let calls = 0;
  const opened: FileHandle[] = [];
  const failure = (name: string, args: readonly unknown[]): Error | undefined => {
    const changes = takesRoom.has(name) || onlyChanges.has(name);
    if (!changes || (name === 'open' && !makesFile(args[1]))) {
      return undefined;
    }
    calls++;
    const fails = calls === at || (isLasting && calls > at && takesRoom.has(name));
    return fails ? Object.assign(new Error(`${code}: not now, ${name}`), { code, syscall: name }) : undefined;
  };
  const rejecting: Wrap = (name, call) => (self, args) => {
    const error = failure(name, args);
    if (error) {
      return Promise.reject(error);
    }
    const result = call.apply(self, args);
    return name === 'open'
      ? (result as Promise<FileHandle>).then((file) => {
          opened.push(file);
          return file;
        })
      : result;
  };
  const handle = await open(import.meta.filename);
  await handle.close();
  const restore = [
    patch(fsPromises as unknown as Calls, rejecting),
    patch(Object.getPrototypeOf(handle) as Calls, rejecting),
    patch(fs as unknown as Calls, (name, call) => (self, args) => {
      const callback = args.at(-1);
      const error = typeof callback === 'function' ? failure(name, args) : undefined;
      if (error) {
        process.nextTick(callback as () => void, error);
        return undefined;
      }
      return call.apply(self, args);
    }),
  ];
  syncBuiltinESMExports();
  try {
    const [outcome] = await Promise.allSettled([work()]);
    return { calls, leftOpen: opened.filter(({ fd }) => fd !== -1).length, outcome };
  } finally {
    restore.forEach((undo) => {
      undo();
    });
    syncBuiltinESMExports();
  }
}

function makesFile(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /[wa]/.test(String(flags));
}

/** Puts another function before each that can fail. @returns what puts all back */
function patch(target: Calls, wrap: Wrap): () => void {
  const old = [...takesRoom, ...onlyChanges].flatMap((name) => {
    const call = target[name];
    return typeof call === 'function' ? [[name, call] as const] : [];
  });
  for (const [name, call] of old) {
    const wrapped = wrap(name, call);
    target[name] = function (this: unknown, ...args: unknown[]) {
      return wrapped(this, args);
    };
  }
  return () => {
    Object.assign(target, Object.fromEntries(old));
  };
}
