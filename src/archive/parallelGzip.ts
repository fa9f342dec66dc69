import { crc32, constants, deflateRaw } from 'node:zlib';
import { hasRepeats, isDense, unitSize } from './density.ts';

export interface GzipOptions {
  /** 1 to 9. Default 5: on source code within one percent of the size of 6, in two thirds of its time. */
  readonly level?: number;
  /** Blocks of 1 MiB that are compressed at once. Default 3: of Node's four threads one is left to read files. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
}

const blockSize = 1024 * 1024;
const windowSize = 32 * 1024;
/** A block of no bytes that says it is the last. */
const ending = Buffer.from([0x03, 0x00]);
/** Most bytes of a block that is stored as it is (RFC 1951, 3.2.4). */
const maxStored = 65_535;
/** Deflate, no name, no time, unknown system: what Go writes. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * One gzip member, its blocks compressed on several threads: each knows the 32 KiB before it, so that almost nothing is lost.
 * What is compressed already is stored as it is, which takes no time. The same bytes give the same bytes, however they come in pieces. Memory is bounded by the blocks under way.
 */
export async function* parallelGzip(
  source: AsyncIterable<Uint8Array>,
  { level = 5, concurrency = 3, signal }: GzipOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  yield header;
  const working: Promise<Uint8Array>[] = [];
  let crc = 0;
  let size = 0;
  let before: Buffer = Buffer.alloc(0);
  try {
    for await (const bytes of blocksOf(source)) {
      signal?.throwIfAborted();
      crc = crc32(bytes, crc);
      size += bytes.byteLength;
      const compressed = compress(bytes, before, level);
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
  yield ending;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield trailer;
}

async function first(working: Promise<Uint8Array>[]): Promise<readonly Uint8Array[]> {
  const next = working.shift();
  return next ? [await next] : [];
}

/** One block, whole bytes of it. */
async function compress(block: Buffer, before: Buffer, level: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let dictionary = before;
  for (const { bytes, dense } of runsOf(block)) {
    const isStored = dense && !hasRepeats(bytes, dictionary);
    parts.push(isStored ? stored(bytes) : await deflated(bytes, dictionary, level));
    dictionary =
      bytes.byteLength >= windowSize
        ? bytes.subarray(-windowSize)
        : Buffer.concat([dictionary, bytes]).subarray(-windowSize);
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

interface Run {
  readonly bytes: Buffer;
  readonly dense: boolean;
}

/** The block cut where what is dense begins and ends. */
function runsOf(block: Buffer): readonly Run[] {
  const runs: Run[] = [];
  let start = 0;
  let dense: boolean | undefined;
  for (let at = 0; at < block.byteLength; at += unitSize) {
    const isUnitDense = isDense(block.subarray(at, at + unitSize));
    if (dense !== undefined && isUnitDense !== dense) {
      runs.push({ bytes: block.subarray(start, at), dense });
      start = at;
    }
    dense = isUnitDense;
  }
  return dense === undefined ? runs : [...runs, { bytes: block.subarray(start), dense }];
}

function stored(bytes: Uint8Array): Uint8Array {
  const count = Math.ceil(bytes.byteLength / maxStored);
  const result = Buffer.allocUnsafe(bytes.byteLength + 5 * count);
  for (let from = 0, to = 0; from < bytes.byteLength; from += maxStored) {
    const piece = bytes.subarray(from, from + maxStored);
    to = result.writeUInt8(0, to);
    to = result.writeUInt16LE(piece.byteLength, to);
    to = result.writeUInt16LE(piece.byteLength ^ 0xffff, to);
    result.set(piece, to);
    to += piece.byteLength;
  }
  return result;
}

function deflated(bytes: Uint8Array, dictionary: Uint8Array, level: number): Promise<Uint8Array> {
  const options = {
    level,
    finishFlush: constants.Z_SYNC_FLUSH,
    // As much as a block can come to, so that no piece is copied.
    chunkSize: 256 * 1024,
    ...(dictionary.byteLength > 0 ? { dictionary } : {}),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(bytes, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** The source cut into blocks of one size; the last may be shorter. */
async function* blocksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let block = Buffer.allocUnsafeSlow(blockSize);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength;) {
      if (filled === blockSize) {
        yield block;
        block = Buffer.allocUnsafeSlow(blockSize);
        filled = 0;
      }
      const piece = chunk.subarray(at, at + blockSize - filled);
      block.set(piece, filled);
      filled += piece.byteLength;
      at += piece.byteLength;
    }
  }
  if (filled > 0) {
    yield block.subarray(0, filled);
  }
}
