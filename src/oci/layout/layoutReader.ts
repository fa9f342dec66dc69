import { LruMap } from '../../base/lru.ts';
import { collect } from '../../base/bytes.ts';
import { checkSize, markVerified, readVerified, verified } from '../content.ts';
import { Annotation, type Descriptor } from '../descriptor.ts';
import { algorithmOf, digestOf, hexOf, isDigest, type Digest } from '../digest.ts';
import { isOciError, OciError } from '../errors.ts';
import { maxManifestSize, parseManifest } from '../manifest.ts';
import { isManifestType } from '../mediaTypes.ts';
import { pageOf } from '../pages.ts';
import { splitReference } from '../reference.ts';
import { ofArtifactType, parseReferrersIndex, referrerDescriptor } from '../referrersTag.ts';
import type { FetchedManifest, Op, Page, PageOp, ReadStore } from '../store.ts';
import type { LayoutFiles } from './files.ts';
import { isReferrersEntry, referrersEntry } from './referrersEntry.ts';
import { emptyIndexFile, indexPath, parseIndexFile, type IndexEntry, type IndexFile } from './indexFile.ts';

/** Most bytes of an `index.json`: some 300,000 entries. */
const maxIndexSize = 64 * 1024 * 1024;
/** Manifests that are remembered, and that are read at once. */
const maxKnown = 100_000;
const readAtOnce = 32;

/** What a listed manifest says of others. */
interface KnownManifest {
  /** As it stands among the referrers of its subject. */
  readonly referrer?: { readonly descriptor: Descriptor; readonly subject: Digest };
  /** Of an index: the manifests in it. */
  readonly children?: readonly Digest[];
}

/** Most manifests are this, so that a large layout costs little memory. */
const saysNothing: KnownManifest = {};

interface Listing {
  readonly version: string | undefined;
  readonly file: IndexFile;
  /** By tag and by digest; of two entries of one tag the first, as skopeo and regctl have it. */
  readonly entries: ReadonlyMap<string, IndexEntry>;
  /** Worked out when it is first asked for. */
  untagged?: readonly Digest[];
}

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** One image layout, to read. */
export class LayoutReader implements ReadStore {
  protected readonly files: LayoutFiles;
  #listing: Listing | undefined;
  /** What listed manifests say of themselves, so that referrers are found without reading all again. */
  readonly #known = new LruMap<Digest, KnownManifest>(maxKnown);

  constructor(files: LayoutFiles) {
    this.files = files;
  }

