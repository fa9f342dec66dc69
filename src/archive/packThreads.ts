import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { blockPacker } from './blockPacker.ts';

/** One block; its memory was moved to who works on it and back, and can be used again. */
export interface PackedBlock {
  /** What the block stood in. */
  readonly buffer: ArrayBuffer;
  /** Begins with the packed bytes. */
  readonly out: ArrayBuffer;
  /** How many they are. */
  readonly size: number;
}

interface Job {
  readonly buffer: ArrayBuffer;
  /** Takes what is packed. */
  readonly out: ArrayBuffer;
  /** Bytes that stand before the block, and of both. */
  readonly before: number;
  readonly end: number;
  readonly level: number;
}

interface Waiting {
  readonly resolve: (block: PackedBlock) => void;
  readonly reject: (error: Error) => void;
}

/** Each takes some megabytes. */
const maxThreads = 6;

/** Little is made anew in a thread; what is, is tidied up early. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 };

export const threadCount = Math.min(availableParallelism(), maxThreads);

/** What a thread runs: it answers in the order it is asked. */
const threadText = `
const { parentPort } = process.getBuiltinModule('node:worker_threads');
const pack = (${blockPacker.toString()})();
parentPort.on('message', ({ buffer, out, before, end, level }) => {
  const size = pack(Buffer.from(buffer, 0, end), before, level, Buffer.from(out));
  parentPort.postMessage({ buffer, out, size }, [buffer, out]);
});
`;

/**
 * Threads of our own, as many as there are processors: the four that Node has for all its work are shared with the reading of files.
 * They are there while someone packs.
 */
class PackThreads {
  #members = 0;
  #threads: Thread[] = [];

  join(): void {
    this.#members++;
  }

  leave(): void {
    this.#members--;
    if (this.#members === 0) {
      for (const thread of this.#threads) {
        thread.end();
      }
      this.#threads = [];
    }
  }

  /** By the thread that has least to do; one that failed is replaced. */
  pack(job: Job): Promise<PackedBlock> {
    this.#threads = this.#threads.filter(({ hasFailed }) => !hasFailed);
    let next = this.#threads.toSorted((a, b) => a.waiting - b.waiting)[0];
    if (!next || (next.waiting > 0 && this.#threads.length < threadCount)) {
      next = new Thread();
      this.#threads.push(next);
    }
    return next.pack(job);
  }
}

class Thread {
  hasFailed = false;
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];

  constructor() {
    // Nothing of how this process was started is for it.
    this.#worker = new Worker(threadText, { eval: true, execArgv: [], name: 'pack', resourceLimits });
    this.#worker.unref();
    this.#worker.on('message', (block: PackedBlock) => {
      this.#waiting.shift()?.resolve(block);
      if (this.#waiting.length === 0) {
        this.#worker.unref();
      }
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('A thread that packs has ended')));
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  pack(job: Job): Promise<PackedBlock> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // What waits for it keeps the process.
      this.#worker.ref();
      this.#worker.postMessage(job, [job.buffer, job.out]);
    });
  }

  end(): void {
    void this.#worker.terminate();
  }

  #fail(error: unknown): void {
    this.hasFailed = true;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

export const packThreads = new PackThreads();
