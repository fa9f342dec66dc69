import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { collect } from '../../../../src/base/bytes.ts';
import { copy } from '../../../../src/oci/copy.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../../../src/oci/errors.ts';
import { layoutRegistry } from '../../../../src/oci/layout/layoutRegistry.ts';
import { parseManifest } from '../../../../src/oci/manifest.ts';
import { MediaType } from '../../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../../src/oci/memory.ts';
import type { Repository } from '../../../../src/oci/store.ts';
import { rawEntry, rawTar, type RawEntry } from '../../../support/tars.ts';

const layer = 'the bytes of a layer';
const diffId = digestOf(Buffer.from(layer));
const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [diffId, diffId] },
});

interface Image {
  readonly Config: unknown;
  readonly RepoTags?: unknown;
  readonly Layers: unknown;
}

const image: Image = {
  Config: 'config.json',
  RepoTags: ['registry.example:5000/team/app:1.0', 'other:1.0'],
  Layers: ['a/layer.tar', 'b/layer.tar'],
};

/** As docker writes it: what images share is there once, with links to it. */
function archive(images: unknown, ...more: readonly RawEntry[]): readonly RawEntry[] {
  return [
    { name: 'a/layer.tar', content: layer },
    { name: 'b/layer.tar', flag: '2', target: '../a/layer.tar' },
    { name: 'config.json', content: config },
    { name: 'manifest.json', content: typeof images === 'string' ? images : JSON.stringify(images) },
    ...more,
  ];
}

const [idA, idB] = ['a'.repeat(64), 'b'.repeat(64)];

/** As docker wrote it before 1.10. */
function legacy(parent: unknown, top: unknown = idB): readonly RawEntry[] {
  return [
    { name: 'repositories', content: JSON.stringify({ app: { '1.0': top } }) },
    { name: `${idA}/json`, content: JSON.stringify({ id: idA, parent }) },
    { name: `${idA}/layer.tar`, content: layer },
    {
      name: `${idB}/json`,
      content: JSON.stringify({
        id: idB,
        parent: idA,
        os: 'linux',
        config: { Cmd: ['sh'] },
        created: 'then',
      }),
    },
    { name: `${idB}/layer.tar`, content: 'another' },
  ];
}

