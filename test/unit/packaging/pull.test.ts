import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { bodyOf } from '../../../src/base/bytes.ts';
import { Annotation, type Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isAbort, isOciError, type ErrorCode } from '../../../src/oci/errors.ts';
import type { Manifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { lookAtTarget, stagePull, type PullOptions, type StagedPull } from '../../../src/packaging/pull.ts';
import { planPull } from '../../../src/packaging/pullPlan.ts';
import { StagedTree } from '../../../src/packaging/stagedTree.ts';
import { snapshot } from '../../support/snapshot.ts';
import { pax, rawTar, type RawEntry } from '../../support/tars.ts';

const store = new MemoryStore();

async function layer(
  title: string | undefined,
  content: Uint8Array | string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const blob = { mediaType: MediaType.layerTar, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(blob, bodyOf(bytes));
  return {
    ...blob,
    annotations: { ...(title === undefined ? {} : { [Annotation.title]: title }), ...annotations },
  };
}

function folder(
  title: string,
  entries: readonly RawEntry[],
  pack: (tar: Buffer) => Buffer = (tar) => gzipSync(tar),
): Promise<Descriptor> {
  const tar = rawTar(entries);
  return layer(title, pack(tar), { [Annotation.unpack]: 'true', [Annotation.contentDigest]: digestOf(tar) });
}

function manifestOf(...layers: readonly Descriptor[]): Manifest {
  return { kind: 'manifest', mediaType: MediaType.manifest, layers };
}

let work: string;
let target: string;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-pull-'));
  target = join(work, 'target');
  await mkdir(target);
});
afterEach(() => rm(work, { recursive: true }));

async function stage(layers: readonly Descriptor[], options?: PullOptions): Promise<StagedPull> {
  return stagePull(store, planPull(manifestOf(...layers)), target, options);
}

async function pull(...layers: readonly Descriptor[]): Promise<StagedPull> {
  const staged = await stage(layers);
  await staged.commit();
  await staged.dispose();
  assert.deepEqual(await readdir(work), ['target']);
  return staged;
}

/** Nothing of it is kept: neither in the target nor beside it. */
async function fails(codes: readonly ErrorCode[], run: () => Promise<unknown>): Promise<void> {
  const before = await snapshot(work);
  await assert.rejects(run, (error) => isOciError(error, ...codes));
  // The folder of them all has another time now: something stood in it for a moment.
  assert.deepEqual({ ...(await snapshot(work)), '.': '' }, { ...before, '.': '' });
}

const text = async (name: string): Promise<string> => readFile(join(target, name), 'utf8');

