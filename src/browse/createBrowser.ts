import { Limiter } from '../base/limiter.ts';
import { LruMap } from '../base/lru.ts';
import type { TagOrder } from '../contributions.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import { isIndexType } from '../oci/mediaTypes.ts';
import type { ManifestCache, ReadStore } from '../oci/store.ts';
import type { Browser, Named } from './browser.ts';
import { Changes } from './changes.ts';
import { asOciError } from './failure.ts';
import { matcher } from './filter.ts';
import { levelOf } from './grouping.ts';
import { namedBlob, namedBy, namedByDescriptor, readConfig, readManifest } from './naming.ts';
import type {
  GroupNode,
  ManifestNode,
  Node,
  PlaceNode,
  ReferrersNode,
  RepositoryNode,
  TagNode,
} from './node.ts';
import { Nodes } from './nodes.ts';
import { compareTags, tagKey } from './order.ts';
import { PagedList } from './pagedList.ts';
import type { Places } from './place.ts';
import { Slices, sortInSlices } from './slices.ts';

export interface BrowseServices {
  readonly places: Places;
  readonly cache: ManifestCache;
  readonly settings: () => { readonly pageSize: number; readonly tagOrder: TagOrder };
  /** Runs a moment later, so that what happens together is told together. */
  readonly schedule?: (run: () => void) => void;
}

/** Children under one node, and requests of one place for names at once. */
const maxChildren = 1000;
const maxNaming = 6;
/** Names asked for at a time by a filter, and most rows whose names are kept. */
const searchPage = 1000;
const maxNamed = 20_000;
/** A manifest below itself is shown and not expanded; so is what is nested this deep. */
const maxDepth = 8;

/** A list of names as far as it is loaded, and how it is shown. */
interface Listing {
  list: PagedList<string>;
  filter?: string | undefined;
  order?: TagOrder | undefined;
  search?: AbortController | undefined;
  /** Names that were gone to, whether the list has them yet or not. */
  readonly extra: Set<string>;
}

export function createBrowser(services: BrowseServices): Browser {
  return new Tree(services);
}

class Tree implements Browser {
  readonly #services: BrowseServices;
  readonly #nodes = new Nodes();
  readonly #changes: Changes;
  readonly #listings = new Map<string, Listing>();
  readonly #referrers = new Map<string, PagedList<Descriptor>>();
  readonly #named = new LruMap<string, Named | OciError>(maxNamed);
  /** Where a tag pointed before it was refreshed. */
  readonly #last = new LruMap<string, Descriptor>(maxNamed);
  readonly #naming = new Map<string, AbortController>();
  readonly #limiters = new Map<string, Limiter>();

  constructor(services: BrowseServices) {
    this.#services = services;
    this.#changes = new Changes(services.schedule ?? ((run) => void setTimeout(run, 40)));
  }

  roots(): readonly PlaceNode[] {
    return this.#services.places.all().map((place) => this.#nodes.place(place));
  }

  async children(node: Node, signal?: AbortSignal): Promise<readonly Node[]> {
    try {
      switch (node.kind) {
        case 'place':
        case 'group':
          return await this.#level(node, signal);
        case 'repository':
          return await this.#tags(node, signal);
        case 'tag':
        case 'manifest':
          return await this.#below(node, signal);
        case 'referrers':
          return await this.#referrersOf(node, signal);
        default:
          return [];
      }
    } catch (error) {
      if (isAbort(error)) {
        throw error;
      }
      return [this.#nodes.failure(node, asOciError(error))];
    }
  }

  async #level(node: PlaceNode | GroupNode, signal?: AbortSignal): Promise<readonly Node[]> {
    const { place } = node;
    const root = this.#nodes.place(place);
    const listing = this.#listing(root);
    const { list } = listing;
    if (!place.pinnedOnly && !list.isLoaded && list.error === undefined) {
      await list.more(this.#services.settings().pageSize, signal);
    }
    const matches = matcher(listing.filter ?? '');
    const first = new Set([...place.pinned, ...listing.extra]);
    const names = [...first, ...list.items].filter((name) => matches(name));
    const { rows, cut } = await levelOf(
      names,
      node.kind === 'group' ? node.path : '',
      maxChildren - 2,
      new Set(place.pinned),
      new Slices(),
    );
    const children: Node[] = rows.map((row) =>
      row.kind === 'group' ? this.#nodes.group(place, row.path) : this.#nodes.repository(place, row.name),
    );
    return node.kind === 'group'
      ? children
      : this.#withEnd(
          root,
          listing,
          children,
          cut,
          place.kind === 'local' ? 'empty-local' : 'empty-registry',
        );
  }

