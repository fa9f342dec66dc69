import { constants } from 'node:fs';
import { open, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Lanes } from '../base/lanes.ts';
import { Limiter } from '../base/limiter.ts';
import type { Share } from '../base/shares.ts';
import { checkSize, verified } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, hexOf, type Digest } from '../oci/digest.ts';
import { isAbort, isOciError, OciError } from '../oci/errors.ts';
import { writeAll, type Place } from '../oci/layout/writeFile.ts';
import type { FetchOp, ReadStore } from '../oci/store.ts';
import { FileHasher } from './pullHash.ts';
import { PullParts, type Part } from './pullParts.ts';

export interface PullBlobsOptions {
  readonly store: ReadStore;
  /** Where they are kept; what is there of a pull before is gone on with. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly share: Pick<Share, 'run'> | undefined;
  /** Bytes that are there since the last call; negative where they are fetched anew. */
  readonly onBytes: (bytes: number) => void;
  /** A test pulls little. */
  readonly sizes?: PullSizes | undefined;
}

const MiB = 1024 * 1024;

/** In bytes. */
export interface PullSizes {
  /** Smaller blobs are fetched in one request, and again when a pull was killed. */
  readonly keptFrom: number;
  /** From this size on several parts of a blob are fetched at once. */
  readonly rangesFrom: number;
  /** Parts, at least. */
  readonly part: number;
}

const usual: PullSizes = { keptFrom: MiB, rangesFrom: 64 * MiB, part: 16 * MiB };

/** Parts of large blobs under way at once, and requests in all. */
const maxRanges = 4;
const maxRequests = { large: 8, small: 32 } as const;

const partsSuffix = '.parts';

interface PartsList {
  add(start: number, end: number): void;
  close(): Promise<void>;
}

/** The blobs of one pull, each fetched into a file by its digest and verified there. */
export class PullBlobs {
  readonly options: PullBlobsOptions;
  readonly sizes: PullSizes;
  readonly hasher = new FileHasher();
  readonly ranges = new Limiter(maxRanges);
  readonly #requests = new Lanes(maxRequests);
  readonly #all = new Map<Digest, PulledBlob>();

  constructor(options: PullBlobsOptions) {
    this.options = options;
    this.sizes = options.sizes ?? usual;
  }

  /** Begins at once; `whole` says when all is there. @throws {OciError} `size-mismatch` where it is said to have two sizes */
  fetch(descriptor: Descriptor): PulledBlob {
    const known = this.#all.get(descriptor.digest);
    if (known) {
      checkSize(descriptor, known.size);
      return known;
    }
    const blob = new PulledBlob(this, descriptor);
    this.#all.set(descriptor.digest, blob);
    blob.start();
    return blob;
  }

  pathOf({ digest }: Pick<Descriptor, 'digest'>): string {
    return join(this.options.folder, `${algorithmOf(digest)}-${hexOf(digest)}`);
  }

  /** Waits for a place among the requests that are under way. */
  request<T>(size: number, task: () => Promise<T>): Promise<T> {
    const { share, signal } = this.options;
    return (share ?? this.#requests).run(size, task, signal);
  }

  /** Nothing is written any more when it returns. What is under way has to be done, or aborted. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#all.values()].map((blob) => blob.whole()));
    await this.hasher.close();
  }
}

/** One blob that becomes a file. */
export class PulledBlob {
  readonly path: string;
  readonly size: number;
  readonly #blobs: PullBlobs;
  readonly #descriptor: Descriptor;
  #parts = new PullParts();
  /** Told whenever more of the start is there, or nothing more will be. */
  #news = Promise.withResolvers<undefined>();
  #restarts = 0;
  #whole: Promise<void> | undefined;
  #failure: unknown;

  constructor(blobs: PullBlobs, descriptor: Descriptor) {
    this.#blobs = blobs;
    this.#descriptor = descriptor;
    this.size = descriptor.size;
    this.path = blobs.pathOf(descriptor);
  }

  start(): void {
    this.#whole = this.#run();
    this.#whole.catch((error: unknown) => {
      this.#failure = error;
      this.#tell();
    });
  }

