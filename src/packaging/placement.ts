import { link, lstat, mkdir, readdir, rename, rmdir, utimes } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileError, OciError } from '../oci/errors.ts';

/** Takes one step back. */
export type Undo = () => Promise<void>;

export interface MoveOptions {
  readonly signal?: AbortSignal | undefined;
  /** What may be replaced, as `replacedBy` gave it, and a folder to keep it in. Nothing else is. */
  readonly replacing?: { readonly paths: ReadonlySet<string>; readonly aside: string };
  readonly undo: Undo[];
  /** Folders that were there and now hold more; they stay what they were. */
  readonly merged: Set<string>;
}

/**
 * Paths below `to` that moving the content of `from` there would replace.
 * @throws {OciError} `path-taken` where a file would replace a folder, a folder a file, or something would go through a link
 */
export async function replacedBy(from: string, to: string): Promise<readonly string[]> {
  const replaced: string[] = [];
  for (const { name, path, isFolder, existing } of await pairs(from, to)) {
    if (existing && isFolder) {
      replaced.push(...(await replacedBy(path, join(to, name))));
    } else if (existing) {
      replaced.push(join(to, name));
    }
  }
  return replaced;
}

/**
 * Moves the content of one folder into another, file by file where both have a folder of one name. Every step that was taken
 * is in `undo`.
 */
export async function moveInto(from: string, to: string, options: MoveOptions): Promise<void> {
  const { signal, replacing, undo, merged } = options;
  const { atimeMs, mtimeMs } = await lstat(to);
  // The first step taken is the last one undone. As numbers, because a Date has no parts of a millisecond.
  undo.push(() => utimes(to, atimeMs / 1000, mtimeMs / 1000));
  merged.add(to);
  for (const { name, path, isFolder, existing } of await pairs(from, to)) {
    signal?.throwIfAborted();
    const target = join(to, name);
    if (existing && isFolder) {
      await moveInto(path, target, options);
      continue;
    }
    if (existing) {
      if (!replacing?.paths.has(target)) {
        throw inTheWay(target, replacing ? 'was made meanwhile' : 'would be written twice');
      }
      const kept = join(replacing.aside, String(undo.length));
      await keep(target, existing, kept);
      undo.push(() => rename(kept, target));
    }
    await rename(path, target);
    if (!existing) {
      undo.push(() => rename(target, path));
    }
  }
}

/** By a second name where that can be, so that the file is never gone. Some systems would follow a link instead. */
async function keep(path: string, existing: Stats, kept: string): Promise<void> {
  await (existing.isFile() ? link(path, kept).catch(() => rename(path, kept)) : rename(path, kept));
}

interface Pair {
  readonly name: string;
  readonly path: string;
  readonly isFolder: boolean;
  readonly existing: Stats | undefined;
}

async function pairs(from: string, to: string): Promise<readonly Pair[]> {
  const found: Pair[] = [];
  for (const each of await readdir(from, { withFileTypes: true })) {
    const target = join(to, each.name);
    const existing = await statOf(target);
    const isFolder = each.isDirectory();
    if (existing && isFolder !== existing.isDirectory()) {
      const isLink = existing.isSymbolicLink();
      throw inTheWay(
        target,
        isFolder
          ? isLink
            ? 'is a link, and nothing is written through links'
            : 'is a file, where a folder would be written'
          : 'is a folder, where a file would be written',
      );
    }
    found.push({ name: each.name, path: join(from, each.name), isFolder, existing });
  }
  return found;
}

export function inTheWay(path: string, problem: string): OciError {
  return new OciError('path-taken', `${path} ${problem}`, { url: path });
}

/** Undefined where there is nothing. */
export async function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw fileError(error, path);
  });
}

/** Makes a folder with those above it that are missing; none of them below `root` may be a link. */
export async function makeFolder(root: string, parts: readonly string[]): Promise<string> {
  let path = root;
  for (const part of parts) {
    path = join(path, part);
    await mkdir(path).catch(async (error: unknown) => {
      if (!(await statOf(path))?.isDirectory()) {
        throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? inTheWay(path, 'is no folder') : error;
      }
    });
  }
  return path;
}

/** Makes the target itself, and remembers which folders it had to make. */
export async function makeTarget(path: string, undo: Undo[]): Promise<void> {
  if (await statOf(path)) {
    return;
  }
  await makeTarget(dirname(path), undo);
  await mkdir(path);
  undo.push(() => rmdir(path));
}

/** Takes all steps back, the last one first. @throws what the first step that failed threw, after trying all */
export async function takeBack(undo: readonly Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.toReversed()) {
    await step().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}
