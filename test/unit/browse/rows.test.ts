import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { browsing, eventually, named } from '../../support/browsing.ts';

type Document = Parameters<typeof encodeManifest>[0];

async function push(store: MemoryStore, document: Document, tag?: string): Promise<Descriptor> {
  const bytes = encodeManifest(document);
  const descriptor = { mediaType: document.mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

async function blob(store: MemoryStore, text: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes));
  return descriptor;
}

const registryOf = (store: MemoryStore, names: readonly string[] = ['app']): Registry => ({
  kind: 'remote',
  repository: () => store,
  repositories: (op = {}) => Promise.resolve(pageOf(names, op)),
});

function repositoryOf(browser: Browser): Node & { readonly kind: 'repository' } {
  const repository = browser.find('p', 'app');
  assert.ok(repository);
  return repository;
}

const tagsOf = (nodes: readonly Node[]): readonly string[] =>
  nodes.flatMap((node) => (node.kind === 'tag' ? [node.tag] : []));

/** Every node below one, as deep as it goes. */
async function everything(browser: Browser, node: Node): Promise<readonly Node[]> {
  const children = await browser.children(node);
  const below = await Promise.all(children.map((child) => everything(browser, child)));
  return [...children, ...below.flat()];
}

describe('the rows of the tree', () => {
  it('have ids that are unique and stay, whatever is listed twice', async () => {
    const store = new MemoryStore();
    const config = await blob(store, '{}', MediaType.imageConfig);
    const layer = await blob(store, 'layer', MediaType.layerTarGzip);
    const image = await push(store, {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config,
      layers: [layer, layer],
    });
    const inner = await push(store, {
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: [image, image],
    });
    await push(
      store,
      { schemaVersion: 2, mediaType: MediaType.index, manifests: [inner, image, inner] },
      'latest',
    );
    await store.tag(inner, 'inner');
    const browser = browsing(registryOf(store));
    const first = await everything(browser, repositoryOf(browser));
    const ids = first.map(({ id }) => id);
    assert.ok(ids.length > 40, String(ids.length));
    assert.equal(new Set(ids).size, ids.length);
    browser.refresh();
    assert.deepEqual(
      (await everything(browser, repositoryOf(browser))).map(({ id }) => id),
      ids,
    );
    browser.dispose();
  });

  it('say where more layers are than can be shown', async () => {
    const store = new MemoryStore();
    const layer = await blob(store, 'layer', MediaType.layerTarGzip);
    const layers = Array.from({ length: 1500 }, () => layer);
    await push(store, { schemaVersion: 2, mediaType: MediaType.manifest, config: layer, layers }, 'many');
    const browser = browsing(registryOf(store));
    const [tag] = await browser.children(repositoryOf(browser));
    assert.ok(tag);
    const children = await browser.children(tag);
    assert.ok(children.length <= 1000);
    const [more, referrers] = children.slice(-2);
    assert.ok(more?.kind === 'more' && more.capped && more.shown < 1000);
    assert.equal(referrers?.kind, 'referrers');
    browser.dispose();
  });

  it('move once when all their dates are known, not one by one', async () => {
    const store = new MemoryStore();
    const config = await blob(store, '{}', MediaType.empty);
    for (let day = 1; day <= 9; day++) {
      const created = `2026-01-0${day}T00:00:00Z`;
      const annotations = { 'org.opencontainers.image.created': created };
      await push(
        store,
        { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [], annotations },
        `day-${day}`,
      );
    }
    const manifest = store.manifest.bind(store);
    const answer: (() => void)[] = [];
    Object.assign(store, {
      manifest: async (ref: string) => {
        await new Promise<void>((resolve) => answer.push(resolve));
        return manifest(ref);
      },
    });
    const browser = browsing(registryOf(store), { tagOrder: 'newest' });
    const repository = repositoryOf(browser);
    let told = 0;
    browser.onDidChange((nodes) => {
      told += nodes?.includes(repository) ? 1 : 0;
    });
    const before = tagsOf(await browser.children(repository));
    assert.deepEqual(before, [...before].sort());
    for (let count = 0; count < 8; count++) {
      await eventually(() => answer.length > 0);
      answer.shift()?.();
      await new Promise(setImmediate);
      assert.deepEqual(tagsOf(await browser.children(repository)), before);
    }
    assert.equal(told, 0);
    await eventually(() => answer.length > 0);
    answer.shift()?.();
    await eventually(() => told > 0);
    assert.deepEqual(tagsOf(await browser.children(repository)), [...before].reverse());
    assert.equal(told, 1);
    browser.dispose();
  });

  it('say what a repository holds when its tags are named', async () => {
    const store = new MemoryStore();
    const config = await blob(store, '{}', 'application/vnd.cncf.helm.config.v1+json');
    await push(store, { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [] }, '1.0.0');
    const browser = browsing(registryOf(store));
    const repository = repositoryOf(browser);
    assert.equal(browser.holds(repository), undefined);
    await named(browser, await browser.children(repository));
    await eventually(() => browser.holds(repository) === 'Helm chart');
    browser.dispose();
  });

  it('go away when what was gone to is deleted', async () => {
    const store = new MemoryStore();
    const config = await blob(store, '{}', MediaType.empty);
    const untagged = await push(store, {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config,
      layers: [],
    });
    const browser = browsing(registryOf(store));
    const repository = repositoryOf(browser);
    const node = browser.locate('p', 'app', untagged.digest);
    assert.ok(node);
    const children = await browser.children(repository);
    assert.ok(children.includes(node));
    await named(browser, children);
    assert.ok(!(browser.named(node) instanceof OciError));
    await store.delete(untagged);
    browser.refresh(repository);
    await eventually(async () => !(await browser.children(repository)).includes(node));
    const tag = await push(store, { schemaVersion: 2, mediaType: MediaType.index, manifests: [] }, 'gone');
    const gone = browser.locate('p', 'app', 'gone');
    assert.ok(gone);
    await named(browser, await browser.children(repository));
    await store.delete(tag);
    browser.refresh(repository);
    await eventually(async () => !(await browser.children(repository)).includes(gone));
    browser.dispose();
  });

  it('are those of one registry where another fails, and come back with a retry', async () => {
    const store = new MemoryStore();
    await push(store, { schemaVersion: 2, mediaType: MediaType.index, manifests: [] }, 'latest');
    let fails = true;
    const browser = browsing({
      ...registryOf(store),
      repositories: (op = {}) =>
        fails
          ? Promise.reject(new OciError('server-error', 'No', { status: 500 }))
          : Promise.resolve(pageOf(['app'], op)),
    });
    const [root] = browser.roots();
    assert.ok(root);
    const [failure] = await browser.children(root);
    assert.ok(failure?.kind === 'failure');
    assert.equal(failure.parent, root);
    assert.equal((await browser.children(repositoryOf(browser)))[0]?.kind, 'tag');
    fails = false;
    browser.refresh(failure.parent);
    assert.equal((await browser.children(root))[0]?.kind, 'repository');
    browser.dispose();
  });

  it('do not expand what stands in itself or too deep, and say so', async () => {
    const store = new MemoryStore();
    let inner = await push(store, { schemaVersion: 2, mediaType: MediaType.index, manifests: [] });
    for (let depth = 0; depth < 12; depth++) {
      inner = await push(store, { schemaVersion: 2, mediaType: MediaType.index, manifests: [inner] }, 'deep');
    }
    const browser = browsing(registryOf(store));
    const all = await everything(browser, repositoryOf(browser));
    assert.ok(all.some((node) => node.kind === 'note' && node.note === 'too-deep'));
    browser.dispose();
  });
});
