import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { browsing } from '../../support/browsing.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const size = 2500;
const folded = `sha256-${'0'.repeat(64)}.sig`;
const tags = [...Array.from({ length: size }, (_, at) => `v${String(at).padStart(4, '0')}`), folded];
const names = tags.slice(0, size);

/** A registry of many names that gives them page by page, and a tree that is told of changes as the editor is. */
async function site(t: TestContext, { pageSize = 100 } = {}) {
  const server = await serve(t, ({ url }, response) => {
    const asked = new URL(url, 'http://x');
    const isCatalog = asked.pathname.endsWith('_catalog');
    if (!isCatalog && !asked.pathname.endsWith('/tags/list')) {
      response.writeHead(200, { 'content-type': MediaType.index });
      response.end('{"schemaVersion":2,"manifests":[]}');
      return;
    }
    const all = isCatalog ? names : [...tags].sort();
    const start = all.indexOf(asked.searchParams.get('last') ?? '') + 1;
    const page = all.slice(start, start + Number(asked.searchParams.get('n')));
    const link = `<${asked.pathname}?n=${page.length}&last=${page.at(-1) ?? ''}>; rel="next"`;
    json(
      response,
      200,
      { [isCatalog ? 'repositories' : 'tags']: page },
      start + page.length < all.length ? { link } : {},
    );
  });
  const browser = browsing(remoteOf(t, server).registry, { pageSize });
  t.after(() => browser.dispose());
  const [root] = browser.roots();
  const repository = browser.find('p', 'v0000');
  assert.ok(root && repository);
  return { browser, root, repository };
}

/** Goes to a name as the editor does: what it shows then is what it was told to ask for again. */
async function arrive(
  browser: Browser,
  parent: Node,
  shown: readonly Node[],
  go: () => Node | undefined,
): Promise<void> {
  const told: (readonly Node[])[] = [];
  const listener = browser.onDidChange((nodes = [parent]) => told.push(nodes));
  const target = go();
  listener.dispose();
  assert.ok(target);
  assert.ok(told.flat().includes(parent) || shown.includes(target), 'Told before anyone can reveal it');
  const children = await browser.children(parent);
  assert.ok(children.includes(target));
  assert.ok(children.length <= 1000);
  assert.equal(new Set(children.map(({ id }) => id)).size, children.length);
}

describe('going to a reference shows its row', () => {
  const load = async (browser: Browser, node: Node, pages: number): Promise<readonly Node[]> => {
    await browser.children(node);
    for (let page = 1; page < pages; page++) {
      await browser.loadMore(node);
    }
    return browser.children(node);
  };

  for (const [where, pages, pageSize] of [
    ['nothing is loaded', 0, 100],
    ['a page is loaded', 1, 100],
    ['more is loaded than is shown', 2, 1000],
    ['all is loaded', 3, 1000],
  ] as const) {
    it(`wherever its tag stands, while ${where}`, async (t) => {
      const { browser, repository } = await site(t, { pageSize });
      let shown = pages === 0 ? [] : await load(browser, repository, pages);
      for (const tag of ['v0000', 'v1234', 'v2499', folded]) {
        await arrive(browser, repository, shown, () => browser.locate('p', 'v0000', tag));
        shown = await browser.children(repository);
      }
      browser.refresh(repository);
      const again = await browser.children(repository);
      assert.ok(['v1234', 'v2499', folded].every((tag) => again.some((node) => isTag(node, tag))));
    });

    it(`wherever its repository stands, while ${where}`, async (t) => {
      const { browser, root } = await site(t, { pageSize });
      let shown = pages === 0 ? [] : await load(browser, root, pages);
      for (const name of ['v0001', 'v1234', 'v2499']) {
        await arrive(browser, root, shown, () => browser.locate('p', name));
        shown = await browser.children(root);
      }
    });
  }

  it('though a filter, or one that is still searching, hides it', async (t) => {
    const { browser, repository } = await site(t);
    await browser.children(repository);
    for (const filter of ['v00', 'nothing']) {
      browser.setFilter(repository, filter);
      const shown = await browser.children(repository);
      await arrive(browser, repository, shown, () => browser.locate('p', 'v0000', 'v2222'));
      assert.equal(browser.filter(repository), undefined);
    }
  });
});

function isTag(node: Node, tag: string): boolean {
  return node.kind === 'tag' && node.tag === tag;
}
