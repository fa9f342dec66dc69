import { bodyOf } from '../base/bytes.ts';
import { Lanes } from '../base/lanes.ts';
import type { Share } from '../base/shares.ts';
import { attachedTo, cosignTags, findTag } from './attached.ts';
import { readVerified } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { isOciError, OciError } from './errors.ts';
import { maxManifestSize, parseManifest, successors } from './manifest.ts';
import { isIndexType, isManifestType } from './mediaTypes.ts';
import { someOfIndex } from './someOfIndex.ts';
import {
  canMount,
  type CopyEvents,
  type FetchedManifest,
  type Op,
  type PushOp,
  type ReadStore,
  type Store,
} from './store.ts';

export interface CopyOptions extends Op, CopyEvents {
  /** Blobs and manifests under way at once. Default 5 large ones, and beside them 32 that are small. */
  readonly concurrency?: number;
  /** Where other copies are under way too: its part of the blobs under way at once. */
  readonly share?: Pick<Share, 'run'> | undefined;
  /** True: look below manifests that the target has too (repairs a partial copy). */
  readonly force?: boolean;
  /** True: asks first whether the target has the root, which is then taken to be whole, and needs its tag alone. */
  readonly mayBeThere?: boolean;
  /** The manifest `ref` points to, where it was read a moment ago: what a person agreed to is what is copied. */
  readonly found?: FetchedManifest | undefined;
  /**
   * Asked right before the root is written under its tag, when all else is there: where the tag points by then, which is where
   * it is moved from. Whoever does not agree to that throws, and the tag stays what it is.
   */
  readonly beforeTag?: ((op: Op, to: Digest) => Promise<Digest | undefined>) | undefined;
  /** Where `tag` points in the target, where it was asked a moment ago. */
  readonly tagged?: Digest | undefined;
  /** Of an index: only these of its manifests, in a new index; see `someOfIndex`. Default all. */
  readonly platforms?: readonly Digest[] | undefined;
  /**
   * True: what is attached comes along, to whatever is copied and to what is attached itself: referrers, by API or fallback
   * tag, and what cosign keeps under tags. The fallback tag of the target gets what is new and loses nothing.
   */
  readonly referrers?: boolean;
  /** Blobs the target is known to hold: nothing is asked or sent. Its manifests are checked by the target all the same. */
  readonly held?: ((blob: Descriptor) => boolean) | undefined;
  /** Blobs that are sent without asking first whether they are there, which costs less than the answer would save. */
  readonly unasked?: ((blob: Descriptor) => boolean) | undefined;
}

const usual = { large: 5, small: 32 } as const;

/** Deepest nesting of indexes, and most descriptors, that one copy follows. */
const maxDepth = 8;
const maxNodes = 10_000;

/** Layers that their owners do not allow to be distributed stay where their `urls` point. */
const foreign = /\.(?:nondistributable|foreign)\./;

/**
 * Moves the graph below `ref` from one place to another: blobs before manifests, children before their index, and the root
 * with its tag last, so that a fault leaves no tag. What the target has is not sent again.
 * @param tag the name in the target; undefined: by digest only
 * @returns the descriptor of the root as it is in the target
 */
export async function copy(
  src: ReadStore,
  ref: string,
  dst: Store,
  tag: string | undefined,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const found = options.found ?? (await src.manifest(ref, { signal: options.signal }));
  const root = options.platforms ? someOfIndex(found, options.platforms) : found;
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const run = new Run(src, dst, { ...options, signal }, () => failed.abort());
  await run.root(root, tag);
  return root.descriptor;
}

class Run {
  readonly #src: ReadStore;
  readonly #dst: Store;
  readonly #options: CopyOptions & { readonly signal: AbortSignal };
  readonly #lanes: Lanes;
  /** By digest, apart as blob and as manifest: registries keep the two apart, too. */
  readonly #seen = new Map<`${'blob' | 'manifest'} ${Digest}`, Promise<void>>();
  /** Every manifest that is in the target now, in the order it came. */
  readonly #manifests = new Map<Digest, Descriptor>();
  readonly #stop: () => void;
  #tag: string | undefined;

  constructor(
    src: ReadStore,
    dst: Store,
    options: CopyOptions & { readonly signal: AbortSignal },
    stop: () => void,
  ) {
    this.#stop = stop;
    this.#src = src;
    this.#dst = dst;
    this.#options = options;
    const { concurrency: each } = options;
    this.#lanes = new Lanes(each === undefined ? usual : { large: each, small: each });
  }