  async resolve(ref: string, op: Op = {}): Promise<Descriptor> {
    const entry = await this.#entry(ref);
    if (entry) {
      const { mediaType, digest, size } = entry.descriptor;
      return mediaType === '' ? (await this.#read(digest, '', op)).descriptor : { mediaType, digest, size };
    }
    if (isDigest(ref)) {
      return (await this.#read(ref, '', op)).descriptor;
    }
    throw new OciError('not-found', `${this.files.name} has no ${ref}`, { url: this.files.name });
  }

  async manifest(
    ref: string,
    op: Op & { readonly cached?: FetchedManifest | undefined } = {},
  ): Promise<FetchedManifest> {
    const entry = await this.#entry(ref);
    const digest = entry?.descriptor.digest ?? (isDigest(ref) ? ref : undefined);
    if (digest === undefined) {
      throw new OciError('not-found', `${this.files.name} has no ${ref}`, { url: this.files.name });
    }
    const found =
      op.cached?.descriptor.digest === digest
        ? op.cached
        : await this.#read(digest, entry?.descriptor.mediaType ?? '', op);
    if (entry) {
      checkSize(entry.descriptor, found.descriptor.size);
    }
    return found;
  }

  fetch(
    descriptor: Descriptor,
    op: Op & { readonly start?: number; readonly end?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const stream = this.#fetch(descriptor, op);
    return op.start === undefined && op.end === undefined ? markVerified(stream, descriptor) : stream;
  }

  async *#fetch(
    descriptor: Descriptor,
    op: Op & { readonly start?: number; readonly end?: number },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal, start, end } = op;
    const path = blobPath(descriptor.digest);
    const size = await this.files.size(path);
    if (size === undefined) {
      throw new OciError('not-found', `${this.files.name} has no ${descriptor.digest}`, {
        url: this.files.name,
      });
    }
    if (start !== undefined || end !== undefined) {
      yield* this.files.read(path, start ?? 0, Math.min(end ?? size, size), signal);
    } else {
      yield* verified(this.files.read(path, 0, size, signal), descriptor, signal);
    }
  }

  async tags(op: PageOp = {}): Promise<Page<string>> {
    const { entries } = await this.index();
    const names = new Set(entries.flatMap(({ tag }) => tag ?? []));
    return pageOf([...names].sort(), op);
  }

  async referrers(
    of: Descriptor,
    op: PageOp & { readonly artifactType?: string | undefined } = {},
  ): Promise<Page<Descriptor>> {
    const index = await this.index();
    const found = new Map<Digest, Descriptor>();
    for (const { referrer } of (await this.#describeAll(index, op)).values()) {
      if (referrer?.subject === of.digest) {
        found.set(referrer.descriptor.digest, referrer.descriptor);
      }
    }
    for (const listed of await this.listedReferrers(index, of.digest, op)) {
      found.set(listed.digest, found.get(listed.digest) ?? listed);
    }
    return pageOf(ofArtifactType([...found.values()], op.artifactType), op);
  }

  /** Manifests that are listed without a tag, and are neither in a listed index nor a referrer. */
  async untagged(op: PageOp = {}): Promise<Page<Digest>> {
    const listing = await this.#list();
    listing.untagged ??= await this.#untagged(listing.file, op);
    return pageOf(listing.untagged, op);
  }

  async #untagged(index: IndexFile, op: Op): Promise<readonly Digest[]> {
    const all = await this.#describeAll(index, op);
    const reached = new Set([...all.values()].flatMap(({ children = [] }) => children));
    for (const { tag, descriptor } of index.entries) {
      if (tag !== undefined || all.get(descriptor.digest)?.referrer) {
        reached.add(descriptor.digest);
      }
    }
    const left = index.entries.filter(
      (entry) => !reached.has(entry.descriptor.digest) && !isReferrersEntry(entry),
    );
    return [...new Set(left.map(({ descriptor }) => descriptor.digest))];
  }

  /** What the layout's own list names, whether it is still here or not. */
  protected async listedReferrers(index: IndexFile, subject: Digest, op: Op): Promise<readonly Descriptor[]> {
    const entry = referrersEntry(index, subject);
    if (!entry) {
      return [];
    }
    const { bytes, descriptor } = await this.#read(entry.descriptor.digest, entry.descriptor.mediaType, op);
    return parseReferrersIndex(bytes, descriptor.mediaType).manifests;
  }

  /** Repositories the manifests were of, where their entries say so by a whole reference. */
  async origins(): Promise<readonly string[]> {
    const { entries } = await this.index();
    const names = entries.flatMap(({ descriptor: { annotations } }) =>
      [Annotation.containerdName, Annotation.refName].map((key) => annotations?.[key] ?? ''),
    );
    const repositories = names
      .filter((name) => /[/:]/.test(name))
      .flatMap((name) => splitReference(name)?.repository ?? []);
    return [...new Set(repositories)];
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    // What another tool left half-written is not here.
    return (await this.files.size(blobPath(descriptor.digest))) === descriptor.size;
  }

  /** `index.json` as it is now; empty when there is no layout yet. */
  protected async index(): Promise<IndexFile> {
    return (await this.#list()).file;
  }

  protected async readIndex(): Promise<IndexFile> {
    const size = await this.files.size(indexPath);
    if (size === undefined) {
      return emptyIndexFile;
    }
    if (size > maxIndexSize) {
      throw new OciError('layout-invalid', `${this.files.name}: index.json has ${size} bytes`, {
        url: this.files.name,
      });
    }
    // To its end, not to the size it had: another process may have put a longer one in its place meanwhile.
    const source = this.files.read(indexPath, 0, maxIndexSize);
    return parseIndexFile(await collect(source, maxIndexSize), this.files.name);
  }

  /** A list of thousands is not parsed again for each tag of a page. */
  async #list(): Promise<Listing> {
    const version = await this.files.version(indexPath);
    if (version !== undefined && version === this.#listing?.version) {
      return this.#listing;
    }
    const file = await this.readIndex();
    const entries = new Map<string, IndexEntry>();
    for (const entry of file.entries) {
      for (const ref of [entry.tag, entry.descriptor.digest]) {
        if (ref !== undefined && !entries.has(ref)) {
          entries.set(ref, entry);
        }
      }
    }
    this.#listing = { version, file, entries };
    return this.#listing;
  }

  async #entry(ref: string): Promise<IndexEntry | undefined> {
    return (await this.#list()).entries.get(ref);
  }

  async #read(digest: Digest, mediaType: string, op: Op): Promise<FetchedManifest> {
    const size = await this.files.size(blobPath(digest));
    if (size === undefined) {
      throw new OciError('not-found', `${this.files.name} has no ${digest}`, { url: this.files.name });
    }
    const stated = { mediaType, digest, size };
    const bytes = await readVerified(
      this.files.read(blobPath(digest), 0, size, op.signal),
      stated,
      maxManifestSize,
    );
    return {
      bytes,
      descriptor: {
        ...stated,
        mediaType: parseManifest(bytes, mediaType).mediaType,
        digest: digestOf(bytes, algorithmOf(digest)),
      },
    };
  }

  async #describeAll(index: IndexFile, op: Op): Promise<ReadonlyMap<Digest, KnownManifest>> {
    const all = new Map<Digest, KnownManifest>();
    for (let at = 0; at < index.entries.length; at += readAtOnce) {
      op.signal?.throwIfAborted();
      const some = index.entries.slice(at, at + readAtOnce);
      const known = await Promise.all(some.map((entry) => this.#describe(entry, op)));
      some.forEach(({ descriptor }, each) => all.set(descriptor.digest, known[each] ?? saysNothing));
    }
    return all;
  }

  /** What a listed manifest says of others; a broken one says nothing and hides nobody. */
  async #describe(entry: IndexEntry, op: Op): Promise<KnownManifest> {
    const { digest, mediaType } = entry.descriptor;
    const known = this.#known.get(digest);
    if (known || (mediaType !== '' && !isManifestType(mediaType))) {
      return known ?? saysNothing;
    }
    try {
      const { bytes, descriptor } = await this.#read(digest, mediaType, op);
      const manifest = parseManifest(bytes, descriptor.mediaType);
      const subject = manifest.subject?.digest;
      const children = manifest.kind === 'index' ? manifest.manifests.map((child) => child.digest) : [];
      const described: KnownManifest =
        subject === undefined && children.length === 0
          ? saysNothing
          : {
              ...(subject === undefined
                ? {}
                : { referrer: { descriptor: referrerDescriptor(descriptor, manifest), subject } }),
              children,
            };
      this.#known.set(digest, described);
      return described;
    } catch (error) {
      if (isOciError(error)) {
        return saysNothing;
      }
      throw error;
    }
  }
}
