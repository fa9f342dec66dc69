import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isAbort, isOciError } from '../../../src/oci/errors.ts';
import { lookAtTarget } from '../../../src/packaging/pull.ts';
import { planPull } from '../../../src/packaging/pullPlan.ts';
import { createPullSite, folderLayerOf, layerOf, manifestOf, type PullSite } from '../../support/pullSite.ts';
import { snapshot } from '../../support/snapshot.ts';
import { rawTar } from '../../support/tars.ts';

let site: PullSite;
beforeEach(async () => {
  site = await createPullSite();
});
afterEach(() => site.remove());

describe('a pulled artifact', () => {
  it('has files by their titles, two of one content too, and below folders', async () => {
    const staged = await site.pull(
      await layerOf('a.txt', 'alpha'),
      await layerOf('deep/b.txt', 'alpha'),
      await layerOf('c', ''),
    );
    assert.deepEqual(
      [await site.text('a.txt'), await site.text('deep/b.txt'), await site.text('c')],
      ['alpha', 'alpha', ''],
    );
    assert.deepEqual([staged.files, staged.replaced], [3, []]);
  });

  it('has folders as oras packs them: with the title before every name', async () => {
    await site.pull(
      await folderLayerOf('site', [
        { name: 'site', flag: '5', mode: 0o755, time: 1_600_000_000 },
        { name: 'site/site', flag: '5', mode: 0o750 },
        { name: 'site/site/run.sh', mode: 0o755, content: 'run', time: 1_700_000_000 },
        { name: 'site/secret', mode: 0o600, content: 's' },
        { name: 'site/empty', flag: '5' },
        { name: 'site/link', flag: '2', target: 'site/run.sh' },
        { name: 'site/hard', flag: '1', target: 'site/secret' },
      ]),
    );
    assert.deepEqual((await readdir(join(site.target, 'site'))).sort(), [
      'empty',
      'hard',
      'link',
      'secret',
      'site',
    ]);
    assert.equal(await site.text('site/link'), 'run');
    assert.equal(await site.text('site/hard'), 's');
    const run = await stat(join(site.target, 'site/site/run.sh'));
    assert.deepEqual([run.mode & 0o100, run.mtimeMs], [0o100, 1_700_000_000_000]);
    assert.equal((await stat(join(site.target, 'site/secret'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(site.target, 'site'))).mtimeMs, 1_600_000_000_000);
  });

  it('has folders as regctl packs them, also one that holds just a folder of its own name', async () => {
    const owner = 'root';
    const flat = rawTar([{ name: 'a', content: '1', owner }]);
    const same = rawTar([
      { name: 'same', flag: '5', owner, mode: 0o755 },
      { name: 'same/a', content: '2', owner },
    ]);
    await site.pull(await layerOf('flat/', gzipSync(flat)), await layerOf('same/', gzipSync(same)));
    assert.deepEqual([await site.text('flat/a'), await site.text('same/same/a')], ['1', '2']);
  });

  it('strips the title only where all entries have it', async () => {
    await site.pull(
      await folderLayerOf('x', [
        { name: 'x/a', content: '1' },
        { name: 'b', content: '2' },
      ]),
      await layerOf(
        'y/',
        rawTar([
          { name: './y/', flag: '5', mode: 0o755 },
          { name: './y/a', content: '3' },
        ]),
      ),
    );
    assert.deepEqual(
      [await site.text('x/x/a'), await site.text('x/b'), await site.text('y/a')],
      ['1', '2', '3'],
    );
  });

  it('reads zstd and plain tars, and the folder that is the target itself', async () => {
    await site.pull(
      await folderLayerOf(
        '.',
        [
          { name: '.', flag: '5', mode: 0o700 },
          { name: 'a', content: '1' },
        ],
        zstdCompressSync,
      ),
      await folderLayerOf('p', [{ name: 'p/a', content: '2' }], (tar) => tar),
    );
    assert.deepEqual([await site.text('a'), await site.text('p/a')], ['1', '2']);
  });

  it('leaves out layers without a name, and devices and pipes', async () => {
    const staged = await site.pull(
      await layerOf(undefined, 'nameless'),
      await folderLayerOf('d', [
        { name: 'd/pipe', flag: '6' },
        { name: 'd/dev', flag: '3' },
        { name: 'd/a', content: '1' },
      ]),
    );
    assert.deepEqual(
      staged.skipped.map(({ reason }) => reason),
      ['untitled', 'special-file', 'special-file'],
    );
    assert.deepEqual(await readdir(join(site.target, 'd')), ['a']);
  });

  it('adds to a folder that is there, and says which files it replaces', async () => {
    await mkdir(join(site.target, 'site'));
    await writeFile(join(site.target, 'site/a'), 'old');
    await writeFile(join(site.target, 'site/kept'), 'kept');
    await writeFile(join(site.target, 'one'), 'old');
    const layers = [
      await folderLayerOf('site', [{ name: 'site/a', content: 'new' }]),
      await layerOf('one', 'new'),
    ];
    const look = await lookAtTarget(planPull(manifestOf(...layers)), site.target);
    assert.deepEqual(look.replaced, [join(site.target, 'one')]);
    const staged = await site.pull(...layers);
    assert.deepEqual([...staged.replaced].sort(), [join(site.target, 'one'), join(site.target, 'site/a')]);
    assert.deepEqual(
      [await site.text('site/a'), await site.text('site/kept'), await site.text('one')],
      ['new', 'kept', 'new'],
    );
  });

  it('neither fetches nor writes a file that is there already, and asks nothing about it', async () => {
    const layers = [
      await layerOf('a', 'alpha'),
      await layerOf('deep/b', 'beta'),
      await layerOf('c', 'gamma'),
    ];
    await site.pull(...layers);
    await writeFile(join(site.target, 'c'), 'GAMMA');
    const before = await stat(join(site.target, 'a'));
    let fetched = 0;
    const present: string[] = [];
    const staged = await site.stage(layers, {
      onBytes: (bytes) => {
        fetched += bytes;
      },
      onPresent: ({ digest }) => present.push(digest),
    });
    const path = join(site.target, 'c');
    assert.deepEqual([fetched, present.length, staged.files, staged.replaced], [5, 2, 3, [path]]);
    assert.deepEqual((await lookAtTarget(planPull(manifestOf(...layers)), site.target)).replaced, [path]);
    await staged.commit();
    await staged.dispose();
    assert.equal(await site.text('c'), 'gamma');
    assert.equal((await stat(join(site.target, 'a'))).ino, before.ino);
  });

  it('keeps all as it was where such a file is changed before the rest is in place', async () => {
    const layers = [await layerOf('a', 'alpha'), await layerOf('b', 'beta')];
    await writeFile(join(site.target, 'a'), 'alpha');
    const staged = await site.stage(layers);
    await writeFile(join(site.target, 'a'), 'mine');
    await assert.rejects(staged.commit(), (error) => isOciError(error, 'path-taken'));
    await staged.dispose();
    assert.deepEqual(await readdir(site.target), ['a']);
  });

  it('makes a target that is not there, and takes it away again when it fails', async () => {
    const missing = join(site.target, 'not/there');
    const staged = await site.stage([await layerOf('a', 'alpha')], {}, missing);
    // Nothing of the path is made before all is there.
    assert.equal(await stat(missing).catch(() => 'missing'), 'missing');
    let looks = 0;
    const signal = AbortSignal.any([]);
    Object.defineProperty(signal, 'throwIfAborted', { value: abortAt(() => ++looks === 2) });
    await assert.rejects(staged.commit({ signal }), isAbort);
    await staged.dispose();
    assert.deepEqual(await readdir(site.target), []);
    const again = await site.stage([await layerOf('a', 'alpha')], {}, missing);
    await again.commit();
    await again.dispose();
    assert.equal(await site.text('not/there/a'), 'alpha');
  });

  it('replaces a link, and leaves alone where it led', async () => {
    await writeFile(join(site.work, 'outside'), 'kept');
    await symlink('../outside', join(site.target, 'a'));
    const staged = await site.stage([await layerOf('a', 'new')]);
    await staged.commit();
    await staged.dispose();
    assert.equal(await site.text('a'), 'new');
    assert.equal(await readFile(join(site.work, 'outside'), 'utf8'), 'kept');
  });

  it('points out what tools obey', async () => {
    const staged = await site.pull(
      await folderLayerOf('d', [{ name: 'd/.git/hooks/post-checkout', content: 'x', mode: 0o755 }]),
      await layerOf('.vscode/tasks.json', '{}'),
    );
    assert.deepEqual([...staged.concerns].sort(), ['.vscode', 'd/.git']);
  });

  it('keeps a folder closed that its owner may not change', async () => {
    await site.pull(
      await folderLayerOf('d', [
        { name: 'd', flag: '5', mode: 0o555 },
        { name: 'd/a', content: '1', mode: 0o444 },
      ]),
    );
    assert.equal((await stat(join(site.target, 'd'))).mode & 0o222, 0);
    assert.equal((await stat(join(site.target, 'd/a'))).mode & 0o222, 0);
    await chmod(join(site.target, 'd'), 0o755);
  });
});

describe('a target', () => {
  const inTheWay: Readonly<Record<string, () => Promise<unknown>>> = {
    'a file where a folder would be': () => writeFile(join(site.target, 'd'), 'mine'),
    'a link where a folder would be': async () => {
      await mkdir(join(site.target, 'real'));
      await symlink('real', join(site.target, 'd'));
    },
    'a folder where a file would be': () => mkdir(join(site.target, 'd/a'), { recursive: true }),
    'a link to nothing where a folder would be': () => symlink('nothing', join(site.target, 'd')),
  };
  for (const [name, make] of Object.entries(inTheWay)) {
    it(`with ${name} stays as it was`, async () => {
      await make();
      for (const one of [
        await folderLayerOf('d', [{ name: 'd/a', content: '1' }]),
        await layerOf('d/a', '1'),
      ]) {
        await site.fails(['path-taken'], async () => site.stage([one]));
      }
      await site.fails(['path-taken'], async () =>
        lookAtTarget(planPull(manifestOf(await layerOf('d/a', '1'))), site.target),
      );
    });
  }

  it('that is a file is refused', async () => {
    const file = join(site.work, 'file');
    await writeFile(file, 'mine');
    await site.fails(['path-taken'], async () => site.stage([await layerOf('a', '1')], {}, file));
  });

  it('that is a link is the folder it leads to', async () => {
    await symlink('target', join(site.work, 'link'));
    const staged = await site.stage([await layerOf('a', '1')], {}, join(site.work, 'link'));
    await staged.commit();
    await staged.dispose();
    assert.equal(await site.text('a'), '1');
  });

  it('keeps a file that was made after it was looked at', async () => {
    const staged = await site.stage([await layerOf('a', 'new'), await layerOf('b', 'new')]);
    await writeFile(join(site.target, 'b'), 'mine');
    const before = await snapshot(site.target);
    await assert.rejects(staged.commit(), (error) => isOciError(error, 'path-taken'));
    await staged.dispose();
    assert.deepEqual(await snapshot(site.target), before);
  });

  it('stays as it was when the last file cannot be put in place', async () => {
    await mkdir(join(site.target, 'd'));
    for (const name of ['a', 'd/x', 'd/y']) {
      await writeFile(join(site.target, name), 'mine');
    }
    const layers = [
      await layerOf('a', 'new'),
      await layerOf('b', 'new'),
      await folderLayerOf('d', [
        { name: 'd/new', content: '1' },
        { name: 'd/x', content: '1' },
        { name: 'd/y', content: '1' },
      ]),
    ];
    const staged = await site.stage(layers);
    // Since it was looked at, someone made a folder of the file.
    await rm(join(site.target, 'd/y'));
    await mkdir(join(site.target, 'd/y'));
    await rm(join(site.target, 'a'));
    await writeFile(join(site.target, 'a'), 'mine');
    const before = await snapshot(site.target);
    await assert.rejects(staged.commit(), (error) => isOciError(error, 'path-taken'));
    await staged.dispose();
    assert.deepEqual(await snapshot(site.target), before);
    assert.deepEqual(await readdir(site.work), ['target']);
  });

  it('stays as it was when a person cancels, while fetching and while moving', async () => {
    await writeFile(join(site.target, 'a'), 'mine');
    const before = await snapshot(site.target);
    const layers = [
      await layerOf('a', 'new'),
      await layerOf('b', 'new'),
      await layerOf('c', Buffer.alloc(100_000)),
    ];
    const controller = new AbortController();
    const onBytes = (): void => {
      controller.abort();
    };
    await assert.rejects(site.stage(layers, { signal: controller.signal, onBytes }), isAbort);
    assert.deepEqual(await readdir(site.work), ['target']);
    const staged = await site.stage(layers);
    let looks = 0;
    const signal = AbortSignal.any([]);
    Object.defineProperty(signal, 'throwIfAborted', { value: abortAt(() => ++looks === 3) });
    await assert.rejects(staged.commit({ signal }), isAbort);
    await staged.dispose();
    assert.deepEqual(await snapshot(site.target), before);
    assert.deepEqual(await readdir(site.work), ['target']);
  });
});

/** What a signal does that aborts between two steps. */
function abortAt(isNow: () => boolean): () => void {
  return () => {
    if (isNow()) {
      throw new DOMException('cancelled', 'AbortError');
    }
  };
}
