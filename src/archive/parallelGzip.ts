import { crc32 } from 'node:zlib';
import { SpareMemory } from '../base/spareMemory.ts';
import { blockPacker, packedSize } from './blockPacker.ts';
import { packThreads, threadCount, type PackedBlock } from './packThreads.ts';

export interface GzipOptions {
  /** 1 to 9. Default 5: on source code within two percent of the size of 6, in two thirds of its time; 4 is six percent larger. */
  readonly level?: number;
  /** Blocks of 1 MiB that are compressed at once. Default two more than there are threads, so that none waits for another. */
  readonly concurrency?: number;
  /** True: a piece is done with when the next is asked for, and its memory used again. */
  readonly isBrief?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const blockSize = 1024 * 1024;
const windowSize = 32 * 1024;
/** A block of no bytes that says it is the last. */
const ending = Buffer.from([0x03, 0x00]);
/** Deflate, no name, no time, unknown system: what Go writes. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** Of what fits into one block. */
let ownPacker: ReturnType<typeof blockPacker> | undefined;

/**
 * One gzip member, its blocks compressed on several threads: each knows the 32 KiB before it, so that almost nothing is lost.
 * What is compressed already is stored as it is, which takes no time. The same bytes give the same bytes, however they come in
 * pieces, and however many threads there are. Memory is bounded by the blocks under way, and used again.
 */
export async function* parallelGzip(
  source: AsyncIterable<Uint8Array>,
  { level = 5, concurrency = threadCount + 2, isBrief = false, signal }: GzipOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield header;
  const working: Promise<PackedBlock>[] = [];
  const blocks = new Blocks();
  const outs = new SpareMemory(packedSize(windowSize + blockSize));
  /** What the next has packed. */
  const next = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    const done = await working.shift();
    if (done) {
      blocks.give(done.buffer);
      yield* outs.lent(done.out, done.size, isBrief);
    }
  };
  let crc = 0;
  let size = 0;
  packThreads.join();
  try {
    for await (const { buffer, before, end, isOnly } of blocks.of(source)) {
      signal?.throwIfAborted();
      const bytes = Buffer.from(buffer, 0, end);
      crc = crc32(bytes.subarray(before), crc);
      size += end - before;
      if (isOnly) {
        // A thread would take longer to begin.
        ownPacker ??= blockPacker();
        const out = Buffer.allocUnsafe(packedSize(bytes.byteLength));
        yield out.subarray(0, ownPacker(bytes, before, level, out));
        continue;
      }
      const packed = packThreads.pack({ buffer, out: outs.take(), before, end, level });
      // Those behind one that failed are waited for, too.
      packed.catch(() => undefined);
      working.push(packed);
      if (working.length >= concurrency) {
        yield* next();
      }
    }
    while (working.length > 0) {
      signal?.throwIfAborted();
      yield* next();
    }
  } finally {
    await Promise.allSettled(working);
    packThreads.leave();
  }
  yield ending;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield trailer;
}

interface Block {
  readonly buffer: ArrayBuffer;
  /** Bytes of the block before, which stand before it. */
  readonly before: number;
  readonly end: number;
  /** Nothing comes before and behind it. */
  readonly isOnly: boolean;
}

/** A source cut into blocks of one size, of which the last may be shorter. */
class Blocks {
  readonly #free: ArrayBuffer[] = [];

  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, undefined> {
    let bytes = this.#take();
    let before = 0;
    let end = 0;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.byteLength;) {
        if (end === before + blockSize) {
          const next = this.#take();
          const tail = bytes.copy(next, 0, end - windowSize, end);
          yield { buffer: bytes.buffer, before, end, isOnly: false };
          bytes = next;
          before = tail;
          end = tail;
        }
        const piece = chunk.subarray(at, at + before + blockSize - end);
        bytes.set(piece, end);
        end += piece.byteLength;
        at += piece.byteLength;
      }
    }
    if (end > before) {
      yield { buffer: bytes.buffer, before, end, isOnly: before === 0 };
    }
  }

  give(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
  }

  #take(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#free.pop() ?? new ArrayBuffer(windowSize + blockSize));
  }
}
