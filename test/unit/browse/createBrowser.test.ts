import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyOf } from '../../../src/base/bytes.ts';
import { createBrowser } from '../../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../../src/browse/manifestCache.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import type { Place } from '../../../src/browse/place.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';

interface Made {
  readonly browser: Browser;
  readonly counts: { lists: number; manifests: number; atOnce: number };
}

/** A registry of `size` repositories, the first with `size` tags of one chart, that counts what it is asked. */
async function made(size: number, more: Partial<Place> = {}): Promise<Made> {
  const store = new MemoryStore();
  const counts = { lists: 0, manifests: 0, atOnce: 0 };
  const config = Buffer.from('{}');
  const descriptor = {
    mediaType: 'application/vnd.cncf.helm.config.v1+json',
    digest: digestOf(config),
    size: 2,
  };
  await store.push(descriptor, bodyOf(config));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: descriptor,
    layers: [descriptor],
  });
  const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(root, bodyOf(bytes));
  for (let at = 0; at < size; at++) {
    await store.tag(root, `1.${at}.0`);
  }
  const { tags, manifest } = { tags: store.tags.bind(store), manifest: store.manifest.bind(store) };
  let running = 0;
  Object.assign(store, {
    tags: (op: object) => {
      counts.lists++;
      return tags(op);
    },
    manifest: async (ref: string) => {
      counts.manifests++;
      counts.atOnce = Math.max(counts.atOnce, ++running);
      await delay(1);
      running--;
      return manifest(ref);
    },
  });
  const names = Array.from({ length: size }, (_, at) => `team/app-${at}`);
  const place: Place = {
    id: 'p',
    name: 'P',
    kind: 'remote',
    host: 'p.example',
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    registry: {
      kind: 'remote',
      repository: () => store,
      repositories: (op = {}) => {
        counts.lists++;
        return Promise.resolve(pageOf(names, op));
      },
    },
    ...more,
  };
  const browser = createBrowser({
    places: { all: () => [place], get: () => place },
    cache: createManifestCache(),
    settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
  });
  return { browser, counts };
}

const kinds = (nodes: readonly Node[]): string => [...new Set(nodes.map(({ kind }) => kind))].join();

async function settled(browser: Browser, nodes: readonly Node[]): Promise<void> {
  while (nodes.some((node) => node.kind === 'tag' && browser.named(node) === undefined)) {
    await delay(5);
  }
}

describe('the tree', () => {
  it('asks one request a page, then one manifest a tag, at most six at once, and nothing twice', async () => {
    const { browser, counts } = await made(250);
    const [root] = browser.roots();
    assert.ok(root);
    const level = await browser.children(root);
    assert.equal(counts.lists, 1);
    assert.equal(kinds(level), 'group,more');
    const repository = browser.locate('p', 'team/app-0');
    assert.ok(repository);
    const changes: number[] = [];
    browser.onDidChange((nodes) => changes.push(nodes?.length ?? 0));
    const tags = await browser.children(repository);
    assert.equal(counts.lists, 2);
    assert.equal(tags.filter(({ kind }) => kind === 'tag').length, 100);
    await settled(browser, tags);
    await delay(60);
    assert.equal(counts.manifests, 100);
    assert.ok(counts.atOnce <= 6, String(counts.atOnce));
    assert.ok(changes.length < 50, `${changes.length} events for 100 names`);
    const [first] = tags;
    const named = first && browser.named(first);
    assert.ok(named && !(named instanceof OciError));
    assert.equal(named.type.name, 'Helm chart');
    await browser.children(repository);
    assert.deepEqual([counts.lists, counts.manifests], [2, 100]);
    await browser.loadMore(repository);
    assert.equal(counts.lists, 3);
  });

  it('shows at most a thousand of twenty thousand, and finds among all of them', async () => {
    const { browser } = await made(20_000);
    const repository = browser.locate('p', 'team/app-0');
    assert.ok(repository?.kind === 'repository');
    browser.setFilter(repository, '1999 .0');
    const start = performance.now();
    let nodes: readonly Node[] = [];
    while (performance.now() - start < 5000) {
      nodes = await browser.children(repository);
      if (!nodes.some(({ kind }) => kind === 'note')) {
        break;
      }
      await delay(1);
    }
    const found = nodes.filter(({ kind }) => kind === 'tag');
    // 1.1999.0, 1.11999.0 and 1.19990.0 to 1.19999.0.
    assert.equal(found.length, 12);
    browser.setFilter(repository, undefined);
    const everything = await browser.children(repository);
    assert.ok(everything.length <= 1000, String(everything.length));
    assert.equal(everything.at(-1)?.kind, 'more');
    browser.dispose();
  });

  it('shows a failure where its children would be, and pinned repositories without a catalog', async () => {
    const refuse = (): Promise<never> => Promise.reject(new OciError('denied', 'No'));
    const registry = { kind: 'remote' as const, repository: () => new MemoryStore(), repositories: refuse };
    const failing = await made(0, { registry });
    const [root] = failing.browser.roots();
    assert.ok(root);
    assert.equal(kinds(await failing.browser.children(root)), 'failure');
    const pinned = await made(0, { registry, pinned: ['team/app'] });
    const [other] = pinned.browser.roots();
    assert.ok(other);
    assert.equal(kinds(await pinned.browser.children(other)), 'group,note');
  });

  it('reads no manifest where reads are counted', async () => {
    const { browser, counts } = await made(5, { countsReads: true });
    const repository = browser.locate('p', 'team/app-0');
    assert.ok(repository);
    const tags = await browser.children(repository);
    await settled(browser, tags);
    assert.equal(counts.manifests, 0);
    const [first] = tags;
    assert.ok(first);
    const named = await browser.complete(first);
    assert.equal(named?.type.name, 'Helm chart');
    assert.equal(counts.manifests, 1);
  });
});
