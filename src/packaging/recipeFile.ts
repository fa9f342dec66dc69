import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { fileError, isOciError, OciError } from '../oci/errors.ts';
import { maxRecipeBytes, type PushRecipe } from './pushRecipe.ts';

/** Where recipes are kept, below a folder of the workspace. */
export const recipeFile = ['.oci', 'push.json'] as const;

/** Where the recipes of a folder of the workspace are. */
export function recipePath(folder: string): string {
  return join(folder, ...recipeFile);
}

/**
 * The text of the recipes of a folder of the workspace; undefined where there are none.
 * @throws {OciError} `recipe-invalid` for what is too large, or a link that may lead anywhere
 */
export async function readRecipeFile(folder: string): Promise<string | undefined> {
  const path = recipePath(folder);
  try {
    await refuseLinks(folder);
    const stats = await lstat(path);
    if (!stats.isFile() || stats.size > maxRecipeBytes) {
      throw new OciError('recipe-invalid', `It is no file of at most ${maxRecipeBytes} bytes`, { url: path });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    const known = fileError(error, path);
    if (isOciError(known, 'file-missing')) {
      return undefined;
    }
    throw known;
  }
}

/** Replaces the file as a whole, or leaves it as it is. */
export async function writeRecipeFile(folder: string, text: string): Promise<void> {
  const path = recipePath(folder);
  const fresh = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await refuseLinks(folder);
    await writeFile(fresh, text, { flag: 'wx' });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw fileError(error, path);
  }
}

/** A folder that is shared may hold links, and what is behind them is not of the workspace. */
async function refuseLinks(folder: string): Promise<void> {
  for (const path of [dirname(recipePath(folder)), recipePath(folder)]) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isSymbolicLink() === true) {
      throw new OciError('recipe-invalid', 'It is reached by a link', { url: path });
    }
  }
}

/**
 * Absolute paths of the files of a recipe, each within the folder wherever links lead.
 * @throws {OciError} `file-missing`, `recipe-invalid`
 */
export async function recipePaths(folder: string, { files }: PushRecipe): Promise<readonly string[]> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  return Promise.all(
    files.map(async (file) => {
      const path = join(folder, ...file.split('/').filter((part) => part !== '' && part !== '.'));
      const real = await realpath(path).catch((error: unknown) => {
        throw fileError(error, path);
      });
      if (!isInside(root, real)) {
        throw new OciError('recipe-invalid', `${file} leads out of the folder`, { url: path });
      }
      return path;
    }),
  );
}

/**
 * As a recipe names them.
 * @returns undefined where one of them is not in the folder
 */
export function recipeNames(folder: string, paths: readonly string[]): readonly string[] | undefined {
  return paths.every((path) => isInside(folder, path))
    ? paths.map((path) => relative(folder, path).split(sep).join('/') || '.')
    : undefined;
}

function isInside(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner !== '..' && !inner.startsWith(`..${sep}`) && !isAbsolute(inner);
}
