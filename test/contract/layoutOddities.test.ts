import assert from 'node:assert/strict';
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { hexOf } from '../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { folderFiles } from '../../src/oci/layout/files.ts';
import { LayoutReader } from '../../src/oci/layout/layoutReader.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { LayoutStore } from '../../src/oci/layout/layoutStore.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { listsUntagged, type Repository } from '../../src/oci/store.ts';
import { run } from '../support/run.ts';
import { content, manifestOf, type Content } from './content.ts';

const refName = 'org.opencontainers.image.ref.name';
const code =
  (...codes: ErrorCode[]) =>
  (error: unknown): boolean =>
    isOciError(error, ...codes);

async function push(store: Repository, salt: string, tag?: string, more = {}): Promise<Content> {
  const config = content(MediaType.imageConfig, `{"salt":"${salt}"}`);
  const layer = content(MediaType.layerTar, `layer ${salt}`);
  const manifest = manifestOf(config, [layer], more);
  for (const each of [config, layer]) {
    await store.push(each.descriptor, bodyOf(each.bytes));
  }
  await store.push(manifest.descriptor, bodyOf(manifest.bytes), { tag });
  return manifest;
}

interface RawIndex {
  readonly [field: string]: unknown;
  readonly manifests: readonly (Record<string, unknown> & { readonly digest: string })[];
}