  /** A subject is there before what refers to it, as not every registry takes them the other way; the tag comes last. */
  async root({ descriptor, bytes }: FetchedManifest, tag: string | undefined): Promise<void> {
    this.#tag = tag;
    const { referrers } = this.#options;
    const first = referrers === true ? undefined : tag;
    if (!(await this.#again(descriptor, bytes, first))) {
      await this.manifest(descriptor, bytes, 0, first);
    }
    if (referrers === true) {
      await this.#attached();
      if (tag !== undefined) {
        await this.#push(descriptor, bytes, tag);
      }
    }
  }

  /** Under the tag that was asked for: a server that compares says whether it moved since it was looked at. */
  async #pushRoot(descriptor: Descriptor, bytes: Uint8Array, tag: string): Promise<void> {
    const { signal, beforeTag } = this.#options;
    const from = await beforeTag?.({ signal }, descriptor.digest);
    try {
      await this.#pushTo(descriptor, bytes, { tag, from });
    } catch (error) {
      if (!beforeTag || from === undefined || !isOciError(error, 'tag-exists')) {
        throw error;
      }
      const now = await beforeTag({ signal }, descriptor.digest);
      // It still points there: the server compares with something else.
      await this.#pushTo(descriptor, bytes, { tag, from: now === from ? undefined : now });
    }
  }

  /** True: the target had it, whole, and has it under the tag now. */
  async #again(descriptor: Descriptor, bytes: Uint8Array, tag: string | undefined): Promise<boolean> {
    const { mayBeThere, force, tagged } = this.#options;
    if (force !== true && tag !== undefined && tagged === descriptor.digest) {
      this.#present(descriptor);
      return true;
    }
    if (mayBeThere !== true || !(await this.#isThere(descriptor))) {
      return false;
    }
    try {
      await this.#push(descriptor, bytes, tag);
    } catch (error) {
      // It is there, and something below it is not.
      if (isOciError(error, 'not-found', 'request-refused', 'manifest-invalid')) {
        return false;
      }
      throw error;
    }
    this.#present(descriptor);
    return true;
  }

  /** What is attached to all that was copied, then what is attached to that, until nothing is. */
  async #attached(): Promise<void> {
    const tagsOf = cosignTags(this.#src, this.#options);
    for (let asked = 0; asked < this.#manifests.size;) {
      const next = [...this.#manifests.values()].slice(asked);
      asked = this.#manifests.size;
      await all(next.map((subject) => this.#attachedTo(subject, tagsOf)));
    }
  }

  async #attachedTo(subject: Descriptor, tagsOf: ReturnType<typeof cosignTags>): Promise<void> {
    const { signal } = this.#options;
    const { tags, referrers, present } = await this.#ask(() =>
      attachedTo(subject, this.#src, this.#dst, tagsOf, maxNodes, { signal }),
    );
    for (const referrer of referrers.filter(({ digest }) => present.has(digest))) {
      this.#present(referrer);
    }
    await all([
      ...referrers
        .filter(({ digest }) => !present.has(digest))
        .map((referrer) => this.#once(referrer, 1, () => this.#referrer(referrer, subject))),
      ...tags.map((tag) => this.#tagged(tag)),
    ]);
  }

  /** What a list names and is gone, or is about something else, is no referrer. */
  async #referrer(descriptor: Descriptor, subject: Descriptor): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#read(descriptor);
    } catch (error) {
      if (isOciError(error, 'not-found')) {
        return;
      }
      throw error;
    }
    if (parseManifest(bytes, descriptor.mediaType).subject?.digest === subject.digest) {
      await this.manifest(descriptor, bytes, 1);
    }
  }

  async #tagged(tag: string): Promise<void> {
    const { signal } = this.#options;
    const [{ descriptor, bytes }, there] = await this.#ask(() =>
      Promise.all([this.#src.manifest(tag, { signal }), findTag(this.#dst, tag, { signal })]),
    );
    if (there?.digest === descriptor.digest) {
      this.#present(descriptor);
      return;
    }
    const isKnown = this.#seen.has(`manifest ${descriptor.digest}`);
    await this.#once(descriptor, 1, () => this.manifest(descriptor, bytes, 1, tag));
    if (isKnown) {
      await this.#push(descriptor, bytes, tag);
    }
  }

  #present(descriptor: Descriptor): void {
    if (!this.#manifests.has(descriptor.digest)) {
      this.#manifests.set(descriptor.digest, descriptor);
      this.#options.onPlan?.(descriptor);
      this.#options.onDone?.(descriptor, 'present');
    }
  }

  /** Below an index there is more to look at than the index says, where what is attached comes along. */
  async #isThere(descriptor: Descriptor): Promise<boolean> {
    const { signal, force, referrers } = this.#options;
    return (
      force !== true &&
      !(referrers === true && isIndexType(descriptor.mediaType)) &&
      (await this.#ask(() => this.#dst.has(descriptor, { signal })))
    );
  }

  #read(descriptor: Descriptor): Promise<Uint8Array> {
    const { signal } = this.#options;
    return this.#ask(() =>
      readVerified(this.#src.fetch(descriptor, { signal }), descriptor, maxManifestSize),
    );
  }

