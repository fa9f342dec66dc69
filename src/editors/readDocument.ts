import { applyEdits, format } from 'jsonc-parser';
import { collect } from '../base/bytes.ts';
import type { Location } from '../browse/location.ts';
import type { Places } from '../browse/place.ts';
import { OciError } from '../oci/errors.ts';
import { encodeManifest } from '../oci/goJson.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { allItems } from '../oci/pages.ts';
import type { ManifestCache, Op } from '../oci/store.ts';

/** Largest blob that is opened as a document, in bytes. */
const maxBlob = 16 * 1024 * 1024;

/**
 * The bytes of a document. What is addressed by digest was checked against it; a list of referrers is put together from
 * its pages.
 * @throws {OciError} `not-found` when the place is not in the tree any more, `too-large`
 */
export async function readDocument(
  location: Location,
  places: Places,
  cache: ManifestCache,
  op: Op = {},
): Promise<Uint8Array> {
  const bytes = await original(location, places, cache, op);
  return location.form === 'formatted' ? formatted(bytes) : bytes;
}

async function original(
  { place, repository, kind, digest, size, mediaType }: Location,
  places: Places,
  cache: ManifestCache,
  op: Op,
): Promise<Uint8Array> {
  const found = places.get(place);
  if (!found) {
    throw new OciError('not-found', `${place} is not among the registries any more`);
  }
  const store = found.registry.repository(repository);
  const descriptor = { mediaType, digest, size };
  if (kind === 'referrers') {
    const manifests = await Array.fromAsync(
      allItems(
        (page) => store.referrers(descriptor, page),
        op,
        (item) => item.digest,
      ),
    );
    return encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  }
  if (kind === 'manifest' || kind === 'index') {
    const manifest = (await cache.get(digest)) ?? (await store.manifest(digest, op));
    cache.set(manifest);
    return manifest.bytes;
  }
  if (size > maxBlob) {
    throw new OciError('too-large', `A blob of ${size} bytes; at most ${maxBlob} are opened`);
  }
  return collect(store.fetch(descriptor, op), maxBlob);
}

/** The same JSON with lines and indents; keys, numbers and escapes stay as they are. */
export function formatted(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(
    applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2 })),
  );
}
