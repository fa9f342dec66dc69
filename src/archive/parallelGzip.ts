import { crc32, constants, deflateRaw } from 'node:zlib';

export interface GzipOptions {
  /** 0 to 9. Default 6. */
  readonly level?: number;
  /** Blocks of 1 MiB that are compressed at once. Default 3: of Node's four threads one is left to read files. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
}

const blockSize = 1024 * 1024;
const windowSize = 32 * 1024;
/** Deflate, no name, no time, unknown system: what Go writes. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * One gzip member, its blocks compressed on several threads: each knows the 32 KiB before it, so that almost nothing is lost.
 * The same bytes give the same bytes, however they come in pieces. Memory is bounded by the blocks under way.
 */
export async function* parallelGzip(
  source: AsyncIterable<Uint8Array>,
  { level = 6, concurrency = 3, signal }: GzipOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield header;
  const working: Promise<Uint8Array>[] = [];
  let crc = 0;
  let size = 0;
  let before: Uint8Array = new Uint8Array();
  try {
    for await (const { bytes, isLast } of blocksOf(source)) {
      signal?.throwIfAborted();
      crc = crc32(bytes, crc);
      size += bytes.byteLength;
      const compressed = deflated(bytes, before, isLast, level);
      // Those behind one that failed are waited for, too.
      compressed.catch(() => undefined);
      working.push(compressed);
      before = bytes.subarray(-windowSize);
      if (working.length >= concurrency) {
        yield* await first(working);
      }
    }
    while (working.length > 0) {
      signal?.throwIfAborted();
      yield* await first(working);
    }
  } finally {
    await Promise.allSettled(working);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield trailer;
}

async function first(working: Promise<Uint8Array>[]): Promise<readonly Uint8Array[]> {
  const next = working.shift();
  return next ? [await next] : [];
}

function deflated(
  bytes: Uint8Array,
  dictionary: Uint8Array,
  isLast: boolean,
  level: number,
): Promise<Uint8Array> {
  const options = {
    level,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    // As much as a block can come to, so that no piece is copied.
    chunkSize: 256 * 1024,
    ...(dictionary.byteLength > 0 ? { dictionary } : {}),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

interface Block {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** The source cut into blocks of one size; the last may be shorter, and is there even when the source is empty. */
async function* blocksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, undefined> {
  let block = Buffer.allocUnsafeSlow(blockSize);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength;) {
      if (filled === blockSize) {
        yield { bytes: block, isLast: false };
        block = Buffer.allocUnsafeSlow(blockSize);
        filled = 0;
      }
      const piece = chunk.subarray(at, at + blockSize - filled);
      block.set(piece, filled);
      filled += piece.byteLength;
      at += piece.byteLength;
    }
  }
  yield { bytes: block.subarray(0, filled), isLast: true };
}
