import { builtInTable, type TypeTable } from '../artifacts/table.ts';
import type { ArtifactType } from '../artifacts/type.ts';
import type { TagOrder } from '../contributions.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import type { ManifestCache } from '../oci/store.ts';
import { Branches } from './branches.ts';
import type { Browser, Named, TypeCount } from './browser.ts';
import { Changes } from './changes.ts';
import { asOciError } from './failure.ts';
import { attestationsAbout, isFoldedTag } from './folding.ts';
import { levelOf } from './grouping.ts';
import { learn, settle } from './learnt.ts';
import { listEnd } from './listEnd.ts';
import { isByType, Listings, maxChildren, namesOf, type Listed } from './listings.ts';
import { isTooDeep, manifestChildren } from './manifestChildren.ts';
import { Names } from './names.ts';
import type { GroupNode, ManifestNode, Node, PlaceNode, RepositoryNode, TagNode } from './node.ts';
import { idOf, Nodes } from './nodes.ts';
import { compareTags, tagKey } from './order.ts';
import type { Places } from './place.ts';
import { ReferrerLists } from './referrerLists.ts';
import { Slices, sortInSlices } from './slices.ts';
import { TagPointers } from './tagPointers.ts';
import { countTypes } from './typeSearch.ts';
import { untaggedOf } from './untagged.ts';

export interface BrowseServices {
  readonly places: Places;
  readonly cache: ManifestCache;
  /** The types in force; by default the built-in ones. */
  readonly types?: () => TypeTable;
  readonly settings: () => {
    readonly pageSize: number;
    readonly tagOrder: TagOrder;
    readonly foldTags: boolean;
  };
  /** Runs a moment later, so that what happens together is told together. */
  readonly schedule?: (run: () => void) => void;
}

/** Names below a list: the cap without two notes and the way to the next page. */
const maxRows = maxChildren - 4;

export function createBrowser(services: BrowseServices): Browser {
  return new Tree(services);
}

class Tree implements Browser {
  readonly pointers = new TagPointers();
  readonly #services: BrowseServices;
  readonly #nodes = new Nodes();
  readonly #slices = new Slices();
  readonly #branches = new Branches();
  readonly #changes: Changes;
  readonly #listings: Listings;
  readonly #names: Names;
  readonly #referrers: ReferrerLists;

