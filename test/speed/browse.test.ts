import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { pageOf } from '../../src/oci/pages.ts';
import type { PageOp, Registry } from '../../src/oci/store.ts';
import { browsing, eventually, named } from '../support/browsing.ts';
import { shortSlices } from '../support/shortSlices.ts';

const size = 20_000;
/** Milliseconds the extension host may be held. */
const limit = 50;

interface Made {
  readonly registry: Registry;
  readonly pages: string[];
}

/** Names in the order of text, as registries give them, and one artifact behind every tag. */
async function made(repositories: readonly string[], tags: readonly string[]): Promise<Made> {
  const pages: string[] = [];
  const store = new MemoryStore();
  const bytes = encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: [] });
  const root = { mediaType: MediaType.index, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(root, bodyOf(bytes));
  const listed =
    (kind: string, names: readonly string[]) =>
    async (op: PageOp = {}) => {
      pages.push(`${kind} ${op.page ?? 'first'} ${op.limit ?? ''}`);
      await new Promise(setImmediate);
      op.signal?.throwIfAborted();
      return pageOf(names, op);
    };
  Object.assign(store, {
    tags: listed('tags', tags),
    manifest: () => Promise.resolve({ descriptor: root, bytes }),
  });
  return {
    pages,
    registry: {
      kind: 'remote',
      repository: () => store,
      repositories: listed('catalog', repositories),
    },
  };
}

const tags = Array.from({ length: size }, (_, at) => `1.${Math.floor(at / 100)}.${at % 100}`).sort();
const flat = Array.from({ length: size }, (_, at) => `app-${at}`).sort();
const grouped = Array.from({ length: size }, (_, at) => `team/app-${at}`).sort();

function repositoryOf(browser: Browser): Node & { readonly kind: 'repository' } {
  const repository = browser.find('p', 'team/app-0');
  assert.ok(repository);
  return repository;
}

const count = (nodes: readonly Node[], kind: Node['kind']): number =>
  nodes.filter((node) => node.kind === kind).length;

describe('a repository of 20,000 tags', () => {
  it('shows its first rows after one page', async () => {
    const { registry, pages } = await made([], tags);
    const browser = browsing(registry);
    const children = await browser.children(repositoryOf(browser));
    assert.deepEqual(pages, ['tags first 100']);
    assert.equal(count(children, 'tag'), 100);
    assert.equal(children.at(-1)?.kind, 'more');
    browser.dispose();
  });

  it('never has more than 1,000 children, and holds the event loop for less than 50 ms', async () => {
    const { registry } = await made([], tags);
    const browser = browsing(registry);
    const repository = repositoryOf(browser);
    const most: number[] = [];
    const look = async (): Promise<readonly Node[]> => {
      const children = await browser.children(repository);
      most.push(children.length);
      return children;
    };
    await shortSlices(limit, async () => {
      await named(browser, await look());
      for (let page = 0; page < 20; page++) {
        await browser.loadMore(repository);
        await look();
      }
      for (const text of ['1', '1.1', '1.19', '1.199', '1.199.', '1.199.9']) {
        browser.setFilter(repository, text);
        await look();
      }
      await eventually(async () => count(await look(), 'tag') === 11);
      browser.setFilter(repository, undefined);
      for (const order of ['name', 'newest', 'semver'] as const) {
        browser.setOrder(repository, order);
        await named(browser, await look());
      }
      browser.refresh();
      await look();
    });
    const end = await look();
    assert.ok(Math.max(...most) <= 1000, String(Math.max(...most)));
    assert.equal(end.at(-1)?.kind, 'more');
    browser.dispose();
  });

  it('answers a keystroke from what is loaded, and goes on over what is not', async () => {
    const { registry, pages } = await made([], tags);
    const browser = browsing(registry);
    const repository = repositoryOf(browser);
    await browser.children(repository);
    browser.setFilter(repository, '1.0.');
    const first = await browser.children(repository);
    assert.ok(count(first, 'tag') > 0, 'Rows that match are there at once');
    assert.equal(count(first, 'note'), 1, 'and it says that it searches');
    browser.setFilter(repository, '1.0.9');
    browser.setFilter(repository, '1.99.99');
    await eventually(async () => {
      const children = await browser.children(repository);
      return count(children, 'tag') === 1 && count(children, 'note') === 0;
    });
    assert.equal(new Set(pages).size, pages.length, 'No page was asked for twice by three searches');
    assert.equal(pages.length, 1 + Math.ceil((size - 100) / 1000));
    browser.dispose();
  });

  it('stops a search that is not wanted any more', async () => {
    const { registry, pages } = await made([], tags);
    const browser = browsing(registry);
    const repository = repositoryOf(browser);
    await browser.children(repository);
    browser.setFilter(repository, 'nothing');
    browser.setFilter(repository, undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(pages.length <= 3, String(pages.length));
    browser.dispose();
  });

  it('sees what it goes to, wherever that stands, and clears a filter that hides it', async () => {
    const { registry } = await made([], tags);
    const browser = browsing(registry, { pageSize: 1000 });
    const repository = repositoryOf(browser);
    await browser.children(repository);
    await browser.loadMore(repository);
    browser.setFilter(repository, '1.50');
    const target = browser.locate('p', repository.repository, '1.0.0');
    assert.equal(browser.filter(repository), undefined);
    const children = await browser.children(repository);
    assert.ok(target && children.includes(target));
    assert.ok(children.length <= 1000);
    const digest = digestOf(Buffer.from('untagged'));
    const untagged = browser.locate('p', repository.repository, digest);
    assert.ok(untagged && (await browser.children(repository)).includes(untagged));
    browser.refresh(repository);
    assert.ok((await browser.children(repository)).includes(untagged), 'It outlives a refresh');
    browser.dispose();
  });
});

describe('a catalog of 20,000 repositories', () => {
  it('shows its first rows after one page, never more than 1,000, and finds among all', async () => {
    const { registry, pages } = await made(flat, []);
    const browser = browsing(registry);
    const [root] = browser.roots();
    assert.ok(root);
    const first = await browser.children(root);
    assert.deepEqual(pages, ['catalog first 100']);
    assert.equal(count(first, 'repository'), 100);
    await shortSlices(limit, async () => {
      for (const text of ['1', '19', '199', '1999', '19999']) {
        browser.setFilter(root, text);
        assert.ok((await browser.children(root)).length <= 1000);
      }
      await eventually(async () => count(await browser.children(root), 'repository') === 1);
      browser.setFilter(root, undefined);
      await browser.children(root);
    });
    const end = await browser.children(root);
    assert.ok(end.length <= 1000, String(end.length));
    assert.equal(end.at(-1)?.kind, 'more');
    browser.dispose();
  });

  it('says so in a group that has more than can be shown, and in one that is not all loaded', async () => {
    const { registry } = await made(grouped, []);
    const browser = browsing(registry, { pageSize: 1000 });
    const [root] = browser.roots();
    assert.ok(root);
    const [group] = await browser.children(root);
    assert.equal(group?.kind, 'group');
    const before = (await browser.children(group)).at(-1);
    assert.ok(before?.kind === 'more');
    await browser.loadMore(before.parent);
    await browser.loadMore(before.parent);
    const children = await browser.children(group);
    assert.ok(children.length <= 1000, String(children.length));
    const more = children.at(-1);
    assert.ok(more?.kind === 'more' && more.capped);
    const target = browser.locate('p', 'team/app-9999');
    assert.ok(target && (await browser.children(group)).includes(target));
    browser.dispose();
  });
});
