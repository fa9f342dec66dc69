import type { RegistrySetting } from '../contributions.ts';
import { isRecord } from '../oci/descriptor.ts';
import { canonicalHost, isHost, isRepository } from '../oci/reference.ts';

/** Most registries that are shown, and most repositories pinned in one. */
const maxEntries = 200;
const maxPinned = 1000;

/** What of a setting can be used; the rest, which only a hand-edited file can hold, is left out. */
export function parseRegistries(value: unknown): readonly RegistrySetting[] {
  return Array.isArray(value) ? value.slice(0, maxEntries).flatMap((entry) => parseEntry(entry) ?? []) : [];
}

function parseEntry(entry: unknown): RegistrySetting | undefined {
  if (!isRecord(entry) || typeof entry['host'] !== 'string') {
    return undefined;
  }
  // `ghcr.io/my-org` is a host and a namespace.
  const [first = '', ...rest] = entry['host'].trim().split('/');
  const host = canonicalHost(first);
  const named = entry['namespace'] ?? rest.join('/');
  const namespace = typeof named === 'string' ? named.trim().replace(/\/$/, '').toLowerCase() : '';
  if (!isHost(host) || (namespace !== '' && !isRepository(namespace))) {
    return undefined;
  }
  const name = typeof entry['name'] === 'string' ? entry['name'].trim().slice(0, 100) : '';
  const repositories = Array.isArray(entry['repositories'])
    ? entry['repositories'].filter((item): item is string => typeof item === 'string' && isRepository(item))
    : [];
  return {
    host,
    ...(namespace === '' ? {} : { namespace }),
    ...(name === '' ? {} : { name }),
    ...(repositories.length > 0 ? { repositories: [...new Set(repositories)].slice(0, maxPinned) } : {}),
    ...(entry['pinnedOnly'] === true ? { pinnedOnly: true } : {}),
  };
}

/** What an entry lists. */
export interface Listed {
  readonly host: string;
  readonly namespace?: string | undefined;
}

/** What an entry without a name of its own goes by: `ghcr.io`, `ghcr.io/my-org`. */
export function placeName({ host, namespace }: Listed): string {
  return namespace === undefined ? host : `${host}/${namespace}`;
}

/** What two entries are the same registry by, and what its credentials are stored under. */
export function placeId(entry: RegistrySetting): string {
  const place = placeName(entry);
  // Local has the id of a host that is called so.
  const name = place === 'local' ? (entry.name ?? place) : entry.name;
  return name === undefined || (name === place && place !== 'local') ? place : `${place}#${name}`;
}

/** One list of several: an entry that comes again adds its pinned repositories to the first. */
export function mergeRegistries(lists: readonly (readonly RegistrySetting[])[]): readonly RegistrySetting[] {
  const merged = new Map<string, RegistrySetting>();
  for (const entry of lists.flat()) {
    const id = placeId(entry);
    const known = merged.get(id);
    const repositories = [...new Set([...(known?.repositories ?? []), ...(entry.repositories ?? [])])];
    merged.set(id, {
      ...(known ?? entry),
      ...(repositories.length > 0 ? { repositories } : {}),
    });
  }
  return [...merged.values()].slice(0, maxEntries);
}

/** The list with `entry` in it: an entry of the same id gains its pinned repositories, else it is the last. */
export function withRegistry(
  entries: readonly RegistrySetting[],
  entry: RegistrySetting,
): readonly RegistrySetting[] {
  return mergeRegistries([entries, [entry]]);
}

export function withoutRegistry(entries: readonly RegistrySetting[], id: string): readonly RegistrySetting[] {
  return entries.filter((entry) => placeId(entry) !== id);
}

/** The list with a repository pinned, or not any more. Without a pinned one, the catalog is asked again. */
export function withPinned(
  entries: readonly RegistrySetting[],
  id: string,
  repository: string,
  isPinned: boolean,
): readonly RegistrySetting[] {
  return changed(entries, id, ({ repositories = [], pinnedOnly, ...entry }) => {
    const others = repositories.filter((name) => name !== repository);
    const left = isPinned ? [...others, repository] : others;
    return left.length === 0
      ? entry
      : { ...entry, repositories: left, ...(pinnedOnly === true ? { pinnedOnly } : {}) };
  });
}

export function withPinnedOnly(
  entries: readonly RegistrySetting[],
  id: string,
  isPinnedOnly: boolean,
): readonly RegistrySetting[] {
  return changed(entries, id, ({ host, namespace, name, repositories }) => ({
    host,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(repositories ? { repositories } : {}),
    ...(isPinnedOnly ? { pinnedOnly: true } : {}),
  }));
}

/** @param name empty: the registry goes by its host, and its namespace, again */
export function withName(
  entries: readonly RegistrySetting[],
  id: string,
  name: string,
): readonly RegistrySetting[] {
  return changed(entries, id, ({ host, namespace, repositories, pinnedOnly }) => ({
    host,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === '' || name === placeName({ host, namespace }) ? {} : { name }),
    ...(repositories ? { repositories } : {}),
    ...(pinnedOnly === true ? { pinnedOnly } : {}),
  }));
}

function changed(
  entries: readonly RegistrySetting[],
  id: string,
  change: (entry: RegistrySetting) => RegistrySetting,
): readonly RegistrySetting[] {
  return entries.map((entry) => (placeId(entry) === id ? change(entry) : entry));
}
