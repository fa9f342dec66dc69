import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync, linkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { collect } from '../../../src/base/bytes.ts';
import { ByteReader } from '../../../src/archive/byteReader.ts';
import { tarEntries } from '../../../src/archive/tarEntries.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { pax, piecesOf, rawEntry, rawTar, type RawEntry } from '../../support/tars.ts';

interface Read {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly mode: number;
  readonly time: number;
  readonly target: string;
  readonly text: string;
}

async function readAll(bytes: Uint8Array, pieceSize?: number): Promise<readonly Read[]> {
  const found: Read[] = [];
  for await (const entry of tarEntries(new ByteReader(piecesOf(bytes, pieceSize)))) {
    const { name, kind, size, mode, time, target } = entry;
    const text = Buffer.from(await collect(entry.body(), 10_000_000)).toString();
    found.push({ name, kind, size, mode, time, target, text });
  }
  return found;
}

const longName = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(120)}.txt`;

describe('tars of other tools', () => {
  let work: string;
  before(() => {
    work = mkdtempSync(join(tmpdir(), 'oci-tar-'));
    const root = join(work, 'in/dir');
    mkdirSync(join(root, longName, '..'), { recursive: true });
    mkdirSync(join(root, 'empty'));
    writeFileSync(join(root, 'a.txt'), 'alpha');
    writeFileSync(join(root, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(root, 'ünï ✓.txt'), 'x'.repeat(513));
    writeFileSync(join(root, longName), 'long');
    linkSync(join(root, 'a.txt'), join(root, 'hard'));
    symlinkSync('a.txt', join(root, 'link'));
    symlinkSync('t'.repeat(150), join(root, 'long-link'));
    utimesSync(join(root, 'run.sh'), 1_700_000_000, 1_700_000_000);
  });
  after(() => {
    rmSync(work, { recursive: true });
  });

  for (const format of ['gnu', 'posix', 'oldgnu']) {
    for (const pieceSize of [7, 512, 65_536]) {
      it(`reads GNU tar's --format=${format} in pieces of ${pieceSize} bytes`, async () => {
        const args = [`--format=${format}`, '--sort=name', '-C', join(work, 'in'), '-cf', '-', 'dir'];
        const entries = await readAll(execFileSync('tar', args), pieceSize);
        const byName = new Map(entries.map((entry) => [entry.name, entry]));
        assert.equal(byName.get('dir/')?.kind, 'folder');
        assert.equal(byName.get('dir/empty/')?.kind, 'folder');
        assert.equal(byName.get(`dir/${longName}`)?.text, 'long');
        assert.equal(byName.get('dir/ünï ✓.txt')?.text, 'x'.repeat(513));
        assert.equal(byName.get('dir/run.sh')?.mode, 0o755);
        assert.equal(byName.get('dir/run.sh')?.time, 1_700_000_000);
        assert.deepEqual([byName.get('dir/link')?.kind, byName.get('dir/link')?.target], ['link', 'a.txt']);
        assert.equal(byName.get('dir/long-link')?.target, 't'.repeat(150));
        const hard = entries.find(({ kind }) => kind === 'hard-link');
        assert.deepEqual([hard?.name, hard?.target].sort(), ['dir/a.txt', 'dir/hard']);
        assert.equal(entries.length, 11);
      });
    }
  }

  it('refuses the sparse files of GNU tar, in each of its forms', async () => {
    const sparse = join(work, 'sparse');
    execFileSync('truncate', ['-s', '10M', sparse]);
    for (const format of ['gnu', 'posix']) {
      for (const version of ['0.0', '0.1', '1.0']) {
        const args = [
          `--format=${format}`,
          '--sparse',
          `--sparse-version=${version}`,
          '-C',
          work,
          '-cf',
          '-',
          'sparse',
        ];
        const bytes = execFileSync('tar', args);
        await assert.rejects(
          readAll(bytes),
          (error) => isOciError(error, 'archive-invalid'),
          `${format} ${version}`,
        );
      }
    }
  });
});