  async #tags(node: RepositoryNode, signal?: AbortSignal): Promise<readonly Node[]> {
    const listing = this.#listing(node);
    const { list } = listing;
    if (!list.isLoaded && list.error === undefined) {
      await list.more(this.#services.settings().pageSize, signal);
    }
    const matches = matcher(listing.filter ?? '');
    const order = this.order(node);
    const slices = new Slices();
    const keys = [];
    for (const tag of new Set([...listing.extra, ...list.items])) {
      if (!isDigest(tag) && matches(tag)) {
        const named = order === 'newest' ? this.#named.get(this.#nodes.tag(node, tag).id) : undefined;
        keys.push(tagKey(tag, order, named instanceof OciError ? undefined : named?.created));
      }
      await slices.turn();
    }
    const sorted = await sortInSlices(keys, compareTags, slices);
    const cut = sorted.length > maxChildren - 2;
    const tags = sorted.slice(0, maxChildren - 2).map(({ tag }) => this.#nodes.tag(node, tag));
    const untagged = [...listing.extra]
      .filter(isDigest)
      .map((digest) => this.#nodes.manifest(node, { mediaType: '', digest, size: 0 }, 'untagged'));
    this.#name(node, [...tags, ...untagged]);
    return this.#withEnd(node, listing, [...tags, ...untagged], cut, 'empty-repository');
  }

  /** What stands behind the names: a failure, a note, and the way to the next page. */
  #withEnd(
    node: PlaceNode | RepositoryNode,
    listing: Listing,
    children: readonly Node[],
    cut: boolean,
    empty: 'empty-local' | 'empty-registry' | 'empty-repository',
  ): readonly Node[] {
    const { list, filter, search } = listing;
    const end: Node[] = [];
    const error = list.error;
    if (error) {
      const noCatalog =
        node.kind === 'place' &&
        (error.code === 'unsupported' ||
          error.code === 'not-found' ||
          (node.place.pinned.length > 0 && (error.code === 'denied' || error.code === 'unauthorized')));
      end.push(noCatalog ? this.#nodes.note(node, 'no-catalog') : this.#nodes.failure(node, error));
    } else if (search) {
      end.push(this.#nodes.note(node, 'searching'));
    } else if (children.length === 0 && !list.hasMore) {
      end.push(this.#nodes.note(node, filter ? 'no-match' : empty));
    }
    if (cut || (list.hasMore && !search)) {
      end.push(this.#nodes.more(node, children.length, cut));
    }
    return [...children, ...end];
  }

  async #below(node: TagNode | ManifestNode, signal?: AbortSignal): Promise<readonly Node[]> {
    if (depthOf(node) > maxDepth) {
      return [];
    }
    let named = this.#named.get(node.id);
    if (named === undefined || named instanceof OciError || named.manifest === undefined) {
      named = await this.#read(node, signal);
      this.#named.set(node.id, named);
      this.#changes.add(node);
    }
    const { manifest, descriptor } = named;
    if (!manifest) {
      return [];
    }
    const seen = new Map<string, number>();
    const children: Node[] =
      manifest.kind === 'index'
        ? manifest.manifests.slice(0, maxChildren - 1).map((child) => {
            const occurrence = seen.get(child.digest) ?? 0;
            seen.set(child.digest, occurrence + 1);
            return this.#nodes.manifest(
              node,
              child,
              isIndexType(child.mediaType) ? 'nested' : 'platform',
              occurrence,
            );
          })
        : [
            ...(manifest.config ? [this.#nodes.blob(node, manifest.config, 'config', 0, descriptor)] : []),
            ...manifest.layers
              .slice(0, maxChildren - 2)
              .map((layer, index) => this.#nodes.blob(node, layer, 'layer', index, descriptor)),
          ];
    return [
      ...children,
      this.#nodes.referrers(node, {
        mediaType: descriptor.mediaType,
        digest: descriptor.digest,
        size: descriptor.size,
      }),
    ];
  }

  async #referrersOf(node: ReferrersNode, signal?: AbortSignal): Promise<readonly Node[]> {
    let list = this.#referrers.get(node.id);
    if (!list) {
      const store = this.#store(node);
      list = new PagedList(
        (op) => store.referrers(node.subject, op),
        ({ digest }) => digest,
      );
      this.#referrers.set(node.id, list);
    }
    if (!list.isLoaded) {
      await list.more(this.#services.settings().pageSize, signal);
    }
    const children: Node[] = list.items
      .slice(0, maxChildren - 1)
      .map((item) => this.#nodes.manifest(node, item, 'referrer'));
    if (list.error) {
      this.#referrers.delete(node.id);
      return [...children, this.#nodes.failure(node, list.error)];
    }
    if (children.length === 0) {
      return [this.#nodes.note(node, 'no-referrers')];
    }
    return list.hasMore
      ? [...children, this.#nodes.more(node, children.length, list.items.length >= maxChildren)]
      : children;
  }

  async loadMore(parent: Node, signal?: AbortSignal): Promise<void> {
    const { pageSize } = this.#services.settings();
    if (parent.kind === 'place' || parent.kind === 'repository') {
      await this.#listing(parent).list.more(pageSize, signal);
    } else if (parent.kind === 'referrers') {
      await this.#referrers.get(parent.id)?.more(pageSize, signal);
    }
    this.#changes.add(parent);
  }

  refresh(node?: Node): void {
    const isBelow = (id: string): boolean =>
      node === undefined || id === node.id || id.startsWith(`${node.id}/`);
    for (const [id, listing] of this.#listings) {
      if (isBelow(id)) {
        listing.search?.abort();
        this.#listings.delete(id);
        const { filter, order, extra } = listing;
        this.#kept.set(id, { filter, order, extra });
      }
    }
    for (const id of [...this.#referrers.keys()].filter(isBelow)) {
      this.#referrers.delete(id);
    }
    for (const [id, controller] of [...this.#naming]) {
      if (isBelow(id)) {
        controller.abort();
        this.#naming.delete(id);
      }
    }
    for (const id of [...this.#named.keys()].filter(isBelow)) {
      const known = this.#named.get(id);
      if (known && !(known instanceof OciError)) {
        this.#last.set(id, known.descriptor);
      }
      this.#named.delete(id);
    }
    this.#changes.add(node);
  }

  /** Filter and order outlive a refresh. */
  readonly #kept = new Map<string, Pick<Listing, 'filter' | 'order' | 'extra'>>();

  collapse(node: Node): void {
    for (const [id, controller] of [...this.#naming]) {
      if (id === node.id || id.startsWith(`${node.id}/`)) {
        controller.abort();
        this.#naming.delete(id);
      }
    }
  }

  named(node: Node): Named | OciError | undefined {
    if (node.kind === 'blob') {
      const owner = node.parent && this.named(node.parent);
      return namedBlob(node, owner instanceof OciError ? undefined : owner);
    }
    const known = this.#named.get(node.id);
    if (known !== undefined || node.kind !== 'manifest' || node.descriptor.mediaType === '') {
      return known;
    }
    return namedByDescriptor(node.descriptor);
  }

  async complete(node: Node, signal?: AbortSignal): Promise<Named | undefined> {
    if (node.kind === 'blob') {
      return this.named(node) as Named;
    }
    if (node.kind !== 'tag' && node.kind !== 'manifest') {
      return undefined;
    }
    const known = this.#named.get(node.id);
    let named =
      known instanceof OciError || known?.manifest === undefined ? await this.#read(node, signal) : known;
    if (named.type.refinable) {
      const config = await readConfig(this.#store(node), named, signal).catch((error: unknown) => {
        if (isAbort(error)) {
          throw error;
        }
        // A config that cannot be read refines nothing.
        return null;
      });
      const manifest = await this.#services.cache.get(named.descriptor.digest);
      named = manifest ? namedBy(manifest, node, config ?? null) : named;
    }
    if (named !== known) {
      this.#named.set(node.id, named);
      this.#changes.add(node);
    }
    return named;
  }

  setFilter(node: PlaceNode | RepositoryNode, text: string | undefined): void {
    const listing = this.#listing(node);
    listing.search?.abort();
    listing.search = undefined;
    listing.filter = text === undefined || text.trim() === '' ? undefined : text;
    this.#changes.add(node);
    if (listing.filter !== undefined && !(node.kind === 'place' && node.place.pinnedOnly)) {
      listing.search = new AbortController();
      void this.#search(node, listing, listing.search);
    }
  }

  /** Goes on through the pages that are not loaded yet, until there are as many matches as can be shown. */
  async #search(node: PlaceNode | RepositoryNode, listing: Listing, search: AbortController): Promise<void> {
    const matches = matcher(listing.filter ?? '');
    let looked = 0;
    let found = 0;
    try {
      const { list } = listing;
      while (
        !search.signal.aborted &&
        found < maxChildren &&
        (!list.isLoaded || list.hasMore) &&
        list.error === undefined
      ) {
        await list.more(searchPage, search.signal);
        for (; looked < list.items.length; looked++) {
          found += matches(list.items[looked] ?? '') ? 1 : 0;
        }
        this.#changes.add(node);
      }
    } catch (error) {
      if (!isAbort(error)) {
        throw error;
      }
    } finally {
      if (listing.search === search) {
        listing.search = undefined;
        this.#changes.add(node);
      }
    }
  }

  filter(node: PlaceNode | RepositoryNode): string | undefined {
    return this.#listings.get(node.id)?.filter;
  }

  setOrder(node: RepositoryNode, order: TagOrder | undefined): void {
    this.#listing(node).order = order;
    this.#changes.add(node);
  }

  order(node: RepositoryNode): TagOrder {
    return this.#listings.get(node.id)?.order ?? this.#services.settings().tagOrder;
  }

  locate(placeId: string, repository: string, ref?: string): Node | undefined {
    const place = this.#services.places.get(placeId);
    if (!place) {
      return undefined;
    }
    this.#listing(this.#nodes.place(place)).extra.add(repository);
    const node = this.#nodes.repository(place, repository);
    if (ref === undefined) {
      return node;
    }
    this.#listing(node).extra.add(ref);
    return isDigest(ref)
      ? this.#nodes.manifest(node, { mediaType: '', digest: ref, size: 0 }, 'untagged')
      : this.#nodes.tag(node, ref);
  }

  onDidChange(listener: (nodes: readonly Node[] | undefined) => void): { dispose(): void } {
    return this.#changes.listen(listener);
  }

  dispose(): void {
    for (const controller of this.#naming.values()) {
      controller.abort();
    }
    for (const { search } of this.#listings.values()) {
      search?.abort();
    }
    this.#changes.dispose();
  }

  #listing(node: PlaceNode | RepositoryNode): Listing {
    let listing = this.#listings.get(node.id);
    if (!listing) {
      const { place } = node;
      const fetch =
        node.kind === 'place'
          ? place.registry.repositories.bind(place.registry)
          : this.#store(node).tags.bind(this.#store(node));
      const { filter, order, extra } = this.#kept.get(node.id) ?? {};
      listing = {
        list: new PagedList(
          (op) => fetch(op),
          (name) => name,
        ),
        filter,
        order,
        extra: extra ?? new Set(),
      };
      this.#listings.set(node.id, listing);
    }
    return listing;
  }

  #store(node: { readonly place: PlaceNode['place']; readonly repository: string }): ReadStore {
    return node.place.registry.repository(node.repository);
  }

  #limiter(place: string): Limiter {
    const limiter = this.#limiters.get(place) ?? new Limiter(maxNaming);
    this.#limiters.set(place, limiter);
    return limiter;
  }

  async #read(node: TagNode | ManifestNode, signal?: AbortSignal): Promise<Named> {
    const manifest = await readManifest(
      this.#store(node),
      node,
      this.#services.cache,
      this.#last.get(node.id),
      signal,
    );
    return namedBy(manifest, node);
  }

  /** Names the rows that have none yet, some at a time; collapsing the parent ends what is under way. */
  #name(parent: RepositoryNode, nodes: readonly (TagNode | ManifestNode)[]): void {
    const unnamed = nodes.filter(({ id }) => this.#named.get(id) === undefined && !this.#asked.has(id));
    if (unnamed.length === 0) {
      return;
    }
    const controller = this.#naming.get(parent.id) ?? new AbortController();
    this.#naming.set(parent.id, controller);
    for (const node of unnamed) {
      this.#asked.add(node.id);
      void this.#limiter(parent.place.id)
        .run(() => this.#nameOne(node, controller.signal), controller.signal)
        .catch(() => undefined)
        .finally(() => this.#asked.delete(node.id));
    }
  }

  readonly #asked = new Set<string>();

  async #nameOne(node: TagNode | ManifestNode, signal: AbortSignal): Promise<void> {
    try {
      const named =
        node.place.countsReads && node.kind === 'tag'
          ? namedByDescriptor(await this.#store(node).resolve(node.tag, { signal }), node.tag)
          : await this.#read(node, signal);
      this.#named.set(node.id, named);
    } catch (error) {
      if (isAbort(error) || signal.aborted) {
        return;
      }
      this.#named.set(node.id, asOciError(error));
    }
    this.#changes.add(node);
  }
}

/** How many manifests stand above it; endless for one that stands above itself. */
function depthOf(node: TagNode | ManifestNode): number {
  let depth = 0;
  for (let above = node.parent; above; above = above.parent) {
    if (above.kind === 'manifest' || above.kind === 'tag') {
      depth++;
      if (
        above.kind === 'manifest' &&
        node.kind === 'manifest' &&
        above.descriptor.digest === node.descriptor.digest
      ) {
        return Infinity;
      }
    }
  }
  return depth;
}
