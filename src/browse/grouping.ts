import { naturalKey } from './order.ts';
import type { Slices } from './slices.ts';

/** One row of a level of repository names. */
export type Level =
  { readonly kind: 'group'; readonly path: string } | { readonly kind: 'repository'; readonly name: string };

/**
 * What stands directly below `prefix` (a path without its trailing slash; empty: the top): repositories, and one group for
 * each part that others go on from. `team` and `team/app` make a repository and a group. Rows of the names in `first` come
 * first, the others as people count; at most `limit`, and `cut` says that there are more.
 */
export async function levelOf(
  names: Iterable<string>,
  prefix: string,
  limit: number,
  first: ReadonlySet<string>,
  slices: Slices,
): Promise<{ readonly rows: readonly Level[]; readonly cut: boolean }> {
  const start = prefix === '' ? 0 : prefix.length + 1;
  const found = new Map<string, { readonly row: Level; isFirst: boolean; readonly order: string }>();
  let cut = false;
  let looked = 0;
  for (const name of names) {
    if (++looked % 1024 === 0) {
      await slices.turn();
    }
    if (start > 0 && !(name.startsWith(prefix) && name[prefix.length] === '/')) {
      continue;
    }
    const slash = name.indexOf('/', start);
    const path = slash < 0 ? name : name.slice(0, slash);
    const key = slash < 0 ? path : `${path}/`;
    const known = found.get(key);
    if (known) {
      known.isFirst ||= first.has(name);
    } else if (found.size < limit) {
      const row: Level = slash < 0 ? { kind: 'repository', name } : { kind: 'group', path };
      found.set(key, { row, isFirst: first.has(name), order: naturalKey(key) });
    } else {
      cut = true;
    }
  }
  const rows = [...found.values()].sort(
    (a, b) => Number(b.isFirst) - Number(a.isFirst) || (a.order < b.order ? -1 : a.order > b.order ? 1 : 0),
  );
  return { rows: rows.map(({ row }) => row), cut };
}

/** The groups a repository stands in, outermost first: `a`, `a/b` of `a/b/c`. */
export function groupsOf(repository: string): readonly string[] {
  const parts = repository.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
