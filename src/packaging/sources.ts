import { basename, dirname, isAbsolute, relative, sep } from 'node:path';
import type { Source } from './plan.ts';

/**
 * What chosen files and folders are called in the artifact: the path `oras push` would be given in the folder of the
 * workspace they stand in, so `site/docs` and not `docs`. That folder itself, and what stands in none, goes by its own name;
 * where several such folders are concerned, or names would meet, more of the path comes before it.
 * @param paths absolute @param roots absolute paths of the folders of the workspace
 */
export function sourcesOf(paths: readonly string[], roots: readonly string[]): readonly Source[] {
  const unique = [...new Set(paths)];
  const placed = unique.map((path) => ({ path, root: rootOf(path, roots) }));
  const concerned = new Set(placed.map(({ root }) => root));
  const titles = placed.map(({ path, root }) => {
    if (root === undefined || root === path) {
      return basename(path);
    }
    const inner = slashed(relative(root, path));
    return concerned.size > 1 ? `${basename(root)}/${inner}` : inner;
  });
  const above = commonFolder(unique);
  return unique.map((path, index) => {
    const title = titles[index] ?? '';
    const isAlone = titles.indexOf(title) === titles.lastIndexOf(title);
    return { path, title: isAlone ? title : slashed(relative(above, path)) };
  });
}

function rootOf(path: string, roots: readonly string[]): string | undefined {
  return roots.filter((root) => isInside(root, path)).sort((a, b) => b.length - a.length)[0];
}

function isInside(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner !== '..' && !inner.startsWith(`..${sep}`) && !isAbsolute(inner);
}

/** The deepest folder all paths stand below. */
function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? '');
  while (dirname(folder) !== folder && !paths.every((path) => isInside(folder, path) && path !== folder)) {
    folder = dirname(folder);
  }
  return folder;
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}
