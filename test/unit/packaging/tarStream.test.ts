import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileOf } from '../../../src/packaging/tarStream.ts';

const MiB = 1024 * 1024;

describe('a file that is read in pieces', () => {
  it('is read into memory that is used again, for who is quick, and else not', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oci-tar-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'file');
    const bytes = Buffer.alloc(5 * MiB + 12_345, createHash('sha512').update('some').digest());
    await writeFile(file, bytes);
    const entry = { path: file, size: bytes.byteLength };
    const memories = new Set<ArrayBufferLike>();
    const copies: Buffer[] = [];
    for await (const piece of fileOf(entry, undefined, true)) {
      if (piece.byteLength > MiB / 4) {
        memories.add(piece.buffer);
      }
      copies.push(Buffer.from(piece));
    }
    assert.equal(Buffer.compare(Buffer.concat(copies), bytes), 0);
    // The piece that is taken, the one before it, and the one that is read.
    assert.equal(memories.size, 3);
    assert.equal(Buffer.compare(Buffer.concat(await Array.fromAsync(fileOf(entry))), bytes), 0);
  });
});
