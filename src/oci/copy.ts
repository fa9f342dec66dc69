import { Limiter } from '../base/limiter.ts';
import { bodyOf } from '../base/bytes.ts';
import { readVerified } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { maxManifestSize, parseManifest, successors } from './manifest.ts';
import { isManifestType } from './mediaTypes.ts';
import { canMount, type CopyEvents, type Op, type ReadStore, type Store } from './store.ts';

export interface CopyOptions extends Op, CopyEvents {
  /** Blobs and manifests under way at once. Default 5. */
  readonly concurrency?: number;
  /** True: look below manifests that the target has too (repairs a partial copy). */
  readonly force?: boolean;
}

/** Deepest nesting of indexes, and most descriptors, that one copy follows. */
const maxDepth = 8;
const maxNodes = 10_000;

/** Layers that their owners do not allow to be distributed stay where their `urls` point. */
const foreign = /\.(?:nondistributable|foreign)\./;

/**
 * Moves the graph below `ref` from one place to another: blobs before manifests, children before their index, and the root
 * with its tag last, so that a fault leaves no tag. What the target has is not sent again.
 * @param tag the name in the target; undefined: by digest only
 * @returns the descriptor of the root
 */
export async function copy(
  src: ReadStore,
  ref: string,
  dst: Store,
  tag: string | undefined,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const root = await src.manifest(ref, { signal: options.signal });
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const run = new Run(src, dst, { ...options, signal }, () => failed.abort());
  await run.manifest(root.descriptor, root.bytes, 0, tag);
  return root.descriptor;
}

class Run {
  readonly #src: ReadStore;
  readonly #dst: Store;
  readonly #options: CopyOptions & { readonly signal: AbortSignal };
  readonly #limiter: Limiter;
  /** By digest, apart as blob and as manifest: registries keep the two apart, too. */
  readonly #seen = new Map<`${'blob' | 'manifest'} ${Digest}`, Promise<void>>();
  readonly #stop: () => void;

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
    this.#limiter = new Limiter(options.concurrency ?? 5);
  }

  /** All below, then the manifest itself. The limiter is held by transfers only, so that waiting parents cannot starve it. */
  async manifest(descriptor: Descriptor, bytes: Uint8Array, depth: number, tag?: string): Promise<void> {
    if (depth > maxDepth) {
      throw new OciError('manifest-invalid', `Indexes are nested deeper than ${maxDepth}`);
    }
    const { signal, onPlan, onBytes, onDone } = this.#options;
    onPlan?.(descriptor);
    const below = successors(parseManifest(bytes, descriptor.mediaType)).filter(
      ({ mediaType }) => !foreign.test(mediaType),
    );
    if (below.length > maxNodes) {
      throw tooMany();
    }
    await all(below.map((child) => this.#once(child, depth + 1)));
    await this.#limiter.run(
      () => this.#dst.push(descriptor, bodyOf(bytes), { signal, tag, onBytes }),
      signal,
    );
    onDone?.(descriptor, 'copied');
  }

  #once(descriptor: Descriptor, depth: number): Promise<void> {
    const isManifest = isManifestType(descriptor.mediaType);
    const key = `${isManifest ? 'manifest' : 'blob'} ${descriptor.digest}` as const;
    const known = this.#seen.get(key);
    if (known) {
      return known;
    }
    if (this.#seen.size >= maxNodes) {
      return Promise.reject(tooMany());
    }
    const work = isManifest ? this.#child(descriptor, depth) : this.#blob(descriptor);
    this.#seen.set(key, work);
    // The other transfers end with the first that failed.
    work.catch(this.#stop);
    return work;
  }

  /** A manifest the target has is taken to be whole there, as every registry checks on push. */
  async #child(descriptor: Descriptor, depth: number): Promise<void> {
    const { signal, force, onPlan, onDone } = this.#options;
    if (force !== true && (await this.#limiter.run(() => this.#dst.has(descriptor, { signal }), signal))) {
      onPlan?.(descriptor);
      onDone?.(descriptor, 'present');
      return;
    }
    const bytes = await this.#limiter.run(
      () => readVerified(this.#src.fetch(descriptor, { signal }), descriptor, maxManifestSize),
      signal,
    );
    await this.manifest(descriptor, bytes, depth);
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    this.#options.onPlan?.(descriptor);
    const how = await this.#limiter.run(() => this.#transfer(descriptor), this.#options.signal);
    this.#options.onDone?.(descriptor, how);
  }

  async #transfer(descriptor: Descriptor): Promise<'copied' | 'present' | 'mounted'> {
    const { signal, onBytes } = this.#options;
    const src = this.#src;
    const dst = this.#dst;
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
    if (await dst.has(descriptor, { signal })) {
      return 'present';
    }
    await dst.push(descriptor, () => src.fetch(descriptor, { signal }), { signal, onBytes });
    return 'copied';
  }
}

function tooMany(): OciError {
  return new OciError('manifest-invalid', `More than ${maxNodes} descriptors`);
}

/** As `Promise.all`, but waits for all to settle, so that nothing runs on behind the caller's back. */
async function all(work: readonly Promise<void>[]): Promise<void> {
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