  #push(descriptor: Descriptor, bytes: Uint8Array, tag: string | undefined): Promise<void> {
    return tag !== undefined && tag === this.#tag
      ? this.#pushRoot(descriptor, bytes, tag)
      : this.#pushTo(descriptor, bytes, { tag });
  }

  #pushTo(descriptor: Descriptor, bytes: Uint8Array, where: Pick<PushOp, 'tag' | 'from'>): Promise<void> {
    const { signal, onBytes } = this.#options;
    return this.#ask(() => this.#dst.push(descriptor, bodyOf(bytes), { signal, onBytes, ...where }));
  }

  /** Questions and manifests are small. */
  #ask<T>(task: () => Promise<T>): Promise<T> {
    return this.#lanes.run(0, task, this.#options.signal);
  }

  /** All below, then the manifest itself. The lanes are held by transfers only, so that waiting parents cannot starve it. */
  async manifest(descriptor: Descriptor, bytes: Uint8Array, depth: number, tag?: string): Promise<void> {
    if (depth > maxDepth) {
      throw new OciError('manifest-invalid', `Indexes are nested deeper than ${maxDepth}`);
    }
    this.#options.onPlan?.(descriptor);
    const below = successors(parseManifest(bytes, descriptor.mediaType)).filter(
      ({ mediaType }) => !foreign.test(mediaType),
    );
    if (below.length > maxNodes) {
      throw tooMany();
    }
    await all(below.map((child) => this.#once(child, depth + 1)));
    await this.#push(descriptor, bytes, tag);
    this.#manifests.set(descriptor.digest, descriptor);
    this.#options.onDone?.(descriptor, 'copied');
  }

  #once(descriptor: Descriptor, depth: number, run?: () => Promise<void>): Promise<void> {
    const isManifest = isManifestType(descriptor.mediaType);
    const key = `${isManifest ? 'manifest' : 'blob'} ${descriptor.digest}` as const;
    const known = this.#seen.get(key);
    if (known) {
      return known;
    }
    if (this.#seen.size >= maxNodes) {
      return Promise.reject(tooMany());
    }
    const work = run?.() ?? (isManifest ? this.#child(descriptor, depth) : this.#blob(descriptor));
    this.#seen.set(key, work);
    // The other transfers end with the first that failed.
    work.catch(this.#stop);
    return work;
  }

  /** A manifest the target has is taken to be whole there, as every registry checks on push. */
  async #child(descriptor: Descriptor, depth: number): Promise<void> {
    if (await this.#isThere(descriptor)) {
      this.#present(descriptor);
    } else {
      await this.manifest(descriptor, await this.#read(descriptor), depth);
    }
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    this.#options.onPlan?.(descriptor);
    const { signal, share } = this.#options;
    const { size } = descriptor;
    const transfer = (): Promise<'copied' | 'present' | 'mounted'> =>
      copyBlob(descriptor, this.#src, this.#dst, this.#options);
    const shared = share ? () => share.run(size, transfer, signal) : transfer;
    const how = await this.#lanes.run(size, shared, signal);
    this.#options.onDone?.(descriptor, how);
  }
}

/**
 * Brings a blob to where it is wanted: what is there already is not sent, and is mounted where a neighbour has it.
 * @throws {OciError} as the stores do
 */
export async function copyBlob(
  descriptor: Descriptor,
  src: ReadStore,
  dst: Store,
  { signal, onBytes, held, unasked }: Pick<CopyOptions, 'held' | 'unasked'> & Omit<PushOp, 'tag'>,
): Promise<'copied' | 'present' | 'mounted'> {
  if (held?.(descriptor) === true) {
    return 'present';
  }
  if (
    canMount(src) &&
    canMount(dst) &&
    src.mountSpace === dst.mountSpace &&
    src.repository !== dst.repository
  ) {
    if (await dst.mount(descriptor, src.repository, { signal })) {
      return 'mounted';
    }
  }
  if (unasked?.(descriptor) !== true && (await dst.has(descriptor, { signal }))) {
    return 'present';
  }
  await dst.push(descriptor, () => src.fetch(descriptor, { signal }), { signal, onBytes });
  return 'copied';
}

function tooMany(): OciError {
  return new OciError('manifest-invalid', `More than ${maxNodes} descriptors`);
}

/** As `Promise.all`, but waits for all to settle, so that nothing runs on behind the caller's back. */
export async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failure = results.find((result) => result.status === 'rejected' && !isFollowUp(result.reason));
  const rejected = failure ?? results.find((result) => result.status === 'rejected');
  if (rejected?.status === 'rejected') {
    throw rejected.reason as Error;
  }
}

function isFollowUp(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'AbortError';
}