describe('a pulled artifact', () => {
  it('has files by their titles, two of one content too, and below folders', async () => {
    const staged = await pull(
      await layer('a.txt', 'alpha'),
      await layer('deep/b.txt', 'alpha'),
      await layer('c', ''),
    );
    assert.deepEqual(
      [await text('a.txt'), await text('deep/b.txt'), await text('c')],
      ['alpha', 'alpha', ''],
    );
    assert.deepEqual([staged.files, staged.replaced], [3, []]);
  });

  it('has folders as oras packs them: with the title before every name', async () => {
    await pull(
      await folder('site', [
        { name: 'site', flag: '5', mode: 0o755, time: 1_600_000_000 },
        { name: 'site/site', flag: '5', mode: 0o750 },
        { name: 'site/site/run.sh', mode: 0o755, content: 'run', time: 1_700_000_000 },
        { name: 'site/secret', mode: 0o600, content: 's' },
        { name: 'site/empty', flag: '5' },
        { name: 'site/link', flag: '2', target: 'site/run.sh' },
        { name: 'site/hard', flag: '1', target: 'site/secret' },
      ]),
    );
    assert.deepEqual((await readdir(join(target, 'site'))).sort(), [
      'empty',
      'hard',
      'link',
      'secret',
      'site',
    ]);
    assert.equal(await text('site/link'), 'run');
    assert.equal(await text('site/hard'), 's');
    const run = await stat(join(target, 'site/site/run.sh'));
    assert.deepEqual([run.mode & 0o100, run.mtimeMs], [0o100, 1_700_000_000_000]);
    assert.equal((await stat(join(target, 'site/secret'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(target, 'site'))).mtimeMs, 1_600_000_000_000);
  });

  it('has folders as regctl packs them, also one that holds just a folder of its own name', async () => {
    const owner = 'root';
    const flat = rawTar([{ name: 'a', content: '1', owner }]);
    const same = rawTar([
      { name: 'same', flag: '5', owner, mode: 0o755 },
      { name: 'same/a', content: '2', owner },
    ]);
    await pull(await layer('flat/', gzipSync(flat)), await layer('same/', gzipSync(same)));
    assert.deepEqual([await text('flat/a'), await text('same/same/a')], ['1', '2']);
  });

  it('strips the title only where all entries have it', async () => {
    await pull(
      await folder('x', [
        { name: 'x/a', content: '1' },
        { name: 'b', content: '2' },
      ]),
      await layer(
        'y/',
        rawTar([
          { name: './y/', flag: '5', mode: 0o755 },
          { name: './y/a', content: '3' },
        ]),
      ),
    );
    assert.deepEqual([await text('x/x/a'), await text('x/b'), await text('y/a')], ['1', '2', '3']);
  });

  it('reads zstd and plain tars, and the folder that is the target itself', async () => {
    await pull(
      await folder(
        '.',
        [
          { name: '.', flag: '5', mode: 0o700 },
          { name: 'a', content: '1' },
        ],
        zstdCompressSync,
      ),
      await folder('p', [{ name: 'p/a', content: '2' }], (tar) => tar),
    );
    assert.deepEqual([await text('a'), await text('p/a')], ['1', '2']);
  });

  it('leaves out layers without a name, and devices and pipes', async () => {
    const staged = await pull(
      await layer(undefined, 'nameless'),
      await folder('d', [
        { name: 'd/pipe', flag: '6' },
        { name: 'd/dev', flag: '3' },
        { name: 'd/a', content: '1' },
      ]),
    );
    assert.deepEqual(
      staged.skipped.map(({ reason }) => reason),
      ['untitled', 'special-file', 'special-file'],
    );
    assert.deepEqual(await readdir(join(target, 'd')), ['a']);
  });

  it('adds to a folder that is there, and says which files it replaces', async () => {
    await mkdir(join(target, 'site'));
    await writeFile(join(target, 'site/a'), 'old');
    await writeFile(join(target, 'site/kept'), 'kept');
    await writeFile(join(target, 'one'), 'old');
    const layers = [await folder('site', [{ name: 'site/a', content: 'new' }]), await layer('one', 'new')];
    const look = await lookAtTarget(planPull(manifestOf(...layers)), target);
    assert.deepEqual(look.replaced, [join(target, 'one')]);
    const staged = await pull(...layers);
    assert.deepEqual([...staged.replaced].sort(), [join(target, 'one'), join(target, 'site/a')]);
    assert.deepEqual(
      [await text('site/a'), await text('site/kept'), await text('one')],
      ['new', 'kept', 'new'],
    );
  });

  it('makes a target that is not there, and takes it away again when it fails', async () => {
    target = join(work, 'target/not/there');
    await pull(await layer('a', 'alpha'));
    assert.equal(await text('a'), 'alpha');
  });

  it('replaces a link, and leaves alone where it led', async () => {
    await writeFile(join(work, 'outside'), 'kept');
    await symlink('../outside', join(target, 'a'));
    const staged = await stage([await layer('a', 'new')]);
    await staged.commit();
    await staged.dispose();
    assert.equal(await text('a'), 'new');
    assert.equal(await readFile(join(work, 'outside'), 'utf8'), 'kept');
  });

  it('points out what tools obey', async () => {
    const staged = await pull(
      await folder('d', [{ name: 'd/.git/hooks/post-checkout', content: 'x', mode: 0o755 }]),
      await layer('.vscode/tasks.json', '{}'),
    );
    assert.deepEqual([...staged.concerns].sort(), ['.vscode', 'd/.git']);
  });

  it('keeps a folder closed that its owner may not change', async () => {
    await pull(
      await folder('d', [
        { name: 'd', flag: '5', mode: 0o555 },
        { name: 'd/a', content: '1', mode: 0o444 },
      ]),
    );
    assert.equal((await stat(join(target, 'd'))).mode & 0o222, 0);
    assert.equal((await stat(join(target, 'd/a'))).mode & 0o222, 0);
    await chmod(join(target, 'd'), 0o755);
  });
});

describe('links', () => {
  it('are made where they stay inside, whatever links they lead through', async () => {
    const staged = await pull(
      await folder('d', [
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
    assert.deepEqual([await text('d/m'), await text('d/a/up'), await text('d/only/link/c')], ['1', '1', '1']);
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
      { name: 'd/a/b/c', flag: '5' },
      { name: 'd/a/b/c/x', flag: '2', target: '../../..' },
      { name: 'd/bad', flag: '2', target: 'a/b/c/x/../../y' },
    ],
  };
  for (const [name, entries] of Object.entries(outside)) {
    it(`are not made where they lead outside: ${name}`, async () => {
      const staged = await pull(await folder('d', [{ name: 'd/a/ok', content: '1' }, ...entries]));
      const bad = entries.filter((entry) => entry.name.includes('bad')).length;
      assert.deepEqual(
        staged.skipped.map(({ reason }) => reason),
        Array.from({ length: bad }, () => 'outside-link'),
      );
      assert.ok(!(await readdir(join(target, 'd'))).some((each) => each.startsWith('bad')));
    });
  }

  it('are held against links of other layers and of the target', async () => {
    await mkdir(join(work, 'outside'));
    await symlink('../outside', join(target, 'old'));
    const staged = await stage([
      await folder('d', [
        { name: 'd/m', flag: '2', target: 'sub/a/b/x/../../../etc' },
        { name: 'd/n', flag: '2', target: '../d/../old/file' },
      ]),
      await folder('d/sub', [
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

describe('a hostile artifact', () => {
  const file: RawEntry = { name: 'd/a', content: '1' };
  const archives: Readonly<Record<string, readonly [ErrorCode, readonly RawEntry[]]>> = {
    'an absolute name': ['path-unsafe', [file, { name: '/etc/x', content: '1' }]],
    'a name that leads upwards': ['path-unsafe', [file, { name: 'd/../../x', content: '1' }]],
    'a folder that leads upwards': ['path-unsafe', [{ name: '..', flag: '5' }]],
    'a backslash': ['path-unsafe', [{ name: 'd\\..\\x', content: '1' }]],
    'a drive': ['path-unsafe', [{ name: 'C:x', content: '1' }]],
    'a PAX name that leads upwards': ['path-unsafe', [pax({ path: '../x' }), file]],
    'a GNU name that leads upwards': ['path-unsafe', [{ name: 'x', flag: 'L', content: '../x\0' }, file]],
    'a prefix that leads upwards': ['path-unsafe', [{ ...file, prefix: '..' }]],
    'a name of 300 bytes': ['path-unsafe', [pax({ path: 'x'.repeat(300) }), file]],
    'folders 400 deep': [
      'path-unsafe',
      [pax({ path: 'x/'.repeat(400) }), { ...file, flag: '5', content: '' }],
    ],
    'one name twice': ['path-unsafe', [file, file]],
    'a file and a link of one name': ['path-unsafe', [file, { name: 'd/a', flag: '2', target: 'b' }]],
    'a file below a file': ['path-unsafe', [file, { name: 'd/a/b', content: '1' }]],
    'a file below a link': [
      'path-unsafe',
      [
        { name: 'd/l', flag: '2', target: '/tmp' },
        { name: 'd/l/x', content: '1' },
      ],
    ],
    'a link where a folder is': ['path-unsafe', [file, { name: 'd', flag: '2', target: '/tmp' }]],
    'a hard link upwards': ['path-unsafe', [{ name: 'd/h', flag: '1', target: '../../etc/passwd' }]],
    'a hard link to an absolute name': ['path-unsafe', [{ name: 'd/h', flag: '1', target: '/etc/passwd' }]],
    'a hard link to what is not in it': [
      'archive-invalid',
      [{ name: 'd/h', flag: '1', target: 'd/nothing' }],
    ],
    'a hard link to a folder': ['archive-invalid', [file, { name: 'd/h', flag: '1', target: 'd' }]],
    'a hard link to itself': ['archive-invalid', [{ name: 'd/h', flag: '1', target: 'd/h' }]],
    'a file without a name': ['archive-invalid', [{ name: './', flag: '2', target: 'x' }]],
    'a sparse file': ['archive-invalid', [pax({ 'GNU.sparse.major': '1' }), file]],
    'a size that swallows the next header': ['archive-invalid', [pax({ size: '99999' }), file]],
    'nothing but text': ['archive-invalid', []],
  };
  for (const [name, [code, entries]] of Object.entries(archives)) {
    it(`with ${name} is refused`, async () => {
      const bad = name === 'nothing but text' ? gzipSync('x'.repeat(4000)) : gzipSync(rawTar(entries));
      const layers = [await layer('good', 'good'), await layer('d', bad, { [Annotation.unpack]: 'true' })];
      await writeFile(join(target, 'good'), 'mine');
      await fails([code], () => stage(layers));
    });
  }

  const titles: readonly (readonly string[])[] = [
    ['/etc/x'],
    ['../x'],
    ['a/../../x'],
    ['a\\b'],
    ['C:\\x'],
    ['CON'],
    ['a/nul.txt'],
    ['a:b'],
    ['a.'],
    ['a\0b'],
    ['x'.repeat(300)],
    ['.'],
    ['a', 'A'],
    ['a', './a'],
    ['é', 'e\u0301'],
    ['a', 'a/b'],
  ];
  for (const names of titles) {
    it(`with the title ${JSON.stringify(names).slice(0, 40)} is refused before anything is fetched`, async () => {
      const layers = await Promise.all(names.map((name, index) => layer(name, String(index))));
      assert.throws(
        () => planPull(manifestOf(...layers)),
        (error) => isOciError(error, 'path-unsafe'),
      );
    });
  }

  it('whose layers want one file is refused', async () => {
    const layers = [await folder('d', [{ name: 'd/a', content: '1' }]), await layer('d/a', '2')];
    await fails(['path-taken'], () => stage(layers));
  });

  it('that would go through a link of another layer is refused', async () => {
    const layers = [await folder('d', [{ name: 'd/l', flag: '2', target: 'x' }]), await layer('d/l/x', '2')];
    await fails(['path-taken'], () => stage(layers));
  });

  it('that lies about the tar in it is refused', async () => {
    const bad = await layer('d', gzipSync(rawTar([file])), {
      [Annotation.unpack]: 'true',
      [Annotation.contentDigest]: digestOf(Buffer.from('other')),
    });
    await fails(['digest-mismatch'], () => stage([bad]));
  });

  it('that lies about the size of a layer is refused', async () => {
    const good = await layer('a', 'alpha');
    await fails(['size-mismatch'], () => stage([{ ...good, size: 4 }]));
    await fails(['size-mismatch'], () => stage([{ ...good, size: 6 }]));
    await fails(['disk-full'], () => stage([{ ...good, size: Number.MAX_SAFE_INTEGER }]));
  });
});

describe('StagedTree', () => {
  it('counts the folders that names imply', () => {
    const tree = new StagedTree(false);
    assert.throws(
      () => {
        for (let index = 0; index < 1000; index++) {
          tree.add([String(index), ...Array.from({ length: 250 }, () => 'z')], 'file');
        }
      },
      (error) => isOciError(error, 'too-large'),
    );
  });

  it('takes names that differ in case for one where the file system does', () => {
    for (const folded of [true, false]) {
      const tree = new StagedTree(folded);
      tree.add(['d', 'README'], 'file');
      const add = (): void => tree.add(['d', 'readme'], 'link');
      if (folded) {
        assert.throws(add, (error) => isOciError(error, 'path-unsafe'));
      } else {
        add();
      }
    }
  });
});

describe('a target', () => {
  const inTheWay: Readonly<Record<string, () => Promise<unknown>>> = {
    'a file where a folder would be': () => writeFile(join(target, 'd'), 'mine'),
    'a link where a folder would be': async () => {
      await mkdir(join(target, 'real'));
      await symlink('real', join(target, 'd'));
    },
    'a folder where a file would be': () => mkdir(join(target, 'd/a'), { recursive: true }),
    'a link to nothing where a folder would be': () => symlink('nothing', join(target, 'd')),
  };
  for (const [name, make] of Object.entries(inTheWay)) {
    it(`with ${name} stays as it was`, async () => {
      await make();
      for (const one of [await folder('d', [{ name: 'd/a', content: '1' }]), await layer('d/a', '1')]) {
        await fails(['path-taken'], async () => stage([one]));
      }
      await fails(['path-taken'], async () =>
        lookAtTarget(planPull(manifestOf(await layer('d/a', '1'))), target),
      );
    });
  }

  it('that is a file is refused', async () => {
    target = join(work, 'file');
    await writeFile(target, 'mine');
    await fails(['path-taken'], async () => stage([await layer('a', '1')]));
  });

  it('that is a link is the folder it leads to', async () => {
    await symlink('target', join(work, 'link'));
    const staged = await stagePull(store, planPull(manifestOf(await layer('a', '1'))), join(work, 'link'));
    await staged.commit();
    await staged.dispose();
    assert.equal(await text('a'), '1');
  });

  it('stays as it was when the last file cannot be put in place', async () => {
    await mkdir(join(target, 'd'));
    for (const name of ['a', 'd/x', 'd/y']) {
      await writeFile(join(target, name), 'mine');
    }
    const layers = [
      await layer('a', 'new'),
      await layer('b', 'new'),
      await folder('d', [
        { name: 'd/new', content: '1' },
        { name: 'd/x', content: '1' },
        { name: 'd/y', content: '1' },
      ]),
    ];
    const staged = await stage(layers);
    // Since it was looked at, someone made a folder of the file.
    await rm(join(target, 'd/y'));
    await mkdir(join(target, 'd/y'));
    await rm(join(target, 'a'));
    await writeFile(join(target, 'a'), 'mine');
    const before = await snapshot(target);
    await assert.rejects(staged.commit(), (error) => isOciError(error, 'path-taken'));
    await staged.dispose();
    assert.deepEqual(await snapshot(target), before);
    assert.deepEqual(await readdir(work), ['target']);
  });

  it('stays as it was when a person cancels, while fetching and while moving', async () => {
    await writeFile(join(target, 'a'), 'mine');
    const before = await snapshot(target);
    const layers = [
      await layer('a', 'new'),
      await layer('b', 'new'),
      await layer('c', Buffer.alloc(100_000)),
    ];
    const controller = new AbortController();
    const onBytes = (): void => {
      controller.abort();
    };
    await assert.rejects(stage(layers, { signal: controller.signal, onBytes }), isAbort);
    assert.deepEqual(await readdir(work), ['target']);
    const staged = await stage(layers);
    let looks = 0;
    const signal = AbortSignal.any([]);
    Object.defineProperty(signal, 'throwIfAborted', {
      value: () => {
        if (++looks === 3) {
          throw new DOMException('cancelled', 'AbortError');
        }
      },
    });
    await assert.rejects(staged.commit({ signal }), isAbort);
    await staged.dispose();
    assert.deepEqual(await snapshot(target), before);
    assert.deepEqual(await readdir(work), ['target']);
  });
});
