import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Browser } from '../../src/browse/browser.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { FetchedManifest, Registry, Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { fileLayerCache, type LayerCache } from '../../src/packaging/layerCache.ts';
import { arrangeLayers, usualPacking } from '../../src/packaging/packing.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { filesType } from '../../src/packaging/pushTypes.ts';
import { sendArtifact } from '../../src/packaging/sendArtifact.ts';
import { streamArtifact } from '../../src/packaging/streamArtifact.ts';
import { content, manifestOf } from '../contract/content.ts';
import { anonymousBy, browsing, named } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const dispatcher = createDispatcher();
after(() => dispatcher.destroy());

/** As who never asked before. */
function remote(host: string): Registry {
  return anonymousBy(dispatcher, host);
}

for (const kind of ['distribution', 'distribution2', 'olareg'] as const) {
  describe(`what ${kind} is asked when 50 small files are pushed`, () => {
    let registry: RunningRegistry;
    let proxy: CountingProxy;
    let work: string;
    let repository: Repository;
    let direct: Repository;
    const files = [...Array(50).keys()].map((at) => `file-${at}.txt`);

    before(async () => {
      registry = await startRegistry(kind);
      proxy = await startCountingProxy(registry.host);
      work = await mkdtemp(path.join(tmpdir(), 'oci-requests-'));
      for (const file of files) {
        await writeFile(path.join(work, file), `content of ${file}\n`);
      }
      repository = remote(proxy.host).repository('team/files');
      direct = remote(registry.host).repository('team/files');
    });
    after(async () => {
      await proxy.stop();
      await registry.stop();
      await rm(work, { recursive: true, force: true });
    });

    interface Pushed {
      readonly how: readonly string[];
      readonly digest: string;
    }

    /** As the command does: looks at the tag, then sends what was packed, or packs while it sends. */
    async function push(
      tag: string,
      { titles = files, isStreamed = true, cache = undefined as LayerCache | undefined } = {},
    ): Promise<Pushed> {
      const sources = titles.map((title) => ({ path: path.join(work, title), title }));
      const plan = await planPush(sources, { largeFile: Infinity });
      const options = {
        artifactType: 'application/vnd.acme.files',
        annotations: {},
        keepFileTimes: false,
        temporary: work,
        cache,
      };
      const packed = isStreamed ? undefined : await buildArtifact(plan, options);
      proxy.forget();
      const existing = await repository.manifest(tag).catch((error: unknown): FetchedManifest | undefined => {
        if (isOciError(error, 'not-found')) {
          return undefined;
        }
        throw error;
      });
      const how: string[] = [];
      const send = {
        existing,
        wasSent: () => false,
        onDone: (_: unknown, what: string) => void how.push(what),
      };
      if (packed) {
        await sendArtifact(packed, repository, tag, send);
      }
      const built = packed ?? (await streamArtifact(plan, options, repository, tag, send));
      await built.dispose();
      return { how, digest: built.root.digest };
    }

    const asked = (): readonly string[] => proxy.exchanges.map(({ method }) => method);

    it('is two requests a file, and no question about what was never there', async () => {
      for (const isStreamed of [false, true]) {
        await push(isStreamed ? '1' : 'packed', { isStreamed });
        assert.ok(asked().length <= 104, `${asked().length} requests`);
        assert.equal(asked().filter((method) => method === 'HEAD').length, 0);
      }
      const { stdout } = await runPeer('oras', [
        'manifest',
        'fetch',
        '--plain-http',
        `${registry.host}/team/files:1`,
      ]);
      assert.equal((JSON.parse(stdout) as { layers: unknown[] }).layers.length, 50);
    });

    it('is one request a file and one for the manifest when they are pulled', async () => {
      const target = path.join(work, 'pulled');
      proxy.forget();
      const { manifest } = await manifestToPull(repository, '1', () => Promise.reject(new Error('Asked')));
      const staged = await stagePull(repository, planPull(manifest), target);
      await staged.commit();
      await staged.dispose();
      assert.equal(proxy.exchanges.length, 51);
      assert.ok(proxy.mostOpen <= 32, `${proxy.mostOpen} at once`);
      assert.deepEqual((await readdir(target)).toSorted(), files.toSorted());
    });

    it('is one request when nothing changed', async () => {
      for (const isStreamed of [false, true]) {
        const { how } = await push('1', { isStreamed });
        assert.equal(proxy.exchanges.length, 1);
        assert.deepEqual([new Set(how), how.length], [new Set(['present']), 51]);
      }
    });

    it('is the changed file and the manifest when one changed', async () => {
      await writeFile(path.join(work, files[7] ?? ''), 'other content\n');
      await push('1');
      assert.equal(proxy.exchanges.length, 4, JSON.stringify(proxy.exchanges));
      await runPeer('oras', [
        'pull',
        '--plain-http',
        '-o',
        path.join(work, 'out'),
        `${registry.host}/team/files:1`,
      ]);
    });

    it('is the layer of the changed file and the manifest when one changed in a folder that is split', async () => {
      const site = path.join(work, 'site');
      for (let at = 0; at < 20; at++) {
        await mkdir(path.join(site, `part-${at}`), { recursive: true });
        await writeFile(path.join(site, `part-${at}/text.bin`), randomBytes(20_000));
      }
      await writeFile(path.join(site, 'index.html'), 'first');
      const pushSite = async (): Promise<number> => {
        const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
        const options = { ...usualPacking, split: 'folders', keepFileTimes: false } as const;
        const built = await buildArtifact(await arrangeLayers(plan, filesType, options), {
          artifactType: 'application/vnd.acme.files',
          annotations: {},
          keepFileTimes: false,
          temporary: work,
        });
        assert.equal(built.layers.length, 21);
        proxy.forget();
        const existing = await repository.manifest('site').catch(() => undefined);
        let bytes = 0;
        await sendArtifact(built, repository, 'site', {
          existing,
          wasSent: () => false,
          onBytes: (more) => (bytes += more),
        });
        await built.dispose();
        return bytes - built.root.size;
      };
      assert.ok((await pushSite()) > 400_000);
      // The tag, two for each layer and for the config, the manifest.
      assert.ok(proxy.exchanges.length <= 1 + 2 * 22 + 1, JSON.stringify(proxy.exchanges));
      await writeFile(path.join(site, 'part-7/text.bin'), randomBytes(20_000));
      const bytes = await pushSite();
      assert.ok(bytes > 20_000 && bytes < 22_000, `${bytes} bytes`);
      assert.equal(proxy.exchanges.length, 4, JSON.stringify(proxy.exchanges));
      await writeFile(path.join(site, 'index.html'), 'second');
      assert.ok((await pushSite()) < 1_000);
      assert.equal(proxy.exchanges.length, 4);
    });

    it('sends large layers while they are packed, as the same artifact, and not again what it knows', async () => {
      const titles = ['site', 'large.bin', 'file-0.txt'];
      const noise = randomBytes(3_000_000);
      await mkdir(path.join(work, 'site'), { recursive: true });
      await writeFile(path.join(work, 'site/noise'), noise);
      await writeFile(path.join(work, 'site/zeros'), Buffer.alloc(5_000_000));
      await writeFile(path.join(work, 'large.bin'), noise.subarray(0, 2_000_000));
      // What changed a moment ago would be read again, as it might change once more unseen.
      const old = new Date(Date.now() - 60_000);
      for (const name of ['site/noise', 'site/zeros', 'large.bin']) {
        await utimes(path.join(work, name), old, old);
      }
      const cache = fileLayerCache(path.join(work, `layers-${kind}.json`));
      const streamed = await push('large', { titles, cache });
      assert.deepEqual(asked().filter((method) => method === 'PATCH').length, 2);
      assert.deepEqual(new Set(streamed.how), new Set(['copied']));
      const packed = await push('large', { titles, isStreamed: false });
      assert.equal(packed.digest, streamed.digest);
      assert.deepEqual(asked(), ['GET'], 'the registry has the very manifest');
      // Under a tag that is new the layers are known here: they are asked for.
      const other = await push('other', { titles, cache });
      assert.equal(other.digest, streamed.digest);
      assert.equal(asked().filter((method) => method === 'PATCH').length, 0);
      assert.equal(asked().filter((method) => method === 'HEAD').length, 2);
      // Without that, what the tag has by these names is looked at before a byte is sent.
      await writeFile(path.join(work, 'file-0.txt'), 'changed\n');
      await push('large', { titles });
      assert.deepEqual(asked().toSorted(), ['GET', 'POST', 'PUT', 'PUT']);
      assert.ok((await readdir(work)).every((name) => !name.startsWith('push-')));
    });

    it('is everything again where the registry lost what its manifest names', async () => {
      await writeFile(path.join(work, files[8] ?? ''), `content that is lost\n`);
      await push('2');
      const { bytes } = await direct.manifest('2');
      const lost = JSON.parse(Buffer.from(bytes).toString()) as { layers: { digest: string }[] };
      const url = `http://${registry.host}/v2/team/files/blobs/${lost.layers[8]?.digest ?? ''}`;
      if ((await fetch(url, { method: 'DELETE' })).status >= 300) {
        return; // It deletes no blobs, so it loses none that way.
      }
      await writeFile(path.join(work, files[9] ?? ''), `content that makes another manifest\n`);
      await push('2');
      assert.equal((await fetch(url)).status, 200);
    });
  });
}

