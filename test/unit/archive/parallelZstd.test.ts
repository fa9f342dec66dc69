import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, zstdDecompressSync } from 'node:zlib';
import { collect } from '../../../src/base/bytes.ts';
import { decompressed } from '../../../src/archive/decompress.ts';
import { parallelZstd, type ZstdOptions } from '../../../src/archive/parallelZstd.ts';
import { piecesOf } from '../../support/tars.ts';

const MiB = 1024 * 1024;

/** Text that repeats with numbers in it; the same on every run. */
function sample(size: number): Buffer {
  const line = (at: number): string => `line ${Math.imul(at, 2_654_435_761) >>> 0}\n`;
  const lines = Array.from({ length: Math.ceil(size / 7) }, (_, at) => line(at)).join('');
  return Buffer.from(lines).subarray(0, size);
}

async function packed(bytes: Buffer, piece = 65_536, options: ZstdOptions = {}): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(parallelZstd(piecesOf(bytes, piece), options)));
}

describe('zstd on several threads', () => {
  it('is what was packed, at every length around a frame', async () => {
    for (const size of [0, 1, 2 * MiB - 1, 2 * MiB, 2 * MiB + 1, 5 * MiB + 12_345]) {
      const bytes = sample(size);
      const zstd = await packed(bytes);
      const out = await collect(decompressed(piecesOf(zstd, 4096), { anyRatio: true }), 1e9);
      assert.equal(Buffer.compare(Buffer.from(out), bytes), 0, String(size));
      assert.equal(zstd.readUInt32LE(0), 0xfd2fb528);
      assert.ok(size < MiB || zstd.byteLength < 0.6 * size, `${zstd.byteLength} of ${size}`);
    }
    assert.equal(zstdDecompressSync(await packed(Buffer.alloc(0))).byteLength, 0);
  });

  it('has the same bytes however the source comes, and however many threads there are', async () => {
    const bytes = sample(5 * MiB + 17);
    const once = await packed(bytes);
    for (const other of [
      await packed(bytes, 1_000_003),
      await packed(bytes, 64 * MiB),
      await packed(bytes, 777, { concurrency: 1 }),
      await packed(bytes, 65_536, { concurrency: 16 }),
    ]) {
      assert.equal(Buffer.compare(other, once), 0);
    }
  });

  it('says the sum of its content, so that a bit that turned is found', async () => {
    const zstd = await packed(sample(100_000));
    zstd.writeUInt8(zstd.readUInt8(zstd.byteLength - 1) ^ 1, zstd.byteLength - 1);
    assert.throws(() => zstdDecompressSync(zstd, { finishFlush: constants.ZSTD_e_end }), /checksum/i);
  });

  it('ends when it is told to or its source fails, with the source closed', async () => {
    const ending = new AbortController();
    let isClosed = false;
    const source = async function* (fault?: Error): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; ; at++) {
          if (at === 3) {
            ending.abort();
            if (fault) {
              throw fault;
            }
          }
          yield await Promise.resolve(Buffer.alloc(2 * MiB));
        }
      } finally {
        isClosed = true;
      }
    };
    await assert.rejects(Array.fromAsync(parallelZstd(source(), { signal: ending.signal })), {
      name: 'AbortError',
    });
    assert.ok(isClosed);
    await assert.rejects(Array.fromAsync(parallelZstd(source(new Error('the disk is gone')))), /is gone/);
  });
});
