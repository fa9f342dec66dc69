import { parse, type SemVer } from 'semver';
import type { TagOrder } from '../contributions.ts';
import { isDigestTag } from '../oci/referrersTag.ts';

/** What a tag is sorted by, computed once. */
export interface TagKey {
  readonly tag: string;
  readonly rank: number;
  readonly version?: SemVer | undefined;
  /** Missing parts of the version: 0 of `1.4.2`, 1 of `1.4`, 2 of `1`. */
  readonly missing: number;
  /** Milliseconds since the epoch, unknown: -Infinity. */
  readonly created: number;
  readonly natural: string;
}

const Rank = { latest: 0, release: 1, prerelease: 2, other: 3, digest: 4 } as const;

const partialVersion = /^v?(\d{1,15})(?:\.(\d{1,15}))?$/;

/**
 * `latest`, versions from new to old, then pre-releases from new to old, then all else as people count; names of content
 * (`sha256-…`) last. `1.4` stands before `1.4.2`: it is what moves along. `newest` goes by the date the content says, `name`
 * as people count.
 */
export function tagKey(tag: string, order: TagOrder, created?: Date): TagKey {
  const key = { tag, missing: 0, created: created?.getTime() ?? -Infinity, natural: naturalKey(tag) };
  if (isDigestTag(tag)) {
    return { ...key, rank: Rank.digest };
  }
  if (order !== 'semver') {
    return { ...key, rank: Rank.other };
  }
  if (tag === 'latest') {
    return { ...key, rank: Rank.latest };
  }
  const partial = partialVersion.exec(tag);
  // Helm writes `+` of a version as `_` in a tag.
  const version = parse(
    partial ? `${partial[1] ?? '0'}.${partial[2] ?? '0'}.0` : tag.replace(/^v/, '').replaceAll('_', '+'),
  );
  if (!version) {
    return { ...key, rank: Rank.other };
  }
  return {
    ...key,
    rank: version.prerelease.length > 0 ? Rank.prerelease : Rank.release,
    version,
    missing: partial ? (partial[2] === undefined ? 2 : 1) : 0,
  };
}

export function compareTags(a: TagKey, b: TagKey): number {
  return (
    a.rank - b.rank ||
    (a.version && b.version ? newerFirst(a, b, a.version, b.version) : 0) ||
    (a.created === b.created ? 0 : b.created - a.created) ||
    byText(a.natural, b.natural) ||
    byText(a.tag, b.tag)
  );
}

function newerFirst(a: TagKey, b: TagKey, left: SemVer, right: SemVer): number {
  const missing = Math.max(a.missing, b.missing);
  if (missing === 0) {
    return right.compareMain(left) || right.comparePre(left) || right.compareBuild(left);
  }
  return (
    right.major - left.major ||
    (missing === 2 ? b.missing - a.missing : right.minor - left.minor || b.missing - a.missing)
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares as people count: `v9` before `v10`. Numbers are led by their length, so that text order is their order. */
export function naturalKey(text: string): string {
  return text.toLowerCase().replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '');
    return String.fromCharCode(0x30 + Math.min(number.length, 40)) + number;
  });
}
