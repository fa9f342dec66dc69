import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { createDispatcher } from '../../../src/oci/remote/dispatcher.ts';
import { quirksOf } from '../../../src/oci/remote/quirks.ts';
import { browsing, eventually, named } from '../../support/browsing.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json, type Seen } from '../../support/scriptedServer.ts';

const { treeItem } = await import('../../../src/views/treeItem.ts');

/** A chart of its own for each tag. */
const chartOf = (tag: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: {
        mediaType: 'application/vnd.cncf.helm.config.v1+json',
        digest: digestOf(Buffer.from(tag)),
        size: tag.length,
      },
      layers: [],
    }),
  );

interface Names {
  readonly tags: readonly string[];
  readonly repositories: readonly string[];
}

/** As a registry: pages by `n` and `last`, and a chart behind every tag. */
function answer(
  { method, url, headers }: Seen,
  response: ServerResponse,
  { tags, repositories }: Names,
): void {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const isCatalog = pathname === '/v2/_catalog';
  if (isCatalog || pathname.endsWith('/tags/list')) {
    const all = isCatalog ? repositories : tags;
    const start = all.indexOf(searchParams.get('last') ?? '') + 1;
    const page = all.slice(start, start + Number(searchParams.get('n')));
    const link = `<${pathname}?n=${page.length}&last=${page.at(-1) ?? ''}>; rel="next"`;
    const hasMore = start + page.length < all.length;
    json(response, 200, { [isCatalog ? 'repositories' : 'tags']: page }, hasMore ? { link } : {});
    return;
  }
  const bytes = chartOf(pathname.slice(pathname.lastIndexOf('/') + 1));
  const digest = digestOf(bytes);
  if (headers['if-none-match'] === `"${digest}"`) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, {
    'content-type': MediaType.manifest,
    'content-length': bytes.byteLength,
    'docker-content-digest': digest,
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}

/** A registry far away: nothing is answered before `roundTrip`, and then all that was asked until then. */
class FarAway {
  readonly names: Names;
  waiting: (() => void)[] = [];
  /** What was asked, in the order it came. */
  readonly asked: string[] = [];
  most = 0;

  constructor(names: Names) {
    this.names = names;
  }

  readonly script = (request: Seen, response: ServerResponse): void => {
    this.asked.push(`${request.method} ${request.url}`);
    const go = (): void => answer(request, response, this.names);
    this.waiting.push(go);
    response.once('close', () => (this.waiting = this.waiting.filter((each) => each !== go)));
    this.most = Math.max(this.most, this.waiting.length);
  };

  /** Answers what came, once as many came as there should be: fewer are waited for in vain. */
  async roundTrip(wanted: number): Promise<void> {
    await eventually(() => this.waiting.length >= wanted);
    // Whoever asks for more does so in the same turns.
    for (let turn = 0; turn < 20; turn++) {
      await new Promise(setImmediate);
    }
    assert.equal(this.waiting.length, wanted);
    const all = this.waiting;
    this.waiting = [];
    for (const go of all) {
      go();
    }
  }
}

const numbered = (count: number, prefix: string): readonly string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(5, '0')}`);

async function site(t: TestContext, names: Partial<Names>, countsReads = false) {
  const far = new FarAway({ tags: [], repositories: [], ...names });
  const server = await serve(t, far.script);
  const browser = browsing(remoteOf(t, server).registry, { countsReads });
  t.after(() => browser.dispose());
  const [root] = browser.roots();
  const repository = browser.find('p', 'app');
  assert.ok(root && repository);
  return { far, browser, root, repository };
}

const isNamed = (browser: Browser, nodes: readonly Node[]): boolean =>
  nodes.every((node) => node.kind !== 'tag' || browser.named(node) !== undefined);

describe('a registry that is far away', () => {
  it('has its first rows after one round trip', async (t) => {
    const { far, browser, root } = await site(t, { repositories: numbered(20_000, 'app') });
    const rows = browser.children(root);
    await far.roundTrip(1);
    assert.equal((await rows).filter(({ kind }) => kind === 'repository').length, 100);
    assert.deepEqual(far.asked, ['GET /v2/_catalog?n=100']);
    const more = browser.loadMore(root);
    await far.roundTrip(1);
    await more;
    assert.equal((await browser.children(root)).filter(({ kind }) => kind === 'repository').length, 200);
    assert.equal(far.asked.length, 2);
  });

  for (const countsReads of [false, true]) {
    it(`has the names of n tags after n/6 more${countsReads ? ', by HEAD where reads are counted' : ''}`, async (t) => {
      const { far, browser, repository } = await site(t, { tags: numbered(20_000, 'v') }, countsReads);
      const rows = browser.children(repository);
      await far.roundTrip(1);
      const tags = (await rows).filter(({ kind }) => kind === 'tag');
      assert.equal(tags.length, 100);
      assert.ok(!tags.some((tag) => browser.named(tag) !== undefined), 'They are shown before their names');
      let trips = 0;
      for (let left = tags.length; left > 0; left -= 6) {
        assert.ok(!isNamed(browser, tags));
        await far.roundTrip(Math.min(6, left));
        trips++;
      }
      await named(browser, tags);
      assert.equal(trips, Math.ceil(100 / 6));
      assert.equal(far.most, 6);
      assert.equal(far.asked.length, 101);
      const method = countsReads ? 'HEAD' : 'GET';
      assert.deepEqual(
        far.asked.slice(1).sort(),
        numbered(100, 'v').map((tag) => `${method} /v2/app/manifests/${tag}`),
      );
      await browser.children(repository);
      assert.equal(far.asked.length, 101, 'A second look asks nothing');
    });
  }

  it('is asked for nothing any more by what was collapsed', async (t) => {
    const { far, browser, repository } = await site(t, { tags: numbered(20, 'v') });
    const rows = browser.children(repository);
    await far.roundTrip(1);
    await rows;
    await far.roundTrip(6);
    await eventually(() => far.waiting.length === 6);
    browser.collapse(repository);
    await eventually(() => far.waiting.length === 0);
    const { length } = far.asked;
    assert.ok(length <= 1 + 12);
    const again = browser.children(repository);
    const left = (await again).filter((node) => node.kind === 'tag' && browser.named(node) === undefined);
    for (let count = left.length; count > 0; count -= 6) {
      await far.roundTrip(Math.min(6, count));
    }
    await named(browser, await again);
    assert.equal(far.asked.length, length + left.length, 'What was named is not asked for again');
  });
});

describe('a registry of 20,000 names', () => {
  const tags = numbered(20_000, 'v');

  for (const kind of ['place', 'repository'] as const) {
    it(`shows at most 1,000 of its ${kind === 'place' ? 'repositories' : 'tags'}, and finds the last of them`, async (t) => {
      const names = { tags, repositories: numbered(20_000, 'app') };
      const server = await serve(t, (request, response) => answer(request, response, names));
      const browser = browsing(remoteOf(t, server).registry);
      t.after(() => browser.dispose());
      const node = kind === 'place' ? browser.roots()[0] : browser.find('p', 'app');
      assert.ok(node?.kind === 'place' || node?.kind === 'repository');
      const lists = (): number => server.seen.filter(({ url }) => /_catalog|tags\/list/.test(url)).length;
      assert.equal((await browser.children(node)).length, 101);
      assert.equal(lists(), 1);
      const last = kind === 'place' ? 'app19999' : 'v19999';
      browser.setFilter(node, last);
      await eventually(async () => {
        const rows = await browser.children(node);
        assert.ok(rows.length <= 1000);
        return rows.length === 1 && rows[0]?.kind !== 'note';
      });
      const [found] = await browser.children(node);
      assert.equal(found && treeItem(found, browser).label, last);
      assert.equal(lists(), 1 + Math.ceil(19_900 / 1000));
      browser.setFilter(node, undefined);
      const rows = await browser.children(node);
      assert.ok(rows.length > 900 && rows.length <= 1000, String(rows.length));
      const more = rows.at(-1);
      assert.ok(more?.kind === 'more' && more.capped);
      assert.match(JSON.stringify(treeItem(more, browser).label), /filter to see others/);
    });
  }
});

describe('Docker Hub', () => {
  it('is read by HEAD, says so, and is read when a person opens or hovers a row', async (t) => {
    const asked: string[] = [];
    const server = await serve(t, (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      answer(request, response, { tags: ['1.0', '2.0'], repositories: [] });
    });
    // What is sent to the Hub arrives here, as at a proxy.
    const dispatcher = createDispatcher({
      proxy: () => ({
        kind: 'proxy',
        proxy: { origin: server.origin, strict: true, source: 'a test' },
      }),
    });
    const { registry } = remoteOf(t, { host: 'docker.io', origin: 'http://docker.io' }, { dispatcher });
    const countsReads = quirksOf('docker.io')?.countsReads === true;
    const browser = browsing(registry, { host: 'docker.io', countsReads });
    t.after(() => browser.dispose());
    const repository = browser.find('p', 'library/alpine');
    const [root] = browser.roots();
    assert.ok(repository && root);
    assert.match(String(treeItem(root, browser).description), /counts reads/);
    const rows = await browser.children(repository);
    await named(browser, rows);
    assert.deepEqual(asked.toSorted(), [
      'GET http://registry-1.docker.io/v2/library/alpine/tags/list?n=100',
      'HEAD http://registry-1.docker.io/v2/library/alpine/manifests/1.0',
      'HEAD http://registry-1.docker.io/v2/library/alpine/manifests/2.0',
    ]);
    const [tag] = rows;
    assert.ok(tag);
    assert.match(String(treeItem(tag, browser).description), /^Manifest · not read yet/);
    await browser.complete(tag);
    assert.match(String(treeItem(tag, browser).description), /^Helm chart · /);
    assert.equal(asked.length, 4);
    assert.match(asked[3] ?? '', /^GET /);
  });

  it('is never read for a name, though a HEAD says too little: a row has none until a person hovers it', async (t) => {
    const server = await serve(t, (request, response) => {
      if (request.method === 'HEAD') {
        response.setHeader('content-type', MediaType.manifest);
        response.end();
      } else {
        answer(request, response, { tags: ['1.0', '2.0'], repositories: [] });
      }
    });
    const browser = browsing(remoteOf(t, server).registry, { countsReads: true });
    t.after(() => browser.dispose());
    const repository = browser.find('p', 'library/alpine');
    assert.ok(repository);
    const reads = (): readonly string[] =>
      server.seen.flatMap(({ method, url }) => (url.includes('/manifests/') ? [`${method} ${url}`] : []));
    const [tag] = await browser.children(repository);
    assert.ok(tag);
    await eventually(() => reads().length === 2);
    // Whoever reads all the same does so in the same turns, and at the latest with the page that is asked for next.
    await browser.types(repository);
    assert.ok(
      reads().every((each) => each.startsWith('HEAD ')),
      reads().join(),
    );
    assert.equal(browser.named(tag), undefined);
    await browser.complete(tag);
    assert.match(String(treeItem(tag, browser).description), /^Helm chart · /);
    assert.equal(reads().filter((each) => each.startsWith('GET ')).length, 1);
  });
});
