import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { writeLayoutTar } from '../../src/archive/layoutTar.ts';
import { copy, type CopyOptions } from '../../src/oci/copy.ts';
import { LayoutPlan } from '../../src/oci/layout/layoutPlan.ts';
import { LayoutStore } from '../../src/oci/layout/layoutStore.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { allItems } from '../../src/oci/pages.ts';
import type { ReadStore, Repository } from '../../src/oci/store.ts';
import { anonymous } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

/** The tar of a tag, as *Export…* writes it. */
async function exported(
  src: ReadStore,
  ref: string,
  file: string,
  options: CopyOptions = {},
): Promise<Buffer> {
  const plan = new LayoutPlan();
  const root = await copy(src, ref, plan, ref, options);
  await writeLayoutTar(
    file,
    plan.files([root.digest], (tag) => `registry.example/team/app:${tag}`),
    {},
  );
  return readFile(file);
}

async function only(archive: string): Promise<Repository> {
  const registry = await layoutRegistry(archive);
  const [name = ''] = (await registry.repositories()).items;
  return registry.repository(name);
}

async function tagsOf(store: ReadStore): Promise<readonly string[]> {
  return Array.fromAsync(allItems((page) => store.tags(page)));
}

describe('archives beside skopeo, oras, crane and regctl', () => {
  let work: string;
  let registry: RunningRegistry;
  let ours: ReturnType<typeof anonymous>;
  const at = (name: string): string => path.join(work, name);
  const image = (): Repository => ours.registry.repository('team/app');

  before(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'oci-archives-'));
    registry = await startRegistry('distribution');
    ours = anonymous(registry.host);
    for (const [layer, text] of [
      ['one', 'first\n'],
      ['two', 'second\n'],
    ] as const) {
      await mkdir(at(layer));
      await writeFile(at(`${layer}/${layer}.txt`), text);
      const tar = pack();
      tar.entry({ name: `${layer}.txt`, mtime: new Date(0) }, text);
      tar.finalize();
      await pipeline(tar, createWriteStream(at(`${layer}.tar`)));
    }
    const name = `${registry.host}/team/app`;
    const layers = ['-f', at('one.tar'), '-f', at('two.tar')];
    await runPeer('crane', ['--insecure', 'append', '--oci-empty-base', ...layers, '-t', `${name}:v1`]);
    await runPeer('crane', ['--insecure', 'append', ...layers, '-t', `${name}:docker`]);
    await runPeer(
      'oras',
      ['attach', '--plain-http', '--artifact-type', 'text/sbom', `${name}:v1`, 'one/one.txt'],
      { cwd: work },
    );
  });
  after(async () => {
    await ours.stop();
    await registry.stop();
    await rm(work, { recursive: true });
  });

  it('writes a tar of the same bytes from wherever it comes, which each of them reads', async () => {
    const { digest, bytes } = await image()
      .manifest('v1')
      .then((found) => ({ digest: found.descriptor.digest, bytes: found.bytes }));
    const first = await exported(image(), 'v1', at('first.tar'));
    const layout = new LayoutStore(at('layout'));
    await copy(image(), 'v1', layout, 'v1');
    assert.deepEqual(await exported(layout, 'v1', at('second.tar'), { concurrency: 1 }), first);
    assert.deepEqual(await exported(await only(at('first.tar')), 'v1', at('third.tar')), first);

    const skopeo = async (...args: readonly string[]): Promise<string> =>
      (await runPeer('skopeo', ['--insecure-policy', ...args])).stdout;
    const raw = await skopeo('inspect', '--raw', `oci-archive:${at('first.tar')}:v1`);
    assert.deepEqual(Buffer.from(raw), Buffer.from(bytes));
    await skopeo('copy', '-q', '--preserve-digests', `oci-archive:${at('first.tar')}`, `dir:${at('dir')}`);
    assert.deepEqual(await readFile(at('dir/manifest.json')), Buffer.from(bytes));
    // As a docker engine loads it.
    const loaded = JSON.parse(
      await skopeo('inspect', `docker-archive:${at('first.tar')}:registry.example/team/app:v1`),
    ) as { readonly Layers: readonly string[] };
    assert.equal(loaded.Layers.length, 2);
    await runPeer('crane', ['--insecure', 'push', at('first.tar'), `${registry.host}/by/crane:v1`]);
    const pushed = await ours.registry.repository('by/crane').manifest('v1');
    const [theirs, own] = [pushed.bytes, bytes].map((each) => parseManifest(each, ''));
    assert.deepEqual(
      theirs?.kind === 'manifest' && theirs.layers.map((layer) => layer.digest),
      own?.kind === 'manifest' && own.layers.map((layer) => layer.digest),
    );

    const to = `${registry.host}/by/oras:v1`;
    await runPeer('oras', ['cp', '--from-oci-layout', `${at('first.tar')}:v1`, '--to-plain-http', to]);
    assert.equal((await ours.registry.repository('by/oras').resolve('v1')).digest, digest);
    await runPeer('regctl', [
      '--host',
      `reg=${registry.host},tls=disabled`,
      'image',
      'import',
      `${registry.host}/by/regctl:v1`,
      at('first.tar'),
    ]);
    assert.equal((await ours.registry.repository('by/regctl').resolve('v1')).digest, digest);
    await runPeer('crane', ['--insecure', 'validate', '--remote', to]);
  });

  it('keeps the manifest of docker as it is, which an engine loads', async () => {
    const { descriptor } = await image().manifest('docker');
    assert.match(descriptor.mediaType, /docker/);
    await exported(image(), 'docker', at('engine.tar'));
    assert.equal((await (await only(at('engine.tar'))).resolve('docker')).digest, descriptor.digest);
    for (const from of ['oci-archive', 'docker-archive']) {
      await runPeer('skopeo', [
        ...['--insecure-policy', 'copy', '-q'],
        ...[`${from}:${at('engine.tar')}`, `dir:${at(`${from}.dir`)}`],
      ]);
    }
  });

  it('takes what is attached along, where oras finds it', async () => {
    const root = await image().resolve('v1');
    await exported(image(), 'v1', at('attached.tar'), { referrers: true });
    const { stdout } = await runPeer('oras', [
      'discover',
      '--format',
      'json',
      '--oci-layout',
      `${at('attached.tar')}:v1`,
    ]);
    const { referrers } = JSON.parse(stdout) as {
      readonly referrers: readonly { readonly digest: string }[];
    };
    const expected = (await image().referrers(root)).items.map(({ digest }) => digest);
    assert.equal(expected.length, 1);
    assert.deepEqual(
      referrers.map(({ digest }) => digest),
      expected,
    );
    const dst = ours.registry.repository('attached/app');
    await copy(await only(at('attached.tar')), 'v1', dst, 'v1', { referrers: true });
    assert.deepEqual(
      (await dst.referrers(root)).items.map(({ digest }) => digest),
      expected,
    );
  });

  it('reads layouts and archives that others wrote, each content with the digest it had', async () => {
    const name = `${registry.host}/team/app:v1`;
    const { descriptor, bytes } = await image().manifest('v1');
    const manifest = parseManifest(bytes, descriptor.mediaType);
    assert.ok(manifest.kind === 'manifest');
    const { config } = manifest;
    assert.ok(config);
    const configured = JSON.parse(Buffer.concat(await Array.fromAsync(image().fetch(config))).toString()) as {
      readonly rootfs: { readonly diff_ids: readonly string[] };
    };

    await runPeer('skopeo', [
      '--insecure-policy',
      'copy',
      '-q',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${name}`,
      `oci-archive:${at('skopeo.tar')}:v1`,
    ]);
    assert.equal((await (await only(at('skopeo.tar'))).resolve('v1')).digest, descriptor.digest);
    await runPeer('crane', ['--insecure', 'pull', '--format=oci', name, at('crane-layout')]);
    await (await only(at('crane-layout'))).manifest(descriptor.digest);

    // Of docker, in the forms of crane, whose layers are packed, and of skopeo, whose are not.
    await runPeer('crane', ['--insecure', 'pull', '--format=tarball', name, at('crane.tar')]);
    await runPeer('skopeo', [
      '--insecure-policy',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${name}`,
      `docker-archive:${at('docker.tar')}:registry.example/team/app:v1`,
    ]);
    await withoutManifest(at('docker.tar'), at('legacy.tar'));
    for (const [archive, layers, hasConfig] of [
      ['crane.tar', manifest.layers.map(({ digest }) => digest), true],
      ['docker.tar', configured.rootfs.diff_ids, true],
      ['legacy.tar', configured.rootfs.diff_ids, false],
    ] as const) {
      const store = await only(at(archive));
      assert.deepEqual(await tagsOf(store), ['v1'], archive);
      const to = archive.replace('.tar', '');
      const root = await copy(store, 'v1', ours.registry.repository(to), 'v1');
      const found = await ours.registry.repository(to).manifest('v1');
      assert.equal(found.descriptor.digest, root.digest);
      const made = parseManifest(found.bytes, found.descriptor.mediaType);
      assert.ok(made.kind === 'manifest');
      assert.deepEqual(
        made.layers.map(({ digest }) => digest),
        layers,
        archive,
      );
      assert.equal(made.config?.digest === config.digest, hasConfig, archive);
      await runPeer('skopeo', [
        ...['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--preserve-digests'],
        ...[`docker://${registry.host}/${to}:v1`, `dir:${at(`${to}.dir`)}`],
      ]);
      const files = await runPeer('crane', [
        '--insecure',
        'export',
        `${registry.host}/${to}:v1`,
        at(`${to}.fs`),
      ]);
      assert.equal(files.stderr, '');
      assert.deepEqual(await contents(at(`${to}.fs`)), { 'one.txt': 'first\n', 'two.txt': 'second\n' });
    }
  });
});

/** The archive as docker wrote it before 1.10: what describes it later is left out. */
async function withoutManifest(from: string, to: string): Promise<void> {
  const out = pack();
  const written = pipeline(out, createWriteStream(to));
  const names: string[] = [];
  await eachEntry(from, async (header, bytes) => {
    names.push(header.name);
    if (header.name !== 'manifest.json') {
      await new Promise<void>((resolve, reject) => {
        out.entry(header, bytes, (error) => (error ? reject(error) : resolve()));
      });
    }
  });
  out.finalize();
  await written;
  assert.ok(names.includes('manifest.json') && names.includes('repositories'), names.join());
}

async function contents(tar: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  await eachEntry(tar, ({ name, type }, bytes) => {
    if (type === 'file') {
      files[name] = bytes.toString();
    }
    return Promise.resolve();
  });
  return files;
}

async function eachEntry(
  tar: string,
  take: (header: Parameters<ReturnType<typeof pack>['entry']>[0], bytes: Buffer) => Promise<void>,
): Promise<void> {
  const reader = extract();
  const reading = pipeline(createReadStream(tar), reader);
  for await (const entry of reader) {
    await take(entry.header, Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>)));
  }
  await reading;
}