/** Of a registry with the referrers API, and of one without, which is asked for it once. */
for (const [kind, opened] of [
  ['olareg', 32],
  ['distribution', 33],
] as const) {
  describe(`what ${kind} is asked by a tree`, () => {
    let registry: RunningRegistry;
    let proxy: CountingProxy;
    let browser: Browser;
    const layer = content('text/plain', 'a layer');
    const config = content(MediaType.empty, '{}');
    const subject = manifestOf(config, [layer]);
    const referrers = Array.from({ length: 30 }, (_, at) =>
      manifestOf(config, [layer], {
        subject: subject.descriptor,
        artifactType: 'application/spdx+json',
        annotations: { at: String(at) },
      }),
    );

    before(async () => {
      registry = await startRegistry(kind);
      proxy = await startCountingProxy(registry.host);
      browser = browsing(remote(proxy.host));
      for (const name of ['team/attached', 'team/tagged']) {
        const store = remote(registry.host).repository(name);
        for (const { descriptor, bytes } of [layer, config]) {
          await store.push(descriptor, bodyOf(bytes));
        }
        await store.push(subject.descriptor, bodyOf(subject.bytes), { tag: 'v0' });
      }
    });
    after(async () => {
      browser.dispose();
      await proxy.stop();
      await registry.stop();
    });

    const asked = (): readonly string[] => proxy.exchanges.map(({ method, path }) => `${method} ${path}`);

    it(`for 30 referrers, each opened: at most ${opened} requests`, async () => {
      const store = remote(registry.host).repository('team/attached');
      await Promise.all(referrers.map(({ descriptor, bytes }) => store.push(descriptor, bodyOf(bytes))));
      const repository = browser.find('p', 'team/attached');
      assert.ok(repository);
      proxy.forget();
      const tag = (await browser.children(repository)).find((node) => node.kind === 'tag');
      assert.ok(tag);
      await named(browser, [tag]);
      const folder = (await browser.children(tag)).find((node) => node.kind === 'referrers');
      assert.ok(folder);
      const rows = (await browser.children(folder)).filter((node) => node.kind === 'manifest');
      const read = await Promise.all(rows.map((node) => browser.read(node)));
      assert.deepEqual(
        read.map((each) => each?.descriptor.digest).sort(),
        referrers.map(({ descriptor }) => descriptor.digest).sort(),
      );
      const [list, ...requests] = asked();
      assert.match(list ?? '', /tags\/list/);
      assert.ok(requests.length <= opened, requests.join('\n'));
    });

    it('for which of 101 tags point to a digest: at most 102 requests, and none the second time', async () => {
      const store = remote(registry.host).repository('team/tagged');
      const other = manifestOf(config, [layer], { annotations: { of: 'another' } });
      await store.push(other.descriptor, bodyOf(other.bytes), { tag: 'other' });
      for (let at = 1; at < 100; at++) {
        await store.tag(subject.descriptor, `v${at}`);
      }
      const repository = browser.find('p', 'team/tagged');
      assert.ok(repository);
      for (const most of [102, 0]) {
        proxy.forget();
        const { digests } = await browser.pointers.of(repository);
        assert.equal(digests.size, 101);
        assert.equal([...digests.values()].filter((each) => each === subject.descriptor.digest).length, 100);
        assert.ok(asked().length <= most, asked().join('\n'));
      }
    });
  });
}
