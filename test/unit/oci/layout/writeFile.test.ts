import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { writeAll } from '../../../../src/oci/layout/writeFile.ts';

describe('a file that is written from pieces', () => {
  it('gives the memory of those back that are its own, and of no part of something larger', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oci-write-'));
    t.after(() => rm(folder, { recursive: true }));
    const pieces = Array.from({ length: 5 }, (_, at) => Buffer.from(new ArrayBuffer(700_000)).fill(at + 1));
    const shared = Buffer.from(new ArrayBuffer(1000)).fill(9);
    const content = Buffer.concat([...pieces, shared.subarray(0, 500)]);
    for (const isOwn of [false, true]) {
      const file = await open(path.join(folder, String(isOwn)), 'w');
      const source = Readable.from([...pieces, shared.subarray(0, 500)]);
      await writeAll(file, source, undefined, { start: 0, onWritten: () => undefined, isOwn });
      await file.close();
      assert.equal(Buffer.compare(await readFile(path.join(folder, String(isOwn))), content), 0);
      assert.ok(pieces.every(({ byteLength }) => byteLength === (isOwn ? 0 : 700_000)));
      assert.equal(shared.byteLength, 1000);
    }
  });
});
