import { collect } from '../base/bytes.ts';
import type { Location } from '../browse/location.ts';
import type { Place } from '../browse/place.ts';
import { WeightedLru } from '../browse/weightedLru.ts';
import { checkSize } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { encodeManifest } from '../oci/goJson.ts';
import { isManifestType, MediaType } from '../oci/mediaTypes.ts';
import { allItems } from '../oci/pages.ts';
import {
  canNegotiate,
  type FetchedManifest,
  type ManifestCache,
  type Op,
  type ReadStore,
} from '../oci/store.ts';
import { indented } from './indented.ts';

/** Largest blob that is opened as a document, in bytes. */
export const maxBlob = 16 * 1024 * 1024;

/** Bytes of blobs that are kept: a document is read for its size, as it is, and once more to be indented. */
const kept = 32 * 1024 * 1024;

/** Reads the content of documents. What is addressed by digest is checked against it and kept. */
export interface DocumentReader {
  /**
   * Bytes of a document. A list of referrers is put together from its pages.
   * @throws {OciError} `too-large`, and what the store throws: `not-found`, `digest-mismatch`, …
   */
  read(place: Place, location: Location, op?: Op): Promise<Uint8Array>;
  /** The first bytes of a blob, not checked: to see what it is before it is opened. */
  start(place: Place, location: Location, op?: Op): Promise<Uint8Array>;
}

export function createDocumentReader(cache: ManifestCache): DocumentReader {
  const blobs = new WeightedLru<Digest, Uint8Array>(kept, (bytes) => bytes.byteLength + 1024);

  async function original(place: Place, location: Location, op: Op): Promise<Uint8Array> {
    const { repository, kind, digest } = location;
    const store = place.registry.repository(repository);
    if (kind === 'referrers') {
      return referrers(store, descriptorOf(location), op);
    }
    if (kind === 'manifest' || kind === 'index') {
      const manifest = (await cache.get(digest)) ?? (await readManifest(store, location, op));
      cache.set(manifest);
      if (location.size !== undefined) {
        checkSize({ digest, size: location.size }, manifest.bytes.byteLength);
      }
      return manifest.bytes;
    }
    const held = blobs.get(digest) ?? (await readBlob(store, location, op));
    blobs.set(digest, held);
    return held;
  }

  return {
    read: async (place, location, op = {}) => {
      const bytes = await original(place, location, op);
      return location.form === 'formatted' ? formatted(bytes) : bytes;
    },
    start: async (place, location, op = {}) => {
      const held = blobs.get(location.digest);
      if (held) {
        return held.subarray(0, startLength);
      }
      const store = place.registry.repository(location.repository);
      const descriptor = descriptorOf(location, startLength);
      const end = Math.min(descriptor.size, startLength);
      return collect(store.fetch(descriptor, { ...op, start: 0, end }), startLength);
    },
  };
}

/** By its digest, or, of what the registry makes when it is asked for it, as it was asked for the first time. */
async function readManifest(
  store: ReadStore,
  { digest, tag, accept }: Location,
  op: Op,
): Promise<FetchedManifest> {
  if (accept === undefined || tag === undefined || !canNegotiate(store)) {
    return store.manifest(digest, op);
  }
  const found = await store.manifestAs(tag, accept, op);
  if (found.descriptor.digest !== digest) {
    throw new OciError('digest-mismatch', `${tag} gives ${found.descriptor.digest} now, and not ${digest}`);
  }
  return found;
}

/** As much as tells a text from other bytes. */
const startLength = 8192;

function descriptorOf({ kind, digest, mediaType, size }: Location, unknown = 0): Descriptor {
  // A layer is a blob, also when its media type is one of a manifest.
  const isBlob = kind === 'blob' || kind === 'config';
  return {
    mediaType: isBlob && isManifestType(mediaType) ? MediaType.octetStream : mediaType,
    digest,
    size: size ?? unknown,
  };
}

async function referrers(store: ReadStore, subject: Descriptor, op: Op): Promise<Uint8Array> {
  const manifests = await Array.fromAsync(
    allItems(
      (page) => store.referrers(subject, page),
      op,
      (item) => item.digest,
    ),
  );
  return encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests });
}

async function readBlob(store: ReadStore, location: Location, op: Op): Promise<Uint8Array> {
  const { digest, size } = location;
  if (size !== undefined) {
    if (size > maxBlob) {
      throw tooLarge(`${size} bytes`);
    }
    return collect(store.fetch(descriptorOf(location), op), maxBlob);
  }
  // Nobody said how long it is: as much as is opened, which must then be all of it.
  const descriptor = descriptorOf(location, maxBlob + 1);
  const bytes = await collect(store.fetch(descriptor, { ...op, start: 0 }), maxBlob + 1);
  if (bytes.byteLength > maxBlob) {
    throw tooLarge(`more than ${maxBlob} bytes`);
  }
  const found = digestOf(bytes, algorithmOf(digest));
  if (found !== digest) {
    throw new OciError('digest-mismatch', `Content of ${digest} has the digest ${found}`);
  }
  return bytes;
}

function tooLarge(size: string): OciError {
  return new OciError('too-large', `a blob of ${size}; at most ${maxBlob} are opened`);
}

function formatted(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const result = indented(text);
  return result === text ? bytes : new TextEncoder().encode(result);
}

/** True for bytes no editor shows as text: with a zero, or not UTF-8. The last character may be cut. */
export function looksBinary(start: Uint8Array): boolean {
  if (start.includes(0)) {
    return true;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true });
    return false;
  } catch {
    return true;
  }
}
