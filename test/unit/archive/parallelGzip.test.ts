import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, it } from 'node:test';
import { runInThisContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { parallelGzip, type GzipOptions } from '../../../src/archive/parallelGzip.ts';
import { run } from '../../support/run.ts';

const MiB = 1024 * 1024;

/** Half of it repeats from far behind, half of it is noise; the same on every run. */
function sample(size: number): Buffer {
  const bytes = Buffer.alloc(size, 'the same again and again, ');
  let state = 7;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    if ((at & 64) === 0) {
      bytes[at] = state >>> 24;
    }
  }
  return bytes;
}

function* pieces(bytes: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

async function packed(bytes: Buffer, piece = 65_536, options: GzipOptions = {}): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(parallelGzip(from(pieces(bytes, piece)), options)));
}

async function* from(source: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of source) {
    yield await Promise.resolve(chunk);
  }
}

describe('gzip on several threads', () => {
  it('is one member that everybody unpacks, at every length around a block', async () => {
    for (const size of [0, 1, MiB - 1, MiB, MiB + 1, 3 * MiB, 5 * MiB + 12_345]) {
      const bytes = sample(size);
      const gz = await packed(bytes);
      assert.equal(Buffer.compare(gunzipSync(gz), bytes), 0);
      await run('gzip', ['-t'], { input: gz });
      // One member: everything behind the first trailer would be another.
      assert.equal(gz.readUInt32LE(gz.byteLength - 4), size);
      assert.equal(gz.subarray(0, 10).toString('hex'), '1f8b08000000000000ff');
    }
  });

  it('has the same bytes however the source comes, and however many threads there are', async () => {
    const bytes = sample(4 * MiB + 17);
    const all = [
      await packed(bytes),
      await packed(bytes, 1_000_003),
      await packed(bytes, 64 * MiB),
      await packed(bytes, 777, { concurrency: 1 }),
      await packed(bytes, 65_536, { concurrency: 16 }),
    ];
    assert.equal(new Set(all.map((gz) => createHash('sha256').update(gz).digest('hex'))).size, 1);
  });

  it('finds what repeats from the block before', async () => {
    const noise = createNoise(20_000);
    const bytes = Buffer.concat([Buffer.alloc(MiB - noise.byteLength), noise, noise]);
    assert.ok((await packed(bytes)).byteLength < 1.2 * noise.byteLength);
  });

  it('stores noise as it is, and packs noise that comes again within 32 KiB', async () => {
    const noise = createNoise(2 * MiB);
    assert.ok((await packed(noise)).byteLength < 1.001 * noise.byteLength);
    const period = noise.subarray(0, 30_000);
    const again = Buffer.concat([...Array(70).keys()].map(() => period));
    const gz = await packed(again);
    assert.ok(gz.byteLength < 0.1 * again.byteLength, `${gz.byteLength}`);
    assert.equal(Buffer.compare(gunzipSync(gz), again), 0);
  });

  it('runs as it is bundled, with names cut short', async () => {
    const { outputFiles } = await build({
      entryPoints: [path.join(import.meta.dirname, '../../../src/archive/parallelGzip.ts')],
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node22.19',
      minify: true,
      write: false,
    });
    const bundle = { exports: {} as { parallelGzip: typeof parallelGzip } };
    const load = runInThisContext(`(module, require) => {${outputFiles[0]?.text ?? ''}}`) as (
      module: typeof bundle,
      require: NodeJS.Require,
    ) => void;
    load(bundle, createRequire(import.meta.url));
    const bytes = sample(3 * MiB);
    const gz = Buffer.concat(await Array.fromAsync(bundle.exports.parallelGzip(from(pieces(bytes, 65_536)))));
    assert.equal(Buffer.compare(gz, await packed(bytes)), 0);
  });

  it('reads no further than the blocks under way, when nobody takes what it gives', async () => {
    let read = 0;
    const block = Buffer.alloc(MiB, 'x');
    const source = function* (): Generator<Uint8Array> {
      for (;;) {
        read++;
        yield block;
      }
    };
    const out = parallelGzip(from(source()), { concurrency: 3 });
    for (let at = 0; at < 4; at++) {
      await out.next();
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(read <= 8, `${read} blocks read for three given`);
    await out.return();
  });

  it('gives what it packs in memory that is used again, to who is quick', async () => {
    const bytes = Buffer.concat([createNoise(12 * MiB), sample(3 * MiB), Buffer.alloc(3 * MiB)]);
    const copies: Buffer[] = [];
    for await (const piece of parallelGzip(from(pieces(bytes, 65_536)), { concurrency: 3, isBrief: true })) {
      copies.push(Buffer.from(piece));
    }
    assert.equal(Buffer.compare(Buffer.concat(copies), await packed(bytes)), 0);
  });

  it('ends when it is told to, with the source closed', async () => {
    const ending = new AbortController();
    let isClosed = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; ; at++) {
          if (at === 3) {
            ending.abort();
          }
          yield await Promise.resolve(Buffer.alloc(MiB));
        }
      } finally {
        isClosed = true;
      }
    };
    await assert.rejects(Array.fromAsync(parallelGzip(source(), { signal: ending.signal })), {
      name: 'AbortError',
    });
    assert.ok(isClosed);
  });

  it('passes the fault of its source on', async () => {
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(2 * MiB));
      throw new Error('the disk is gone');
    };
    await assert.rejects(Array.fromAsync(parallelGzip(source())), /the disk is gone/);
  });
});

function createNoise(size: number): Buffer {
  const parts = [...Array(Math.ceil(size / 64)).keys()].map((at) =>
    createHash('sha512').update(String(at)).digest(),
  );
  return Buffer.concat(parts).subarray(0, size);
}
