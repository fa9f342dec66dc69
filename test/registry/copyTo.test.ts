import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { compareTags, type ComparedTag } from '../../src/oci/mirror.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { attachedTags, referrersTag } from '../../src/oci/referrersTag.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { Registry, Store } from '../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../contract/content.ts';
import { anonymousBy } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const dispatcher = createDispatcher();
after(() => dispatcher.destroy());

function remote(host: string): Registry {
  return anonymousBy(dispatcher, host);
}

async function push(store: Store, made: Content, tag?: string): Promise<Content> {
  await store.push(made.descriptor, bodyOf(made.bytes), { tag });
  return made;
}

const empty = content(MediaType.empty, '{}');

async function pushOne(store: Store, text: string, subject?: Content, tag?: string): Promise<Content> {
  const layer = await push(store, content('text/plain', text));
  await push(store, empty);
  const more = subject ? { artifactType: 'text/about', subject: subject.descriptor } : {};
  return push(store, manifestOf(empty, [layer], more), tag);
}

for (const kind of ['distribution', 'olareg'] as const) {
  describe(`copy within one ${kind}`, () => {
    let registry: RunningRegistry;
    let proxy: CountingProxy;
    before(async () => {
      registry = await startRegistry(kind);
      proxy = await startCountingProxy(registry.host);
    });
    after(async () => {
      await proxy.stop();
      await registry.stop();
    });

    it('mounts 50 blobs in at most 56 requests, and does it again in at most 3', async () => {
      const src = remote(registry.host).repository('from/app');
      const layers = [];
      for (let at = 0; at < 50; at++) {
        layers.push(await push(src, content('text/plain', `layer ${at}`)));
      }
      await push(src, empty);
      const { descriptor } = await push(src, manifestOf(empty, layers), 'v1');
      const counted = remote(proxy.host);
      const [from, to] = [counted.repository('from/app'), counted.repository('to/app')];
      proxy.forget();
      let sent = 0;
      await copy(from, 'v1', to, 'v1', { mayBeThere: true, onBytes: (bytes) => (sent += bytes) });
      assert.ok(proxy.exchanges.length <= 56, `${proxy.exchanges.length} requests`);
      assert.equal(sent, descriptor.size);
      assert.equal((await to.resolve('v1')).digest, descriptor.digest);
      proxy.forget();
      const found = await from.manifest('v1');
      const tagged = (await to.resolve('v1')).digest;
      await copy(from, 'v1', to, 'v1', { mayBeThere: true, found, tagged });
      assert.ok(proxy.exchanges.length <= 2, `${proxy.exchanges.length} requests`);
      for (const tag of ['v1', 'v2']) {
        proxy.forget();
        await copy(from, 'v1', to, tag, { mayBeThere: true });
        assert.ok(proxy.exchanges.length <= 3, `${proxy.exchanges.length} requests`);
        assert.equal((await to.resolve(tag)).digest, descriptor.digest);
      }
    });
  });
}

describe('mirror to another registry', () => {
  it('asks the target once a tag, at most six at once, what it has already', async (t) => {
    const [source, target] = await Promise.all([startRegistry('distribution'), startRegistry('olareg')]);
    t.after(() => Promise.all([source.stop(), target.stop()]));
    const proxy = await startCountingProxy(target.host);
    t.after(() => proxy.stop());
    const src = remote(source.host).repository('app');
    const tags = [...Array(30).keys()].map((at) => `1.0.${at}`);
    for (const tag of tags) {
      await pushOne(src, tag, undefined, tag);
    }
    const dst = remote(proxy.host).repository('mirrored/app');
    await copy(src, '1.0.3', dst, '1.0.3');
    await copy(src, '1.0.4', dst, '1.0.5');
    proxy.forget();
    const compared = await compareTags(src, dst, tags);
    assert.equal(proxy.exchanges.length, tags.length);
    assert.ok(proxy.exchanges.every(({ method }) => method === 'HEAD'));
    assert.ok(proxy.mostOpen <= 6, `${proxy.mostOpen} at once`);
    const of = (tag: string): ComparedTag | undefined => compared.find((each) => each.tag === tag);
    assert.equal(of('1.0.3')?.source, of('1.0.3')?.target);
    assert.equal(of('1.0.5')?.target, of('1.0.4')?.source);
    assert.equal(compared.filter((each) => each.target === undefined).length, tags.length - 2);
  });
});

