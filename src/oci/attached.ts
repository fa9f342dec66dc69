import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { isOciError, OciError } from './errors.ts';
import { isManifestType } from './mediaTypes.ts';
import { allItems } from './pages.ts';
import { attachedTags } from './referrersTag.ts';
import type { Op, ReadStore } from './store.ts';

/** What a source has attached to a manifest. */
export interface Attached {
  /** Of cosign, whose manifests know no subject. */
  readonly tags: readonly string[];
  readonly referrers: readonly Descriptor[];
  /** Those that are referrers in the target already. */
  readonly present: ReadonlySet<Digest>;
}

/** @throws {OciError} `manifest-invalid` for more than `limit` referrers */
export async function attachedTo(
  subject: Descriptor,
  src: ReadStore,
  dst: ReadStore,
  tagsOf: (subject: Digest) => Promise<readonly string[]>,
  limit: number,
  op: Op,
): Promise<Attached> {
  const [tags, referrers] = await Promise.all([tagsOf(subject.digest), referrersOf(subject, src, limit, op)]);
  const there = referrers.length === 0 ? [] : await referrersOf(subject, dst, limit, op);
  return { tags, referrers, present: new Set(there.map(({ digest }) => digest)) };
}

async function referrersOf(
  subject: Descriptor,
  store: ReadStore,
  limit: number,
  op: Op,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const pages = allItems<Descriptor>(
    (page) => store.referrers(subject, page),
    { ...op, limit: 1000 },
    ({ digest }) => digest,
  );
  for await (const { mediaType, digest, size } of pages) {
    if (isManifestType(mediaType)) {
      found.push({ mediaType, digest, size });
    }
    if (found.length > limit) {
      throw new OciError('manifest-invalid', `${subject.digest} has more than ${limit} referrers`);
    }
  }
  return found;
}

/** Most tags of a repository that are listed to find those of cosign. */
const maxListed = 2000;

/**
 * Looks for what cosign keeps under tags named by the digest it is about. A list of tags that ends soon says which there are;
 * else the three names that may be are asked for.
 */
export function cosignTags(src: ReadStore, op: Op): (subject: Digest) => Promise<readonly string[]> {
  let listing: Promise<ReadonlySet<string> | undefined> | undefined;
  return async (subject) => {
    listing ??= allTags(src, op);
    const listed = await listing;
    const names = attachedTags(subject);
    if (listed) {
      return names.filter((name) => listed.has(name));
    }
    const found = await Promise.all(names.map((name) => findTag(src, name, op)));
    return names.filter((_, at) => found[at] !== undefined);
  };
}

/** Undefined: they are too many, or cannot be listed. */
async function allTags(src: ReadStore, { signal }: Op): Promise<ReadonlySet<string> | undefined> {
  const tags = new Set<string>();
  try {
    for await (const tag of allItems((page) => src.tags(page), { signal, limit: 1000 })) {
      tags.add(tag);
      if (tags.size > maxListed) {
        return undefined;
      }
    }
    return tags;
  } catch (error) {
    if (isOciError(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Where a tag points; undefined where there is none. */
export async function findTag(store: ReadStore, tag: string, op: Op): Promise<Descriptor | undefined> {
  try {
    return await store.resolve(tag, op);
  } catch (error) {
    if (isOciError(error, 'not-found')) {
      return undefined;
    }
    throw error;
  }
}
