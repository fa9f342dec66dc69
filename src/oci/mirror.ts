import { Limiter } from '../base/limiter.ts';
import { findTag } from './attached.ts';
import type { Digest } from './digest.ts';
import { isAbort } from './errors.ts';
import type { Op, ReadStore } from './store.ts';

/** A tag of the source beside the one of the same name in the target. */
export interface ComparedTag {
  readonly tag: string;
  readonly source?: Digest;
  /** Undefined: the target has none of the name. */
  readonly target?: Digest | undefined;
  /** Why one of the two could not be asked. */
  readonly error?: unknown;
}

export interface CompareOptions extends Op {
  readonly onCompared?: ((count: number) => void) | undefined;
}

/** Requests at once to both, which may be one registry. */
const width = 6;

/**
 * Where each of these tags points in the source and in the target: a `HEAD` to each, at most six at once. What cannot be told
 * of one tag hides no other.
 */
export async function compareTags(
  src: ReadStore,
  dst: ReadStore,
  tags: readonly string[],
  { signal, onCompared }: CompareOptions = {},
): Promise<readonly ComparedTag[]> {
  const limiter = new Limiter(width);
  let count = 0;
  const compare = async (tag: string): Promise<ComparedTag> => {
    try {
      const { digest } = await src.resolve(tag, { signal });
      const target = await findTag(dst, tag, { signal });
      return { tag, source: digest, target: target?.digest };
    } catch (error) {
      if (isAbort(error)) {
        throw error;
      }
      return { tag, error };
    } finally {
      onCompared?.(++count);
    }
  };
  const results = await Promise.allSettled(tags.map((tag) => limiter.run(() => compare(tag), signal)));
  return results.map((result) => {
    if (result.status === 'rejected') {
      throw result.reason;
    }
    return result.value;
  });
}
