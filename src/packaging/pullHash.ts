import { createReadStream } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Digester, type Algorithm, type Digest } from '../oci/digest.ts';

/** The digest of a file that is still being written. */
export interface GrowingHash {
  /** So many bytes from its start are there; only ever more. */
  reach(size: number): void;
  /** Of all its bytes; to be called once they are there. Rejects with errors of reading. */
  digest(): Promise<Digest>;
  /** It is not wanted any more. */
  end(): void;
}

/** From this size on a thread of its own takes less than it costs. */
const threadFrom = 16 * 1024 * 1024;

interface Job {
  readonly id: number;
  readonly path?: string;
  readonly algorithm?: Algorithm;
  readonly size?: number;
  readonly reached?: number;
}

interface Told {
  readonly id: number;
  /** Undefined where it could not be. */
  readonly hex?: string;
}

/** Hashes files as they grow, large ones on a thread, which reads what the system still holds of them in memory. */
export class FileHasher {
  #worker: Worker | undefined;
  #count = 0;
  readonly #waiting = new Map<number, (told: Told) => void>();

  start(path: string, algorithm: Algorithm, size: number): GrowingHash {
    return size < threadFrom ? hashHere(path, algorithm) : this.#onThread(path, algorithm, size);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #onThread(path: string, algorithm: Algorithm, size: number): GrowingHash {
    const worker = (this.#worker ??= this.#thread());
    const id = this.#count++;
    const { promise, resolve } = Promise.withResolvers<Told>();
    this.#waiting.set(id, resolve);
    const post = (job: Omit<Job, 'id'>): void => worker.postMessage({ id, ...job } satisfies Job);
    post({ path, algorithm, size });
    return {
      reach: (reached) => post({ reached }),
      digest: async () => {
        const { hex } = await promise;
        // Where there can be no thread, it takes longer.
        return hex === undefined ? hashHere(path, algorithm).digest() : (`${algorithm}:${hex}` as Digest);
      },
      end: () => {
        this.#waiting.delete(id);
        post({ reached: -1 });
      },
    };
  }

  #thread(): Worker {
    const worker = new Worker(`(${hashing.toString()})()`, {
      eval: true,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    });
    worker.on('message', (told: Told) => {
      this.#waiting.get(told.id)?.(told);
      this.#waiting.delete(told.id);
    });
    const end = (): void => {
      for (const [id, tell] of this.#waiting) {
        tell({ id });
      }
      this.#waiting.clear();
    };
    worker.on('error', end);
    worker.on('exit', end);
    return worker;
  }
}

/** On the thread of the caller, in pieces, once all is there. */
function hashHere(path: string, algorithm: Algorithm): GrowingHash {
  return {
    reach: () => undefined,
    digest: async () => {
      const digester = new Digester(algorithm);
      for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
        digester.update(chunk as Uint8Array);
      }
      return digester.digest();
    },
    end: () => undefined,
  };
}

/** Runs on the thread as a text of its own, so it names nothing of this module. */
function hashing(): void {
  const { parentPort } = process.getBuiltinModule('node:worker_threads');
  const { createHash: create } = process.getBuiltinModule('node:crypto');
  const { openSync, readSync, closeSync } = process.getBuiltinModule('node:fs');
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const files = new Map<
    number,
    { readonly file: number; readonly hash: ReturnType<typeof create>; readonly size: number; at: number }
  >();
  parentPort?.on('message', ({ id, path = '', algorithm = 'sha256', size = 0, reached }: Job) => {
    try {
      if (reached === undefined) {
        files.set(id, { file: openSync(path, 'r'), hash: create(algorithm), size, at: 0 });
        return;
      }
      const known = files.get(id);
      if (!known) {
        return;
      }
      while (known.at < reached) {
        const length = Math.min(buffer.byteLength, reached - known.at);
        const count = readSync(known.file, buffer, 0, length, known.at);
        if (count === 0) {
          throw new Error('The file is shorter than what was written');
        }
        known.hash.update(count === buffer.byteLength ? buffer : buffer.subarray(0, count));
        known.at += count;
      }
      if (reached < 0 || known.at >= known.size) {
        files.delete(id);
        closeSync(known.file);
        if (reached >= 0) {
          parentPort.postMessage({ id, hex: known.hash.digest('hex') });
        }
      }
    } catch {
      files.delete(id);
      parentPort.postMessage({ id });
    }
  });
}
