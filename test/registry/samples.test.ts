import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { isDigestTag } from '../../src/oci/referrersTag.ts';
import type { Repository } from '../../src/oci/store.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { fillSamples } from '../support/samples.ts';

interface Listed {
  readonly referrers?: readonly { readonly artifactType?: string }[];
  readonly manifests?: readonly { readonly artifactType?: string }[];
}

async function attachNote(repository: Repository, subject: Descriptor, number: number): Promise<void> {
  const empty = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(empty), size: empty.byteLength };
  await repository.push(config, bodyOf(empty));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: 'text/plain',
    config,
    layers: [config],
    subject,
    annotations: { number: String(number) },
  });
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(descriptor, bodyOf(bytes));
}

describe('the samples of Local, made by our own store', () => {
  let folder: string;
  let registry: RunningRegistry;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oci-samples-'));
    await fillSamples(folder);
    registry = await startRegistry('olareg', { dir: folder });
  });

  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const digestOfUs = async (repository: string, tag: string): Promise<string> =>
    (await localRegistry(folder).repository(repository).resolve(tag)).digest;

  const discovered = async (...where: readonly string[]): Promise<(string | undefined)[]> => {
    const { stdout } = await runPeer('oras', ['discover', '--format', 'json', ...where]);
    const { referrers, manifests } = JSON.parse(stdout) as Listed;
    return (referrers ?? manifests ?? []).map(({ artifactType }) => artifactType);
  };

  it('are read by oras as layouts', async () => {
    const { stdout } = await runPeer('oras', ['repo', 'tags', '--oci-layout', path.join(folder, 'shop/app')]);
    const names = stdout
      .trim()
      .split('\n')
      .filter((tag) => !isDigestTag(tag));
    assert.deepEqual(names.sort(), ['1.4.0', '1.4.1', '1.4.2', 'latest']);
    const layout = `${path.join(folder, 'models/tiny')}:q4`;
    const resolved = await runPeer('oras', ['resolve', '--oci-layout', layout]);
    assert.equal(resolved.stdout.trim(), await digestOfUs('models/tiny', 'q4'));
  });

  it('are read by skopeo and regctl as layouts', async () => {
    const layout = path.join(folder, 'shop/app');
    const { stdout } = await runPeer('skopeo', [
      'inspect',
      '--format',
      '{{.Architecture}}',
      `oci:${layout}:1.4.2`,
    ]);
    assert.equal(stdout.trim(), 'amd64');
    const digest = await runPeer('regctl', ['image', 'digest', `ocidir://${layout}:1.4.2`]);
    assert.equal(digest.stdout.trim(), await digestOfUs('shop/app', '1.4.2'));
  });

  it('are served by olareg', async () => {
    const digest = await runPeer('crane', ['digest', '--insecure', `${registry.host}/shop/app:1.4.2`]);
    assert.equal(digest.stdout.trim(), await digestOfUs('shop/app', '1.4.2'));
  });

  const attached = [
    'application/spdx+json',
    'application/vnd.cncf.notary.signature',
    'application/vnd.dev.cosign.artifact.sig.v1+json',
  ];

  it('have referrers for oras and olareg', async () => {
    const layout = await discovered('--oci-layout', `${path.join(folder, 'shop/app')}:1.4.2`);
    assert.deepEqual(layout.sort(), attached);
    const served = await discovered('--plain-http', `${registry.host}/shop/app:1.4.2`);
    assert.deepEqual(served.sort(), attached);
  });

  it('have referrers for regctl', async () => {
    // olareg moves the list of referrers in what it serves to where regctl does not look.
    const unserved = path.join(folder, 'unserved');
    await fillSamples(unserved);
    const format = '{{range .Descriptors}}{{println .ArtifactType}}{{end}}';
    const layout = `ocidir://${path.join(unserved, 'shop/app')}:1.4.2`;
    const { stdout } = await runPeer('regctl', ['artifact', 'list', layout, '--format', format]);
    assert.deepEqual(stdout.trim().split('\n').sort(), attached);
  });

  it('stay right when olareg served them, and something is attached after that', async () => {
    const repository = localRegistry(folder).repository('shop/app');
    const subject = await repository.resolve('1.4.1');
    for (const number of [1, 2]) {
      await attachNote(repository, subject, number);
    }
    await registry.stop();
    registry = await startRegistry('olareg', { dir: folder });
    const reference = `${registry.host}/shop/app:1.4.1`;
    assert.deepEqual(await discovered('--plain-http', reference), ['text/plain', 'text/plain']);
    assert.equal((await repository.referrers(subject)).items.length, 2);
  });

  it('are whole: crane copies each to another registry, checking every blob', async () => {
    const other = await startRegistry('distribution');
    try {
      for (const name of [
        'shop/app:1.4.2',
        'charts/lighthouse:1.0.0',
        'wasm/add:0.1.0',
        'deploy/harbour:production',
      ]) {
        await runPeer('crane', ['copy', '--insecure', `${registry.host}/${name}`, `${other.host}/${name}`]);
      }
    } finally {
      await other.stop();
    }
  });
});
