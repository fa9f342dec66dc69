import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isAbort, OciError } from '../oci/errors.ts';
import { ByteReader } from './byteReader.ts';
import { archiveLimits } from './limits.ts';
import { archiveInvalid } from './tarFields.ts';
import { unzstd } from './zstdFrames.ts';

const outputChunk = 256 * 1024;

export interface DecompressOptions {
  /** True: a person agreed to whatever comes out. */
  readonly anyRatio: boolean;
  /** True: a piece is done with when the next is asked for, and its memory given back. */
  readonly isBrief?: boolean;
}

/**
 * What is inside gzip (any number of members) or zstd (any number of frames), told by the first bytes; anything else as it
 * is. The source is always read to its end, so that one which verifies itself did so.
 * @throws {OciError} `archive-invalid`, `ratio-exceeded` when far more comes out than archives of files hold
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  { anyRatio, isBrief = false }: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const counted = new Counted(source);
  const reader = new ByteReader(counted);
  try {
    const magic = await reader.peek(4);
    const all = reader.take(Infinity);
    const output = isGzip(magic) ? gunzip(all, isBrief) : isZstd(magic) ? unzstd(all) : all;
    let size = 0;
    for await (const chunk of output) {
      size += chunk.byteLength;
      if (!anyRatio && size > archiveLimits.ratioFrom && size > archiveLimits.ratio * counted.size) {
        throw new OciError(
          'ratio-exceeded',
          `More than ${archiveLimits.ratio} times its compressed size comes out`,
        );
      }
      yield chunk;
    }
    if (!counted.ended) {
      throw archiveInvalid('Bytes follow the end of the compressed data');
    }
  } catch (error) {
    throw isCodec(error) ? archiveInvalid((error as Error).message, error) : error;
  } finally {
    await reader.close();
  }
}

class Counted {
  readonly #source: AsyncIterable<Uint8Array>;
  size = 0;
  ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#source) {
      this.size += chunk.byteLength;
      yield chunk;
    }
    this.ended = true;
  }
}

async function* gunzip(
  source: AsyncIterable<Uint8Array>,
  isBrief: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  const output = createGunzip({ chunkSize: outputChunk });
  const fed = new Counted(source);
  const feeding = pipeline(fed, output);
  feeding.catch(() => undefined);
  yield* isBrief ? givenBack(output) : (output as AsyncIterable<Uint8Array>);
  // Of zeros behind the last member the decompressor takes none, and never says so: there is nothing to wait for.
  if (output.bytesWritten < fed.size) {
    throw archiveInvalid('Bytes follow the end of the compressed data');
  }
  await feeding;
}

/**
 * V8 lets tens of megabytes come together before it tidies up, so memory is given back here, once the decompressor, which fills one
 * chunk after another, must have gone on to another.
 */
async function* givenBack(output: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  const given: { readonly buffer: ArrayBufferLike; readonly end: number }[] = [];
  let end = 0;
  for await (const chunk of output as AsyncIterable<Uint8Array>) {
    while (given[0] && end - given[0].end >= 2 * outputChunk) {
      const buffer = given.shift()?.buffer;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === outputChunk) {
        buffer.transfer(0);
      }
    }
    end += chunk.byteLength;
    if (given.at(-1)?.buffer === chunk.buffer) {
      given.pop();
    }
    given.push({ buffer: chunk.buffer, end });
    yield chunk;
  }
}

function isGzip(magic: Buffer): boolean {
  return magic[0] === 0x1f && magic[1] === 0x8b;
}

function isZstd(magic: Buffer): boolean {
  const value = magic.byteLength === 4 ? magic.readUInt32LE() : 0;
  return value === 0xfd2fb528 || (value & 0xfffffff0) === 0x184d2a50;
}

/** Errors of node:zlib carry its own codes. */
function isCodec(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return (
    !(error instanceof OciError) && !isAbort(error) && typeof code === 'string' && /^Z(?:STD)?_/.test(code)
  );
}
