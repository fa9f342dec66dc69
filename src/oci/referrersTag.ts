import type { Descriptor } from './descriptor.ts';
import { algorithmOf, digestOf, hexOf, type Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { encodeManifest } from './goJson.ts';
import { parseManifest, type AnyManifest, type Index } from './manifest.ts';
import { MediaType } from './mediaTypes.ts';
import type { FetchedManifest } from './store.ts';

/** The tag an index of referrers stands under where a registry has no referrers API (distribution-spec, Referrers Tag Schema). */
export function referrersTag(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest).slice(0, 64)}`;
}

/** True for a tag that can be nothing but the list of the referrers of some manifest. */
export function isReferrersTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64}$/.test(tag);
}

/** What cosign writes behind the digest of what it is about. */
const attachedEndings = ['.sig', '.att', '.sbom'] as const;

/** The tags under which cosign keeps signature, attestations and SBOM of a manifest. */
export function attachedTags(subject: Digest): readonly string[] {
  return attachedEndings.map((ending) => `${referrersTag(subject)}${ending}`);
}

/** True for tags that are names of content and not of releases: the fallback index, cosign's `.sig`, `.att` and `.sbom`. */
export function isDigestTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64}/.test(tag);
}

/** The descriptor under which a manifest stands among its subject's referrers: with its artifact type and annotations. */
export function referrerDescriptor(descriptor: Descriptor, manifest: AnyManifest): Descriptor {
  const config = manifest.kind === 'manifest' ? manifest.config?.mediaType : undefined;
  const artifactType = manifest.artifactType ?? config;
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(manifest.annotations ? { annotations: manifest.annotations } : {}),
    ...(artifactType ? { artifactType } : {}),
  };
}

/**
 * The entries of a fallback index.
 * @throws {OciError} `manifest-invalid` when the tag holds something else, which must not be overwritten
 */
export function parseReferrersIndex(bytes: Uint8Array, mediaType: string): Index {
  const index = parseManifest(bytes, mediaType);
  if (index.kind !== 'index' || index.mediaType !== MediaType.index) {
    throw new OciError('manifest-invalid', 'The referrers tag does not hold an OCI index');
  }
  return index;
}

/** A fallback index of these entries, ready to be pushed. */
export function encodeReferrersIndex(manifests: readonly Descriptor[]): FetchedManifest {
  const bytes = encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  return {
    bytes,
    descriptor: { mediaType: MediaType.index, digest: digestOf(bytes), size: bytes.byteLength },
  };
}

/** With the entry, once; undefined when it is there already. */
export function withReferrer(
  entries: readonly Descriptor[],
  entry: Descriptor,
): readonly Descriptor[] | undefined {
  return entries.some(({ digest }) => digest === entry.digest) ? undefined : [...entries, entry];
}

/** Without the entry; undefined when it is not there. */
export function withoutReferrer(
  entries: readonly Descriptor[],
  digest: Digest,
): readonly Descriptor[] | undefined {
  const left = entries.filter((entry) => entry.digest !== digest);
  return left.length === entries.length ? undefined : left;
}

export function ofArtifactType(
  entries: readonly Descriptor[],
  artifactType: string | undefined,
): readonly Descriptor[] {
  return artifactType === undefined
    ? entries
    : entries.filter((entry) => entry.artifactType === artifactType);
}
