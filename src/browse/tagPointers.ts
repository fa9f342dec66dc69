import { LruMap } from '../base/lru.ts';
import type { Op } from '../oci/store.ts';
import { tagDigests, type TagDigests } from '../oci/tagDigests.ts';
import { asOciError } from './failure.ts';
import type { Node, RepositoryNode } from './node.ts';
import { isBelow } from './nodes.ts';

/** Most tags that are asked for, and most repositories whose answers are kept. */
const maxTags = 10_000;
const maxKept = 50;

export interface PointersOp extends Op {
  readonly onLooked?: (count: number) => void;
}

/** Where the tags of repositories point, asked once and kept until something of the repository is refreshed. */
export class TagPointers {
  readonly #kept = new LruMap<string, TagDigests>(maxKept);
  /** What is refreshed while it is asked for is not kept. */
  #forgotten = 0;

  /** @throws {OciError} as `ReadStore.tags`; why tags cannot be asked for, where none can */
  async of(
    node: RepositoryNode,
    { signal, onLooked }: PointersOp = {},
  ): Promise<TagDigests & { readonly isKept: boolean }> {
    const kept = this.#kept.get(node.id);
    if (kept) {
      return { ...kept, isKept: true };
    }
    const before = this.#forgotten;
    const store = node.place.registry.repository(node.repository);
    const found = await tagDigests(store, { signal, onLooked, maxTags });
    if (found.error === undefined) {
      if (before === this.#forgotten) {
        this.#kept.set(node.id, found);
      }
    } else if (found.digests.size === 0) {
      throw asOciError(found.error);
    }
    return { ...found, isKept: false };
  }

  forget(top: Node | undefined): void {
    this.#forgotten++;
    for (const id of [...this.#kept.keys()]) {
      // A row that is refreshed may be a tag that moved.
      if (isBelow(id, top) || top?.id.startsWith(`${id}/`)) {
        this.#kept.delete(id);
      }
    }
  }
}
