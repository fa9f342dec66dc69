import type { Digest } from '../oci/digest.ts';
import type { FetchedManifest, ManifestCache } from '../oci/store.ts';
import { WeightedLru } from './weightedLru.ts';

/** Where manifests outlive the session. Neither method fails: what cannot be kept is asked for again. */
export interface ManifestFiles {
  /** Checked against its digest. */
  read(digest: Digest): Promise<FetchedManifest | undefined>;
  /** Returns at once; written later. */
  write(manifest: FetchedManifest): void;
}

/** Manifests by digest, checked when they were fetched, in memory up to `limit` bytes and in files where there are any. */
export function createManifestCache(files?: ManifestFiles, limit = 32 * 1024 * 1024): ManifestCache {
  const held = new WeightedLru<Digest, FetchedManifest>(limit, ({ bytes }) => bytes.byteLength + 1024);
  const read = async (digest: Digest): Promise<FetchedManifest | undefined> => {
    const found = await files?.read(digest);
    if (found) {
      held.set(digest, found);
    }
    return found;
  };
  return {
    get: (digest) => held.get(digest) ?? (files ? read(digest) : undefined),
    set: (manifest) => {
      held.set(manifest.descriptor.digest, manifest);
      files?.write(manifest);
    },
  };
}
