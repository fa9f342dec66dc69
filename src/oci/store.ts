import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';

/** What every operation that waits takes. */
export interface Op {
  readonly signal?: AbortSignal | undefined;
  /** One of many that nobody asked for by itself: not worth asking a registry that wants to be left alone. */
  readonly isOfMany?: boolean | undefined;
}

/** A factory, not a stream: a retry reads again from the start. */
export type Body = () => AsyncIterable<Uint8Array>;
/** A body whose larger pieces, with `isBrief`, are done with when the next is asked for, and their memory used again. */
export type StreamBody = (isBrief?: boolean) => AsyncIterable<Uint8Array>;

/** One page of a list; `next` is opaque, given back to the same method, and absent on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
  /** How many lists that may hold more are left out so far, as there are too many to ask. */
  readonly leftOut?: number;
}

export interface PageOp extends Op {
  /** The `next` of the page before. */
  readonly page?: string | undefined;
  /** Most items wanted; a server may give fewer, and one that ignores it is cut by the store. Default 100. */
  readonly limit?: number | undefined;
}

/**
 * Bytes of a manifest, their digest computed and checked; of signed schema 1 that is the one of its payload.
 * `descriptor.mediaType` is what the bytes were served as.
 */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** One page of referrers. */
export interface ReferrersPage extends Page<Descriptor> {
  /** True where they came from the fallback tag: there is no API. */
  readonly byTag?: boolean;
}

export interface ResolveOp extends Op {
  readonly neverReads?: boolean | undefined;
}

export interface FetchOp extends Op {
  readonly start?: number;
  readonly end?: number;
  /** Of a part: `unsupported` where it could only be had with what stands before it. */
  readonly neverSkips?: boolean | undefined;
}

/** One repository, to read. A `ref` is a tag or a digest. */
export interface ReadStore {
  /** True: what is read comes over a network, so that it is worth keeping until all of it is there; its pieces are the reader's own. */
  readonly isRemote?: boolean | undefined;
  /**
   * Where `ref` points, without reading it (a `HEAD`), or by reading it where that says too little.
   * @throws {OciError} `not-found`; `unsupported` with `neverReads`, where it would have to be read
   */
  resolve(ref: string, op?: ResolveOp): Promise<Descriptor>;
  /**
   * The manifest `ref` points to: one request. With `cached`, a server that can say "not modified" sends no body.
   * @throws {OciError} `not-found`, `too-large`, `digest-mismatch`, `manifest-invalid`
   */
  manifest(
    ref: string,
    op?: Op & { readonly cached?: FetchedManifest | undefined },
  ): Promise<FetchedManifest>;
  /**
   * Content by descriptor, blob or manifest. A whole read ends with `size-mismatch` or `digest-mismatch` if the bytes
   * are not what the descriptor says; `start` (inclusive) and `end` (exclusive) make it an unverified part.
   */
  fetch(descriptor: Descriptor, op?: FetchOp): AsyncIterable<Uint8Array>;
  tags(op?: PageOp): Promise<Page<string>>;
  /** Manifests whose `subject` is `of`, by API or fallback tag; an empty page when there are none. */
  referrers(
    of: Descriptor,
    op?: PageOp & { readonly artifactType?: string | undefined },
  ): Promise<ReferrersPage>;
}

