import type { Descriptor } from '../oci/descriptor.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { attachedTags, parseReferrersIndex, referrersTag } from '../oci/referrersTag.ts';
import type { Branches } from './branches.ts';
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
  /** What stands under a fallback tag beside the API, by node; of one that came from the tag itself, nothing. */
  readonly #tagged = new Map<string, readonly Descriptor[]>();

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
    const others = (await this.#byTag(node, signal)).filter(({ digest }) => !list.has(digest));
    const children: readonly Node[] = [...list.items, ...others]
      .slice(0, maxRows)
      .map((item) => nodes.manifest(node, item, 'referrer'));
    const cut = list.items.length + others.length > maxRows;
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
      this.#tagged.delete(id);
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

  /**
   * Where a registry has the API now, what was attached before may be listed under the fallback tag alone, which is folded. It
   * is read, once, where the list of tags has it.
   */
  async #byTag(node: ReferrersNode, signal?: AbortSignal): Promise<readonly Descriptor[]> {
    const { nodes, branches, listings } = this.#ports;
    const { place, repository, subject } = node;
    const tag = referrersTag(subject.digest);
    const known = this.#tagged.get(node.id);
    if (known || listings.known(nodes.repository(place, repository))?.list.has(tag) !== true) {
      return known ?? [];
    }
    const store = place.registry.repository(repository);
    const found = await branches
      .run(node, (inner) => store.manifest(tag, { signal: inner }), signal)
      .then(({ bytes, descriptor }) => parseReferrersIndex(bytes, descriptor.mediaType).manifests)
      .catch((error: unknown) => {
        if (!(error instanceof OciError)) {
          throw error;
        }
        // It was deleted meanwhile, or holds something else: the list by the API stands for itself.
        return [];
      });
    this.#tagged.set(node.id, found);
    return found;
  }

  #list(node: ReferrersNode): PagedList<Descriptor> {
    const store = node.place.registry.repository(node.repository);
    const list =
      this.#lists.get(node.id) ??
      new PagedList<Descriptor>(
        async (op) => {
          const page = await store.referrers(node.subject, op);
          if (page.byTag) {
            this.#tagged.set(node.id, []);
          }
          return page;
        },
        ({ digest }) => digest,
        node.place.host,
      );
    this.#lists.set(node.id, list);
    return list;
  }
}
