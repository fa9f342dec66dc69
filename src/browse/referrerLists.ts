import type { Descriptor } from '../oci/descriptor.ts';
import { isOciError, type OciError } from '../oci/errors.ts';
import type { Branches } from './branches.ts';
import { attachedTags } from './folding.ts';
import { maxChildren, type Listings } from './listings.ts';
import type { Names } from './names.ts';
import type { Node, ReferrersNode, TagNode } from './node.ts';
import { isBelow, type Nodes } from './nodes.ts';
import { PagedList } from './pagedList.ts';

interface Ports {
  readonly nodes: Nodes;
  readonly branches: Branches;
  readonly listings: Listings;
  readonly names: Names;
  readonly pageSize: () => number;
}

/** Answers to a name that is only guessed: there is none, or none that we may know of. */
const saysNothing = ['not-found', 'denied', 'unauthorized'] as const;

/** Referrers below a list: the cap without a failure, the way to the next page, and three tags. */
const maxRows = maxChildren - 5;

/** What is attached to manifests: their referrers, and what cosign keeps under tags. */
export class ReferrerLists {
  readonly #ports: Ports;
  readonly #lists = new Map<string, PagedList<Descriptor>>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async children(node: ReferrersNode, signal?: AbortSignal): Promise<readonly Node[]> {
    const { nodes } = this.#ports;
    const list = this.#list(node);
    if (!list.isLoaded && list.error === undefined) {
      await this.more(node, signal);
    }
    const { tags: attached, error: guessed } = await this.#attached(node, signal);
    const error = list.error ?? guessed;
    const children: readonly Node[] = list.items
      .slice(0, maxRows)
      .map((item) => nodes.manifest(node, item, 'referrer'));
    const cut = list.items.length > maxRows;
    const isEmpty = children.length + attached.length === 0 && !list.hasMore && !error;
    return [
      ...attached,
      ...children,
      ...(error ? [nodes.failure(node, error)] : []),
      ...(isEmpty ? [nodes.note(node, 'no-referrers')] : []),
      ...(cut || list.hasMore ? [nodes.more(node, children.length, cut)] : []),
    ];
  }

  more(node: ReferrersNode, signal?: AbortSignal): Promise<void> {
    const { branches, pageSize } = this.#ports;
    return branches.run(node, (inner) => this.#list(node).more(pageSize(), inner), signal);
  }

  forget(top: Node | undefined): void {
    for (const id of [...this.#lists.keys()].filter((known) => isBelow(known, top))) {
      this.#lists.delete(id);
    }
  }

  /**
   * The tags of cosign for this manifest. A tag list that is loaded to its end says which there are and nothing is asked but
   * their manifests; else the three names that may be are asked for, once. That a name which only may be cannot be asked for
   * is one failure of the list, and no row.
   */
  async #attached(
    node: ReferrersNode,
    signal?: AbortSignal,
  ): Promise<{ readonly tags: readonly TagNode[]; readonly error?: OciError | undefined }> {
    const { nodes, branches, listings, names } = this.#ports;
    const { place, repository, subject } = node;
    const listing = listings.known(nodes.repository(place, repository));
    const isWhole = listing?.list.isLoaded === true && !listing.list.hasMore;
    const isListed = (tag: string): boolean =>
      listing?.list.has(tag) === true || listing?.extra.has(tag) === true;
    const tags = attachedTags(subject.digest)
      .filter((tag) => !isWhole || isListed(tag))
      .map((tag) => nodes.attached(node, tag));
    const found = await branches.run(
      node,
      (inner) => Promise.all(tags.map((tag) => names.find(tag, inner))),
      signal,
    );
    return {
      tags: tags.filter(({ tag }, index) =>
        isListed(tag) ? !isOciError(found[index], 'not-found') : !isOciError(found[index]),
      ),
      error: found.find(
        (outcome, index): outcome is OciError =>
          isOciError(outcome) && !isOciError(outcome, ...saysNothing) && !isListed(tags[index]?.tag ?? ''),
      ),
    };
  }

  #list(node: ReferrersNode): PagedList<Descriptor> {
    const store = node.place.registry.repository(node.repository);
    const list =
      this.#lists.get(node.id) ??
      new PagedList<Descriptor>(
        (op) => store.referrers(node.subject, op),
        ({ digest }) => digest,
        node.place.host,
      );
    this.#lists.set(node.id, list);
    return list;
  }
}
