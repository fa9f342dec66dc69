import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { identify } from '../../src/artifacts/identify.ts';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { allItems } from '../../src/oci/pages.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry, type RemoteRegistry } from '../../src/oci/remote/registry.ts';
import type { FetchedManifest, Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { fillSamples } from '../support/samples.ts';

const artifactType = 'application/vnd.example.files.v1';

interface Case {
  readonly kind: RegistryKind;
  /**
   * Who is given content by sha512. Distribution says it is sha256 then, which oras refuses; the others do not take it.
   */
  readonly sha512: readonly ('oras' | 'regctl')[];
}

const registries: readonly Case[] = [
  { kind: 'distribution', sha512: ['regctl'] },
  { kind: 'distribution2', sha512: [] },
  { kind: 'olareg', sha512: ['oras', 'regctl'] },
  { kind: 'crane', sha512: [] },
];

/** What is pushed by us: a tag and its sources, folders and files of the work folder. */
const pushes: Readonly<Record<string, readonly string[]>> = {
  folder: ['site'],
  files: ['a.txt', 'b.bin'],
  several: ['site', 'a.txt', 'hollow'],
  hollow: ['hollow'],
  none: [],
};

/** How each peer gives the very bytes of a manifest. */
const readers: Readonly<Record<'oras' | 'crane' | 'regctl' | 'skopeo', (ref: string) => readonly string[]>> =
  {
    oras: (ref) => ['manifest', 'fetch', '--plain-http', ref],
    crane: (ref) => ['manifest', '--insecure', ref],
    regctl: (ref) => ['manifest', 'get', '--format', 'raw-body', ref],
    skopeo: (ref) => ['inspect', '--raw', '--tls-verify=false', `docker://${ref}`],
  };

interface Theirs {
  readonly tag: string;
  readonly peer: 'oras' | 'crane' | 'regctl' | 'skopeo';
  /** `{ref}` is the repository with the tag, `{repository}` without; relative paths are of the work folder. */
  readonly args: readonly string[];
  /** The short name we show. */
  readonly name: string;
  /** The tag whose manifest it is attached to. */
  readonly subject?: string;
}

const oras = (...args: readonly string[]): readonly string[] => [
  args[0] ?? '',
  '--plain-http',
  ...args.slice(1),
];
const skopeo = (...args: readonly string[]): readonly string[] => [
  ...['--insecure-policy', 'copy', '--dest-tls-verify=false', ...args],
  'docker://{ref}',
];

/** What the peers push, in this order: later ones stand on earlier ones. */
const theirs: readonly Theirs[] = [
  {
    tag: 'oras-files',
    peer: 'oras',
    args: oras('push', '--artifact-type', artifactType, '{ref}', 'a.txt', 'b.bin'),
    name: 'example files',
  },
  { tag: 'oras-folder', peer: 'oras', args: oras('push', '{ref}', 'site'), name: 'Unknown artifact' },
  {
    tag: 'oras-typed',
    peer: 'oras',
    args: oras('push', '{ref}', 'a.txt:text/plain'),
    name: 'Unknown artifact',
  },
  {
    tag: 'oras-helm',
    peer: 'oras',
    args: oras('push', '--config', 'config.json:application/vnd.cncf.helm.config.v1+json', '{ref}', 'a.txt'),
    name: 'Helm chart',
  },
  {
    tag: 'oras-v10',
    peer: 'oras',
    args: oras(
      'push',
      '--image-spec',
      'v1.0',
      '--artifact-type',
      'application/vnd.wasm.config.v0+json',
      '{ref}',
      'a.txt',
    ),
    name: 'Wasm component',
  },
  {
    tag: 'oras-none',
    peer: 'oras',
    args: oras('push', '--artifact-type', artifactType, '{ref}'),
    name: 'example files',
  },
  {
    tag: 'oras-index',
    peer: 'oras',
    args: ['manifest', 'index', 'create', '--plain-http', '{ref}', 'oras-files', 'oras-folder'],
    name: 'Image index',
  },
  {
    tag: '',
    peer: 'oras',
    args: oras(
      'attach',
      '--artifact-type',
      'application/spdx+json',
      '--annotation',
      'note=by oras',
      '{repository}:oras-files',
      'a.txt',
    ),
    name: 'SPDX SBOM',
    subject: 'oras-files',
  },
  {
    tag: 'crane-image',
    peer: 'crane',
    args: ['append', '--insecure', '-f', 'layer.tar', '-t', '{ref}'],
    name: 'Docker image',
  },
  {
    tag: 'crane-oci',
    peer: 'crane',
    args: ['append', '--insecure', '--oci-empty-base', '-f', 'layer.tar', '-t', '{ref}'],
    name: 'OCI image',
  },
  {
    tag: 'crane-index',
    peer: 'crane',
    args: [
      'index',
      'append',
      '--insecure',
      '-m',
      '{repository}:crane-oci',
      '-m',
      '{repository}:crane-image',
      '-t',
      '{ref}',
    ],
    name: 'Image index',
  },
  {
    tag: 'regctl-file',
    peer: 'regctl',
    args: ['artifact', 'put', '--artifact-type', artifactType, '-f', 'a.txt', '--file-title', '{ref}'],
    name: 'example files',
  },
  {
    tag: 'regctl-plain',
    peer: 'regctl',
    args: ['artifact', 'put', '-f', 'b.bin', '{ref}'],
    name: 'Untyped artifact',
  },
  {
    tag: '',
    peer: 'regctl',
    args: [
      'artifact',
      'put',
      '--artifact-type',
      'application/vnd.cyclonedx+json',
      '-f',
      'a.txt',
      '--annotation',
      'note=by regctl',
      '--subject',
      '{repository}:oras-files',
    ],
    name: 'CycloneDX SBOM',
    subject: 'oras-files',
  },
  {
    tag: 'regctl-index',
    peer: 'regctl',
    args: ['index', 'create', '--ref', '{repository}:crane-oci', '--ref', '{repository}:oras-files', '{ref}'],
    name: 'Image index',
  },
  { tag: 'skopeo-oci', peer: 'skopeo', args: skopeo('oci:local/shop/app:1.4.2'), name: 'OCI image' },
  {
    tag: 'skopeo-v2s2',
    peer: 'skopeo',
    args: skopeo('--format', 'v2s2', 'oci:local/shop/app:1.4.2'),
    name: 'Docker image',
  },
  {
    tag: 'skopeo-all',
    peer: 'skopeo',
    args: skopeo('--all', 'oci:local/shop/app:1.4.2'),
    name: 'Image index',
  },
  {
    tag: 'skopeo-list',
    peer: 'skopeo',
    args: skopeo('--all', '--format', 'v2s2', 'oci:local/shop/app:1.4.2'),
    name: 'Manifest list',
  },
];

for (const { kind, sha512 } of registries) {
  describe(`beside oras, crane, regctl and skopeo on ${kind}`, () => {
    let work: string;
    let running: RunningRegistry;
    let registry: RemoteRegistry;
    let ours: Repository;
    const dispatcher = createDispatcher();
    const pushed = new Map<string, FetchedManifest>();

    before(async () => {
      work = await mkdtemp(path.join(tmpdir(), 'oci-interop-'));
      await mkdir(path.join(work, 'site/deep/empty'), { recursive: true });
      await mkdir(path.join(work, 'hollow'));
      await writeFile(path.join(work, 'site/index.html'), '<h1>ünï & more</h1>');
      await writeFile(path.join(work, 'site/deep/run.sh'), '#!/bin/sh\n', { mode: 0o755 });
      await symlink('deep/run.sh', path.join(work, 'site/link'));
      await writeFile(path.join(work, 'a.txt'), 'alpha');
      await writeFile(path.join(work, 'b.bin'), Buffer.alloc(100_000, 7));
      await writeFile(path.join(work, 'config.json'), '{"name":"chart","version":"1.0.0"}');
      await run('tar', ['-cf', path.join(work, 'layer.tar'), '-C', work, 'site']);
      await fillSamples(path.join(work, 'local'));
      running = await startRegistry(kind);
      registry = remoteRegistry({
        host: running.host,
        scheme: 'http',
        dispatcher,
        credentials: () => Promise.resolve(undefined),
        userAgent: 'oci-explorer-test',
      });
      ours = registry.repository('team/ours');
    });
    after(async () => {
      await dispatcher.destroy();
      await running.stop();
      await rm(work, { recursive: true });
    });

    const env = { REGCTL_CONFIG: '' };
    const peer = async (name: Theirs['peer'], args: readonly string[]): Promise<string> => {
      const host = name === 'regctl' ? ['--host', `reg=${running.host},tls=disabled`] : [];
      const { stdout } = await runPeer(name, [...host, ...args], { cwd: work, env });
      return stdout;
    };
    const refOf = (tag: string, repository = 'team/ours'): string => `${running.host}/${repository}:${tag}`;

    for (const [tag, titles] of Object.entries(pushes)) {
      it(`gives each the manifest of ${tag} as we pushed it`, async () => {
        const sources = titles.map((title) => ({ title, path: path.join(work, title) }));
        const plan = await planPush(sources, { largeFile: 1e9 });
        const annotations = { 'com.example.text': '<&> ✓' };
        const options = { artifactType, annotations, keepFileTimes: false, temporary: work };
        const built = await buildArtifact(plan, options);
        await copy(built.store, built.root.digest, ours, tag);
        pushed.set(tag, { descriptor: built.root, bytes: built.manifest });
        await built.dispose();
        for (const [name, args] of Object.entries(readers)) {
          const text = await peer(name as Theirs['peer'], args(refOf(tag)));
          assert.equal(text.trimEnd(), Buffer.from(built.manifest).toString(), name);
        }
        assert.equal((await peer('crane', ['digest', '--insecure', refOf(tag)])).trim(), built.root.digest);
      });
    }

    it('gives oras and regctl the files back, byte for byte', async () => {
      await peer('oras', ['pull', '--plain-http', refOf('several'), '-o', 'pulled']);
      await run('diff', ['-r', 'site', 'pulled/site'], { cwd: work });
      await run('diff', ['-r', 'hollow', 'pulled/hollow'], { cwd: work });
      await run('diff', ['a.txt', 'pulled/a.txt'], { cwd: work });
      await mkdir(path.join(work, 'got'));
      await peer('regctl', ['artifact', 'get', '-o', 'got', refOf('files')]);
      for (const name of pushes['files'] ?? []) {
        await run('diff', [name, `got/${name}`], { cwd: work });
      }
    });

    it('shows oras, regctl and crane what we attached', async () => {
      const subject = await ours.resolve('files');
      const note = await attach(ours, subject, 'application/vnd.example.note', 'by us');
      const discovered = JSON.parse(
        await peer('oras', ['discover', '--plain-http', '--format', 'json', refOf('files')]),
      ) as { readonly referrers: readonly { digest: string; annotations: object }[] };
      assert.deepEqual(
        discovered.referrers.map(({ digest }) => digest),
        [note.digest],
      );
      assert.deepEqual(discovered.referrers[0]?.annotations, { note: 'by us' });
      const tree = await peer('regctl', ['artifact', 'tree', refOf('files')]);
      assert.ok(tree.includes(note.digest));
      const format = '{{range .Descriptors}}{{println .ArtifactType .Digest}}{{end}}';
      const listed = await peer('regctl', ['artifact', 'list', '--format', format, refOf('files')]);
      assert.equal(listed.trim(), `application/vnd.example.note ${note.digest}`);
    });

    it('gives crane and skopeo an image for several platforms, whole', async () => {
      const from = localRegistry(path.join(work, 'local')).repository('shop/app');
      const image = await copy(from, '1.4.2', registry.repository('shop/app'), '1.4.2');
      const ref = refOf('1.4.2', 'shop/app');
      await peer('crane', ['validate', '--insecure', '--remote', ref]);
      await peer('crane', ['pull', '--insecure', '--format', 'oci', ref, 'crane-pulled']);
      const index = await readFile(path.join(work, 'crane-pulled/index.json'), 'utf8');
      assert.ok(index.includes(image.digest));
      const source = ['--insecure-policy', 'copy', '--src-tls-verify=false', '--all', `docker://${ref}`];
      await peer('skopeo', [...source, 'oci:skopeo-pulled:app']);
      await peer('skopeo', [...source, 'dir:skopeo-dir']);
      const copied = localRegistry(work).repository('skopeo-pulled');
      assert.equal((await copied.resolve('app')).digest, image.digest);
      const manifest = await readFile(path.join(work, 'skopeo-dir/manifest.json'));
      assert.equal(digestOf(manifest), image.digest);
      await copy(copied, 'app', new MemoryStore(), 'app');
    });

    it(`gives ${['us', ...sha512].join(' and ')} content by sha512`, async () => {
      const bytes = Buffer.from('named by sha512');
      const layer = {
        mediaType: MediaType.octetStream,
        digest: digestOf(bytes, 'sha512'),
        size: bytes.byteLength,
        annotations: { 'org.opencontainers.image.title': 'long.txt' },
      };
      await ours.push(layer, bodyOf(bytes));
      assert.deepEqual(Buffer.concat(await Array.fromAsync(ours.fetch(layer))), bytes);
      if (sha512.length === 0) {
        // Other tools do not read it there.
        return;
      }
      const config = await empty(ours);
      const manifest = encodeManifest({
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        artifactType,
        config,
        layers: [layer],
      });
      await ours.push(descriptorOf(manifest), bodyOf(manifest), { tag: 'sha512' });
      if (sha512.includes('oras')) {
        await peer('oras', ['pull', '--plain-http', refOf('sha512'), '-o', 'sha512']);
        assert.equal(await readFile(path.join(work, 'sha512/long.txt'), 'utf8'), 'named by sha512');
      }
      assert.equal(await peer('regctl', ['artifact', 'get', refOf('sha512')]), 'named by sha512');
    });

    it('reads and names what they push', async () => {
      const repository = registry.repository('team/theirs');
      const at = `${running.host}/team/theirs`;
      const found: (readonly [string, string])[] = [];
      for (const { tag, peer: name, args, subject } of theirs) {
        await peer(
          name,
          args.map((arg) => arg.replace('{ref}', `${at}:${tag}`).replace('{repository}', at)),
        );
        const [descriptor] = subject
          ? (await referrersOf(repository, subject)).slice(-1)
          : [await repository.resolve(tag)];
        assert.ok(descriptor, args.join(' '));
        const { bytes, descriptor: read } = await repository.manifest(descriptor.digest);
        if (!subject) {
          const digest = (await peer('crane', ['digest', '--insecure', `${at}:${tag}`])).trim();
          assert.deepEqual([descriptor.digest, digest, digestOf(bytes)], Array(3).fill(digest));
        }
        const manifest = parseManifest(bytes, read.mediaType);
        found.push([args.join(' '), identify(manifest, descriptor, { tag }).name]);
        // Every byte below, held against its digest.
        const to = new MemoryStore();
        await copy(repository, descriptor.digest, to, 'copied');
        assert.equal((await collect(to.fetch(read), 1e7)).byteLength, read.size);
      }
      assert.deepEqual(
        found,
        theirs.map(({ args, name }) => [args.join(' '), name]),
      );
      const tags = await Array.fromAsync(allItems((op) => repository.tags(op), { limit: 3 }));
      for (const { tag } of theirs) {
        assert.ok(tag === '' || tags.includes(tag), tag);
      }
      const notes = (await referrersOf(repository, 'oras-files')).map(
        ({ annotations }) => annotations?.['note'],
      );
      assert.deepEqual(notes.sort(), ['by oras', 'by regctl']);
    });

    it('attaches beside what they attached, and none is lost', async () => {
      const repository = registry.repository('team/theirs');
      const subject = await repository.resolve('oras-files');
      await attach(repository, subject, 'application/vnd.example.note', 'by us');
      await peer(
        'oras',
        oras('attach', '--artifact-type', 'text/x', `${running.host}/team/theirs:oras-files`, 'b.bin'),
      );
      await attach(repository, subject, 'application/vnd.example.note', 'by us again');
      const types = (await referrersOf(repository, 'oras-files')).map((each) => each.artifactType);
      assert.deepEqual(types.sort(), [
        'application/spdx+json',
        'application/vnd.cyclonedx+json',
        'application/vnd.example.note',
        'application/vnd.example.note',
        'text/x',
      ]);
    });
  });
}

async function referrersOf(repository: Repository, tag: string): Promise<readonly Descriptor[]> {
  const subject = await repository.resolve(tag);
  return Array.fromAsync(
    allItems(
      (op) => repository.referrers(subject, op),
      {},
      ({ digest }) => digest,
    ),
  );
}

function descriptorOf(manifest: Uint8Array): Descriptor {
  return { mediaType: MediaType.manifest, digest: digestOf(manifest), size: manifest.byteLength };
}

async function empty(repository: Repository): Promise<Descriptor> {
  const bytes = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(config, bodyOf(bytes));
  return config;
}

async function attach(
  repository: Repository,
  subject: Descriptor,
  type: string,
  note: string,
): Promise<Descriptor> {
  const config = await empty(repository);
  const manifest = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: type,
    config,
    layers: [config],
    subject,
    annotations: { note },
  });
  const descriptor = descriptorOf(manifest);
  await repository.push(descriptor, bodyOf(manifest));
  return descriptor;
}
