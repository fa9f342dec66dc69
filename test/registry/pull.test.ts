import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import { knownFileNames } from '../../src/artifacts/fileNames.ts';
import { copy } from '../../src/oci/copy.ts';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf, Digester } from '../../src/oci/digest.ts';
import { isAbort, isOciError, type ErrorCode } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { parseJson } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import type { ReadStore, Store } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { stagePull, type PullOptions } from '../../src/packaging/pull.ts';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { fillSamples } from '../support/samples.ts';
import { snapshot } from '../support/snapshot.ts';
import { rawTar } from '../support/tars.ts';

let work: string;
before(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-pulled-'));
});
after(() => rm(work, { recursive: true, force: true }));

const dispatcher = createDispatcher();
after(() => dispatcher.destroy());

function remote(host: string, repository: string): Store {
  const credentials = (): Promise<undefined> => Promise.resolve(undefined);
  return remoteRegistry({
    host,
    scheme: 'http',
    dispatcher,
    credentials,
    userAgent: 'oci-explorer-test',
    sleep: () => Promise.resolve(),
  }).repository(repository);
}

async function pull(store: ReadStore, ref: string, target: string, options: PullOptions = {}): Promise<void> {
  const { manifest } = await manifestToPull(store, ref, () => Promise.reject(new Error('Asked')));
  const staged = await stagePull(store, planPull(manifest), target, options);
  try {
    await staged.commit(options);
  } finally {
    await staged.dispose();
  }
}

async function target(name: string): Promise<string> {
  const folder = join(work, name);
  await mkdir(folder);
  return folder;
}