describe('an archive of docker save', () => {
  let work: string;
  let count = 0;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-docker-archive-'));
  });
  after(() => rm(work, { recursive: true }));

  async function open(entries: readonly RawEntry[]): Promise<Repository> {
    const file = join(work, `image${count++}.tar`);
    await writeFile(file, rawTar(entries));
    const registry = await layoutRegistry(file);
    const [name = ''] = (await registry.repositories()).items;
    return registry.repository(name);
  }

  it('is an image whose config and layers keep their digests', async () => {
    const store = await open(archive([image]));
    assert.deepEqual((await store.tags()).items, ['1.0']);
    const dst = new MemoryStore();
    await copy(store, '1.0', dst, '1.0');
    const { bytes, descriptor } = await dst.manifest('1.0');
    assert.equal(descriptor.mediaType, MediaType.manifest);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    assert.ok(manifest.kind === 'manifest' && manifest.config);
    assert.equal(manifest.config.digest, digestOf(Buffer.from(config)));
    assert.deepEqual(
      manifest.layers.map(({ digest, mediaType }) => [digest, mediaType]),
      [
        [diffId, MediaType.layerTar],
        [diffId, MediaType.layerTar],
      ],
    );
    assert.equal(Buffer.from(await collect(dst.fetch(manifest.config), 1e6)).toString(), config);
  });

  it('without names is found by its digest', async () => {
    const store = await open(archive([{ ...image, RepoTags: null }]));
    assert.deepEqual((await store.tags()).items, []);
    const { items = [] } = (await store.untagged?.()) ?? {};
    assert.equal(items.length, 1);
  });

  it('of old gets a config of what its topmost layer says', async () => {
    const store = await open(legacy(undefined));
    const dst = new MemoryStore();
    await copy(store, '1.0', dst, '1.0');
    const { bytes } = await dst.manifest('1.0');
    const manifest = parseManifest(bytes, '');
    assert.ok(manifest.kind === 'manifest' && manifest.config);
    const made = JSON.parse(Buffer.from(await collect(dst.fetch(manifest.config), 1e6)).toString()) as object;
    assert.deepEqual(made, {
      architecture: 'amd64',
      config: { Cmd: ['sh'] },
      created: 'then',
      history: [{}, { created: 'then' }],
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [diffId, digestOf(Buffer.from('another'))] },
    });
    assert.deepEqual(
      manifest.layers.map(({ digest }) => digest),
      [diffId, digestOf(Buffer.from('another'))],
    );
  });

  const hostile: readonly (readonly [string, readonly RawEntry[], ErrorCode])[] = [
    ['a layer above the archive', archive([{ ...image, Layers: ['../a/layer.tar'] }]), 'archive-invalid'],
    ['a layer of this machine', archive([{ ...image, Layers: ['/etc/passwd'] }]), 'archive-invalid'],
    ['a config of this machine', archive([{ ...image, Config: '/etc/passwd' }]), 'archive-invalid'],
    [
      'a link out of the archive',
      archive([{ ...image, Layers: ['a/layer.tar', 'c/layer.tar'] }], {
        name: 'c/layer.tar',
        flag: '2',
        target: '../../../../../etc/passwd',
      }),
      'archive-invalid',
    ],
    [
      'links in a ring',
      archive(
        [{ ...image, Layers: ['c', 'd'] }],
        { name: 'c', flag: '2', target: 'd' },
        { name: 'd', flag: '2', target: 'c' },
      ),
      'archive-invalid',
    ],
    [
      'a layer that is said to be longer than the archive',
      archive([{ ...image, Layers: ['a/layer.tar', 'c/layer.tar'] }], {
        name: 'c/layer.tar',
        content: layer,
        size: 1_000_000,
      }),
      'archive-invalid',
    ],
    ['a layer that is not there', archive([{ ...image, Layers: ['a/layer.tar', 'x'] }]), 'archive-invalid'],
    [
      'fewer layers than its config names',
      archive([{ ...image, Layers: ['a/layer.tar'] }]),
      'archive-invalid',
    ],
    [
      'another layer than its config names',
      archive([{ ...image, Layers: ['a/layer.tar', 'c'] }], { name: 'c', content: 'changed' }),
      'digest-mismatch',
    ],
    ['layers that are no list', archive([{ ...image, Layers: 'a/layer.tar' }]), 'archive-invalid'],
    ['names that are no texts', archive([{ ...image, RepoTags: [1] }]), 'archive-invalid'],
    ['a list that is none', archive({}), 'archive-invalid'],
    ['a list that is not JSON', archive('['), 'archive-invalid'],
    ['a list that is nested without end', archive('['.repeat(100_000)), 'archive-invalid'],
    ['too many images', archive(Array.from({ length: 1001 }, () => image)), 'archive-invalid'],
    [
      'too many layers',
      archive([{ ...image, Layers: Array.from({ length: 10_001 }, () => 'a/layer.tar') }]),
      'archive-invalid',
    ],
    [
      'a config that is no object',
      archive([{ ...image, Config: 'c' }], { name: 'c', content: '[]' }),
      'archive-invalid',
    ],
    [
      'a config without end',
      archive([{ ...image, Config: 'c' }], { name: 'c', content: Buffer.alloc(4 * 1024 * 1024 + 1, 32) }),
      'too-large',
    ],
    ['of old, a parent that is its child', legacy(idB), 'archive-invalid'],
    ['of old, a name that is a path', legacy(undefined, '../../etc'), 'archive-invalid'],
    ['of old, a parent that is not there', legacy('c'.repeat(64)), 'archive-invalid'],
  ];
  for (const [name, entries, code] of hostile) {
    it(`is refused with ${name}`, async () => {
      await assert.rejects(open(entries), (error) => isOciError(error, code));
    });
  }

  it('is read among 100,000 other entries, and refused among more than 200,000', async () => {
    const header = rawEntry({ name: 'other' });
    for (const [count, isRead] of [
      [100_000, true],
      [200_001, false],
    ] as const) {
      const file = join(work, `many${count}.tar`);
      await writeFile(file, Buffer.concat([Buffer.alloc(count * 512, header), rawTar(archive([image]))]));
      const opened = layoutRegistry(file);
      if (isRead) {
        assert.deepEqual((await (await opened).repository(`many${count}`).tags()).items, ['1.0']);
      } else {
        await assert.rejects(opened, (error) => isOciError(error, 'archive-invalid'));
      }
    }
  });

  it('of another kind of content is no archive of images', async () => {
    await assert.rejects(open([{ name: 'readme.txt', content: 'hello' }]), (error) =>
      isOciError(error, 'layout-invalid'),
    );
  });
});