  /** All of it is there and is what the descriptor says. @throws {OciError} as `ReadStore.fetch`, and errors of files */
  async whole(): Promise<void> {
    await this.#whole;
  }

  /** How often all that was there had to be given up, because it was not what it should be. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Its bytes as they come; at the end they are verified. Ends with a fault where they have to be fetched anew. */
  async *follow(): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#descriptor;
    const began = this.#restarts;
    let file: FileHandle | undefined;
    try {
      for (let at = 0; at < size;) {
        const end = this.#parts.prefix;
        if (this.#failure !== undefined) {
          throw this.#failure as Error;
        }
        this.#checkBegan(began);
        if (at >= end) {
          await this.#news.promise;
          continue;
        }
        file ??= await open(this.path, 'r');
        const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, end - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, at);
        if (bytesRead === 0) {
          throw new OciError('file-error', `${this.path} was cut`, { url: this.path });
        }
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file?.close();
    }
    await this.#whole;
    this.#checkBegan(began);
  }

  #checkBegan(restarts: number): void {
    if (this.#restarts !== restarts) {
      throw new OciError('connection-lost', `${this.#descriptor.digest} is fetched anew`);
    }
  }

  async #run(): Promise<void> {
    const { size } = this.#descriptor;
    try {
      this.#parts = await this.#known();
      this.#tell();
      this.#blobs.options.onBytes(this.#parts.bytes);
      // Parts that do not fit may be the fault of whoever sends parts, or of what was there before.
      const mayBeAgain = this.#parts.bytes > 0 || size >= this.#blobs.sizes.rangesFrom;
      if (!mayBeAgain) {
        await this.#inOne();
        return;
      }
      try {
        await this.#inParts();
      } catch (error) {
        if (!isOciError(error, 'digest-mismatch', 'size-mismatch')) {
          throw error;
        }
        await this.#again();
      }
    } catch (error) {
      // What stores do not name is what the network says when a body breaks off.
      throw isOciError(error) || isAbort(error) || isFileError(error)
        ? error
        : new OciError('connection-lost', `${this.#descriptor.digest} broke off`, { cause: error });
    }
  }

  /** What is there of a pull before. A file without a list of parts is whole, or was too small to have one. */
  async #known(): Promise<PullParts> {
    const { size } = this.#descriptor;
    const there = await stat(this.path).catch(() => undefined);
    const list = await readFile(this.#list, 'utf8').catch(() => undefined);
    if (!there || there.size > size) {
      return new PullParts();
    }
    return list === undefined
      ? new PullParts(there.size === size ? [[0, size]] : [])
      : PullParts.parse(list, there.size);
  }

  get #list(): string {
    return `${this.path}${partsSuffix}`;
  }

  /** In one request, verified on the way. */
  async #inOne(): Promise<void> {
    const { store, signal, onBytes } = this.#blobs.options;
    const { size } = this.#descriptor;
    await this.#blobs.request(size, async () => {
      const file = await open(this.path, 'w');
      const list = size < this.#blobs.sizes.keptFrom ? undefined : await this.#openList();
      try {
        const source = verified(store.fetch(this.#descriptor, { signal }), this.#descriptor, signal);
        await writeAll(file, source, onBytes, this.#place([0, size], list));
      } finally {
        await list?.close();
        await file.close();
      }
    });
    await rm(this.#list, { force: true });
  }

  async #inParts(): Promise<void> {
    const { size, digest } = this.#descriptor;
    const file = await open(this.path, constants.O_RDWR | constants.O_CREAT);
    const hash = this.#blobs.hasher.start(this.path, algorithmOf(digest), size);
    try {
      hash.reach(this.#parts.prefix);
      await this.#gaps(file, () => hash.reach(this.#parts.prefix));
      this.#check(await hash.digest());
    } finally {
      hash.end();
      await file.close();
    }
    await rm(this.#list, { force: true });
  }

  /** Several at once, once the first answer shows that there are ranges. */
  async #gaps(file: FileHandle, onWritten: () => void): Promise<void> {
    const { size } = this.#descriptor;
    const { signal } = this.#blobs.options;
    // Enough that their requests cost nothing, and little enough that the last ones end together.
    const { rangesFrom, part } = this.#blobs.sizes;
    const piece = size < rangesFrom ? size : Math.min(64 * MiB, Math.max(part, Math.ceil(size / 32)));
    const [first, ...others] = this.#parts.gaps(size, piece);
    if (!first) {
      return;
    }
    const list = await this.#openList();
    const fetch = ([start, end]: Part, op: FetchOp, onBegin?: () => void): Promise<void> =>
      this.#ranged(async () => {
        const source = this.#part({ ...op, start, end }, onBegin);
        await writeAll(file, source, this.#blobs.options.onBytes, this.#place([start, end], list, onWritten));
      });
    const failed = new AbortController();
    const op = {
      signal: AbortSignal.any([signal, failed.signal]),
      ...(others.length > 0 ? { neverSkips: true } : {}),
    };
    try {
      const begun = Promise.withResolvers<undefined>();
      const work = fetch(first, op, () => begun.resolve(undefined));
      work.then(() => begun.resolve(undefined), begun.reject);
      await begun.promise;
      const all = [work, ...others.map((part) => fetch(part, op))];
      for (const each of all) {
        each.catch(() => failed.abort());
      }
      const results = await Promise.allSettled(all);
      signal.throwIfAborted();
      const reasons = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as Error] : [],
      );
      const [reason] = reasons.toSorted((one, other) => Number(isAbort(one)) - Number(isAbort(other)));
      if (reason) {
        throw reason;
      }
    } catch (error) {
      if (!isOciError(error, 'unsupported') || others.length === 0) {
        throw error;
      }
      // There are no ranges: from the start to the end, in one.
      const [[start] = [0]] = this.#parts.gaps(size, size);
      await fetch([start, size], { signal });
    } finally {
      await list.close();
    }
  }

  async #openList(): Promise<PartsList> {
    const file = await open(this.#list, 'a');
    let writing = Promise.resolve();
    return {
      // A list that cannot be written only means that more is fetched by a later pull.
      add: (start, end) => {
        writing = writing.then(() => file.write(`${start} ${end}\n`)).then(noop, noop);
      },
      close: async () => {
        await writing;
        await file.close();
      },
    };
  }

  /** Where a part goes. What is written is told of in steps, as each wakes threads. */
  #place([start, end]: Part, list: PartsList | undefined, onWritten = noop): Place {
    let at = start;
    return {
      start,
      isOwn: this.#blobs.options.store.isRemote,
      onWritten: (reached) => {
        if (reached - at >= this.#step || reached === end) {
          list?.add(at, reached);
          this.#add(at, reached);
          at = reached;
          onWritten();
        }
      },
    };
  }

  get #step(): number {
    return Math.min(4 * MiB, Math.max(MiB, this.#descriptor.size / 64));
  }

  #ranged<T>(task: () => Promise<T>): Promise<T> {
    return this.#blobs.ranges.run(() => this.#blobs.request(this.size, task), this.#blobs.options.signal);
  }

  /** A part, unverified: it is the file that is verified. */
  async *#part(op: FetchOp, onBegin?: () => void): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#blobs.options.store.fetch(this.#descriptor, op)) {
      op.signal?.throwIfAborted();
      onBegin?.();
      yield chunk;
    }
  }

  /** All that is there is given up. */
  async #again(): Promise<void> {
    this.#blobs.options.onBytes(-this.#parts.bytes);
    this.#restarts++;
    this.#parts = new PullParts();
    this.#tell();
    await rm(this.#list, { force: true });
    await this.#inOne();
  }

  #check(found: string): void {
    const { digest } = this.#descriptor;
    if (found !== digest) {
      throw new OciError('digest-mismatch', `Content of ${digest} has the digest ${found}`);
    }
  }

  #add(start: number, end: number): void {
    this.#parts.add(start, end);
    this.#tell();
  }

  #tell(): void {
    this.#news.resolve(undefined);
    this.#news = Promise.withResolvers();
  }
}

function noop(): void {
  // What there is to say is said elsewhere.
}

function isFileError(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  return (
    error instanceof Error && typeof syscall === 'string' && !/^(?:read|connect|getaddrinfo)$/.test(syscall)
  );
}
