import { constants, zstdCompress } from 'node:zlib';
import { ByteReader } from './byteReader.ts';

export interface ZstdOptions {
  /** 1 to 19. Default 3, as `zstd` itself. */
  readonly level?: number;
  /** Frames that are compressed at once. Default 3: of Node's four threads one is left to read files. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Of a frame, uncompressed: as much as the window of the usual level, so that little is lost where one ends. */
const frameSize = 2 * 1024 * 1024;

/**
 * Frame after frame (RFC 8878, 3.1), compressed on several threads; together they are what a reader unpacks as one. The same
 * bytes give the same bytes, however they come in pieces. Memory is bounded by the frames under way.
 */
export async function* parallelZstd(
  source: AsyncIterable<Uint8Array>,
  { level = 3, concurrency = 3, signal }: ZstdOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(source);
  const working: Promise<Uint8Array>[] = [];
  try {
    // What is empty is one frame of nothing.
    for (let isFirst = true, isMore = true; isMore; isFirst = false) {
      signal?.throwIfAborted();
      const bytes = await reader.read(frameSize);
      isMore = bytes.byteLength === frameSize;
      if (isFirst || bytes.byteLength > 0) {
        const compressed = compress(bytes, level);
        // Those behind one that failed are waited for, too.
        compressed.catch(() => undefined);
        working.push(compressed);
      }
      while (working.length >= (isMore ? concurrency : 1)) {
        signal?.throwIfAborted();
        yield* await first(working);
      }
    }
  } finally {
    await reader.close();
    await Promise.allSettled(working);
  }
}

async function first(working: Promise<Uint8Array>[]): Promise<readonly Uint8Array[]> {
  const next = working.shift();
  return next ? [await next] : [];
}

function compress(bytes: Buffer, level: number): Promise<Uint8Array> {
  const options = {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      // Tools check a frame of which the sum of its content is known.
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  };
  return new Promise((resolve, reject) => {
    zstdCompress(bytes, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
