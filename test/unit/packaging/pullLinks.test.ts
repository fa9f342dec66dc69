import assert from 'node:assert/strict';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createPullSite, folderLayerOf, type PullSite } from '../../support/pullSite.ts';
import { pax, type RawEntry } from '../../support/tars.ts';

let site: PullSite;
beforeEach(async () => {
  site = await createPullSite();
});
afterEach(() => site.remove());

describe('links', () => {
  it('are made where they stay inside, whatever links they lead through', async () => {
    const staged = await site.pull(
      await folderLayerOf('d', [
        { name: 'd/a/b/c', content: '1' },
        { name: 'd/l', flag: '2', target: 'a/b' },
        { name: 'd/m', flag: '2', target: 'l/c' },
        { name: 'd/a/up', flag: '2', target: '../a/b/c' },
        { name: 'd/round', flag: '2', target: '../d/a' },
        { name: 'd/broken', flag: '2', target: 'not/there' },
        { name: 'd/only/link', flag: '2', target: '../l' },
      ]),
    );
    assert.deepEqual(staged.skipped, []);
    assert.deepEqual(
      [await site.text('d/m'), await site.text('d/a/up'), await site.text('d/only/link/c')],
      ['1', '1', '1'],
    );
  });

  const outside: Readonly<Record<string, readonly RawEntry[]>> = {
    absolute: [{ name: 'd/bad', flag: '2', target: '/etc/passwd' }],
    upwards: [{ name: 'd/bad', flag: '2', target: '../x' }],
    'upwards from below': [{ name: 'd/a/bad', flag: '2', target: '../../../x' }],
    'to a drive': [{ name: 'd/bad', flag: '2', target: 'C:x' }],
    'with backslashes': [{ name: 'd/bad', flag: '2', target: '..\\x' }],
    'in a ring': [{ name: 'd/bad', flag: '2', target: 'bad' }],
    'without a target': [{ name: 'd/bad', flag: '2' }],
    'of PAX': [pax({ linkpath: '../../x' }), { name: 'd/bad', flag: '2', target: 'ok' }],
    'hard to one that leaves': [
      { name: 'd/bad', flag: '2', target: '../x' },
      { name: 'd/bad2', flag: '1', target: 'd/bad' },
    ],
    'through a link that makes the way shorter': [
      { name: 'd/a/b/c', flag: '5', mode: 0o755 },
      { name: 'd/a/b/c/x', flag: '2', target: '../../..' },
      { name: 'd/bad', flag: '2', target: 'a/b/c/x/../../y' },
    ],
  };
  for (const [name, entries] of Object.entries(outside)) {
    it(`are not made where they lead outside: ${name}`, async () => {
      const staged = await site.pull(
        await folderLayerOf('d', [{ name: 'd/a/ok', content: '1' }, ...entries]),
      );
      const bad = entries.filter((entry) => entry.name.includes('bad')).length;
      assert.deepEqual(
        staged.skipped.map(({ reason }) => reason),
        Array.from({ length: bad }, () => 'outside-link'),
      );
      assert.ok(!(await readdir(join(site.target, 'd'))).some((each) => each.startsWith('bad')));
    });
  }

  it('are held against links of other layers and of the target', async () => {
    await mkdir(join(site.work, 'outside'));
    await mkdir(join(site.target, 'd'));
    await symlink('../../outside', join(site.target, 'd/old'));
    const staged = await site.stage([
      await folderLayerOf('d', [
        { name: 'd/m', flag: '2', target: 'sub/a/b/x/../../../etc' },
        { name: 'd/n', flag: '2', target: 'old/file' },
      ]),
      await folderLayerOf('d/sub', [
        { name: 'd/sub/a/b/x', flag: '2', target: '../..' },
        { name: 'd/sub/a/b/c', content: '1' },
      ]),
    ]);
    await staged.commit();
    await staged.dispose();
    assert.deepEqual(
      staged.skipped.map(({ name }) => name),
      ['d/m', 'd/n'],
    );
  });
});
