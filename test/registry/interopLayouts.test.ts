import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Place } from '../../src/browse/place.ts';
import { copy } from '../../src/oci/copy.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { isDigestTag } from '../../src/oci/referrersTag.ts';
import { canDelete, listsUntagged, type Repository } from '../../src/oci/store.ts';
import { runPeer, type Peer } from '../support/peers.ts';
import { startRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { fillSamples } from '../support/samples.ts';

type Program = Extract<Peer, 'oras' | 'crane' | 'regctl' | 'skopeo' | 'umoci'>;

/** How each tool writes one more tag to the layout `shop/app`; `{n}` is a number that no other has. */
const writers: readonly (readonly [Program, ...string[]])[] = [
  ['oras', 'push', '--oci-layout', '--artifact-type', 'text/x', 'shop/app:tag-{n}', '../file'],
  ['regctl', 'artifact', 'put', '--artifact-type', 'text/x', '-f', '../file', 'ocidir://shop/app:tag-{n}'],
  ['skopeo', '--insecure-policy', 'copy', 'oci:shop/app:1.4.1', 'oci:shop/app:tag-{n}'],
  ['umoci', 'tag', '--image', 'shop/app:skopeo-made', 'tag-{n}'],
  ['oras', 'tag', '--oci-layout', 'shop/app:1.4.1', 'tag-{n}'],
];

/** How each tool gives the digest of a tag of a layout. */
const readers: readonly (readonly [Program, ...string[]])[] = [
  ['oras', 'resolve', '--oci-layout', '{layout}:{tag}'],
  ['regctl', 'manifest', 'head', 'ocidir://{layout}:{tag}'],
];

describe('the folder of Local beside oras, crane, regctl, skopeo, umoci and olareg', () => {
  let work: string;
  let folder: string;
  let app: Repository;

  before(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'oci-layouts-'));
    folder = path.join(work, 'local');
    await fillSamples(folder);
    await writeFile(path.join(work, 'file'), 'content');
    app = localRegistry(folder).repository('shop/app');
  });
  after(() => rm(work, { recursive: true }));

  const peer = async ([program, ...args]: readonly [Program, ...string[]], cwd = folder): Promise<string> =>
    (await runPeer(program, args, { cwd })).stdout.trim();

  const tags = async (store = app): Promise<readonly string[]> =>
    (await store.tags({ limit: 1000 })).items.filter((tag) => !isDigestTag(tag));

  it('keeps every tag when all write by turns, and each reads what the others wrote', async () => {
    await peer(['skopeo', '--insecure-policy', 'copy', 'oci:shop/app:1.4.2', 'oci:shop/app:skopeo-made']);
    const expected = new Set([...(await tags()), 'skopeo-made']);
    const note = { 'com.example.note': 'kept' };
    await annotate(path.join(folder, 'shop/app/index.json'), '1.4.0', note);
    let count = 0;
    for (let round = 0; round < 2; round++) {
      for (const [program, ...args] of writers) {
        const theirs = ++count;
        await peer([program, ...args.map((arg) => arg.replace('{n}', String(theirs)))]);
        const ours = ++count;
        const subject = await app.resolve('1.4.0');
        await pushNote(app, subject, ours, `tag-${ours}`);
        expected.add(`tag-${theirs}`).add(`tag-${ours}`);
        assert.deepEqual(new Set(await tags()), expected, program);
      }
    }
    for (const tag of ['1.4.0', '1.4.2', 'tag-1', 'tag-2', 'tag-5', `tag-${count}`]) {
      const { digest } = await app.resolve(tag);
      for (const [program, ...args] of readers) {
        const filled = args.map((arg) => arg.replace('{layout}', 'shop/app').replace('{tag}', tag));
        assert.equal(await peer([program, ...filled]), digest, `${program} ${tag}`);
      }
      const raw = (await runPeer('skopeo', ['inspect', '--raw', `oci:shop/app:${tag}`], { cwd: folder }))
        .stdout;
      assert.equal(digestOf(Buffer.from(raw)), digest, `skopeo ${tag}`);
    }
    const listed = (await peer(['umoci', 'ls', '--layout', 'shop/app'])).split('\n');
    assert.deepEqual(new Set(listed.filter((tag) => !isDigestTag(tag))), expected);
    assert.equal((await app.referrers(await app.resolve('1.4.0'))).items.length, count / 2);
    // oras writes the list anew out of what it knows; the others and we keep what stands there.
    const index = await readFile(path.join(folder, 'shop/app/index.json'), 'utf8');
    assert.ok(index.includes('com.example.note'));
  });

  it('shows what each attached, to each', async () => {
    const tag = '1.4.1';
    await peer([
      'oras',
      'attach',
      '--oci-layout',
      '--artifact-type',
      'text/oras',
      `shop/app:${tag}`,
      '../file',
    ]);
    await peer([
      'regctl',
      'artifact',
      'put',
      '--artifact-type',
      'text/regctl',
      '-f',
      '../file',
      '--subject',
      `ocidir://shop/app:${tag}`,
    ]);
    const subject = await app.resolve(tag);
    await pushNote(app, subject, 0);
    const types = (await app.referrers(subject)).items.map(({ artifactType }) => artifactType);
    assert.deepEqual(types.sort(), ['text/note', 'text/oras', 'text/regctl']);
    const format = '{{range .Descriptors}}{{println .ArtifactType}}{{end}}';
    const listed = await peer(['regctl', 'artifact', 'list', `ocidir://shop/app:${tag}`, '--format', format]);
    // oras enters nothing in the list that regctl looks at.
    assert.deepEqual(listed.split('\n').sort(), ['text/note', 'text/regctl']);
    const { referrers } = JSON.parse(
      await peer(['oras', 'discover', '--oci-layout', '--format', 'json', `shop/app:${tag}`]),
    ) as { readonly referrers: readonly { readonly artifactType: string }[] };
    assert.deepEqual(referrers.map(({ artifactType }) => artifactType).sort(), types);
  });

  it('loses nothing they wrote when we delete what shares blobs with it', async () => {
    await peer([
      'skopeo',
      '--insecure-policy',
      'copy',
      '--all',
      'oci:shop/app:1.4.2',
      'oci:shop/pair:theirs',
    ]);
    const pair = localRegistry(folder).repository('shop/pair');
    await peer(['regctl', 'image', 'copy', 'ocidir://shop/pair:theirs', 'ocidir://shop/pair:regctl']);
    const index = await pair.resolve('theirs');
    // The same platforms in an index of ours, and an artifact that shares their config.
    const { manifests } = JSON.parse(Buffer.from((await pair.manifest('theirs')).bytes).toString()) as {
      readonly manifests: readonly Descriptor[];
    };
    const ours = encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests,
      annotations: { ours: 'yes' },
    });
    await pair.push(
      { mediaType: MediaType.index, digest: digestOf(ours), size: ours.byteLength },
      bodyOf(ours),
      { tag: 'ours' },
    );
    assert.ok(canDelete(pair));
    await pair.delete(await pair.resolve('ours'));
    for (const tag of ['theirs', 'regctl']) {
      await copy(pair, tag, new MemoryStore(), 'whole');
      await peer([
        'skopeo',
        '--insecure-policy',
        'copy',
        '--all',
        `oci:shop/pair:${tag}`,
        `oci:copied:${tag}`,
      ]);
    }
    await pair.delete(index);
    assert.deepEqual(await tags(pair), []);
  });

  it('shows the manifests of a layout without tags, as crane and skopeo make it', async () => {
    const served = await startRegistry('olareg', { dir: folder });
    try {
      const pull = ['pull', '--insecure', '--format', 'oci'];
      await peer(['crane', ...pull, `${served.host}/shop/app:1.4.2`, path.join(work, 'crane')]);
      await peer([
        'crane',
        ...pull,
        '--annotate-ref',
        `${served.host}/shop/app:1.4.1`,
        path.join(work, 'named'),
      ]);
      await peer([
        'skopeo',
        '--insecure-policy',
        'copy',
        '--src-tls-verify=false',
        '--all',
        `docker://${served.host}/shop/app:1.4.2`,
        `oci:${path.join(work, 'bare')}`,
      ]);
    } finally {
      await served.stop();
    }
    const { digest } = await app.resolve('1.4.2');
    for (const name of ['crane', 'bare']) {
      const store = (await layoutRegistry(path.join(work, name))).repository(name);
      assert.deepEqual(await tags(store), []);
      assert.ok(listsUntagged(store));
      assert.deepEqual((await store.untagged()).items, [digest]);
      await copy(store, digest, new MemoryStore(), 'whole');
      assert.deepEqual(await shown(path.join(work, name), name), [digest]);
    }
    const named = (await layoutRegistry(path.join(work, 'named'))).repository('named');
    assert.deepEqual(await tags(named), ['1.4.1']);
  });

  it('is read and pushed on by crane and skopeo, from a layout and from tars of it', async () => {
    const other = await startRegistry('distribution');
    try {
      const store = localRegistry(folder).repository('one');
      await copy(app, '1.4.0', store, 'v1');
      await peer(['crane', 'push', '--insecure', '--index', 'one', `${other.host}/one:crane`]);
      await peer([
        'skopeo',
        '--insecure-policy',
        'copy',
        'oci:one:v1',
        `oci-archive:${path.join(work, 'one.tar')}:docker.io/library/one:v1`,
      ]);
      const tar = (await layoutRegistry(path.join(work, 'one.tar'))).repository('one');
      assert.deepEqual(await tags(tar), ['v1']);
      await copy(tar, 'v1', new MemoryStore(), 'whole');
    } finally {
      await other.stop();
    }
  });

  it('is served by olareg, repositories, referrers and all, and shows what is pushed there', async () => {
    const shared = path.join(work, 'served');
    const local = localRegistry(shared);
    await fillSamples(shared);
    const names = (await local.repositories()).items;
    assert.ok(names.length > 7);
    const served = await startRegistry('olareg', { dir: shared });
    try {
      for (const name of names) {
        const repository = local.repository(name);
        for (const tag of await tags(repository)) {
          const digest = await peer(['crane', 'digest', '--insecure', `${served.host}/${name}:${tag}`]);
          assert.equal(digest, (await repository.resolve(tag)).digest);
        }
      }
      const at = `${served.host}/shop/app`;
      await peer(['oras', 'push', '--plain-http', '--artifact-type', 'text/x', `${at}:pushed`, '../file']);
      await peer([
        'oras',
        'push',
        '--plain-http',
        '--artifact-type',
        'text/x',
        `${served.host}/new/one:v1`,
        '../file',
      ]);
      await peer(['oras', 'attach', '--plain-http', '--artifact-type', 'text/y', `${at}:pushed`, '../file']);
    } finally {
      await served.stop();
    }
    const fresh = localRegistry(shared);
    assert.ok((await fresh.repositories()).items.includes('new/one'));
    const repository = fresh.repository('shop/app');
    const pushed = await repository.resolve('pushed');
    await copy(repository, 'pushed', new MemoryStore(), 'whole');
    const attached = (await repository.referrers(pushed)).items;
    assert.deepEqual(
      attached.map(({ artifactType }) => artifactType),
      ['text/y'],
    );
    assert.equal((await repository.referrers(await repository.resolve('1.4.2'))).items.length, 3);
    assert.ok(listsUntagged(repository));
    assert.deepEqual((await repository.untagged()).items, []);
  });

  it('reads what docker save writes: names of images beside the layout', async () => {
    const inside = path.join(work, 'saved');
    await mkdir(inside);
    await cp(path.join(folder, 'one'), inside, { recursive: true });
    const { digest, size, mediaType } = await localRegistry(folder).repository('one').resolve('v1');
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/one:v1',
      'org.opencontainers.image.ref.name': 'v1',
    };
    await writeFile(
      path.join(inside, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations }] }),
    );
    await writeFile(path.join(inside, 'manifest.json'), '[]');
    await run(
      'tar',
      ['-cf', 'saved.tar', '-C', inside, 'blobs', 'index.json', 'manifest.json', 'oci-layout'],
      {
        cwd: work,
      },
    );
    const store = (await layoutRegistry(path.join(work, 'saved.tar'))).repository('saved');
    assert.deepEqual(await tags(store), ['v1']);
    await copy(store, 'v1', new MemoryStore(), 'whole');
  });
});

