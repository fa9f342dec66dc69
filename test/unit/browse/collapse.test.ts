import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isAbort } from '../../../src/oci/errors.ts';
import { anonymous, browsing, eventually, named } from '../../support/browsing.ts';

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
});
const tags = Array.from({ length: 30 }, (_, at) => `v${at}`);

/** What a registry of two groups answers; what matches `held` never is. */
const answers: readonly (readonly [RegExp, string, string])[] = [
  [
    /\/_catalog\?n=\d+$/,
    'application/json',
    JSON.stringify({ repositories: ['team/deep/app', 'other/app'] }),
  ],
  [/\/tags\/list\?n=\d+$/, 'application/json', JSON.stringify({ tags })],
  [/\/tags\/list\?last=/, 'application/json', JSON.stringify({ tags: ['late'] })],
  [/\/manifests\//, 'application/vnd.oci.image.index.v1+json', manifest],
  [
    /\/referrers\//,
    'application/vnd.oci.image.index.v1+json',
    JSON.stringify({ schemaVersion: 2, manifests: [] }),
  ],
];

describe('collapsing a branch', () => {
  let server: Server;
  let remote: ReturnType<typeof anonymous>;
  let browser: Browser;
  let held: RegExp | undefined;
  let hasNext = false;
  const open = new Set<string>();

  before(async () => {
    server = createServer((asked, answer) => {
      const url = asked.url ?? '';
      open.add(url);
      answer.once('close', () => open.delete(url));
      const found = answers.find(([path]) => path.test(url));
      if (held?.test(url) || !found) {
        return;
      }
      const [, type, body] = found;
      const isFirst = /list\?n=/.test(url);
      answer.writeHead(200, {
        'content-type': type,
        'docker-content-digest': digestOf(Buffer.from(body)),
        ...(hasNext && isFirst ? { link: `</v2/team/deep/app/tags/list?last=v29&n=100>; rel="next"` } : {}),
      });
      answer.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    remote = anonymous(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterEach(async () => {
    browser.dispose();
    await eventually(() => open.size === 0);
    held = undefined;
    hasNext = false;
  });

  after(async () => {
    await remote.stop();
    server.closeAllConnections();
    server.close();
  });

  const start = (): { readonly root: Node; readonly repository: Node & { readonly kind: 'repository' } } => {
    browser = browsing(remote.registry);
    const [root] = browser.roots();
    const repository = browser.find('p', 'team/deep/app');
    assert.ok(root && repository);
    return { root, repository };
  };

  /** Asks for the children, waits until the server holds the request, collapses, and waits until it is given up. */
  const collapsed = async (asks: Node, collapses: Node, path: RegExp): Promise<void> => {
    held = path;
    const changed: string[] = [];
    browser.onDidChange((nodes) => changed.push(...(nodes ?? []).map(({ id }) => id)));
    const children = browser.children(asks);
    const outcome = children.then(
      () => 'children',
      (error: unknown) => (isAbort(error) ? 'abort' : error),
    );
    await eventually(() => [...open].some((url) => path.test(url)));
    browser.collapse(collapses);
    assert.equal(await outcome, 'abort');
    await eventually(() => open.size === 0);
    await eventually(() => changed.includes(collapses.id));
    held = undefined;
    assert.notEqual((await browser.children(asks)).at(0)?.kind, 'failure', 'It goes on when it is expanded');
  };

  it('ends a page of the catalog', async () => {
    const { root } = start();
    await collapsed(root, root, /_catalog/);
  });

  it('ends a page of tags, of the repository or of what it stands in', async () => {
    const { root, repository } = start();
    await collapsed(repository, repository, /tags/);
    assert.equal(repository.parent?.kind, 'group');
    browser.refresh();
    await collapsed(repository, repository.parent, /tags/);
    browser.refresh();
    assert.equal(repository.parent.parent?.kind, 'group');
    await collapsed(repository, repository.parent.parent, /tags/);
    browser.refresh();
    await collapsed(repository, root, /tags/);
  });

  it('ends a page that was asked for by Load more', async () => {
    hasNext = true;
    const { repository } = start();
    const children = await browser.children(repository);
    assert.equal(children.at(-1)?.kind, 'more');
    await named(browser, children);
    held = /last=/;
    const more = browser.loadMore(repository);
    await eventually(() => [...open].some((url) => url.includes('last=')));
    browser.collapse(repository);
    await assert.rejects(more, isAbort);
    await eventually(() => open.size === 0);
  });

  it('ends a search, and the next look takes it up again', async () => {
    hasNext = true;
    const { repository } = start();
    await browser.children(repository);
    held = /last=/;
    browser.setFilter(repository, 'late');
    await eventually(() => [...open].some((url) => url.includes('last=')));
    browser.collapse(repository);
    await eventually(() => open.size === 0);
    held = undefined;
    await eventually(async () => (await browser.children(repository)).some(({ kind }) => kind === 'tag'));
  });

  it('ends manifests, referrers and names', async () => {
    const { repository } = start();
    held = /manifests/;
    const [tag] = await browser.children(repository);
    assert.ok(tag);
    await eventually(() => open.size === 6);
    browser.collapse(repository);
    await eventually(() => open.size === 0);
    assert.equal(browser.named(tag), undefined);
    await collapsed(tag, tag, /manifests/);
    const referrers = (await browser.children(tag)).at(-1);
    assert.equal(referrers?.kind, 'referrers');
    await collapsed(referrers, repository, /referrers/);
  });

  it('leaves alone what another branch asked for', async () => {
    const { repository } = start();
    const other = browser.find('p', 'other/app');
    assert.ok(other?.parent);
    held = /tags/;
    const children = browser.children(other);
    children.catch(() => undefined);
    await eventually(() => open.size === 1);
    browser.collapse(repository);
    browser.collapse(repository.parent ?? repository);
    assert.equal(open.size, 1);
    browser.collapse(other.parent);
    await assert.rejects(children, isAbort);
  });
});
