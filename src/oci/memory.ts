import { collect } from '../base/bytes.ts';
import { verified } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import { isDigest, type Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { maxManifestSize, parseManifest } from './manifest.ts';
import { isManifestType } from './mediaTypes.ts';
import { pageOf } from './pages.ts';
import { ofArtifactType, referrerDescriptor } from './referrersTag.ts';
import type { Body, Deleter, FetchedManifest, Op, Page, PageOp, PushOp, Store } from './store.ts';

/** One repository held in memory: for tests, and for artifacts that are made up on the way to another store. */
export class MemoryStore implements Store, Deleter {
  readonly #content = new Map<Digest, { readonly descriptor: Descriptor; readonly bytes: Uint8Array }>();
  readonly #tags = new Map<string, Digest>();

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async resolve(ref: string): Promise<Descriptor> {
    return this.#find(ref).descriptor;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async manifest(ref: string): Promise<FetchedManifest> {
    return this.#find(ref);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async *fetch(
    descriptor: Descriptor,
    op: Op & { readonly start?: number; readonly end?: number } = {},
  ): AsyncIterable<Uint8Array> {
    op.signal?.throwIfAborted();
    const found = this.#content.get(descriptor.digest);
    if (!found) {
      throw new OciError('not-found', `${descriptor.digest} is not here`);
    }
    yield found.bytes.subarray(op.start ?? 0, op.end ?? found.bytes.byteLength);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async tags(op: PageOp = {}): Promise<Page<string>> {
    return pageOf([...this.#tags.keys()].sort(), op);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async referrers(
    of: Descriptor,
    op: PageOp & { readonly artifactType?: string | undefined } = {},
  ): Promise<Page<Descriptor>> {
    const entries = [...this.#content.values()].flatMap(({ descriptor, bytes }) => {
      const manifest = isManifestType(descriptor.mediaType)
        ? parseManifest(bytes, descriptor.mediaType)
        : undefined;
      return manifest?.subject?.digest === of.digest ? [referrerDescriptor(descriptor, manifest)] : [];
    });
    return pageOf(ofArtifactType(entries, op.artifactType), op);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async has(descriptor: Descriptor): Promise<boolean> {
    return this.#content.has(descriptor.digest);
  }

  async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
    const bytes = await collect(verified(body(), descriptor, op.signal), descriptor.size);
    op.onBytes?.(bytes.byteLength);
    if (isManifestType(descriptor.mediaType)) {
      if (bytes.byteLength > maxManifestSize) {
        throw new OciError('too-large', `A manifest of ${bytes.byteLength} bytes`);
      }
      parseManifest(bytes, descriptor.mediaType);
    }
    this.#content.set(descriptor.digest, { descriptor, bytes });
    if (op.tag !== undefined) {
      this.#tags.set(op.tag, descriptor.digest);
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async tag(descriptor: Descriptor, tag: string): Promise<void> {
    this.#tags.set(tag, this.#find(descriptor.digest).descriptor.digest);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async delete(descriptor: Descriptor): Promise<void> {
    this.#find(descriptor.digest);
    this.#content.delete(descriptor.digest);
    for (const [tag, digest] of this.#tags) {
      if (digest === descriptor.digest) {
        this.#tags.delete(tag);
      }
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the interface waits, memory does not
  async untag(tag: string): Promise<void> {
    if (!this.#tags.delete(tag)) {
      throw new OciError('not-found', `There is no tag ${tag}`);
    }
  }

  #find(ref: string): FetchedManifest {
    const digest = isDigest(ref) ? ref : this.#tags.get(ref);
    const found = digest === undefined ? undefined : this.#content.get(digest);
    if (!found) {
      throw new OciError('not-found', `${ref} is not here`);
    }
    return found;
  }
}
