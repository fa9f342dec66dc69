import { lstat as lstatByCallback, type Dirent, type Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { fileError, OciError } from '../oci/errors.ts';
import type { Op } from '../oci/store.ts';
import type { Compression } from './compression.ts';
import {
  ignoredBy,
  isIgnoreFile,
  rulesAbove,
  rulesBelow,
  rulesIn,
  rulesOf,
  type IgnoreReason,
  type IgnoreRules,
} from './ignoreRules.ts';
import { recipeFile } from './recipeFile.ts';
import { looksSecret } from './secrets.ts';

/** Something chosen to be pushed: one layer. */
export interface Source {
  /** Absolute. */
  readonly path: string;
  /** What it is called in the artifact, with `/`. */
  readonly title: string;
}

export interface PlanEntry {
  /** Absolute. */
  readonly path: string;
  /** In the artifact; begins with the title of its layer. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Bytes; 0 for folders and links. */
  readonly size: number;
  /** Permission bits, with set-user-id, set-group-id and sticky. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly target?: string;
  readonly stamp: FileStamp;
}

/** What tells a file that was changed from one that was not; times in milliseconds since the epoch. */
export interface FileStamp {
  readonly inode: number;
  readonly modified: number;
  /** Also when only its name, mode or owner were. */
  readonly changed: number;
}

export interface PlanLayer {
  readonly title: string;
  readonly kind: 'file' | 'folder';
  /** Of a folder: itself first, then all below in the order of their names. */
  readonly entries: readonly PlanEntry[];
  readonly size: number;
  /** Of a folder whose type does not fix how it is packed. Default gzip. */
  readonly compression?: Compression;
}

export interface Skipped {
  readonly path: string;
  readonly reason: 'git' | 'recipe' | IgnoreReason | 'special-file' | 'outside-link';
}

export interface Concern {
  readonly path: string;
  readonly kind: 'secret' | 'large';
  readonly size: number;
}

/** What would be pushed, and what would not. */
export interface PushPlan {
  readonly layers: readonly PlanLayer[];
  readonly skipped: readonly Skipped[];
  readonly concerns: readonly Concern[];
  readonly size: number;
}

export interface PlanOptions extends Op {
  /** Bytes above which a file is pointed out. */
  readonly largeFile: number;
  /** Patterns relative to each chosen folder, which count before those of files. */
  readonly ignore?: readonly string[] | undefined;
}

const maxEntries = 200_000;

/**
 * Looks at everything that was chosen, without reading content. `.gitignore` and `.ociignore` count at every level, those
 * of the git repository above a chosen folder too.
 * @throws {OciError} `file-missing`, `path-unsafe` for two sources of one title, `too-large` for too many files
 */
export async function planPush(sources: readonly Source[], options: PlanOptions): Promise<PushPlan> {
  const walk = new Walk(options);
  const layers: PlanLayer[] = [];
  const titles = new Set<string>();
  for (const source of sources) {
    if (titles.has(source.title)) {
      throw new OciError('path-unsafe', `Two things are called ${source.title}`, { url: source.title });
    }
    titles.add(source.title);
    layers.push(await walk.layer(source));
  }
  return {
    layers,
    skipped: walk.skipped,
    concerns: walk.concerns,
    size: layers.reduce((sum, { size }) => sum + size, 0),
  };
}

class Walk {
  readonly skipped: Skipped[] = [];
  readonly concerns: Concern[] = [];
  readonly #options: PlanOptions;
  #count = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  async layer({ path, title }: Source): Promise<PlanLayer> {
    const stats = await stat(path).catch((error: unknown) => {
      throw fileError(error, path);
    });
    const entries: PlanEntry[] = [];
    if (stats.isDirectory()) {
      const above = await rulesAbove(resolve(path));
      const { ignore = [] } = this.#options;
      const chosen = ignore.length > 0 ? [rulesOf(path, 'chosen', ignore)] : [];
      await this.#folder(path, title, { root: await realpath(path), chosen }, above, entries);
      return { title, kind: 'folder', entries, size: entries.reduce((sum, { size }) => sum + size, 0) };
    }
    if (!stats.isFile()) {
      throw new OciError('file-error', `${path} is neither a file nor a folder`, { url: path });
    }
    const entry = this.#entry(path, title, 'file', stats);
    this.#look(entry);
    return { title, kind: 'file', entries: [entry], size: entry.size };
  }

  async #folder(
    path: string,
    name: string,
    top: { readonly root: string; readonly chosen: readonly IgnoreRules[] },
    above: readonly IgnoreRules[],
    entries: PlanEntry[],
  ): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    try {
      entries.push(this.#entry(path, name, 'folder', await lstat(path)));
      const found = inOrder(await readdir(path, { withFileTypes: true }));
      const own = found.some(({ name: inner }) => isIgnoreFile(inner)) ? await rulesIn(path) : [];
      const rules = [...rulesBelow(above, path), ...own];
      const stats = new StatsAhead(found, path);
      for (const [at, each] of found.entries()) {
        const inner = join(path, each.name);
        const innerName = `${name}/${each.name}`;
        const reason =
          each.name === '.git'
            ? 'git'
            : (await isRecipes(inner, each.isDirectory()))
              ? 'recipe'
              : ignoredBy([...rules, ...top.chosen], inner, each.isDirectory());
        if (reason) {
          this.skipped.push({ path: inner, reason });
        } else if (each.isDirectory()) {
          await this.#folder(inner, innerName, top, rules, entries);
        } else if (each.isSymbolicLink()) {
          await this.#link(inner, innerName, top.root, entries);
        } else if (each.isFile()) {
          const entry = this.#entry(inner, innerName, 'file', await stats.at(at));
          this.#look(entry);
          entries.push(entry);
        } else {
          this.skipped.push({ path: inner, reason: 'special-file' });
        }
      }
    } catch (error) {
      throw fileError(error, path);
    }
  }

  /** A link that leaves the folder could not be pulled again. */
  async #link(path: string, name: string, root: string, entries: PlanEntry[]): Promise<void> {
    const target = await readlink(path);
    const inside = relative(
      root,
      resolve(dirname(await realpath(dirname(path)).then((folder) => join(folder, 'x'))), target),
    );
    if (isAbsolute(target) || inside === '..' || inside.startsWith(`..${sep}`)) {
      this.skipped.push({ path, reason: 'outside-link' });
      return;
    }
    entries.push({
      ...this.#entry(path, name, 'link', await lstat(path)),
      size: 0,
      mode: 0o777,
      target: target.split(sep).join('/'),
    });
  }

  #entry(
    path: string,
    name: string,
    kind: PlanEntry['kind'],
    stats: Pick<Stats, 'size' | 'mode' | 'mtimeMs' | 'ctimeMs' | 'ino'>,
  ): PlanEntry {
    if (++this.#count > maxEntries) {
      throw new OciError('too-large', `More than ${maxEntries} files`, { url: path });
    }
    return {
      path,
      name,
      kind,
      size: kind === 'file' ? stats.size : 0,
      mode: stats.mode & 0o7777,
      time: Math.max(0, Math.round(stats.mtimeMs / 1000)),
      stamp: { inode: stats.ino, modified: stats.mtimeMs, changed: stats.ctimeMs },
    };
  }

  #look({ path, size }: PlanEntry): void {
    if (looksSecret(path.split(sep).join('/'))) {
      this.concerns.push({ path, kind: 'secret', size });
    } else if (size > this.#options.largeFile) {
      this.concerns.push({ path, kind: 'large', size });
    }
  }
}