  constructor(services: BrowseServices) {
    this.#services = services;
    this.#changes = new Changes(services.schedule ?? ((run) => void setTimeout(run, 40)));
    this.#listings = new Listings({
      branches: this.#branches,
      slices: this.#slices,
      pageSize: () => services.settings().pageSize,
      changed: (node) => this.#changes.add(this.#current(node)),
      typesOf: (node, tags, signal) => this.#typesOf(node, tags, signal),
    });
    this.#names = new Names({
      branches: this.#branches,
      slices: this.#slices,
      cache: services.cache,
      types: services.types ?? (() => builtInTable),
      named: (node) => this.#named(node),
      settled: (parent) => {
        if (parent.kind === 'repository') {
          this.#settled(parent);
        }
      },
    });
    this.#referrers = new ReferrerLists({
      nodes: this.#nodes,
      branches: this.#branches,
      listings: this.#listings,
      names: this.#names,
      pageSize: () => services.settings().pageSize,
    });
  }

  roots(): readonly PlaceNode[] {
    return this.#services.places.all().map((place) => this.#nodes.place(place));
  }

  async children(node: Node, signal?: AbortSignal): Promise<readonly Node[]> {
    try {
      switch (node.kind) {
        case 'place':
        case 'group':
          return await this.#changes.during(this.#nodes.place(node.place), () => this.#level(node, signal));
        case 'repository':
          return await this.#changes.during(node, () => this.#tags(node, signal));
        case 'tag':
        case 'manifest':
          return await this.#below(node, signal);
        case 'referrers':
          return await this.#referrers.children(node, signal);
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
    const listing = await this.#listings.first(this.#nodes.place(place), signal);
    const { rows, cut } = await levelOf(
      await namesOf(listing, this.#slices, place.pinned),
      { group: node.kind === 'group' ? node.path : undefined, namespace: place.namespace },
      maxRows,
      new Set(place.pinned),
      this.#slices,
    );
    const children: readonly Node[] = rows.map((row) =>
      row.kind === 'group' ? this.#nodes.group(place, row.path) : this.#nodes.repository(place, row.name),
    );
    return [
      ...children,
      ...listEnd(this.#nodes, node, listing, {
        shown: children.length,
        cut,
        empty: node.place.kind === 'local' ? 'empty-local' : 'empty-registry',
      }),
    ];
  }

  async #tags(node: RepositoryNode, signal?: AbortSignal): Promise<readonly Node[]> {
    const listing = await this.#listings.first(node, signal);
    const { extra, dates } = listing;
    const order = this.order(node);
    const keys = [];
    const untagged: ManifestNode[] = [];
    const named = await namesOf(listing, this.#slices);
    // Who looks for a type looks for it wherever it stands.
    const folds = this.folds(node) && !isByType(listing);
    let folded = 0;
    for (const name of new Set([...named, ...(await untaggedOf(node, listing, signal))])) {
      if (folds && isFoldedTag(name) && !extra.has(name)) {
        folded++;
      } else if (isDigest(name)) {
        untagged.push(this.#untagged(node, name));
      } else {
        keys.push(tagKey(name, order, order === 'newest' ? dates.get(name) : undefined));
      }
      await this.#slices.turn();
    }
    const sorted = await sortInSlices(keys, compareTags, this.#slices);
    const room = maxRows - untagged.length;
    // What was gone to is shown wherever it stands.
    const late = sorted.slice(room).filter(({ tag }) => extra.has(tag));
    const tags = [...sorted.slice(0, room - late.length), ...late].map(({ tag }) =>
      this.#nodes.tag(node, tag),
    );
    const children = [...tags, ...untagged];
    this.#names.name(node, children);
    return [
      ...children,
      ...listEnd(this.#nodes, node, listing, {
        shown: children.length,
        cut: sorted.length > room,
        empty: 'empty-repository',
        folded,
      }),
    ];
  }

  async #below(node: TagNode | ManifestNode, signal?: AbortSignal): Promise<readonly Node[]> {
    if (isTooDeep(node)) {
      return [this.#nodes.note(node, 'too-deep')];
    }
    const named = await this.#branches.run(node, (inner) => this.#names.read(node, inner), signal);
    const about = await attestationsAbout(node, (parent) => this.#names.read(parent, signal));
    const children = manifestChildren(this.#nodes, node, named, about);
    this.#names.name(
      node,
      children.filter((child) => child.kind === 'manifest' && child.role === 'attestation') as ManifestNode[],
    );
    return children;
  }

  async loadMore(parent: Node, signal?: AbortSignal): Promise<void> {
    // The rows of a group come from the list of its place.
    const node = parent.kind === 'group' ? this.#nodes.place(parent.place) : parent;
    if (node.kind === 'place' || node.kind === 'repository') {
      await this.#listings.more(node, signal);
    } else if (node.kind === 'referrers') {
      await this.#referrers.more(node, signal);
    }
    this.#changes.add(node);
  }

  refresh(node?: Node): void {
    this.#branches.end(node);
    for (const each of [this.#listings, this.#names, this.#referrers, this.pointers]) {
      each.forget(node);
    }
    if (node?.kind === 'group') {
      // Its rows come from the list of its place.
      this.#changes.add(this.#nodes.place(node.place));
      return;
    }
    const repository = node?.parent;
    if (repository?.kind === 'repository' && (node?.kind === 'tag' || node?.kind === 'manifest')) {
      this.#names.name(repository, [node]);
    }
    this.#changes.add(node);
  }

  collapse(node: Node): void {
    if (this.#branches.end(node)) {
      // Its children are incomplete: they have to be asked for when it is expanded again.
      this.#changes.add(node);
    }
  }

  named(node: Node): Named | OciError | undefined {
    return this.#names.get(node);
  }

  async read(node: Node, signal?: AbortSignal): Promise<Named | undefined> {
    return node.kind === 'tag' || node.kind === 'manifest' ? this.#names.read(node, signal) : undefined;
  }

  async complete(node: Node, signal?: AbortSignal): Promise<Named | undefined> {
    if (node.kind === 'tag' || node.kind === 'manifest') {
      return this.#names.complete(node, signal);
    }
    return node.kind === 'blob' ? (this.named(node) as Named) : undefined;
  }

  setFilter(node: Listed, text: string | undefined): void {
    this.#listings.setFilter(node, text);
  }

  filter(node: Listed): string | undefined {
    return this.#listings.known(node)?.filter;
  }

  filtered(): readonly Listed[] {
    return [...this.#listings.all()].flatMap(({ node, filter }) => (filter === undefined ? [] : [node]));
  }

  searching(node: Listed): number | undefined {
    const listing = this.#listings.known(node);
    return listing?.search && listing.typeSearch.looked;
  }

  stopSearch(node: Listed): void {
    this.#listings.stopSearch(node);
  }

  async types(node: RepositoryNode, signal?: AbortSignal): Promise<readonly TypeCount[]> {
    const listing = await this.#listings.first(node, signal);
    const isNamed = (tag: string): boolean =>
      this.#names.isKnown(idOf.tag(node.place.id, node.repository, tag));
    const known = [...listing.extra, ...listing.list.items].filter(isNamed);
    // Nothing is known of a repository that was never expanded: its first page is what people see of it.
    const tags = known.length > 0 ? known : listing.list.items.slice(0, listing.firstPage);
    return countTypes(await this.#branches.run(node, (inner) => this.#typesOf(node, tags, inner), signal));
  }

  setOrder(node: RepositoryNode, order: TagOrder | undefined): void {
    const listing = this.#listings.of(node);
    listing.order = order;
    listing.dates = new Map(listing.found);
    this.#changes.add(this.#current(node));
  }

  order(node: RepositoryNode): TagOrder {
    return this.#listings.known(node)?.order ?? this.#services.settings().tagOrder;
  }

  setFolds(node: RepositoryNode, folds: boolean | undefined): void {
    this.#listings.of(node).folds = folds;
    this.#changes.add(this.#current(node));
  }

  folds(node: RepositoryNode): boolean {
    return this.#listings.known(node)?.folds ?? this.#services.settings().foldTags;
  }

  holds(node: RepositoryNode): string | undefined {
    return this.#listings.known(node)?.holds;
  }

  find(placeId: string, repository: string): RepositoryNode | undefined {
    const place = this.#services.places.get(placeId);
    return place && this.#nodes.repository(place, repository);
  }

  group(placeId: string, path: string): GroupNode | undefined {
    const place = this.#services.places.get(placeId);
    return place && this.#nodes.group(place, path);
  }

  locate(placeId: string, repository: string, ref?: string): Node | undefined {
    const node = this.find(placeId, repository);
    if (!node) {
      return undefined;
    }
    const isElsewhere = this.#listings.goTo(this.#nodes.place(node.place), repository);
    const isOther = ref !== undefined && this.#listings.goTo(node, ref);
    if (isElsewhere || isOther) {
      // The tree has to know of the new row before it can reveal it.
      this.#changes.flush();
    }
    if (ref === undefined) {
      return node;
    }
    return isDigest(ref) ? this.#untagged(node, ref) : this.#nodes.tag(node, ref);
  }

  rename(): void {
    for (const listing of this.#listings.all()) {
      const named = listing.first && this.#names.get(listing.first);
      if (named && !(named instanceof OciError)) {
        listing.firstType = named.type.name;
        listing.holds &&= named.type.name;
      }
    }
    this.#listings.retype();
    this.#changes.add(undefined);
  }

  onDidChange(listener: (nodes: readonly Node[] | undefined) => void): { dispose(): void } {
    return this.#changes.listen(listener);
  }

  dispose(): void {
    this.#branches.end();
    this.#changes.dispose();
  }

  /** As a tree holds it: a row may have been there before a change of its place. */
  #current(node: Listed): Listed {
    const place = this.#services.places.get(node.place.id) ?? node.place;
    return node.kind === 'place' ? this.#nodes.place(place) : this.#nodes.repository(place, node.repository);
  }

  #untagged(node: RepositoryNode, digest: Digest): ManifestNode {
    return this.#nodes.manifest(node, { mediaType: '', digest, size: 0 }, 'untagged');
  }

  #named(node: TagNode | ManifestNode): void {
    this.#changes.add(node);
    const { parent } = node;
    const listing = parent?.kind === 'repository' ? this.#listings.known(parent) : undefined;
    const named = this.#names.get(node);
    if (!parent || !listing || !named) {
      return;
    }
    if (named instanceof OciError) {
      // What was gone to and deleted since is shown no longer.
      const ref = node.kind === 'tag' ? node.tag : node.descriptor.digest;
      const isGone = named.code === 'not-found' && this.#names.wasKnown(node);
      if (isGone && listing.extra.delete(ref)) {
        this.#changes.add(parent);
      }
    } else if (node.kind === 'tag') {
      learn(listing, node, named);
    }
  }

  async #typesOf(
    node: RepositoryNode,
    tags: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ArtifactType>> {
    const nodes = tags.map((tag) => this.#nodes.tag(node, tag));
    await this.#names.nameAll(node, nodes, signal);
    return new Map(
      nodes.flatMap((each) => {
        const named = this.#names.get(each);
        return named && !(named instanceof OciError) ? [[each.tag, named.type]] : [];
      }),
    );
  }

  #settled(node: RepositoryNode): void {
    const listing = this.#listings.known(node);
    if (listing && settle(listing, this.order(node) === 'newest')) {
      this.#changes.add(node);
    }
  }
}
