import { readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { inTheWay } from './placement.ts';
import type { StagedLink } from './unpack.ts';

/** Most links that one path is followed through. */
const maxHops = 40;

/** A link with the folder it may not leave; both below the target. */
export interface BoundedLink extends StagedLink {
  readonly boundary: readonly string[];
}

export interface LinkPlaces {
  /** Where all is staged as it will be in the target. */
  readonly staged: string;
  /** What is there already counts too: a new link may lead to an old one. */
  readonly target: string;
}

/**
 * Makes the links that stay inside of their folder in the tree as it will be. They come last, when nothing is written any
 * more; one that other links would carry outside is taken away again.
 * @returns those that were not made
 */
export async function makeLinks(
  links: readonly BoundedLink[],
  places: LinkPlaces,
  signal?: AbortSignal,
): Promise<readonly { readonly link: BoundedLink; readonly reason: 'outside-link' | 'link-unsupported' }[]> {
  const failed: { readonly link: BoundedLink; readonly reason: 'outside-link' | 'link-unsupported' }[] = [];
  const made: BoundedLink[] = [];
  for (const link of links) {
    signal?.throwIfAborted();
    if (!isRelative(link.target)) {
      failed.push({ link, reason: 'outside-link' });
      continue;
    }
    try {
      await symlink(link.target, join(places.staged, ...link.parts));
      made.push(link);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') {
        throw inTheWay(join(places.target, ...link.parts), 'would be written twice');
      }
      // Windows lets only some make links, and some file systems nobody.
      if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) {
        throw error;
      }
      failed.push({ link, reason: 'link-unsupported' });
    }
  }
  const outside: BoundedLink[] = [];
  for (const link of made) {
    signal?.throwIfAborted();
    if (!(await staysInside(link, places))) {
      outside.push(link);
    }
  }
  for (const link of outside) {
    await rm(join(places.staged, ...link.parts));
    failed.push({ link, reason: 'outside-link' });
  }
  return failed;
}

/** Not absolute on any system, and a text a system can keep. */
function isRelative(target: string): boolean {
  return target !== '' && !/^[/\\]|^[A-Za-z]:|[\0\\]/.test(target) && Buffer.byteLength(target) < 4000;
}

/** Follows the link as the system would, link by link; what is not there is taken as a folder. */
async function staysInside({ parts, target, boundary }: BoundedLink, places: LinkPlaces): Promise<boolean> {
  let at: readonly string[] = parts.slice(0, -1);
  let rest = target.split('/');
  for (let hops = 0; rest.length > 0;) {
    const [part = '', ...others] = rest;
    rest = others;
    if (part === '' || part === '.') {
      continue;
    }
    if (part === '..') {
      if (at.length === 0) {
        return false;
      }
      at = at.slice(0, -1);
      continue;
    }
    const next = [...at, part];
    const text = await linkText(next, places);
    if (text === undefined) {
      at = next;
    } else if (++hops > maxHops || !isRelative(text)) {
      return false;
    } else {
      rest = [...text.split('/'), ...rest];
    }
  }
  return boundary.every((part, index) => at[index] === part);
}

/** Of what will be there: the staged file, or the one that is there where none is staged. */
async function linkText(
  parts: readonly string[],
  { staged, target }: LinkPlaces,
): Promise<string | undefined> {
  for (const root of [staged, target]) {
    const path = join(root, ...parts);
    try {
      return await readlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        return undefined;
      }
    }
  }
  return undefined;
}
