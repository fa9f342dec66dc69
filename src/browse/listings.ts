import type { TagOrder } from '../contributions.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import type { Branches } from './branches.ts';
import { matcher, typeMatcher } from './filter.ts';
import { isFoldedTag } from './folding.ts';
import type { Node, PlaceNode, RepositoryNode, TagNode } from './node.ts';
import { idOf, isBelow } from './nodes.ts';
import { PagedList } from './pagedList.ts';
import type { Slices } from './slices.ts';
import { newTypeSearch, searchByType, type TypeSearch, type TypeSearchPorts } from './typeSearch.ts';

/** Children under one node. */
export const maxChildren = 1000;

/** Names of a list that surely all have a row. */
const mostShown = maxChildren / 2;

/** Names asked for at a time by a filter, and at most when a list is loaded again. */
const searchPage = 1000;
/** Names of one list that were gone to and are kept. */
const maxExtra = 100;

/** What has a list of names below it: repositories or tags. */
export type Listed = PlaceNode | RepositoryNode;

/** A list of names as far as it is loaded, and how it is shown. */
export interface Listing {
  readonly node: Listed;
  readonly list: PagedList<string>;
  /** Names wanted of the first page. */
  readonly firstPage: number;
  filter?: string | undefined;
  order?: TagOrder | undefined;
  /** Whether tags that only say what is attached stand among the others; undefined: as the setting says. */
  folds?: boolean | undefined;
  /** Under way; absent also when it was ended by a collapse. */
  search?: AbortController | undefined;
  /** True when the search for this filter has seen all it has to. */
  searched: boolean;
  /** Of a filter by type, how far it has come. */
  typeSearch: TypeSearch;
  /** Names that were gone to, whether the list has them yet or not. */
  readonly extra: Set<string>;
  /** Dates of tags as their names come, and as rows are sorted by: taken a page at a time, so that rows do not jump about. */
  readonly found: Map<string, Date>;
  dates: ReadonlyMap<string, Date>;
  /** Short type name of the first tag that was named, and as the repository says it. */
  first?: TagNode | undefined;
  firstType?: string | undefined;
  holds?: string | undefined;
}

interface Ports {
  /** As it is now. */
  readonly branches: Branches;
  readonly slices: Slices;
  readonly pageSize: () => number;
  readonly changed: (node: Listed) => void;
  readonly typesOf: TypeSearchPorts['typesOf'];
}