/** Recipes say how it is pushed and are no part of it: else who saves one would change what it pushes. */
async function isRecipes(path: string, isFolder: boolean): Promise<boolean> {
  const [folder, file] = recipeFile;
  if (!isFolder) {
    return basename(path) === file && basename(dirname(path)) === folder;
  }
  return basename(path) === folder && (await readdir(path)).join('/') === file;
}

/** By the bytes of their names, on every system. */
function inOrder(found: readonly Dirent[]): readonly Dirent[] {
  return found
    .map((each) => ({ each, bytes: Buffer.from(each.name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ each }) => each);
}

/** Files that are looked at before it is their turn. */
const maxAhead = 64;

/** What is known of the files of a folder, by callbacks: the promises of `node:fs` take twice the time for thousands. */
class StatsAhead {
  readonly #found: readonly Dirent[];
  readonly #path: string;
  readonly #asked = new Map<number, Promise<Stats>>();
  #next = 0;

  constructor(found: readonly Dirent[], path: string) {
    this.#found = found;
    this.#path = path;
  }

  at(index: number): Promise<Stats> {
    for (this.#next = Math.max(this.#next, index); this.#next < index + maxAhead; this.#next++) {
      const each = this.#found[this.#next];
      if (each?.isFile() === true) {
        const stats = lstatOf(join(this.#path, each.name));
        // Of one that is left out nobody asks.
        stats.catch(() => undefined);
        this.#asked.set(this.#next, stats);
      }
    }
    const stats = this.#asked.get(index) ?? lstatOf(join(this.#path, this.#found[index]?.name ?? ''));
    this.#asked.delete(index);
    return stats;
  }
}

const lstatOf = promisify(lstatByCallback);
