import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Op } from '../oci/store.ts';

/** What tools run or obey without asking, once it lies in a folder that is opened or entered. */
const obeyed: ReadonlySet<string> = new Set([
  '.git',
  '.vscode',
  '.idea',
  '.devcontainer',
  '.devcontainer.json',
  '.husky',
  '.envrc',
  '.npmrc',
  '.yarnrc.yml',
  '.gitmodules',
]);

/** Most that are listed. */
const maxListed = 100;

/** Names below `folder` that would change what tools do there. */
export async function concernsOf(
  folder: string,
  { signal }: Op = {},
  prefix = '',
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const each of await readdir(folder, { withFileTypes: true })) {
    signal?.throwIfAborted();
    const name = `${prefix}${each.name}`;
    if (obeyed.has(each.name.toLowerCase())) {
      found.push(name);
    } else if (each.isDirectory()) {
      found.push(...(await concernsOf(join(folder, each.name), { signal }, `${name}/`)));
    }
    if (found.length >= maxListed) {
      break;
    }
  }
  return found;
}
