import type { ArtifactType } from '../artifacts/type.ts';
import type { OciError } from '../oci/errors.ts';
import type { TypeCount } from './browser.ts';
import { matcher, typeMatcher } from './filter.ts';
import { maxChildren, type Listing } from './listings.ts';
import type { RepositoryNode } from './node.ts';
import type { Slices } from './slices.ts';

/** Tags that are named at a time, and at most before a person is asked to go on: each may take a request or two. */
const batchSize = 60;
const maxLooked = 5000;

/** How far a search by type has come. */
export interface TypeSearch {
  /** Position in the list up to which tags were looked at. */
  at: number;
  /** Tags whose type was looked at. */
  looked: number;
  readonly hits: Set<string>;
  /** True when it waits to be told to go on. */
  paused: boolean;
  /** Why a whole batch has no names. */
  error?: OciError | undefined;
}

export function newTypeSearch(): TypeSearch {
  return { at: 0, looked: 0, hits: new Set(), paused: false };
}

export interface TypeSearchPorts {
  readonly slices: Slices;
  /** Types of tags, asked for where they are not known yet. @throws {OciError} when none of them can be told */
  readonly typesOf: (
    node: RepositoryNode,
    tags: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, ArtifactType>>;
  /** One more page of the list. */
  readonly load: (signal: AbortSignal) => Promise<void>;
  readonly changed: () => void;
}

/** How many tags there are of each type, most first. */
export function countTypes(types: ReadonlyMap<string, ArtifactType>): readonly TypeCount[] {
  const counts = new Map<string, { type: ArtifactType; count: number }>();
  for (const type of types.values()) {
    const known = counts.get(type.name);
    counts.set(type.name, { type: known?.type ?? type, count: (known?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort(
    (a, b) => b.count - a.count || a.type.name.localeCompare(b.type.name, 'en'),
  );
}

/** Names tags, batch by batch and page by page, and keeps those of the wanted types. Rejects for an abort, and for what cannot be named. */
export async function searchByType(
  { filter = '', list, extra, typeSearch }: Listing,
  node: RepositoryNode,
  { slices, typesOf, load, changed }: TypeSearchPorts,
  signal: AbortSignal,
): Promise<void> {
  const isWanted = typeMatcher(filter);
  const matches = matcher(filter);
  const look = async (tags: readonly string[]): Promise<void> => {
    for (const [tag, type] of tags.length > 0 ? await typesOf(node, tags, signal) : []) {
      if (isWanted?.(type)) {
        typeSearch.hits.add(tag);
      }
    }
    signal.throwIfAborted();
    typeSearch.looked += tags.length;
    changed();
  };
  const end = typeSearch.looked + maxLooked;
  if (typeSearch.at === 0) {
    await look([...extra].filter(matches));
  }
  while (typeSearch.hits.size < maxChildren) {
    const batch: string[] = [];
    let { at } = typeSearch;
    for (; at < list.items.length && batch.length < batchSize; at++) {
      const tag = list.items[at] ?? '';
      if (matches(tag) && !extra.has(tag)) {
        batch.push(tag);
      }
      await slices.turn();
    }
    await look(batch);
    typeSearch.at = at;
    if (at < list.items.length) {
      if (typeSearch.looked >= end) {
        typeSearch.paused = true;
        return;
      }
    } else if (list.error !== undefined || (list.isLoaded && !list.hasMore)) {
      return;
    } else {
      await load(signal);
    }
  }
}
