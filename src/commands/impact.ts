import { Limiter } from '../base/limiter.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isOciError } from '../oci/errors.ts';
import { allItems } from '../oci/pages.ts';
import type { Op, ReadStore } from '../oci/store.ts';

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
const width = 6;

export interface ImpactOptions extends Op {
  readonly onLooked?: ((count: number) => void) | undefined;
  readonly maxTags?: number | undefined;
}

/**
 * Looks through the tags of a repository, at most six at once, and lists the referrers of what goes.
 * A tag that cannot be resolved is passed over when it is gone, and makes the answer incomplete otherwise.
 */
export async function impactOf(
  store: ReadStore,
  doomed: readonly Descriptor[],
  options: ImpactOptions = {},
): Promise<Impact> {
  const { signal } = options;
  const digests = new Set<Digest>(doomed.map(({ digest }) => digest));
  const limiter = new Limiter(width);
  const limit = options.maxTags ?? maxTags;
  const pointers = new Map<string, Digest>();
  let isComplete = true;
  let looked = 0;
  const look = async (tag: string): Promise<void> => {
    try {
      const { digest } = await limiter.run(() => store.resolve(tag, { signal }), signal);
      if (digests.has(digest)) {
        pointers.set(tag, digest);
      }
    } catch (error) {
      signal?.throwIfAborted();
      isComplete &&= isOciError(error, 'not-found');
    }
    looked++;
    options.onLooked?.(looked);
  };
  let batch: Promise<void>[] = [];
  let count = 0;
  for await (const tag of allItems((op) => store.tags(op), { signal, limit: 1000 })) {
    if (count++ >= limit) {
      isComplete = false;
      break;
    }
    batch.push(look(tag));
    if (batch.length >= 100) {
      await Promise.all(batch);
      batch = [];
    }
  }
  await Promise.all(batch);
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
      if (!digests.has(referrer.digest)) {
        referrers.push(referrer);
      }
    }
  }
  return { tags: [...pointers.keys()].sort(), pointers, referrers, looked, isComplete };
}
