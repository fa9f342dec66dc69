import { bodyOf } from '../base/bytes.ts';
import type { Annotations, Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts';
import { withAnnotations } from '../oci/editAnnotations.ts';
import { OciError } from '../oci/errors.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { FetchedManifest, Op, ReadStore, Store } from '../oci/store.ts';

const annotatable: ReadonlySet<string> = new Set([
  MediaType.manifest,
  MediaType.index,
  MediaType.artifactManifest,
]);

/** @throws {OciError} `unsupported` for manifests of docker, which have no annotations */
export function mustHaveAnnotations({ mediaType }: Descriptor): void {
  if (!annotatable.has(mediaType)) {
    throw new OciError('unsupported', `${mediaType} has no annotations`);
  }
}

/** A new manifest that differs in its annotations alone, its digest of the same algorithm. */
export function annotated({ descriptor, bytes }: FetchedManifest, annotations: Annotations): FetchedManifest {
  mustHaveAnnotations(descriptor);
  const changed = withAnnotations(bytes, annotations);
  return {
    bytes: changed,
    descriptor: {
      mediaType: descriptor.mediaType,
      digest: digestOf(changed, algorithmOf(descriptor.digest)),
      size: changed.byteLength,
    },
  };
}

/** Pushes a manifest by its digest; everything below it is there already. */
export async function pushByDigest(
  store: Store,
  { descriptor, bytes }: FetchedManifest,
  op: Op,
): Promise<void> {
  await store.push(descriptor, bodyOf(bytes), op);
}

/**
 * Lets a tag point to another manifest, if it still points where it was seen.
 * @throws {OciError} `tag-exists` when somebody moved or removed it meanwhile
 */
export async function moveTag(
  store: Store & ReadStore,
  tag: string,
  seen: Digest,
  to: Descriptor,
  op: Op,
): Promise<void> {
  const now = await store.resolve(tag, op);
  if (now.digest !== seen) {
    throw new OciError('tag-exists', `${tag} points to ${now.digest} by now, not to ${seen}`);
  }
  await store.tag(to, tag, { ...op, from: seen });
}