describe('layouts as other tools leave them', () => {
  let work: string;
  let folder: string;
  let store: LayoutStore;
  let count = 0;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-oddities-'));
  });
  after(() => rm(work, { recursive: true }));

  function fresh(): LayoutStore {
    folder = join(work, `layout-${++count}`);
    store = new LayoutStore(folder);
    return store;
  }

  const readRaw = async (): Promise<RawIndex> =>
    JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as RawIndex;
  const writeRaw = (raw: object): Promise<void> =>
    writeFile(join(folder, 'index.json'), JSON.stringify(raw, null, 2));
  /** Lists these manifests with exactly these annotations. */
  const list = (entries: readonly (readonly [Descriptor, object?])[], more = {}): Promise<void> =>
    writeRaw({
      schemaVersion: 2,
      manifests: entries.map(([descriptor, annotations]) => ({ ...descriptor, annotations })),
      ...more,
    });
  const tagsOf = async (): Promise<readonly string[]> => (await store.tags({ limit: 1000 })).items;
  const blob = ({ descriptor }: Content): string => join(folder, 'blobs/sha256', hexOf(descriptor.digest));

  it('show names that are references by their tag, each manifest by a name of its own', async () => {
    fresh();
    const made = [];
    for (const salt of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      made.push((await push(store, salt)).descriptor);
    }
    const names = [
      'docker.io/library/app:1',
      'docker.io/library/web:1',
      '1',
      'localhost:5000/tool',
      '1.0.0+build.5',
      `docker.io/library/pinned:2@${made[0]?.digest}`,
      made[0]?.digest,
    ];
    await list(made.map((descriptor, at) => [descriptor, { [refName]: names[at] }] as const));
    assert.deepEqual(await tagsOf(), ['1', '1.0.0_build.5', '2', 'app-1', 'tool', 'web-1']);
    for (const [tag, at] of [
      ['app-1', 0],
      ['web-1', 1],
      ['1', 2],
      ['tool', 3],
    ] as const) {
      assert.equal((await store.resolve(tag)).digest, made[at]?.digest);
    }
    assert.deepEqual((await store.untagged()).items, [made[6]?.digest]);
  });

  it('give the first of two manifests of one tag, and our tag ends that', async () => {
    fresh();
    const [one, two] = [await push(store, 'one'), await push(store, 'two')];
    await list([
      [one.descriptor, { [refName]: 'twice' }],
      [two.descriptor, { [refName]: 'twice' }],
    ]);
    assert.deepEqual(await tagsOf(), ['twice']);
    assert.equal((await store.manifest('twice')).descriptor.digest, one.descriptor.digest);
    await store.tag(two.descriptor, 'twice');
    assert.equal((await store.resolve('twice')).digest, two.descriptor.digest);
    const { manifests } = await readRaw();
    assert.deepEqual(
      manifests.map(({ digest }) => digest).sort(),
      [one, two].map((x) => x.descriptor.digest).sort(),
    );
  });

  it('move a tag only from where it was seen', async () => {
    const store = localRegistry(work).repository('moves');
    const first = await push(store, 'first', 'v1');
    const other = await push(store, 'other');
    const op = { tag: 'v1', from: other.descriptor.digest };
    const { digest } = (await push(store, 'late', 'v1')).descriptor;
    for (const move of [
      () => store.push(other.descriptor, bodyOf(other.bytes), op),
      () => store.tag(first.descriptor, 'v1', op),
      () => store.tag(first.descriptor, 'gone', op),
    ]) {
      await assert.rejects(move, code('tag-exists'));
    }
    assert.equal((await store.resolve('v1')).digest, digest);
    await store.tag(first.descriptor, 'v1', { from: digest });
    await store.push(other.descriptor, bodyOf(other.bytes), { tag: 'v1', from: first.descriptor.digest });
    assert.equal((await store.resolve('v1')).digest, other.descriptor.digest);
  });

  it('name what has no tag: not children, not referrers, not lists of referrers', async () => {
    fresh();
    const child = await push(store, 'child');
    const index = content(
      MediaType.index,
      encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: [child.descriptor] }),
    );
    await store.push(index.descriptor, bodyOf(index.bytes));
    const outer = content(
      MediaType.index,
      encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: [index.descriptor] }),
    );
    await store.push(outer.descriptor, bodyOf(outer.bytes));
    await push(store, 'referrer', undefined, { subject: child.descriptor });
    const alone = await push(store, 'alone');
    await push(store, 'named', 'v1');
    assert.deepEqual((await store.untagged()).items, [outer.descriptor.digest, alone.descriptor.digest]);
    assert.equal((await store.manifest(child.descriptor.digest)).descriptor.digest, child.descriptor.digest);
  });

  it('keep fields, annotations and entries that nobody here knows', async () => {
    fresh();
    const [one, two] = [await push(store, 'one'), await push(store, 'two')];
    const strange = { mediaType: 'text/x', digest: 'blake3:abcd', size: 1, 'x-note': [1, { a: null }] };
    const noted = { 'com.example.note': 'kept' };
    await writeRaw({
      schemaVersion: 2,
      'x-vendor': { kept: true },
      annotations: { 'com.example.index': 'kept' },
      manifests: [
        { ...one.descriptor, annotations: { [refName]: 'v1', ...noted }, 'x-entry': 7 },
        strange,
        { ...two.descriptor, annotations: noted, platform: { os: 'linux', architecture: 's390x' } },
      ],
    });
    await push(store, 'one', 'v1'); // Nothing new.
    await store.tag(two.descriptor, 'v2'); // A name for what had none.
    await store.tag(one.descriptor, 'v1-too');
    await push(store, 'three', 'v1'); // The tag moves, what it named stays.
    await store.untag('v2');
    const raw = await readRaw();
    assert.deepEqual(raw['x-vendor'], { kept: true });
    assert.deepEqual(raw['annotations'], { 'com.example.index': 'kept' });
    assert.ok(raw.manifests.some((entry) => JSON.stringify(entry) === JSON.stringify(strange)));
    const second = raw.manifests.find(({ digest }) => digest === two.descriptor.digest);
    assert.deepEqual(second?.['annotations'], noted);
    assert.deepEqual(second['platform'], { os: 'linux', architecture: 's390x' });
    assert.deepEqual(await tagsOf(), ['v1', 'v1-too']);
  });

  it('lose no blob that anything listed needs', async () => {
    fresh();
    const shared = content(MediaType.layerTar, 'shared by all');
    await store.push(shared.descriptor, bodyOf(shared.bytes));
    const config = content(MediaType.empty, '{}');
    await store.push(config.descriptor, bodyOf(config.bytes));
    const ours = manifestOf(config, [shared], { artifactType: 'application/x.ours' });
    await store.push(ours.descriptor, bodyOf(ours.bytes), { tag: 'ours' });
    // A document that is listed as a manifest and cannot be read as one.
    const odd = content(
      MediaType.manifest,
      JSON.stringify({ mediaType: 'application/x.other', parts: [shared.descriptor] }),
    );
    await writeFile(blob(odd), odd.bytes);
    const raw = await readRaw();
    await writeRaw({ ...raw, manifests: [...raw.manifests, odd.descriptor] });
    await store.delete(ours.descriptor);
    assert.equal(await store.has(shared.descriptor), true);
    assert.equal(await store.has(config.descriptor), false);
    assert.equal(await store.has(odd.descriptor), true);
    await store.delete(odd.descriptor);
    assert.equal(await store.has(odd.descriptor), false);
  });

  it('are refused where a folder is a link to somewhere else', async () => {
    fresh();
    const image = await push(store, 'linked', 'v1');
    const elsewhere = join(work, 'elsewhere');
    await rename(join(folder, 'blobs'), elsewhere);
    await symlink(elsewhere, join(folder, 'blobs'));
    await assert.rejects(store.manifest('v1'), code('path-unsafe'));
    await assert.rejects(collect(store.fetch(image.descriptor), 1e6), code('path-unsafe'));
    const before = await readdir(elsewhere, { recursive: true });
    await assert.rejects(push(store, 'more', 'v2'), code('path-unsafe'));
    assert.deepEqual(await readdir(elsewhere, { recursive: true }), before);
  });

  it('may be reached through a link, and may move blobs within themselves', async () => {
    fresh();
    await push(store, 'moved', 'v1');
    await rename(join(folder, 'blobs'), join(folder, 'content'));
    await symlink('content', join(folder, 'blobs'));
    const way = join(work, 'way');
    await symlink(folder, way);
    const registry = await layoutRegistry(`${way}/`);
    assert.ok((await registry.repository('way').manifest('v1')).bytes.byteLength > 0);
  });

  it('do not show a link in the place of a blob', async () => {
    fresh();
    const image = await push(store, 'link', 'v1');
    const secret = join(work, 'secret');
    await writeFile(secret, image.bytes);
    await rm(blob(image));
    await symlink(secret, blob(image));
    await assert.rejects(store.manifest('v1'), code('not-found'));
  });

  it('show nothing as true that is missing, cut or changed', async () => {
    fresh();
    const image = await push(store, 'broken', 'v1');
    const layer = content(MediaType.layerTar, 'layer broken');
    await truncate(blob(layer), 4);
    assert.equal(await store.has(layer.descriptor), false);
    await assert.rejects(collect(store.fetch(layer.descriptor), 1e6), code('size-mismatch'));
    await assert.rejects(copy(store, 'v1', new MemoryStore(), 'v1'), code('size-mismatch'));
    await store.push(layer.descriptor, bodyOf(layer.bytes));
    await copy(store, 'v1', new MemoryStore(), 'v1');
    await writeFile(blob(layer), 'LAYER broken');
    await assert.rejects(collect(store.fetch(layer.descriptor), 1e6), code('digest-mismatch'));
    await writeFile(blob(image), image.bytes.slice().fill(0x20));
    await assert.rejects(store.manifest('v1'), code('digest-mismatch'));
    await rm(blob(image));
    await assert.rejects(store.manifest('v1'), code('not-found'));
    assert.deepEqual(await tagsOf(), ['v1']);
  });

  it('of a version to come are read and not written', async () => {
    fresh();
    await push(store, 'future', 'v1');
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion": "2.0.0"}');
    assert.deepEqual(await tagsOf(), ['v1']);
    const before = await readFile(join(folder, 'index.json'), 'utf8');
    await assert.rejects(push(store, 'next', 'v2'), code('layout-invalid'));
    assert.equal(await readFile(join(folder, 'index.json'), 'utf8'), before);
  });

  it('are no repositories where a name would be a file of another', () => {
    const registry = localRegistry(work);
    for (const name of ['team/blobs', 'team/index.json', 'team/oci-layout', 'blobs/app']) {
      assert.throws(() => registry.repository(name), code('reference-invalid'));
    }
  });

  it('are read from every kind of tar, with long names and a folder around them', async () => {
    fresh();
    const big = content(MediaType.octetStream, 'long name', 'sha512');
    await store.push(big.descriptor, bodyOf(big.bytes));
    const config = content(MediaType.empty, '{}');
    await store.push(config.descriptor, bodyOf(config.bytes));
    const manifest = manifestOf(config, [big], { artifactType: 'application/x.long' });
    await store.push(manifest.descriptor, bodyOf(manifest.bytes), { tag: 'v1' });
    const inside = join(work, 'app');
    await cp(folder, inside, { recursive: true });
    for (const format of ['gnu', 'posix']) {
      for (const parts of [
        ['-C', inside, '.'],
        ['-C', inside, 'index.json', 'oci-layout', 'blobs'],
        ['-C', work, 'app'],
      ]) {
        const tar = join(work, `${format}.tar`);
        await run('tar', [`--format=${format}`, '-cf', tar, ...parts]);
        const repository = (await layoutRegistry(tar)).repository(format);
        const to = new MemoryStore();
        await copy(repository, 'v1', to, 'v1');
        assert.equal((await to.resolve('v1')).digest, manifest.descriptor.digest);
        assert.ok(listsUntagged(repository));
        assert.deepEqual((await repository.untagged()).items, []);
      }
    }
  });

  it('are refused as a packed tar, and as a tar of something else', async () => {
    await mkdir(join(work, 'other'));
    await writeFile(join(work, 'other/file'), 'no layout');
    for (const [flags, wanted] of [
      ['-czf', 'unsupported'],
      ['-cJf', 'unsupported'],
      ['-cf', 'layout-invalid'],
    ] as const) {
      const tar = join(work, 'packed.tar');
      await run('tar', [flags, tar, '-C', work, 'other']);
      await assert.rejects(layoutRegistry(tar), code(wanted));
    }
    await writeFile(join(work, 'packed.tar'), 'no tar at all'.repeat(100));
    await assert.rejects(layoutRegistry(join(work, 'packed.tar')), code('archive-invalid'));
  });

  it('of 50,000 entries are parsed once for a page of tags, and again when they changed', async () => {
    fresh();
    const image = await push(store, 'many', 'first');
    await list([...Array(50_000).keys()].map((at) => [image.descriptor, { [refName]: `v${at}` }] as const));
    const files = folderFiles(folder);
    let reads = 0;
    let version = 'one';
    const reader = new LayoutReader({
      ...files,
      version: () => Promise.resolve(version),
      read: (path, ...part) => {
        reads += path === 'index.json' ? 1 : 0;
        return files.read(path, ...part);
      },
    });
    const page = await reader.tags({ limit: 100 });
    await Promise.all(page.items.map((tag) => reader.manifest(tag)));
    await reader.referrers(image.descriptor);
    assert.equal(page.items.length, 100);
    assert.equal(reads, 1);
    await list([[image.descriptor, { [refName]: 'only' }]]);
    version = 'two';
    assert.deepEqual((await reader.tags()).items, ['only']);
    assert.equal(reads, 2);
  });

  it('are whole when the list is replaced by a longer one between a look and the read', async () => {
    fresh();
    const image = await push(store, 'replaced', 'v1');
    const files = folderFiles(folder);
    const reader = new LayoutReader({
      ...files,
      size: async (name) => {
        const size = await files.size(name);
        await store.tag(image.descriptor, 'v2');
        return size;
      },
    });
    assert.deepEqual((await reader.tags()).items, ['v1', 'v2']);
  });

  it('show at once what another tool wrote', async () => {
    fresh();
    const image = await push(store, 'quick', 'v0');
    for (let at = 0; at < 20; at++) {
      await list([[image.descriptor, { [refName]: `v${at % 2}` }]]);
      assert.deepEqual(await tagsOf(), [`v${at % 2}`]);
    }
  });
});
