import assert from 'node:assert/strict';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { collect } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { Annotation } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { buildArtifact, type BuiltArtifact } from '../../src/packaging/artifact.ts';
import { compressions } from '../../src/packaging/compression.ts';
import { arrangeLayers, isPackedFreely, usualPacking, type Packing } from '../../src/packaging/packing.ts';
import { planPush, type PushPlan } from '../../src/packaging/plan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { filesType, pushTypes } from '../../src/packaging/pushTypes.ts';
import { runPeer } from '../support/peers.ts';

const created = '2026-01-02T03:04:05Z';

/** Patterns a person might write. */
const patterns = ['# what changes apart', '/packages/*/', '*.bin', 'deep/', ''].join('\n');

describe('a folder in several layers', () => {
  let work: string;
  let site: string;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-split-'));
    site = join(work, 'site');
    for (const folder of [
      'docs/deep/hollow',
      'packages/one/src',
      'packages/two',
      'hollow',
      'Case',
      'case',
      'aux',
    ]) {
      await mkdir(join(site, folder), { recursive: true });
    }
    const files: Readonly<Record<string, string>> = {
      'index.html': '<h1>ünï & more</h1>',
      empty: '',
      'docs/guide.md': '# Guide\n',
      'docs/deep/note.txt': 'deep',
      'docs/ünïcode ✓.txt': 'text',
      'packages/one/src/main.ts': 'export {};\n',
      'packages/one/model.bin': 'in a layer of its folder',
      'packages/two/index.ts': 'two',
      'docs/model.bin': 'a model',
      'docs/empty.bin': '',
      'docs/run.bin': '#!/bin/sh\n',
      'Case/x.txt': 'upper',
      'case/x.txt': 'lower',
      'aux/x.txt': 'no name on Windows',
      '.ocilayers': patterns,
    };
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(site, name), text);
    }
    await chmod(join(site, 'docs/run.bin'), 0o755);
    const links: Readonly<Record<string, string>> = {
      'to-guide': 'docs/guide.md',
      'to-docs': 'docs',
      'docs/inside': 'deep/note.txt',
      'docs/up': '../packages/two/index.ts',
      'docs/deep/up': '../guide.md',
      'docs/deep/hollow/far': '../../../packages/one/src/main.ts',
      'packages/two/self': '../two/index.ts',
      'packages/two/dangling': 'nothing-here',
    };
    for (const [name, target] of Object.entries(links)) {
      await symlink(target, join(site, name));
    }
  });
  after(() => rm(work, { recursive: true, force: true }));

  async function planned(packing: Partial<Packing>, keepFileTimes = false): Promise<PushPlan> {
    const options = { ...usualPacking, ...packing, keepFileTimes };
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: 1e9, ignore: options.ignore });
    return arrangeLayers(plan, filesType, options);
  }

  async function built(packing: Partial<Packing>, keepFileTimes = false): Promise<BuiltArtifact> {
    return buildArtifact(await planned(packing, keepFileTimes), {
      artifactType: 'application/vnd.example.files.v1',
      annotations: { [Annotation.created]: created },
      keepFileTimes,
      temporary: work,
    });
  }

  /** Into a layout of that name, which `oras` and `regctl` read too. */
  async function pushed(
    name: string,
    packing: Partial<Packing>,
    keepFileTimes = false,
  ): Promise<BuiltArtifact> {
    const made = await built(packing, keepFileTimes);
    await copy(made.store, made.root.digest, localRegistry(join(work, 'local')).repository(name), '1');
    return made;
  }

  async function pulled(name: string): Promise<string> {
    const store = localRegistry(join(work, 'local')).repository(name);
    const { manifest } = await manifestToPull(store, '1', () =>
      Promise.reject(new Error('Nothing to choose')),
    );
    const target = join(work, `ours-${name}`);
    const staged = await stagePull(store, planPull(manifest), target);
    assert.deepEqual(staged.skipped, []);
    await staged.commit();
    await staged.dispose();
    return join(target, 'site');
  }

  async function orasPulled(name: string): Promise<string> {
    const out = join(work, `oras-${name}`);
    await runPeer('oras', ['pull', '--oci-layout', `${join(work, 'local', name)}:1`, '-o', out], {});
    return join(out, 'site');
  }

  async function regctlPulled(name: string): Promise<string> {
    const out = join(work, `regctl-${name}`);
    await mkdir(out);
    const layout = `ocidir://${join(work, 'local', name)}:1`;
    const args = ['artifact', 'get', '--strip-dirs', '--output', out, layout];
    await runPeer('regctl', args, { env: { REGCTL_CONFIG: '' } });
    return join(out, 'site');
  }

  /** Every path with what it is: its text, its link, its permissions. */
  async function treeOf(folder: string, into = ''): Promise<Readonly<Record<string, string>>> {
    const tree: Record<string, string> = {};
    for (const each of await readdir(join(folder, into))) {
      const name = join(into, each);
      const path = join(folder, name);
      const stats = await lstat(path);
      const mode = (stats.mode & 0o777).toString(8);
      if (stats.isDirectory()) {
        Object.assign(tree, { [name]: `folder ${mode}` }, await treeOf(folder, name));
      } else {
        tree[name] = stats.isSymbolicLink()
          ? `-> ${await readlink(path)}`
          : `${mode} ${await readFile(path, 'utf8')}`;
      }
    }
    return tree;
  }

  const titles = async (packing: Partial<Packing>, keepFileTimes = false): Promise<readonly string[]> =>
    (await planned(packing, keepFileTimes)).layers.map(({ title, kind }) =>
      kind === 'folder' ? `${title}/` : title,
    );

  it('is one layer for each folder in it, and one for all else', async () => {
    // Of names that are one somewhere, or none, no layer is made: all tools pull what is in the layer of the folder above.
    assert.deepEqual(await titles({ split: 'folders' }), [
      'site/',
      'site/docs/',
      'site/hollow/',
      'site/packages/',
    ]);
    assert.deepEqual(await titles({ split: 'none' }), ['site/']);
  });

  it('is one layer for what each pattern matches, the outermost first', async () => {
    const found = [
      'site/',
      'site/docs/deep/',
      'site/docs/model.bin',
      'site/packages/one/',
      'site/packages/two/',
    ];
    assert.deepEqual(await titles({ split: 'patterns' }), found);
    assert.deepEqual(await titles({ split: patterns.split('\n') }), found);
    // With times kept no file is a layer: its own would be lost.
    assert.deepEqual(
      await titles({ split: 'patterns' }, true),
      found.filter((title) => title.endsWith('/')),
    );
    assert.deepEqual(await titles({ split: ['nothing'] }), ['site/']);
    assert.deepEqual(await titles({ split: ['*', '!docs'] }), [
      'site/',
      'site/.ocilayers',
      'site/docs/deep/',
      'site/docs/guide.md',
      'site/docs/model.bin',
      'site/docs/ünïcode ✓.txt',
      'site/hollow/',
      'site/index.html',
      'site/packages/',
    ]);
  });

  it('holds every file once, links where all tools can make them', async () => {
    const whole = (await planned({})).layers.flatMap(({ entries }) => entries);
    for (const split of ['folders', 'patterns'] as const) {
      const { layers } = await planned({ split });
      const contents = layers.flatMap(({ entries }) => entries).filter(({ kind }) => kind !== 'folder');
      assert.deepEqual(
        contents.map(({ name }) => name).sort(),
        whole
          .filter(({ kind }) => kind !== 'folder')
          .map(({ name }) => name)
          .sort(),
      );
      const own = layers[0]?.entries.map(({ name }) => name) ?? [];
      assert.ok(own.includes('site/docs/up') && own.includes('site/docs/deep/hollow/far'), own.join('\n'));
      assert.ok(!own.includes('site/packages/two/self'));
    }
  });

  for (const [name, packing, keepFileTimes] of [
    ['whole', {}, false],
    ['folders', { split: 'folders' }, false],
    ['patterns', { split: 'patterns' }, false],
    ['times', { split: 'patterns' }, true],
  ] as const) {
    it(`comes back byte for byte from oras and from us: ${name}`, async () => {
      await (await pushed(name, packing, keepFileTimes)).dispose();
      const expected = await treeOf(site);
      assert.deepEqual(await treeOf(await orasPulled(name)), expected);
      assert.deepEqual(await treeOf(await pulled(name)), expected);
    });
  }

  it('comes back from regctl too, by --strip-dirs, but for what it never restores: links, and what can be run', async () => {
    const plain = (tree: Readonly<Record<string, string>>): readonly string[] =>
      Object.entries(tree)
        .filter(([, what]) => !what.startsWith('->'))
        .map(([name, what]) => `${name}: ${what.replace('755 #!', '644 #!')}`)
        .sort();
    for (const name of ['whole', 'folders']) {
      assert.deepEqual(plain(await treeOf(await regctlPulled(name))), plain(await treeOf(site)));
    }
  });

  it('is the same layers on every push, by every compression; only oras needs gzip', async () => {
    const expected = await treeOf(site);
    for (const compression of compressions) {
      const first = await pushed(`packed-${compression}`, { split: 'folders', compression });
      const again = await built({ split: 'folders', compression });
      assert.deepEqual(again.layers, first.layers);
      const suffix = compression === 'none' ? '' : `+${compression}`;
      for (const layer of first.layers) {
        assert.equal(layer.mediaType, `application/vnd.oci.image.layer.v1.tar${suffix}`);
      }
      if (compression === 'none') {
        const [layer] = first.layers;
        assert.ok(layer);
        assert.equal(
          digestOf(await collect(first.store.fetch(layer), 1e9)),
          layer.annotations?.[Annotation.contentDigest],
        );
      }
      await Promise.all([first.dispose(), again.dispose()]);
      assert.deepEqual(await treeOf(await pulled(`packed-${compression}`)), expected);
      const oras = orasPulled(`packed-${compression}`);
      if (compression === 'gzip') {
        assert.deepEqual(await treeOf(await oras), expected);
      } else {
        await assert.rejects(oras, /gzip: invalid header/);
        const index = join(await regctlPulled(`packed-${compression}`), 'docs/guide.md');
        assert.equal(await readFile(index, 'utf8'), '# Guide\n');
      }
    }
  });

  it('is left to types that say what their layers are', async () => {
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: 1e9 });
    const packing = { split: 'folders', compression: 'zstd', ignore: [], keepFileTimes: false } as const;
    const fixed = pushTypes().filter((type) => !isPackedFreely(type));
    assert.ok(fixed.some(({ id }) => id === 'helm-chart'));
    for (const type of fixed) {
      assert.equal(await arrangeLayers(plan, type, packing), plan, type.id);
    }
    for (const type of pushTypes().filter(isPackedFreely)) {
      assert.deepEqual(type.row?.layers ?? [], [], type.id);
    }
  });

  it('leaves out what a person wants left out, before what files say', async () => {
    const { layers, skipped } = await planned({ split: 'folders', ignore: ['packages/', '*.md', '!hollow'] });
    const names = layers.flatMap(({ entries }) => entries.map(({ name }) => name));
    assert.ok(!names.some((name) => name.includes('packages/') || name.endsWith('.md')), names.join('\n'));
    assert.deepEqual(
      skipped.map(({ path, reason }) => [path.slice(site.length + 1), reason]),
      [
        ['docs/guide.md', 'chosen'],
        ['packages', 'chosen'],
      ],
    );
    await writeFile(join(site, '.gitignore'), 'hollow/\n');
    try {
      assert.ok((await titles({ split: 'folders', ignore: ['!hollow'] })).includes('site/hollow/'));
      assert.ok(!(await titles({ split: 'folders' })).includes('site/hollow/'));
    } finally {
      await rm(join(site, '.gitignore'));
    }
  });

  it('is refused in more layers than registries take', async () => {
    const many = join(work, 'many');
    for (let at = 0; at < 1000; at++) {
      await mkdir(join(many, String(at)), { recursive: true });
    }
    const plan = await planPush([{ path: many, title: 'many' }], { largeFile: 1e9 });
    const options = { ...usualPacking, split: 'folders', keepFileTimes: false } as const;
    await assert.rejects(arrangeLayers(plan, filesType, options), (error) => isOciError(error, 'too-large'));
  });
});
