import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { ByteReader } from './byteReader.ts';
import { archiveInvalid } from './tarFields.ts';

const frameMagic = 0xfd2fb528;
/** The last four bits are the writer's own. */
const skippableMagic = 0x184d2a50;
const outputChunk = 256 * 1024;

/**
 * Decompresses zstd, frame after frame: Node's decompressor ends silently after the first (nodejs/node#64741), and chunked
 * and parallel writers make many. Frames are found as RFC 8878 section 3.1 lays them out.
 */
export async function* unzstd(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(source);
  try {
    for (;;) {
      const magic = await reader.peek(4);
      if (magic.byteLength === 0) {
        return;
      }
      const value = magic.byteLength === 4 ? magic.readUInt32LE() : 0;
      if (value === frameMagic) {
        yield* decompressFrame(reader);
      } else if ((value & 0xfffffff0) === skippableMagic) {
        const size = (await exactly(reader, 8)).readUInt32LE(4);
        if ((await reader.skip(size)) < size) {
          throw cutOff();
        }
      } else {
        throw archiveInvalid('Bytes that are no zstd follow its end');
      }
    }
  } finally {
    await reader.close();
  }
}

async function* decompressFrame(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  const output = createZstdDecompress({ chunkSize: outputChunk });
  const feeding = pipeline(frame(reader), output);
  feeding.catch(() => undefined);
  yield* output as AsyncIterable<Uint8Array>;
  await feeding;
}

/** Exactly the bytes of the frame the reader stands at. */
async function* frame(reader: ByteReader): AsyncGenerator<Buffer, void, undefined> {
  const descriptor = (await reader.peek(5))[4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  yield await exactly(reader, 5 + (isSingle ? 0 : 1) + dictionary + sizes);
  for (let isLast = false; !isLast;) {
    const header = await exactly(reader, 3);
    const bits = header.readUIntLE(0, 3);
    isLast = (bits & 1) !== 0;
    yield header;
    const isRepeated = ((bits >> 1) & 3) === 1;
    yield* reader.take(isRepeated ? 1 : bits >> 3);
  }
  if (hasChecksum) {
    yield await exactly(reader, 4);
  }
}

async function exactly(reader: ByteReader, size: number): Promise<Buffer> {
  const bytes = await reader.read(size);
  if (bytes.byteLength < size) {
    throw cutOff();
  }
  return Buffer.from(bytes);
}

function cutOff(): Error {
  return archiveInvalid('The zstd stream ends in the middle');
}
