import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Repository } from '../../src/oci/store.ts';
import { anonymous, browsing, eventually, named } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { seedRepositories, seedTags } from '../support/seed.ts';

/** Twelve charts that differ, the last with two tags; one has a signature attached. */
async function fill(repository: Repository): Promise<void> {
  let last: Descriptor | undefined;
  for (let at = 0; at < 12; at++) {
    const config = Buffer.from(JSON.stringify({ name: 'app', version: `1.${at}.0` }));
    const descriptor = {
      mediaType: 'application/vnd.cncf.helm.config.v1+json',
      digest: digestOf(config),
      size: config.byteLength,
    };
    await repository.push(descriptor, bodyOf(config));
    const manifest = { schemaVersion: 2 as const, mediaType: MediaType.manifest, config: descriptor };
    last = await pushManifest(repository, { ...manifest, layers: [descriptor] }, `1.${at}.0`);
    if (at === 0) {
      const signature = { artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json', subject: last };
      await pushManifest(repository, { ...manifest, layers: [descriptor], ...signature });
    }
  }
  assert.ok(last);
  await repository.tag(last, 'latest');
}

async function pushManifest(
  repository: Repository,
  manifest: Parameters<typeof encodeManifest>[0],
  tag?: string,
): Promise<Descriptor> {
  const bytes = encodeManifest(manifest);
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

for (const kind of ['distribution', 'olareg'] as const) {
  describe(`the tree of a real registry (${kind})`, () => {
    let registry: RunningRegistry;
    let proxy: CountingProxy;
    let remote: ReturnType<typeof anonymous>;
    let browser: Browser;
    let repository: Node & { readonly kind: 'repository' };
    // Without a referrers API the list of the referrers is a tag too, and folded.
    const tags = 13;

    before(async () => {
      registry = await startRegistry(kind);
      proxy = await startCountingProxy(registry.host);
      remote = anonymous(proxy.host);
      await fill(remote.registry.repository('team/app'));
      await fill(remote.registry.repository('team/other'));
      browser = browsing(remote.registry, { pageSize: 10 });
      const found = browser.find('p', 'team/app');
      assert.ok(found);
      repository = found;
    });

    after(async () => {
      browser.dispose();
      await remote.stop();
      await proxy.stop();
      await registry.stop();
    });

    /** What a piece of work asked of the registry, `GET /v2/…` each. */
    const asked = async <T>(
      work: () => Promise<T>,
    ): Promise<{ readonly got: T; readonly asked: string[] }> => {
      proxy.forget();
      const got = await work();
      return { got, asked: proxy.exchanges.map(({ method, path }) => `${method} ${path}`) };
    };
    const tagsOf = (children: readonly Node[]): readonly Node[] =>
      children.filter((node) => node.kind === 'tag');

    it('expands the registry with one request a page', async () => {
      const [root] = browser.roots();
      assert.ok(root);
      const { got, asked: requests } = await asked(() => browser.children(root));
      assert.deepEqual(requests, ['GET /v2/_catalog?n=10']);
      const [first] = got;
      if (kind === 'olareg') {
        assert.ok(first?.kind === 'note' && first.note === 'no-catalog', 'It has no catalog');
      } else {
        assert.equal(first?.kind, 'group');
        assert.deepEqual((await asked(() => browser.children(first))).asked, []);
      }
    });

    it('expands a repository with one request, then one a visible tag, at most six at once', async () => {
      const { got, asked: requests } = await asked(async () => {
        const children = await browser.children(repository);
        assert.equal(proxy.exchanges.length, 1, 'The names come first');
        await named(browser, children);
        return children;
      });
      assert.equal(tagsOf(got).length, 10);
      assert.equal(requests.length, 11);
      assert.equal(requests[0], 'GET /v2/team/app/tags/list?n=10');
      assert.equal(
        requests.filter((request) => request.startsWith('GET /v2/team/app/manifests/')).length,
        10,
      );
      assert.ok(proxy.mostOpen <= 6, String(proxy.mostOpen));
    });

    it('asks for one page more, and only for the names of that', async () => {
      const { asked: requests } = await asked(async () => {
        await browser.loadMore(repository);
        await named(browser, await browser.children(repository));
      });
      assert.equal(requests.filter((request) => request.includes('/tags/list')).length, 1);
      assert.equal(requests.filter((request) => request.includes('/manifests/')).length, tags - 10);
    });

    it('asks nothing at a second look, nor to read what it has named, nor below it', async () => {
      const { asked: requests } = await asked(async () => {
        const [tag] = await browser.children(repository);
        assert.ok(tag);
        const read = await browser.read(tag);
        assert.equal(read?.type.name, 'Helm chart');
        assert.equal((await browser.children(tag)).length, 3);
      });
      assert.deepEqual(requests, []);
    });

    it('asks at a refresh one list, and of each tag only whether it still is what it was', async () => {
      browser.refresh(repository);
      const { asked: requests } = await asked(async () => {
        await named(browser, await browser.children(repository));
      });
      assert.equal(requests.filter((request) => request.includes('/tags/list')).length, 1);
      assert.equal(requests.length, 1 + tags);
      const manifests = proxy.exchanges.filter(({ path }) => path.includes('/manifests/'));
      assert.ok(manifests.every(({ ifNoneMatch }) => ifNoneMatch !== undefined));
      if (kind === 'distribution') {
        assert.ok(manifests.every(({ status }) => status === 304));
      }
    });

    it('refreshes one branch alone', async () => {
      const other = browser.find('p', 'team/other');
      assert.ok(other);
      await named(browser, await browser.children(other));
      const [tag] = await browser.children(repository);
      assert.ok(tag);
      browser.refresh(other);
      assert.deepEqual((await asked(() => browser.children(repository))).asked, []);
      const { asked: requests } = await asked(async () => {
        browser.refresh(tag);
        await named(browser, [tag]);
      });
      assert.deepEqual(requests.length, 1, requests.join());
    });

    it('names referrers by their list alone', async () => {
      // A list that is not loaded to its end does not say which tags of signatures there are.
      while ((await browser.children(repository)).at(-1)?.kind === 'more') {
        await browser.loadMore(repository);
      }
      const tag = (await browser.children(repository)).find(
        (node) => node.kind === 'tag' && node.tag === '1.0.0',
      );
      const folder = tag && (await browser.children(tag)).at(-1);
      assert.equal(folder?.kind, 'referrers');
      const { got, asked: requests } = await asked(() => browser.children(folder));
      assert.equal(got.length, 1);
      const [first] = got;
      const name = first && browser.named(first);
      assert.ok(name && 'type' in name);
      assert.equal(name.type.name, 'Cosign signature');
      // Where there is no API for it, the tag that stands in for it is asked after.
      assert.equal(requests.length, kind === 'olareg' ? 1 : 2, requests.join());
    });

    it('reads nothing by digest that it has read before', async () => {
      const tag = (await browser.children(repository)).find((node) => node.kind === 'tag');
      const digest = tag && (await browser.read(tag))?.descriptor.digest;
      const { asked: requests } = await asked(async () => {
        const untagged = browser.locate('p', 'team/app', digest);
        assert.ok(untagged);
        const children = await browser.children(repository);
        assert.ok(children.includes(untagged), 'An untagged manifest stands below its repository');
        await named(browser, children);
      });
      assert.deepEqual(requests, []);
    });

    it('gives up what it asked for when it is collapsed, and goes on when it is expanded', async () => {
      browser.refresh(repository);
      proxy.hold(/manifests/);
      const children = await browser.children(repository);
      await eventually(() => proxy.open === 6);
      browser.collapse(repository);
      await eventually(() => proxy.open === 0);
      proxy.release();
      await browser.children(repository);
      await named(browser, children);
    });

    it('reads no manifest where reads are counted, until a row is opened', async () => {
      const counted = browsing(remote.registry, { pageSize: 10, countsReads: true });
      const same = counted.find('p', 'team/app');
      assert.ok(same);
      const { got, asked: requests } = await asked(async () => {
        const children = await counted.children(same);
        await named(counted, children);
        return children;
      });
      assert.equal(requests.filter((request) => request.startsWith('HEAD ')).length, 10);
      assert.equal(requests.length, 11);
      const [tag] = got;
      assert.ok(tag);
      assert.deepEqual(
        [counted.named(tag)].map((name) => name && 'partial' in name && name.partial),
        [true],
      );
      const opened = await asked(() => counted.read(tag));
      assert.equal(opened.asked.length, 1);
      assert.equal(opened.got?.type.name, 'Helm chart');
      counted.refresh();
      await counted.children(same);
      await eventually(() => counted.named(tag) !== undefined);
      const again = counted.named(tag);
      assert.ok(again && 'partial' in again && !again.partial, 'What was read once is known by its digest');
      counted.dispose();
    });
  });
}

describe('the tree of a real registry with 20,000 tags and many repositories', () => {
  let registry: RunningRegistry;
  let proxy: CountingProxy;
  let remote: ReturnType<typeof anonymous>;
  let browser: Browser;
  const size = 20_000;

  before(async () => {
    registry = await startRegistry('distribution');
    await seedTags(
      registry,
      'many/tags',
      Array.from({ length: size }, (_, at) => `v${at}`),
    );
    await seedRepositories(
      registry,
      Array.from({ length: 3_000 }, (_, at) => `group-${at % 100}/app-${at}`),
    );
    proxy = await startCountingProxy(registry.host);
    remote = anonymous(proxy.host);
    browser = browsing(remote.registry);
  });

  after(async () => {
    browser.dispose();
    await remote.stop();
    await proxy.stop();
    await registry.stop();
  });

  it('shows first rows after one page and finds the last tag', async () => {
    const repository = browser.find('p', 'many/tags');
    assert.ok(repository);
    const first = await browser.children(repository);
    assert.equal(proxy.exchanges.length, 1);
    assert.equal(first.filter(({ kind }) => kind === 'tag').length, 100);
    await named(browser, first);
    browser.setFilter(repository, `v${size - 1}`);
    await eventually(async () => {
      const children = await browser.children(repository);
      assert.ok(children.length <= 1000);
      return children.length === 1 && children[0]?.kind === 'tag';
    });
    assert.ok(proxy.exchanges.filter(({ path }) => path.includes('/tags/list')).length <= 21);
  });

  it('shows first repositories after one page', async () => {
    const [root] = browser.roots();
    assert.ok(root);
    proxy.forget();
    const first = await browser.children(root);
    assert.deepEqual(
      proxy.exchanges.map(({ path }) => path),
      ['/v2/_catalog?n=100'],
    );
    assert.ok(first.length > 1 && first.length <= 1000);
  });
});
