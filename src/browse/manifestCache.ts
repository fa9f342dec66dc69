import type { Digest } from '../oci/digest.ts';
import type { FetchedManifest, ManifestCache } from '../oci/store.ts';
import { WeightedLru } from './weightedLru.ts';

/** Manifests by digest, checked when they were fetched, in memory up to `limit` bytes. */
export function createManifestCache(limit = 32 * 1024 * 1024): ManifestCache {
  const held = new WeightedLru<Digest, FetchedManifest>(limit, ({ bytes }) => bytes.byteLength + 1024);
  return {
    get: (digest) => held.get(digest),
    set: (manifest) => held.set(manifest.descriptor.digest, manifest),
  };
}