/** The digests of the rows below the one repository of a layout. */
async function shown(folder: string, repository: string): Promise<readonly string[]> {
  const place: Place = {
    id: 'p',
    name: 'P',
    kind: 'layout',
    host: folder,
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    registry: await layoutRegistry(folder),
  };
  const browser = createBrowser({
    places: { all: () => [place], get: () => place },
    cache: createManifestCache(),
    settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
  });
  const node = browser.locate('p', repository);
  assert.ok(node);
  const rows = await browser.children(node);
  browser.dispose();
  return rows.flatMap((row) => (row.kind === 'manifest' ? [row.descriptor.digest] : []));
}

/** Notes something at the entry of a tag, as a tool may. */
async function annotate(file: string, tag: string, note: Readonly<Record<string, string>>): Promise<void> {
  const index = JSON.parse(await readFile(file, 'utf8')) as {
    readonly manifests: readonly { annotations?: Record<string, string> }[];
  };
  for (const entry of index.manifests) {
    if (entry.annotations?.['org.opencontainers.image.ref.name'] === tag) {
      Object.assign(entry.annotations, note);
    }
  }
  await writeFile(file, JSON.stringify(index));
}

async function pushNote(
  repository: Repository,
  subject: Descriptor,
  number: number,
  tag?: string,
): Promise<void> {
  const empty = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(empty), size: empty.byteLength };
  await repository.push(config, bodyOf(empty));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: 'text/note',
    config,
    layers: [config],
    subject,
    annotations: { number: String(number) },
  });
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(descriptor, bodyOf(bytes), { tag });
}
