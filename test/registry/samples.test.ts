import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { fillSamples } from '../support/samples.ts';

interface Listed {
  readonly referrers?: readonly { readonly artifactType?: string }[];
  readonly manifests?: readonly { readonly artifactType?: string }[];
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

  it('are read by oras as layouts', async () => {
    const { stdout } = await runPeer('oras', ['repo', 'tags', '--oci-layout', path.join(folder, 'shop/app')]);
    assert.deepEqual(stdout.trim().split('\n').sort(), ['1.4.0', '1.4.1', '1.4.2', 'latest']);
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

  it('show their referrers to oras', async () => {
    const layout = `${path.join(folder, 'shop/app')}:1.4.2`;
    const { stdout } = await runPeer('oras', ['discover', '--oci-layout', '--format', 'json', layout]);
    const { referrers, manifests } = JSON.parse(stdout) as Listed;
    assert.deepEqual((referrers ?? manifests)?.map(({ artifactType }) => artifactType).sort(), [
      'application/spdx+json',
      'application/vnd.cncf.notary.signature',
      'application/vnd.dev.cosign.artifact.sig.v1+json',
    ]);
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
