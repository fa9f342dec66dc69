import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, OciError } from '../errors.ts';
import { pageOf } from '../pages.ts';
import { isRepository } from '../reference.ts';
import type { Op, Registry, Repository } from '../store.ts';
import { folderFiles } from './files.ts';
import { indexPath, markerPath } from './indexFile.ts';
import { LayoutStore } from './layoutStore.ts';

/** Deepest nesting of repository names, and most folders that are looked at. */
const maxDepth = 16;
const maxFolders = 100_000;

/** Of a layout; no repository can be called so, as it could be the layout of another. */
const reserved: ReadonlySet<string> = new Set(['blobs', indexPath, markerPath]);

/** Where the stores of one folder live, so that one repository has one store. */
type Stores = Map<string, LayoutStore>;

/**
 * A folder with one image layout per repository, `team/app` in `team/app`, the way olareg and zot keep theirs: a registry
 * without a server. A repository's layout is made by its first push.
 */
export function localRegistry(folder: string): Registry {
  const stores: Stores = new Map();
  return {
    kind: 'local',
    repository: (name) => storeOf(stores, folder, name),
    repositories: async (op = {}) => pageOf(await repositoryNames(folder, op), op),
  };
}

/** @throws {OciError} `reference-invalid` before a name can reach a path */
function storeOf(stores: Stores, folder: string, name: string): Repository {
  if (!isRepository(name) || name.split('/').some((part) => reserved.has(part))) {
    throw new OciError('reference-invalid', `Not a repository name: ${name.slice(0, 200)}`);
  }
  const store = stores.get(name) ?? new LayoutStore(join(folder, ...name.split('/')));
  stores.set(name, store);
  return store;
}

/** Folders that are layouts, by name; links and everything that is no repository name are passed over. */
export async function repositoryNames(folder: string, op: Op = {}): Promise<readonly string[]> {
  const found: string[] = [];
  let looked = 0;
  const walk = async (name: string, depth: number): Promise<void> => {
    op.signal?.throwIfAborted();
    if (++looked > maxFolders) {
      throw new OciError('layout-invalid', `${folder} has more than ${maxFolders} folders`, { url: folder });
    }
    const names = await folders(join(folder, name), name === '');
    const isLayout = name !== '' && (await isLayoutFolder(join(folder, name)));
    if (isLayout) {
      found.push(name);
    }
    for (const inner of names) {
      const path = name === '' ? inner : `${name}/${inner}`;
      if (isRepository(path) && depth < maxDepth && !(isLayout && inner === 'blobs')) {
        await walk(path, depth + 1);
      }
    }
  };
  await walk('', 0);
  return found.sort();
}

export async function isLayoutFolder(folder: string): Promise<boolean> {
  const files = folderFiles(folder);
  return (await files.size(markerPath)) !== undefined && (await files.size(indexPath)) !== undefined;
}

async function folders(path: string, isRoot: boolean): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    const wrapped = fileError(error, path);
    // Before the first push there is no folder; a folder that went away meanwhile has nothing in it.
    if (
      wrapped instanceof OciError &&
      (wrapped.code === 'file-missing' || (!isRoot && wrapped.code === 'read-only'))
    ) {
      return [];
    }
    throw wrapped;
  }
}
