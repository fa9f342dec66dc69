import { globMatcher } from '../artifacts/glob.ts';
import { compareTags, tagKey } from '../browse/order.ts';
import { isReferrersTag } from '../oci/referrersTag.ts';

/** Which tags of a repository are meant. */
export type TagFilter =
  | { readonly kind: 'all' }
  /** Globs; a tag fits that fits one of them. */
  | { readonly kind: 'names'; readonly patterns: readonly string[] }
  /** As many of the newest versions. */
  | { readonly kind: 'newest'; readonly count: number };

/**
 * Those of the tags that are meant, in their order; versions the newest first. A tag that only lists referrers is none of
 * them: each registry keeps its own.
 */
export function chosenTags(tags: readonly string[], filter: TagFilter): readonly string[] {
  const own = tags.filter((tag) => !isReferrersTag(tag));
  switch (filter.kind) {
    case 'all':
      return own;
    case 'names': {
      const matchers = filter.patterns.map(globMatcher);
      return own.filter((tag) => matchers.some((fits) => fits(tag)));
    }
    case 'newest':
      return own
        .map((tag) => tagKey(tag, 'semver'))
        .filter(({ version, missing }) => version !== undefined && missing === 0)
        .sort(compareTags)
        .slice(0, filter.count)
        .map(({ tag }) => tag);
  }
}

/** Of a text with spaces or commas between. */
export function patternsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((pattern) => pattern !== '');
}
