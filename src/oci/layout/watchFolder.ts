import { watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { isRepository } from '../reference.ts';
import { indexPath, markerPath } from './indexFile.ts';

/** Most folders that are watched one by one; what stands in others is seen when it is asked for again. */
const maxFolders = 2000;

/** Milliseconds that writes are collected, from the first: a folder that is written to without a pause is told of all the same. */
const pause = 300;

/** Where the system tells of everything below a folder. Elsewhere each folder is watched, but those of the content. */
const isDeep = process.platform === 'win32' || process.platform === 'darwin';

export interface WatchOptions {
  /**
   * The repository at a path has other content; with `isNew` it came or went. The path is empty where the folder itself is the
   * layout.
   */
  readonly changed: (path: string, isNew: boolean) => void;
  /** Runs a moment later, so that the many writes of one push are told of together. */
  readonly later?: (run: () => void) => void;
}

/** Tells what anyone writes to the layouts below a folder, whether it is there yet or not. Asks nothing again and again. */
export function watchFolder(
  folder: string,
  options: WatchOptions,
): {
  /** When it is known what there was before: all that comes after is told. */
  readonly ready: Promise<void>;
  dispose(): void;
} {
  return new Watch(folder, options);
}

class Watch {
  readonly ready: Promise<void>;
  readonly #folder: string;
  readonly #changed: WatchOptions['changed'];
  readonly #later: (run: () => void) => void;
  /** By the path below the folder; `..` stands for what is above, as long as the folder is not there. */
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  readonly #touched = new Set<string>();
  #layouts: ReadonlySet<string> | undefined;
  #hasToLook = true;
  #isScheduled = false;
  #isDisposed = false;
  #working: Promise<void>;

  constructor(folder: string, { changed, later = (run) => void setTimeout(run, pause) }: WatchOptions) {
    this.#folder = folder;
    this.#changed = changed;
    this.#later = later;
    this.ready = this.#work();
    this.#working = this.ready;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#keep(new Set());
  }

  #keep(paths: ReadonlySet<string>): void {
    for (const path of [...this.#watchers.keys()].filter((watched) => !paths.has(watched))) {
      this.#close(path);
    }
  }

  #close(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  #heard(below: string, event: string, name: string | null): void {
    const parts = [...below.split('/'), ...(name ?? '').split(sep)].filter(Boolean);
    const isOfLayout = parts.at(-1) === indexPath || parts.at(-1) === markerPath;
    if (below === '..' || name === null) {
      this.#hasToLook = true;
    } else if (isOfLayout) {
      this.#touched.add(parts.slice(0, -1).join('/'));
    } else if (event === 'rename' && isLooked(parts)) {
      this.#hasToLook = true;
    } else {
      return;
    }
    if (!this.#isScheduled && !this.#isDisposed) {
      this.#isScheduled = true;
      this.#later(() => {
        this.#isScheduled = false;
        this.#working = this.#working.then(() => this.#work());
      });
    }
  }

  /** Tells what was heard; what fails is heard of again, or gone. */
  async #work(): Promise<void> {
    const touched = new Set(this.#touched);
    this.#touched.clear();
    for (const path of touched) {
      if ((await isFile(join(this.#folder, path, indexPath))) !== (this.#layouts?.has(path) ?? false)) {
        this.#hasToLook = true;
      }
    }
    const before = this.#layouts;
    if (this.#hasToLook) {
      this.#hasToLook = false;
      this.#layouts = await this.#look();
    }
    const now = this.#layouts ?? new Set();
    if (this.#isDisposed || !before) {
      return;
    }
    for (const path of new Set([...touched, ...now, ...before])) {
      const isNew = now.has(path) !== before.has(path);
      if (isNew || (touched.has(path) && now.has(path))) {
        this.#changed(path, isNew);
      }
    }
  }

  /** Watches what there is, and only then looks at it, so that nothing is missed between. @returns paths of layouts */
  async #look(): Promise<ReadonlySet<string>> {
    const layouts = new Set<string>();
    const seen = new Set<string>();
    const waiting = [''];
    for (let path = waiting.pop(); path !== undefined && seen.size < maxFolders; path = waiting.pop()) {
      const folder = join(this.#folder, path);
      const stats = await stat(folder).catch(() => undefined);
      if (stats) {
        seen.add(path);
      }
      if (!stats?.isDirectory()) {
        // A tar is read once.
        continue;
      }
      if (!isDeep || path === '') {
        this.#watch(path, folder, stats.ino, isDeep);
      }
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const names = new Set(entries.map(({ name }) => name));
      if (names.has(indexPath) && names.has(markerPath)) {
        layouts.add(path);
      }
      for (const entry of entries) {
        const inner = path === '' ? [entry.name] : [...path.split('/'), entry.name];
        if (entry.isDirectory() && isLooked(inner)) {
          waiting.push(inner.join('/'));
        }
      }
    }
    if (!seen.has('')) {
      await this.#watchAbove();
      seen.add('..');
    }
    this.#keep(this.#isDisposed ? new Set() : seen);
    return layouts;
  }

  async #watchAbove(): Promise<void> {
    let above = dirname(this.#folder);
    while (above !== dirname(above) && !(await isFolder(above))) {
      above = dirname(above);
    }
    this.#close('..');
    this.#watch('..', above, 0, false);
    if (await isFolder(this.#folder)) {
      // It came while we looked elsewhere.
      this.#heard('..', 'rename', null);
    }
  }

  #watch(path: string, folder: string, inode: number, recursive: boolean): void {
    if (this.#watchers.get(path)?.inode === inode || this.#isDisposed) {
      return;
    }
    // Another folder of the same name would not be heard of.
    this.#close(path);
    try {
      const watcher = watch(folder, { persistent: false, recursive });
      this.#watchers.set(path, { watcher, inode });
      watcher.on('change', (event, name) => this.#heard(path, event, typeof name === 'string' ? name : null));
      watcher.on('error', () => {
        this.#close(path);
        this.#heard(path, 'rename', null);
      });
    } catch {
      // It is gone, or the system watches no more: what is asked for again is seen all the same.
    }
  }
}

/** Content is there before it is listed, and what writes it has names that no repository has. */
function isLooked(parts: readonly string[]): boolean {
  return !parts.includes('blobs') && isRepository(parts.join('/'));
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