interface Discovered {
  readonly digest: string;
  readonly referrers?: readonly Discovered[];
}

describe('copy with what is attached, between registries with and without the referrers API', () => {
  let work: string;
  let running: readonly RunningRegistry[];
  before(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'oci-copy-to-'));
    running = await Promise.all([startRegistry('distribution'), startRegistry('olareg')]);
  });
  after(async () => {
    await Promise.all(running.map((each) => each.stop()));
    await rm(work, { recursive: true });
  });

  it('both ways and to a layout, as oras, regctl, crane and skopeo read it', async () => {
    const [without, having] = running;
    assert.ok(without && having);
    for (const [from, to] of [
      [without.host, having.host],
      [having.host, without.host],
    ] as const) {
      const src = remote(from).repository('signed/app');
      const platform = await pushOne(src, `platform ${from}`);
      const root = await push(
        src,
        content(
          MediaType.index,
          encodeManifest({
            schemaVersion: 2,
            mediaType: MediaType.index,
            manifests: [{ ...platform.descriptor, platform: { os: 'linux', architecture: 'amd64' } }],
          }),
        ),
        'v1',
      );
      const signature = await pushOne(src, `signature ${from}`, root);
      const signed = await pushOne(src, `about the signature ${from}`, signature);
      const sbom = await pushOne(src, `sbom ${from}`, platform);
      const [cosign = ''] = attachedTags(platform.descriptor.digest);
      await pushOne(src, `cosign ${from}`, undefined, cosign);

      const dst = remote(to).repository('copied/app');
      await copy(src, 'v1', dst, 'v1', { referrers: true, mayBeThere: true });
      // What another attached there stays.
      const own = await pushOne(dst, `own ${from}`, root);
      await copy(src, 'v1', dst, 'v1', { referrers: true, mayBeThere: true });

      const at = `${to}/copied/app`;
      for (const { descriptor, bytes } of [root, platform, signature, signed, sbom]) {
        const name = `${at}@${descriptor.digest}`;
        const { stdout: byOras } = await runPeer('oras', ['manifest', 'fetch', '--plain-http', name]);
        const { stdout: byCrane } = await runPeer('crane', ['--insecure', 'manifest', name]);
        const text = Buffer.from(bytes).toString();
        assert.deepEqual([byOras.trim(), byCrane.trim()], [text, text]);
      }
      const { stdout: raw } = await runPeer('skopeo', [
        'inspect',
        '--raw',
        '--tls-verify=false',
        `docker://${at}:v1`,
      ]);
      assert.equal(raw, Buffer.from(root.bytes).toString());
      const found = await discovered(at, root);
      assert.deepEqual(
        new Map(found.map(({ digest, referrers = [] }) => [digest, referrers.map((each) => each.digest)])),
        new Map([
          [signature.descriptor.digest, [signed.descriptor.digest]],
          [own.descriptor.digest, []],
        ]),
      );
      assert.deepEqual(
        (await discovered(at, platform)).map(({ digest }) => digest),
        [sbom.descriptor.digest],
      );
      assert.equal((await dst.resolve(cosign)).digest, (await src.resolve(cosign)).digest);
      const tags = (await dst.tags({ limit: 100 })).items;
      assert.equal(tags.includes(referrersTag(root.descriptor.digest)), to === without.host);

      // And from there to a layout, where regctl and oras find them, too.
      const layout = localRegistry(work).repository(`from-${to.replace(':', '-').replaceAll('.', '-')}`);
      await copy(dst, 'v1', layout, 'v1', { referrers: true });
      const folder = path.join(work, `from-${to.replace(':', '-').replaceAll('.', '-')}`);
      const { stdout } = await runPeer('regctl', [
        ...['artifact', 'list', `ocidir://${folder}:v1`],
        ...['--format', '{{range .Descriptors}}{{println .Digest}}{{end}}'],
      ]);
      assert.deepEqual(
        stdout.trim().split('\n').sort(),
        [own, signature].map(({ descriptor }) => descriptor.digest).sort(),
      );
    }
  });

  async function discovered(at: string, { descriptor }: Content): Promise<readonly Discovered[]> {
    const { stdout } = await runPeer('oras', [
      'discover',
      '--plain-http',
      '--format',
      'json',
      `${at}@${descriptor.digest}`,
    ]);
    return (JSON.parse(stdout) as Discovered).referrers ?? [];
  }
});
