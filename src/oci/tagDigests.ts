import { Limiter } from '../base/limiter.ts';
import type { Digest } from './digest.ts';
import { isOciError } from './errors.ts';
import { allItems } from './pages.ts';
import type { Op, ReadStore } from './store.ts';

/** Where the tags of a repository point. */
export interface TagDigests {
  readonly digests: ReadonlyMap<string, Digest>;
  /** How many tags were looked at. */
  readonly looked: number;
  /** True: there are more tags than were looked at. */
  readonly hasMore: boolean;
  /** Why some that were looked at are not among the answers; the first of the reasons. */
  readonly error?: unknown;
}

export interface TagDigestsOptions extends Op {
  readonly onLooked?: ((count: number) => void) | undefined;
  readonly maxTags: number;
}

/** Questions at once: a `HEAD` counts against no limit of reads, and many of them wait for nothing but the way there and back. */
const width = 16;

/** Tags whose questions may wait, so that a long list is not read ahead of its answers. */
const maxWaiting = 1000;

/**
 * Asks where each tag points, a `HEAD` a tag. One that is gone meanwhile is passed over.
 * @throws {OciError} as `ReadStore.tags`
 */
export async function tagDigests(store: ReadStore, options: TagDigestsOptions): Promise<TagDigests> {
  const { onLooked, maxTags } = options;
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  const limiter = new Limiter(width);
  const digests = new Map<string, Digest>();
  const failures: unknown[] = [];
  let looked = 0;
  const look = async (tag: string): Promise<void> => {
    try {
      const { digest } = await limiter.run(() => store.resolve(tag, { signal }), signal);
      digests.set(tag, digest);
    } catch (error) {
      if (!isOciError(error, 'not-found')) {
        failures.push(error);
      }
    }
    looked++;
    onLooked?.(looked);
  };
  const waiting = new Set<Promise<void>>();
  let count = 0;
  let hasMore = false;
  try {
    for await (const tag of allItems((op) => store.tags(op), { signal, limit: 1000 })) {
      if (count++ >= maxTags) {
        hasMore = true;
        break;
      }
      const task = look(tag).finally(() => waiting.delete(task));
      waiting.add(task);
      if (waiting.size >= maxWaiting) {
        await Promise.race(waiting);
      }
    }
    await Promise.all(waiting);
  } finally {
    // A list that breaks off ends the questions, too.
    ending.abort();
  }
  options.signal?.throwIfAborted();
  const [error] = failures;
  return { digests, looked, hasMore, ...(error === undefined ? {} : { error }) };
}
