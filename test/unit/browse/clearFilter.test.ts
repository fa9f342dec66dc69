import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import { createBrowser } from '../../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../../src/browse/manifestCache.ts';
import type { Node, PlaceNode, RepositoryNode } from '../../../src/browse/node.ts';
import type { Place } from '../../../src/browse/place.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import type { Registry, Repository } from '../../../src/oci/store.ts';
import { browsing, eventually } from '../../support/browsing.ts';

/** `app` with a chart and an image, each by its tag, and two more repositories; with `untagged`, which stands for what takes its time, no tag is ever named. */
async function registryOf(untagged?: Repository['untagged']): Promise<Registry> {
  const store = new MemoryStore();
  for (const [tag, mediaType] of [
    ['1.0.0', 'application/vnd.cncf.helm.config.v1+json'],
    ['2.0.0', MediaType.imageConfig],
  ] as const) {
    const content = Buffer.from('{}');
    const config = { mediaType, digest: digestOf(content), size: content.byteLength };
    await store.push(config, bodyOf(content));
    const bytes = encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config,
      layers: [],
    });
    const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
    await store.push(descriptor, bodyOf(bytes), { tag });
  }
  return {
    kind: 'remote',
    repository: () => (untagged ? Object.assign(store, { untagged, manifest: never }) : store),
    repositories: (op = {}) => Promise.resolve(pageOf(['app', 'team/one', 'team/two'], op)),
  };
}

const never = (): Promise<never> => new Promise(() => undefined);

function nodesOf(browser: Browser): readonly [PlaceNode, RepositoryNode] {
  const [root] = browser.roots();
  const repository = browser.find('p', 'app');
  assert.ok(root && repository);
  return [root, repository];
}

const label = (node: Node): string =>
  node.kind === 'tag'
    ? node.tag
    : node.kind === 'repository'
      ? node.repository
      : node.kind === 'group'
        ? node.path
        : node.kind;

/** What an editor shows of a node: it asks at a change, but no second time while it waits, and keeps what it was given last. */
function shown(browser: Browser, node: Node): () => readonly string[] {
  let labels: readonly string[] = [];
  let asks = false;
  const ask = async (): Promise<void> => {
    if (!asks) {
      asks = true;
      labels = (await browser.children(node)).map(label);
      asks = false;
    }
  };
  browser.onDidChange((nodes) => {
    if (!nodes || nodes.includes(node)) {
      void ask();
    }
  });
  void ask();
  return () => labels;
}

describe('a filter that is cleared', () => {
  it('of a registry, a repository or types hides nothing any more', async () => {
    const browser = browsing(await registryOf());
    const [root, app] = nodesOf(browser);
    for (const [node, filter, some, all] of [
      [root, 'two', 'team', 'app,team'],
      [app, '1.', '1.0.0', '1.0.0,2.0.0'],
      [app, 'type:helm', '1.0.0', '1.0.0,2.0.0'],
      [app, 'category:sbom', 'note', '1.0.0,2.0.0'],
    ] as const) {
      const rows = shown(browser, node);
      browser.setFilter(node, filter);
      await eventually(() => rows().join() === some && browser.searching(node) === undefined);
      assert.equal(browser.filter(node), filter);
      assert.deepEqual(browser.filtered(), [node]);
      browser.setFilter(node, undefined);
      await eventually(() => [...rows()].sort().join() === all);
      assert.equal(browser.filter(node), undefined);
    }
    assert.deepEqual(browser.filtered(), []);
    browser.dispose();
  });

  it('and any other change while rows are asked for is in what is shown in the end', async () => {
    let release: (() => void) | undefined;
    const held = (): Promise<{ readonly items: [] }> =>
      new Promise((resolve) => {
        release = () => resolve({ items: [] });
      });
    const browser = browsing(await registryOf(held));
    const [, app] = nodesOf(browser);
    const rows = shown(browser, app);
    await eventually(() => release !== undefined);
    browser.setOrder(app, 'name');
    await turn();
    await eventually(() => {
      release?.();
      return rows().join() === '1.0.0,2.0.0';
    });
    browser.dispose();
  });

  it('by a row from before a change of its registry is told of the row there is now', async () => {
    const facts = { id: 'p', name: 'P', kind: 'remote', host: 'p.example' } as const;
    const registry = await registryOf();
    const made = (): Place => ({ ...facts, pinned: [], pinnedOnly: false, countsReads: false, registry });
    let place = made();
    const browser = createBrowser({
      places: { all: () => [place], get: () => place },
      cache: createManifestCache(),
      settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
      schedule: (run) => void setImmediate(run),
    });
    const [before] = nodesOf(browser);
    browser.setFilter(before, 'two');
    await browser.children(before);
    place = made();
    const [now] = nodesOf(browser);
    assert.notEqual(now, before);
    const rows = shown(browser, now);
    await eventually(() => rows().join() === 'team');
    browser.setFilter(before, undefined);
    await eventually(() => rows().length === 2);
    browser.dispose();
  });
});
