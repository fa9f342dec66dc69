import { inNamespace } from '../oci/remote/inNamespace.ts';
import { naturalKey } from './order.ts';
import type { Slices } from './slices.ts';

/** One row of a level of repository names. */
export type Level =
  { readonly kind: 'group'; readonly path: string } | { readonly kind: 'repository'; readonly name: string };

/** Where a level of names is. */
export interface Where {
  /** Of a group, without a trailing slash. */
  readonly group?: string | undefined;
  /** Of the place: its names start below it, others from their first part on. */
  readonly namespace?: string | undefined;
}

/**
 * What stands directly there: repositories, and one group for each part that others go on from. `team` and `team/app` make a
 * repository and a group. Rows of the names in `first` come first, the others as people count; at most `limit`, and `cut` says
 * that there are more.
 */
export async function levelOf(
  names: Iterable<string>,
  { group, namespace }: Where,
  limit: number,
  first: ReadonlySet<string>,
  slices: Slices,
): Promise<{ readonly rows: readonly Level[]; readonly cut: boolean }> {
  const found = new Map<string, { readonly row: Level; isFirst: boolean; readonly order: string }>();
  let cut = false;
  let looked = 0;
  for (const name of names) {
    if (++looked % 1024 === 0) {
      await slices.turn();
    }
    const top = topOf(name, namespace);
    if (group !== undefined && (top > group.length || !name.startsWith(`${group}/`))) {
      continue;
    }
    const slash = name.indexOf('/', group === undefined ? top : group.length + 1);
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

/** Where the first part of a name begins that has a row: behind its namespace, at its last part where it is that itself. */
function topOf(name: string, namespace: string | undefined): number {
  if (namespace === undefined || !inNamespace(name, namespace)) {
    return 0;
  }
  return name === namespace ? name.length : namespace.length + 1;
}

/** The groups a repository stands in, outermost first: `a`, `a/b` of `a/b/c`; those of a namespace are none. */
export function groupsOf(repository: string, namespace?: string): readonly string[] {
  const parts = repository.split('/');
  const top = topOf(repository, namespace);
  return parts
    .slice(1)
    .map((_, index) => parts.slice(0, index + 1).join('/'))
    .filter((group) => group.length > top);
}
