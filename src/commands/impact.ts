import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { allItems } from '../oci/pages.ts';
import type { Op, ReadStore } from '../oci/store.ts';
import { tagDigests } from '../oci/tagDigests.ts';

/** What goes when manifests are deleted by digest. */
export interface Impact {
  /** Every tag that points to one of the digests, the asked ones among them. */
  readonly tags: readonly string[];
  /** Where each of them points. */
  readonly pointers: ReadonlyMap<string, Digest>;
  /** Manifests whose subject goes: they stay as bytes, but nothing leads to them any more. */
  readonly referrers: readonly Descriptor[];
  /** How many tags were looked at. */
  readonly looked: number;
  /** False: there are more tags or referrers than were looked at. */
  readonly isComplete: boolean;
}

/** Most tags that are resolved, and most referrers that are listed, before a deletion. */
const maxTags = 2000;
const maxReferrers = 200;

export interface ImpactOptions extends Op {
  readonly onLooked?: ((count: number) => void) | undefined;
  readonly maxTags?: number | undefined;
}

/**
 * Looks through the tags of a repository and lists the referrers of what goes. A tag that cannot be resolved is passed over when
 * it is gone, and makes the answer incomplete otherwise.
 */
export async function impactOf(
  store: ReadStore,
  doomed: readonly Descriptor[],
  options: ImpactOptions = {},
): Promise<Impact> {
  const { signal, onLooked } = options;
  const goes = new Set<Digest>(doomed.map(({ digest }) => digest));
  const limit = options.maxTags ?? maxTags;
  const { digests, looked, hasMore, error } = await tagDigests(store, { signal, onLooked, maxTags: limit });
  const pointers = new Map([...digests].filter(([, digest]) => goes.has(digest)));
  let isComplete = !hasMore && error === undefined;
  const referrers: Descriptor[] = [];
  for (const descriptor of doomed) {
    const found = allItems(
      (op) => store.referrers(descriptor, op),
      { signal },
      ({ digest }) => digest,
    );
    for await (const referrer of found) {
      if (referrers.length >= maxReferrers) {
        isComplete = false;
        break;
      }
      if (!goes.has(referrer.digest)) {
        referrers.push(referrer);
      }
    }
  }
  return { tags: [...pointers.keys()].sort(), pointers, referrers, looked, isComplete };
}
