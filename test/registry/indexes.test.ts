import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Registry, Repository } from '../../src/oci/store.ts';
import { annotated, moveTag, pushByDigest } from '../../src/packaging/annotated.ts';
import { membersOf, parsePlatform, pushIndex, withPlatform } from '../../src/packaging/imageIndex.ts';
import { content, type Content } from '../contract/content.ts';
import { anonymous } from '../support/browsing.ts';
import { startCountingProxy } from '../support/countingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const annotations = { 'org.opencontainers.image.title': 'app' };

/** An image for a platform; its layer is as its config says it is, so that other tools take it. */
async function pushImage(store: Repository, tag: string, platform: object): Promise<Content> {
  const layer = content(MediaType.layerTar, Buffer.alloc(1024));
  const rootfs = { type: 'layers', diff_ids: [layer.descriptor.digest] };
  const config = content(MediaType.imageConfig, JSON.stringify({ ...platform, rootfs }));
  for (const blob of [config, layer]) {
    await store.push(blob.descriptor, bodyOf(blob.bytes));
  }
  // With a field nobody knows, and in an order of its own.
  const text = JSON.stringify({
    'x-own': { b: 1, a: [2] },
    mediaType: MediaType.manifest,
    layers: [layer.descriptor],
    schemaVersion: 2,
    config: config.descriptor,
  });
  const manifest = content(MediaType.manifest, text);
  await store.push(manifest.descriptor, bodyOf(manifest.bytes), { tag });
  return manifest;
}

for (const kind of ['distribution', 'distribution2', 'olareg'] as const) {
  describe(`manifests that are made of others (${kind})`, () => {
    let running: RunningRegistry;
    let remote: { readonly registry: Registry; stop(): Promise<void> };
    let store: Repository;
    before(async () => {
      running = await startRegistry(kind);
      remote = anonymous(running.host);
      store = remote.registry.repository('team/app');
    });
    after(async () => {
      await remote.stop();
      await running.stop();
    });

    it('as an index name images of several repositories by platform, and are read by every tool', async () => {
      const other = remote.registry.repository('team/arm');
      const amd64 = await pushImage(store, 'amd64', { os: 'linux', architecture: 'amd64' });
      const arm = await pushImage(other, 'v1', { os: 'linux', architecture: 'arm64', variant: 'v8' });
      const odd = await pushImage(store, 'odd', { architecture: 'amd64', os: '' });
      const members = [
        ...(await membersOf(store, 'team/app', 'amd64', {})),
        ...(await membersOf(other, 'team/arm', 'v1', {})),
        ...(await membersOf(store, 'team/app', 'odd', {})),
      ];
      assert.deepEqual(
        members.map(({ descriptor }) => descriptor.platform),
        [
          { architecture: 'amd64', os: 'linux' },
          { architecture: 'arm64', os: 'linux', variant: 'v8' },
          undefined,
        ],
      );
      const edited = members.map((member, at) =>
        at === 2 ? withPlatform(member, parsePlatform('windows/amd64:10.0.1')) : member,
      );
      const root = await pushIndex(store, 'team/app', edited, { tag: 'all', annotations });
      assert.equal((await store.resolve('all')).digest, root.digest);
      const reference = `${running.host}/team/app:all`;
      const regctl = (...args: string[]): Promise<{ readonly stdout: string }> =>
        runPeer('regctl', ['--host', `reg=${running.host},tls=disabled`, ...args]);
      const read = {
        oras: await runPeer('oras', [
          ...['manifest', 'fetch', '--plain-http', '--descriptor', '--platform', 'linux/arm64/v8', reference],
        ]),
        crane: await runPeer('crane', ['digest', '--insecure', '--platform', 'linux/amd64', reference]),
        regctl: await regctl('image', 'digest', '--platform', 'windows/amd64', reference),
        skopeo: await runPeer('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]),
      };
      assert.ok(read.oras.stdout.includes(arm.descriptor.digest));
      assert.equal(read.crane.stdout.trim(), amd64.descriptor.digest);
      assert.equal(read.regctl.stdout.trim(), odd.descriptor.digest);
      const raw = JSON.parse(read.skopeo.stdout) as {
        manifests: { platform: object }[];
        annotations: object;
      };
      assert.deepEqual(raw.annotations, annotations);
      assert.deepEqual(raw.manifests[2]?.platform, {
        architecture: 'amd64',
        os: 'windows',
        'os.version': '10.0.1',
      });
      // What is in an index stands for it.
      const inner = await membersOf(store, 'team/app', 'all', {});
      assert.deepEqual(
        inner.map(({ descriptor }) => descriptor.digest),
        [amd64, arm, odd].map(({ descriptor }) => descriptor.digest),
      );
    });

    it('as an annotated one differ in nothing else, and the tag moves only from where it was seen', async () => {
      await pushImage(store, 'note', { os: 'linux', architecture: 'riscv64' });
      const before = await store.manifest('note');
      const after = annotated(before, { note: 'ours' });
      await pushByDigest(store, after, {});
      assert.equal((await store.resolve('note')).digest, before.descriptor.digest);
      await moveTag(store, 'note', before.descriptor.digest, after.descriptor, {});
      const { stdout } = await runPeer('crane', ['manifest', '--insecure', `${running.host}/team/app:note`]);
      const old = Buffer.from(before.bytes).toString();
      assert.equal(stdout.trim(), old.replace(/\}$/, ',"annotations":{"note":"ours"}}'));
      // Somebody was faster.
      await assert.rejects(moveTag(store, 'note', before.descriptor.digest, before.descriptor, {}), (error) =>
        isOciError(error, 'tag-exists'),
      );
      assert.equal((await store.resolve('note')).digest, after.descriptor.digest);
      const manifest = parseManifest(after.bytes, MediaType.manifest);
      assert.deepEqual({ ...manifest.annotations }, { note: 'ours' });
      assert.throws(
        () =>
          annotated(
            { ...before, descriptor: { ...before.descriptor, mediaType: MediaType.dockerManifest } },
            {},
          ),
        (error) => isOciError(error, 'unsupported'),
      );
    });

    it('are copied into the repository of the index without a blob on the way', async () => {
      const proxy = await startCountingProxy(running.host);
      const near = anonymous(proxy.host);
      try {
        const from = near.registry.repository('team/far');
        const to = near.registry.repository('team/near');
        await pushImage(from, 'v1', { os: 'linux', architecture: 's390x' });
        const members = await membersOf(from, 'team/far', 'v1', {});
        proxy.forget();
        await pushIndex(to, 'team/near', members, { tag: 'all', annotations: {} });
        assert.deepEqual(
          proxy.exchanges.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')),
          [],
        );
        assert.equal((await to.manifest('all')).descriptor.mediaType, MediaType.index);
      } finally {
        await near.stop();
        await proxy.stop();
      }
    });
  });
}
