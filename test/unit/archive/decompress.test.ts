import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { collect } from '../../../src/base/bytes.ts';
import { decompressed } from '../../../src/archive/decompress.ts';
import { isOciError, type ErrorCode } from '../../../src/oci/errors.ts';
import { piecesOf } from '../../support/tars.ts';

const one = randomBytes(300_000);
const two = Buffer.alloc(200_000, 'text ');
const both = Buffer.concat([one, two]);
const skippable = Buffer.concat([Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);

async function open(bytes: Uint8Array, pieceSize: number, anyRatio = false): Promise<Buffer> {
  return Buffer.from(await collect(decompressed(piecesOf(bytes, pieceSize), { anyRatio }), 1e9));
}

const good: Readonly<Record<string, Buffer>> = {
  'bytes as they are': both,
  'one gzip member': gzipSync(both),
  'several gzip members': Buffer.concat([gzipSync(one), gzipSync(two)]),
  'one zstd frame': zstdCompressSync(both),
  'several zstd frames with skippable ones': Buffer.concat([
    skippable,
    zstdCompressSync(one),
    skippable,
    zstdCompressSync(two),
    skippable,
  ]),
};

const bad: Readonly<Record<string, Buffer>> = {
  'gzip that ends early': gzipSync(both).subarray(0, -20),
  'gzip with a wrong checksum': Buffer.concat([gzipSync(both).subarray(0, -8), Buffer.alloc(8)]),
  'text behind gzip': Buffer.concat([gzipSync(both), Buffer.from('text')]),
  'zeros behind gzip': Buffer.concat([gzipSync(both), Buffer.alloc(70_000)]),
  'zstd that ends early': zstdCompressSync(both).subarray(0, -20),
  'text behind zstd': Buffer.concat([zstdCompressSync(both), Buffer.from('text')]),
  'half a skippable frame': skippable.subarray(0, 9),
};

describe('decompressed', () => {
  it('gives memory back to who is quick, and never what may still be written', async () => {
    const bytes = randomBytes(3_000_000);
    const copies: Buffer[] = [];
    const pieces: Uint8Array[] = [];
    const options = { anyRatio: false, isBrief: true };
    for await (const piece of decompressed(piecesOf(gzipSync(bytes), 70_000), options)) {
      pieces.push(piece);
      copies.push(Buffer.from(piece));
    }
    assert.ok(Buffer.concat(copies).equals(bytes));
    assert.equal(pieces[0]?.byteLength, 0);
    assert.notEqual(pieces.at(-1)?.byteLength, 0);
  });

  for (const pieceSize of [333, 4096, 1_000_000]) {
    for (const [name, bytes] of Object.entries(good)) {
      it(`reads ${name} in pieces of ${pieceSize} bytes`, async () => {
        assert.ok((await open(bytes, pieceSize)).equals(both));
      });
    }
    for (const [name, bytes] of Object.entries(bad)) {
      it(`refuses ${name} in pieces of ${pieceSize} bytes`, { timeout: 10_000 }, async () => {
        await assert.rejects(open(bytes, pieceSize), (error) => isOciError(error, 'archive-invalid'));
      });
    }
  }

  it('refuses what grows more than 200 times, unless a person wants it', async () => {
    const zeros = Buffer.alloc(80 * 1024 * 1024);
    for (const bomb of [gzipSync(zeros), zstdCompressSync(zeros)]) {
      await assert.rejects(open(bomb, 4096), (error) => isOciError(error, 'ratio-exceeded'));
      assert.equal((await open(bomb, 4096, true)).byteLength, zeros.byteLength);
    }
  });

  it('hands on what the source throws, as it is', async () => {
    const codes: readonly ErrorCode[] = ['digest-mismatch', 'connection-lost'];
    for (const code of codes) {
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield* piecesOf(gzipSync(both).subarray(0, 1000));
        throw Object.assign(new Error(code), { name: 'OciError', code });
      };
      await assert.rejects(collect(decompressed(failing(), { anyRatio: false }), 1e9), { code });
    }
  });
});