/** The lists of places and repositories. Filter, order and what was gone to outlive a refresh. */
export class Listings {
  readonly #ports: Ports;
  readonly #all = new Map<string, Listing>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  of(node: Listed): Listing {
    return this.#all.get(node.id) ?? this.#make(node, undefined);
  }

  known(node: Listed): Listing | undefined {
    return this.#all.get(node.id);
  }

  all(): Iterable<Listing> {
    return this.#all.values();
  }

  /** With its first page, if that could be had: a failure is kept in the list until a refresh. Rejects for an abort only. */
  async first(node: Listed, signal?: AbortSignal): Promise<Listing> {
    const listing = this.of(node);
    const { list } = listing;
    if (hasList(node) && !list.isLoaded && list.error === undefined) {
      await this.#load(listing, listing.firstPage, signal);
    }
    if (listing.filter !== undefined && !listing.search && !listing.searched) {
      // A collapse or a refresh ended the search.
      this.#startSearch(listing);
    }
    return listing;
  }

  async more(node: Listed, signal?: AbortSignal): Promise<void> {
    const listing = this.of(node);
    if (listing.typeSearch.paused) {
      listing.typeSearch.paused = false;
      this.#startSearch(listing);
    } else {
      await this.#load(listing, this.#ports.pageSize(), signal);
    }
  }

  /** Ends the search of a filter where it stands; *Load more…* goes on. */
  stopSearch(node: Listed): void {
    const listing = this.of(node);
    if (listing.search) {
      listing.search.abort();
      listing.search = undefined;
      listing.searched = true;
      listing.typeSearch.paused = isByType(listing);
      this.#ports.changed(node);
    }
  }

  /** What is of which type is another thing now: filters by type begin anew. */
  retype(): void {
    for (const listing of this.#all.values()) {
      if (isByType(listing)) {
        this.setFilter(listing.node, listing.filter);
      }
    }
  }

  /** Lists of the branch are asked for again, as far as they were loaded. */
  forget(top: Node | undefined): void {
    for (const [id, listing] of this.#all) {
      // The rows of a group come from the list of its place.
      const isSource = top?.kind === 'group' && id === idOf.place(top.place.id);
      if (isSource || isBelow(id, top)) {
        this.#make(listing.node, listing);
        listing.search?.abort();
      }
    }
  }

  setFilter(node: Listed, text: string | undefined): void {
    const listing = this.of(node);
    const before = listing.search;
    listing.filter = text === undefined || text.trim() === '' ? undefined : text;
    listing.search = undefined;
    listing.searched = false;
    listing.typeSearch = newTypeSearch();
    this.#ports.changed(node);
    if (listing.filter !== undefined) {
      // Before the earlier search is ended, so that a page both want is not asked for twice.
      this.#startSearch(listing, before !== undefined);
    }
    before?.abort();
  }

  /**
   * Shows a name, whether the list has it yet or not; a filter that would hide it is cleared.
   * @returns whether there are other rows now
   */
  goTo(node: Listed, name: string): boolean {
    const listing = this.of(node);
    const { extra, filter, list, typeSearch } = listing;
    // A name of the list may have no row all the same: behind as many as are shown, or folded.
    const isNew = !extra.has(name) && (!list.has(name) || list.items.length > mostShown || isFoldedTag(name));
    extra.delete(name);
    extra.add(name);
    for (const oldest of extra) {
      if (extra.size <= maxExtra) {
        break;
      }
      extra.delete(oldest);
    }
    const isShown = isByType(listing) ? typeSearch.hits.has(name) : matcher(filter ?? '')(name);
    if (filter !== undefined && !isShown) {
      this.setFilter(node, undefined);
      return true;
    }
    if (isNew) {
      this.#ports.changed(node);
    }
    return isNew;
  }

  #make(node: Listed, before: Listing | undefined): Listing {
    const { pageSize } = this.#ports;
    const { place } = node;
    const loaded = before?.list.items.length ?? 0;
    const listing: Listing = {
      node,
      list: new PagedList(
        (op) =>
          node.kind === 'place'
            ? place.registry.repositories(op)
            : place.registry.repository(node.repository).tags(op),
        (name) => name,
        place.host,
      ),
      firstPage: Math.max(pageSize(), Math.min(loaded, searchPage)),
      filter: before?.filter,
      order: before?.order,
      folds: before?.folds,
      searched: false,
      typeSearch: newTypeSearch(),
      extra: before?.extra ?? new Set(),
      found: new Map(before?.dates),
      dates: before?.dates ?? new Map(),
      holds: before?.holds,
    };
    this.#all.set(node.id, listing);
    return listing;
  }

  #load({ node, list }: Listing, limit: number, signal?: AbortSignal): Promise<void> {
    return this.#ports.branches.run(node, (inner) => list.more(limit, inner), signal);
  }

  #startSearch(listing: Listing, joins = false): void {
    const { node } = listing;
    if (!hasList(node)) {
      return;
    }
    const search = new AbortController();
    listing.search = search;
    const ended = (): void => {
      if (listing.search === search) {
        listing.search = undefined;
        this.#ports.changed(node);
      }
    };
    if (joins) {
      this.#load(listing, searchPage, search.signal).catch(() => undefined);
    }
    this.#ports.branches
      .run(node, (signal) => this.#search(listing, signal), search.signal)
      .then(ended, (error: unknown) => {
        ended();
        if (!isAbort(error)) {
          throw error;
        }
      });
  }

  /** Goes on through the pages that are not loaded yet, until there are as many matches as can be shown. */
  async #search(listing: Listing, signal: AbortSignal): Promise<void> {
    const { list, node } = listing;
    listing.searched = false;
    if (node.kind === 'repository' && isByType(listing)) {
      await this.#searchByType(listing, node, signal);
      listing.searched = true;
      return;
    }
    const matches = matcher(listing.filter ?? '');
    let looked = 0;
    let found = 0;
    for (;;) {
      for (; looked < list.items.length && found < maxChildren; looked++) {
        found += matches(list.items[looked] ?? '') ? 1 : 0;
        await this.#ports.slices.turn();
      }
      signal.throwIfAborted();
      if (found >= maxChildren || (list.isLoaded && !list.hasMore) || list.error !== undefined) {
        break;
      }
      await this.#load(listing, searchPage, signal);
      this.#ports.changed(node);
    }
    listing.searched = true;
  }

  async #searchByType(listing: Listing, node: RepositoryNode, signal: AbortSignal): Promise<void> {
    const { slices, typesOf, changed } = this.#ports;
    const load = (inner: AbortSignal): Promise<void> => this.#load(listing, searchPage, inner);
    listing.typeSearch.error = undefined;
    try {
      const ports = { slices, typesOf, load, changed: () => changed(node) };
      await searchByType(listing, node, ports, signal);
    } catch (error) {
      if (!(error instanceof OciError)) {
        throw error;
      }
      listing.typeSearch.error = error;
    }
  }
}

/** True for a filter that asks for types, which only tags have. */
export function isByType({ node, filter }: Pick<Listing, 'node' | 'filter'>): boolean {
  return node.kind === 'repository' && typeMatcher(filter) !== undefined;
}

function hasList(node: Listed): boolean {
  return !(node.kind === 'place' && node.place.pinnedOnly);
}

/** What the list holds and what was gone to, each once, those of `first` before others, as far as the filter lets it through. */
export async function namesOf(
  listing: Listing,
  slices: Slices,
  first: readonly string[] = [],
): Promise<readonly string[]> {
  const { extra, filter, list, typeSearch } = listing;
  const matches = isByType(listing) ? (name: string) => typeSearch.hits.has(name) : matcher(filter ?? '');
  const before = new Set([...first, ...extra]);
  const names = [...before].filter((name) => matches(name));
  for (const name of list.items) {
    if (!before.has(name) && matches(name)) {
      names.push(name);
    }
    await slices.turn();
  }
  return names;
}