export interface PushOp extends Op {
  /** Manifests only: the name the manifest is written under, which is then the last thing to change. */
  readonly tag?: string | undefined;
  /** Where that name points by now: a server that can compare moves it only from there (`tag-exists`); others do not look. */
  readonly from?: Digest | undefined;
  /** Called with the bytes sent since the last call; negative when a retry starts again. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** One repository, to read and write. */
export interface Store extends ReadStore {
  has(descriptor: Descriptor, op?: Op): Promise<boolean>;
  /**
   * Stores content, checked against the descriptor on the way. A manifest with a `subject` becomes its referrer, whatever
   * the registry can: where it has no referrers API the fallback tag is kept without losing a concurrent update.
   */
  push(descriptor: Descriptor, body: Body, op?: PushOp): Promise<void>;
  /**
   * Points `tag` at a manifest the store holds.
   * @param op with `from`, a server that can compare moves it only from there (`tag-exists`); others do not look
   */
  tag(descriptor: Descriptor, tag: string, op?: Op & { readonly from?: Digest | undefined }): Promise<void>;
}

export type StreamedBlob = Pick<Descriptor, 'digest' | 'size'>;

/** Optional power: store a blob while it is made, so that its digest (sha256) is known only behind its last byte. */
export interface Streamer {
  /**
   * @param body read again from its beginning after some faults, and has to give the same bytes then
   * @returns undefined where the place does not take this one so; then nothing of it is kept there
   */
  pushStream(body: StreamBody, op?: PushOp): Promise<StreamedBlob | undefined>;
}

/** Optional power: take a blob over from another repository of the same registry. */
export interface Mounter {
  /** Repositories of this place are only mountable from stores with the same value (a registry and its account). */
  readonly mountSpace: string;
  readonly repository: string;
  /** True when the blob is now here; false when it has to be pushed. */
  mount(descriptor: Descriptor, fromRepository: string, op?: Op): Promise<boolean>;
}

/** Optional power: remove. */
export interface Deleter {
  /** Removes a manifest, with all its tags. @throws {OciError} `unsupported` where deletes are switched off */
  delete(descriptor: Descriptor, op?: Op): Promise<void>;
  /** Removes the tag alone. @throws {OciError} `unsupported` where the registry only deletes by digest */
  untag(tag: string, op?: Op): Promise<void>;
}

/** Optional power: say what a client gets that accepts one media type alone, as older ones do. */
export interface Negotiator {
  /**
   * Whatever comes back, which may be of another media type and have another digest than what `ref` points to.
   * @throws {OciError} as `ReadStore.manifest`
   */
  manifestAs(ref: string, mediaType: string, op?: Op): Promise<FetchedManifest>;
}

/** Optional power: name what has no tag, as a layout can and a registry cannot. */
export interface UntaggedLister {
  /** Manifests without a tag that are reached by no index and no subject of the same place. */
  untagged(op?: PageOp): Promise<Page<Digest>>;
}

export type Repository = Store &
  Partial<Streamer> &
  Partial<Mounter> &
  Partial<Deleter> &
  Partial<Negotiator> &
  Partial<UntaggedLister>;

/** A place of many repositories. */
export interface Registry {
  readonly kind: 'remote' | 'local' | 'layout';
  repository(name: string): Repository;
  /**
   * Names in the order the registry gives them.
   * @throws {OciError} `unsupported`, `unauthorized`, `denied`, `not-found` where there is no catalog to read
   */
  repositories(op?: PageOp): Promise<Page<string>>;
}

export function canStream(store: ReadStore): store is ReadStore & Streamer {
  return 'pushStream' in store;
}

export function canMount(store: ReadStore): store is ReadStore & Mounter {
  return 'mount' in store;
}

export function canDelete(store: ReadStore): store is ReadStore & Deleter {
  return 'delete' in store && 'untag' in store;
}

export function canNegotiate(store: ReadStore): store is ReadStore & Negotiator {
  return 'manifestAs' in store;
}

export function listsUntagged(store: ReadStore): store is ReadStore & UntaggedLister {
  return 'untagged' in store;
}

/** Progress of anything that moves content. */
export interface CopyEvents {
  /** The whole work as far as it is known; grows as manifests are read. */
  readonly onPlan?: (descriptor: Descriptor) => void;
  /** The whole work is so many bytes more, or fewer: of what is made while it is sent, the size is a guess that gets better. */
  readonly onGuess?: (bytes: number) => void;
  readonly onBytes?: (bytes: number) => void;
  readonly onDone?: (descriptor: Descriptor, how: 'copied' | 'present' | 'mounted') => void;
}

/** Digests a person already holds, so that nothing is read twice: the cache of `browse`. */
export interface ManifestCache {
  get(digest: Digest): FetchedManifest | undefined | Promise<FetchedManifest | undefined>;
  set(manifest: FetchedManifest): void;
}
