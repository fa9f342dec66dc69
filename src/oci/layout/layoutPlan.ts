import { bodyOf, collect } from '../../base/bytes.ts';
import { verified } from '../content.ts';
import { Annotation, type Descriptor } from '../descriptor.ts';
import { isDigest, type Digest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { encodeManifest } from '../goJson.ts';
import { maxManifestSize, parseManifest, type AnyManifest, type Manifest } from '../manifest.ts';
import { isManifestType, MediaType } from '../mediaTypes.ts';
import { pageOf } from '../pages.ts';
import { encodeReferrersIndex, referrerDescriptor, referrersTag } from '../referrersTag.ts';
import type { Body, FetchedManifest, Page, PageOp, PushOp, Store } from '../store.ts';
import { indexPath, markerPath } from './indexFile.ts';
import { blobPath } from './layoutReader.ts';

/** Most bytes of manifests that are held for one layout. */
const maxHeld = 64 * 1024 * 1024;

/** A file of a layout that is still to be written. */
export interface PlannedFile {
  readonly path: string;
  readonly size: number;
  readonly body: Body;
}

/** What an image is called outside of its layout: `host/app:1.4.2`, as docker and podman name what they load. */
export type FullName = (tag: string) => string;

interface Held {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: AnyManifest;
}

/**
 * A layout that is only worked out: manifests are held, of blobs it is kept where to read them. What comes in whatever order
 * makes the same files in the same order.
 */
export class LayoutPlan implements Store {
  readonly #manifests = new Map<Digest, Held>();
  readonly #blobs = new Map<Digest, { readonly size: number; readonly body: Body }>();
  readonly #tags = new Map<string, Digest>();
  /** Bytes of all manifests. */
  #held = 0;

  async resolve(ref: string): Promise<Descriptor> {
    return (await this.manifest(ref)).descriptor;
  }

  manifest(ref: string): Promise<FetchedManifest> {
    const digest = isDigest(ref) ? ref : this.#tags.get(ref);
    const found = digest === undefined ? undefined : this.#manifests.get(digest);
    return found
      ? Promise.resolve(found)
      : Promise.reject(new OciError('not-found', `${ref.slice(0, 200)} is not planned`));
  }

  async *fetch(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const blob = this.#blobs.get(descriptor.digest);
    yield* blob ? blob.body() : bodyOf((await this.manifest(descriptor.digest)).bytes)();
  }

  tags(op: PageOp = {}): Promise<Page<string>> {
    return Promise.resolve(pageOf([...this.#tags.keys()].sort(), op));
  }

  referrers(of: Descriptor, op: PageOp = {}): Promise<Page<Descriptor>> {
    return Promise.resolve(pageOf(this.#referrers().get(of.digest) ?? [], op));
  }

  has({ digest, mediaType }: Descriptor): Promise<boolean> {
    return Promise.resolve((isManifestType(mediaType) ? this.#manifests : this.#blobs).has(digest));
  }

  async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
    if (!isManifestType(descriptor.mediaType)) {
      this.#blobs.set(descriptor.digest, {
        size: descriptor.size,
        body: () => verified(body(), descriptor, op.signal),
      });
      return;
    }
    const bytes = await collect(verified(body(), descriptor, op.signal), maxManifestSize);
    if (!this.#manifests.has(descriptor.digest)) {
      this.#held += bytes.byteLength;
      if (this.#held > maxHeld) {
        throw new OciError('too-large', `More than ${maxHeld} bytes of manifests`);
      }
      const { mediaType, digest, size } = descriptor;
      const manifest = parseManifest(bytes, mediaType);
      this.#manifests.set(digest, { descriptor: { mediaType, digest, size }, bytes, manifest });
    }
    if (op.tag !== undefined) {
      this.#tags.set(op.tag, descriptor.digest);
    }
  }

  async tag(descriptor: Descriptor, tag: string): Promise<void> {
    this.#tags.set(tag, (await this.manifest(descriptor.digest)).descriptor.digest);
  }

  /**
   * Every file, blobs by their names. The list has what is tagged, what was asked for by digest (`roots`), and referrers, which
   * tools find by their subject or by the list under the fallback tag. A single image is listed as `docker save` does, too.
   */
  files(roots: readonly Digest[], fullName: FullName): readonly PlannedFile[] {
    const blobs = new Map<string, PlannedFile>();
    const add = (path: string, bytes: Uint8Array): void => {
      blobs.set(path, { path, size: bytes.byteLength, body: bodyOf(bytes) });
    };
    for (const [digest, { size, body }] of this.#blobs) {
      blobs.set(blobPath(digest), { path: blobPath(digest), size, body });
    }
    for (const { descriptor, bytes } of this.#manifests.values()) {
      add(blobPath(descriptor.digest), bytes);
    }
    const entries = this.#tagged(fullName);
    const listed = new Set(entries.map(({ digest }) => digest));
    for (const digest of [...roots].sort()) {
      const held = this.#manifests.get(digest);
      if (held && !listed.has(digest)) {
        listed.add(digest);
        entries.push(entryOf(held));
      }
    }
    for (const [subject, referrers] of [...this.#referrers()].sort(byKey)) {
      const list = encodeReferrersIndex(referrers);
      add(blobPath(list.descriptor.digest), list.bytes);
      for (const { digest } of referrers) {
        const held = this.#manifests.get(digest);
        if (held && !listed.has(digest)) {
          listed.add(digest);
          entries.push(entryOf(held));
        }
      }
      entries.push({ ...list.descriptor, annotations: { [Annotation.refName]: referrersTag(subject) } });
    }
    const docker = this.#dockerManifest(roots, fullName);
    return [
      file(markerPath, Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
      file(indexPath, encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: entries })),
      ...(docker === undefined ? [] : [file('manifest.json', Buffer.from(docker))]),
      ...[...blobs.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    ];
  }

  #tagged(fullName: FullName): Descriptor[] {
    return [...this.#tags].sort(byKey).flatMap(([tag, digest]) => {
      const held = this.#manifests.get(digest);
      const annotations = { [Annotation.containerdName]: fullName(tag), [Annotation.refName]: tag };
      return held ? [{ ...entryOf(held), annotations }] : [];
    });
  }

  /** By subject, each list in the order of digests. */
  #referrers(): ReadonlyMap<Digest, readonly Descriptor[]> {
    const lists = new Map<Digest, Descriptor[]>();
    for (const { descriptor, manifest } of [...this.#manifests].sort(byKey).map(([, held]) => held)) {
      if (manifest.subject) {
        const { digest } = manifest.subject;
        lists.set(digest, [...(lists.get(digest) ?? []), referrerDescriptor(descriptor, manifest)]);
      }
    }
    return lists;
  }

  /** What a docker engine without its containerd store loads, and older podman: images for one platform. */
  #dockerManifest(roots: readonly Digest[], fullName: FullName): string | undefined {
    const images = roots.flatMap((root) => {
      const image = this.#imageOf(root);
      const { config, layers = [] } = image ?? {};
      const names = [...this.#tags].filter(([, digest]) => digest === root).map(([tag]) => fullName(tag));
      return config
        ? [
            {
              Config: blobPath(config.digest),
              RepoTags: names.length > 0 ? names.sort() : null,
              Layers: layers.map(({ digest }) => blobPath(digest)),
            },
          ]
        : [];
    });
    return images.length > 0 && images.length === roots.length ? JSON.stringify(images) : undefined;
  }

  #imageOf(root: Digest): Manifest | undefined {
    const manifest = this.#manifests.get(root)?.manifest;
    if (manifest?.kind === 'index') {
      const real = manifest.manifests.filter(
        ({ annotations }) => annotations?.[Annotation.attestationType] === undefined,
      );
      const [only] = real;
      return real.length === 1 && only && only.digest !== root ? this.#imageOf(only.digest) : undefined;
    }
    const isImage =
      (manifest?.config?.mediaType === MediaType.imageConfig ||
        manifest?.config?.mediaType === MediaType.dockerConfig) &&
      manifest.layers.every(({ mediaType, digest }) => isLayer.test(mediaType) && this.#blobs.has(digest));
    return isImage ? manifest : undefined;
  }
}

const isLayer = /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar|docker\.image\.rootfs\.diff\.tar)\b/;

function entryOf({ descriptor, manifest }: Held): Descriptor {
  const { artifactType } = manifest;
  return { ...descriptor, ...(artifactType === undefined ? {} : { artifactType }) };
}

function file(path: string, bytes: Uint8Array): PlannedFile {
  return { path, size: bytes.byteLength, body: bodyOf(bytes) };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