describe('folders are restored byte for byte', () => {
  let registry: RunningRegistry;
  let site: string;
  before(async () => {
    registry = await startRegistry('distribution');
    site = join(work, 'site');
    await mkdir(join(site, 'deep/empty'), { recursive: true });
    await mkdir(join(site, 'site'));
    const long = join(site, `long-${'n'.repeat(60)}`, `er-${'n'.repeat(60)}`);
    await mkdir(long, { recursive: true });
    await writeFile(join(long, `${'f'.repeat(120)}.txt`), 'long');
    await writeFile(join(site, 'a.txt'), 'alpha <&>');
    await writeFile(join(site, 'site/a.txt'), 'below the same name');
    await writeFile(join(site, 'empty'), '');
    await writeFile(join(site, 'ünïcode ✓ README'), 'text');
    await writeFile(join(site, 'readme'), 'one');
    await writeFile(join(site, 'noise'), randomBytes(700_001));
    await writeFile(join(site, 'run.sh'), '#!/bin/sh\n');
    await chmod(join(site, 'run.sh'), 0o755);
    await writeFile(join(site, 'secret'), 's');
    await chmod(join(site, 'secret'), 0o600);
  });
  after(() => registry.stop());

  /** What only oras and we pack. */
  async function withLinks(): Promise<string> {
    const folder = join(work, 'linked');
    await run('cp', ['-a', site, folder]);
    await symlink('a.txt', join(folder, 'link'));
    await symlink('../site', join(folder, 'deep/up'));
    await symlink('not there', join(folder, 'broken'));
    await link(join(folder, 'a.txt'), join(folder, 'hard'));
    return folder;
  }

  it('that oras pushed, with times', async () => {
    const linked = await withLinks();
    // A tar has whole seconds.
    await run('find', [linked, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
    await writeFile(join(work, 'one.bin'), randomBytes(70_000));
    const reference = `${registry.host}/team/oras:1`;
    await runPeer('oras', ['push', '--plain-http', reference, 'linked', 'one.bin'], { cwd: work });
    const out = await target('from-oras');
    await pull(remote(registry.host, 'team/oras'), '1', out);
    assert.deepEqual(await snapshot(join(out, 'linked')), await snapshot(linked));
    assert.deepEqual(await readFile(join(out, 'one.bin')), await readFile(join(work, 'one.bin')));
  });

  it('that oras pushed as the folder it stood in', async () => {
    const reference = `${registry.host}/team/dot:1`;
    await runPeer('oras', ['push', '--plain-http', reference, '.'], { cwd: site });
    const out = await target('from-dot');
    await pull(remote(registry.host, 'team/dot'), '1', out);
    assert.deepEqual(await snapshot(out, { times: false }), await snapshot(site, { times: false }));
  });

  it('that regctl pushed, also one with only a folder of its own name in it', async () => {
    await mkdir(join(work, 'only/only/inner'), { recursive: true });
    await writeFile(join(work, 'only/only/a'), 'a');
    for (const name of ['site', 'only']) {
      const layout = `ocidir://${join(work, 'regctl', name)}:1`;
      await runPeer(
        'regctl',
        ['artifact', 'put', '--artifact-type', 'a/b', '--file-title', '-f', name, layout],
        {
          cwd: work,
        },
      );
      const out = await target(`from-regctl-${name}`);
      await pull(localRegistry(join(work, 'regctl')).repository(name), '1', out);
      const expected = await snapshot(join(work, name), { times: false });
      assert.deepEqual(await snapshot(join(out, name), { times: false }), expected);
    }
  });

  it('that we pushed, from a registry and from Local', async () => {
    const linked = join(work, 'linked');
    const plan = await planPush([{ path: linked, title: 'linked' }], { largeFile: 1e9 });
    for (const store of [
      remote(registry.host, 'team/ours'),
      localRegistry(join(work, 'local')).repository('ours'),
    ]) {
      const built = await buildArtifact(plan, {
        artifactType: 'a/b',
        annotations: {},
        keepFileTimes: true,
        temporary: work,
      });
      await copy(built.store, built.root.digest, store, '1');
      await built.dispose();
      const out = await mkdtemp(join(work, 'ours-'));
      await pull(store, '1', out);
      assert.deepEqual(
        await snapshot(join(out, 'linked'), { times: false }),
        await snapshot(linked, { times: false }),
      );
    }
  });
});

describe('the samples of Local', () => {
  it('give a chart the name its own tool gives it, and ask which platform of an index', async () => {
    const folder = await target('samples');
    await fillSamples(folder);
    const local = localRegistry(folder);
    const [name = ''] = (await local.repositories()).items.filter((each) => each.includes('chart'));
    const charts = local.repository(name);
    const [tag = ''] = (await charts.tags()).items;
    const { manifest } = await manifestToPull(charts, tag, () => Promise.reject(new Error('Asked')));
    const { config } = manifest;
    assert.ok(config);
    const names = knownFileNames(manifest, parseJson(await collect(charts.fetch(config), 1e6)));
    const plan = planPull(manifest, names);
    assert.match(plan.layers[0]?.title ?? '', /^[a-z-]+-\d+\.\d+\.\d+\.tgz$/);
    const asked: (string | undefined)[] = [];
    await manifestToPull(local.repository('shop/app'), '1.4.2', (choices) => {
      asked.push(...choices.map(({ platform }) => platform?.architecture));
      const [first] = choices;
      return first ? Promise.resolve(first) : Promise.reject(new Error('Nothing'));
    });
    assert.deepEqual(asked, ['amd64', 'arm64']);
  });
});

describe('a fault leaves the folder as it was', () => {
  const tar = rawTar([
    { name: 'd/a', content: 'new' },
    { name: 'd/noise', content: randomBytes(3_000_000) },
  ]);
  const blob = gzipSync(tar, { level: 0 });
  const layer: Descriptor = {
    mediaType: MediaType.layerTarGzip,
    digest: digestOf(blob),
    size: blob.byteLength,
    annotations: {
      [Annotation.title]: 'd',
      [Annotation.unpack]: 'true',
      [Annotation.contentDigest]: digestOf(tar),
    },
  };
  const small = Buffer.from('small');
  const file: Descriptor = {
    mediaType: MediaType.layerTar,
    digest: digestOf(small),
    size: small.byteLength,
    annotations: { [Annotation.title]: 'small' },
  };
  const manifest = { kind: 'manifest', mediaType: MediaType.manifest, layers: [file, layer] } as const;

  /** A registry that answers for the large blob with what is given. */
  async function withServer(
    answer: (response: ServerResponse) => void,
    use: (store: ReadStore) => Promise<void>,
  ): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url?.endsWith(file.digest)) {
        response.end(small);
      } else if (request.url?.endsWith(layer.digest)) {
        answer(response);
      } else {
        response.end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(remote(`127.0.0.1:${(server.address() as AddressInfo).port}`, 'team/app'));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  async function existing(name: string): Promise<string> {
    const folder = await target(name);
    await mkdir(join(folder, 'd'));
    await writeFile(join(folder, 'd/a'), 'mine');
    await writeFile(join(folder, 'small'), 'mine');
    return folder;
  }

  const changed = Buffer.from(blob);
  changed.writeUInt8(changed.readUInt8(2_000_000) ^ 1, 2_000_000);
  const faults: Readonly<
    Record<string, readonly [readonly ErrorCode[], (response: ServerResponse) => void]>
  > = {
    'a blob with one other bit': [
      ['digest-mismatch', 'archive-invalid'],
      (response) => response.end(changed),
    ],
    'a blob that is too short': [
      ['size-mismatch', 'archive-invalid', 'connection-lost'],
      (response) => response.end(blob.subarray(0, -100)),
    ],
    'a blob that is too long': [
      ['size-mismatch', 'archive-invalid'],
      (response) => response.end(Buffer.concat([blob, Buffer.alloc(10)])),
    ],
    'a connection that breaks': [
      ['connection-lost'],
      (response) => {
        response.writeHead(200, { 'content-length': blob.byteLength });
        response.write(blob.subarray(0, 1_000_000), () => response.destroy());
      },
    ],
    'a blob that is gone': [['not-found'], (response) => response.writeHead(404).end()],
    'a page of HTML': [
      ['size-mismatch', 'archive-invalid', 'digest-mismatch', 'not-a-registry'],
      (response) => response.end('<html></html>'),
    ],
  };
  for (const [name, [codes, answer]] of Object.entries(faults)) {
    it(name, { timeout: 60_000 }, async () => {
      const folder = await existing(name);
      const was = await snapshot(folder);
      await withServer(answer, async (store) => {
        await assert.rejects(stagePull(store, planPull(manifest), folder), (error) =>
          isOciError(error, ...codes),
        );
      });
      assert.deepEqual(await snapshot(folder), was);
      assert.deepEqual(
        (await readdir(work)).filter((each) => each.startsWith('.')),
        [],
      );
    });
  }

  it('a person who cancels in the middle of a layer', { timeout: 60_000 }, async () => {
    const folder = await existing('cancelled');
    const was = await snapshot(folder);
    const controller = new AbortController();
    const answer = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-length': blob.byteLength });
      // Never the rest.
      response.write(blob.subarray(0, 1_000_000));
    };
    let read = 0;
    const onBytes = (bytes: number): void => {
      read += bytes;
      if (read > 500_000) {
        controller.abort();
      }
    };
    await withServer(answer, async (store) => {
      const { signal } = controller;
      await assert.rejects(stagePull(store, planPull(manifest), folder, { signal, onBytes }), isAbort);
    });
    assert.deepEqual(await snapshot(folder), was);
    assert.deepEqual(
      (await readdir(work)).filter((each) => each.startsWith('.')),
      [],
    );
  });
});

describe('memory', () => {
  it('does not grow with the layer: 300 MB take as much as nothing', { timeout: 120_000 }, async () => {
    const folder = join(work, 'large');
    const store = localRegistry(folder).repository('app');
    const chunk = randomBytes(1_000_000);
    const held: number[] = [];
    for (const count of [1, 300]) {
      const entries = Readable.from(
        (function* () {
          for (let index = 0; index < count; index++) {
            yield rawTar([{ name: `d/${index}`, content: chunk }], Buffer.alloc(0));
          }
          yield Buffer.alloc(1024);
        })(),
      ).pipe(createGzip({ level: 0 }));
      const path = join(work, `large-${count}`);
      const digester = new Digester();
      await writeFile(
        path,
        (async function* () {
          for await (const piece of entries as AsyncIterable<Uint8Array>) {
            digester.update(piece);
            yield piece;
          }
        })(),
      );
      const digest = digester.digest();
      const blob = { mediaType: MediaType.layerTarGzip, digest, size: digester.size };
      await store.push(blob, () => createReadStream(path));
      await rm(path);
      const annotations = { [Annotation.title]: 'd', [Annotation.unpack]: 'true' };
      const config = { mediaType: MediaType.empty, digest: digestOf(Buffer.from('{}')), size: 2 };
      await store.push(config, bodyOf(Buffer.from('{}')));
      const bytes = encodeManifest({
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        config,
        layers: [{ ...blob, annotations }],
      });
      const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
      await store.push(root, bodyOf(bytes), { tag: String(count) });
      const script = join(import.meta.dirname, '../support/pullAlone.ts');
      const out = await target(`memory-${count}`);
      const { stdout } = await run(process.execPath, [script, folder, 'app', String(count), out]);
      assert.equal((await readdir(join(out, 'd'))).length, count);
      held.push(Number(stdout) / 1024);
    }
    const [least = 0, most = 0] = held;
    assert.ok(most - least < 60, `${most.toFixed(0)} MiB for 300 MB, ${least.toFixed(0)} MiB for 1 MB`);
  });
});