describe('a tar made by hand', () => {
  const file: RawEntry = { name: 'a', content: 'alpha' };

  it('takes name, size, link and time of PAX before those of the header', async () => {
    const records = { path: 'päth', size: '5', mtime: '12.5', 'SCHILY.xattr.user.x': 'y' };
    const [entry] = await readAll(rawTar([pax(records), { ...file, size: 0 }]));
    assert.deepEqual([entry?.name, entry?.text, entry?.time], ['päth', 'alpha', 12.5]);
  });

  it('gives PAX only to the entry behind it', async () => {
    const entries = await readAll(rawTar([pax({ path: 'b' }), file, { name: 'c' }]));
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['b', 'c'],
    );
  });

  it('reads sizes in base 256, the prefix of ustar but not of GNU, and V7 without a magic', async () => {
    const entries = await readAll(
      rawTar([
        { ...file, size: '\u0080\0\0\0\0\0\0\0\0\0\0\u0005' },
        { ...file, prefix: 'p' },
        { ...file, prefix: 'p', magic: 'ustar  \0' },
        { ...file, magic: '\0\0\0\0\0\0\0\0' },
        { name: 'old/', flag: '\0' },
      ]),
    );
    assert.deepEqual(
      entries.map(({ name, kind, text }) => [name, kind, text]),
      [
        ['a', 'file', 'alpha'],
        ['p/a', 'file', 'alpha'],
        ['a', 'file', 'alpha'],
        ['a', 'file', 'alpha'],
        ['old/', 'folder', ''],
      ],
    );
  });

  it('ends at the end of the stream, too, and skips what is not asked for', async () => {
    const reader = new ByteReader(piecesOf(rawTar([file, file], Buffer.alloc(0))));
    const names: string[] = [];
    for await (const { name } of tarEntries(reader)) {
      names.push(name);
    }
    assert.deepEqual(names, ['a', 'a']);
  });

  const damaged: Readonly<Record<string, Buffer>> = {
    'a wrong checksum': rawTar([{ ...file, badChecksum: true }]),
    'text that is no tar': Buffer.from('x'.repeat(2000)),
    'an end in the middle of a header': rawTar([file]).subarray(0, 300),
    'an end in the middle of a file': rawTar([file]).subarray(0, 514),
    'an end behind an extended header': rawTar([pax({ path: 'x' })]),
    'one block of zeros and then more': Buffer.concat([rawEntry(file), Buffer.alloc(512), rawEntry(file)]),
    'a negative size': rawTar([{ ...file, size: '\u00ff'.repeat(12) }]),
    'a size beyond all numbers': rawTar([{ ...file, size: `\u0080${'\u00ff'.repeat(11)}` }]),
    'a size that is no number': rawTar([{ ...file, size: '12 34' }]),
    'a PAX size below zero': rawTar([pax({ size: '-1' }), file]),
    'a PAX size beyond all numbers': rawTar([pax({ size: '9'.repeat(30) }), file]),
    'a PAX record longer than its header': rawTar([{ name: 'x', flag: 'x', content: '99 path=x\n' }, file]),
    'a PAX record of no length': rawTar([{ name: 'x', flag: 'x', content: '0 path=x\n' }, file]),
    'a PAX record without a key': rawTar([{ name: 'x', flag: 'x', content: '5 =x\n' }, file]),
    'one name for all': rawTar([pax({ path: 'x' }, 'g'), file]),
    'one size for all': rawTar([pax({ size: '5' }, 'g'), file]),
    'an extended header of 2 MiB': rawTar([
      { name: 'x', flag: 'L', content: Buffer.alloc(2 ** 21, 97) },
      file,
    ]),
    'a folder with content': rawTar([{ name: 'd', flag: '5', content: 'x' }]),
    'a link with content': rawTar([pax({ size: '5' }), { name: 'd', flag: '2', target: 'a', content: 'x' }]),
    'an old sparse file': rawTar([{ ...file, flag: 'S' }]),
    'a part of a file': rawTar([{ ...file, flag: 'M' }]),
    'an entry without a name': rawTar([{ name: '' }]),
  };
  for (const [name, bytes] of Object.entries(damaged)) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(readAll(bytes), (error) => isOciError(error, 'archive-invalid'));
    });
  }

  it('refuses a NUL in a name of PAX', async () => {
    await assert.rejects(readAll(rawTar([pax({ path: 'a\0b' }), file])), (error) =>
      isOciError(error, 'path-unsafe'),
    );
  });
});
