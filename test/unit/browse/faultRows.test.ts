import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import '../../support/vscodeStub.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { browsing, eventually, named } from '../../support/browsing.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { remoteOf, serve, type RemoteHarnessOptions } from '../../support/remoteHarness.ts';
import { json, type Script, type ScriptedServer } from '../../support/scriptedServer.ts';

const { treeItem } = await import('../../../src/views/treeItem.ts');

const config = Buffer.from('{}');
const sized = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
});
const chart = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: sized(config, 'application/vnd.cncf.helm.config.v1+json'),
    layers: [],
  }),
);
const listed = sized(chart, MediaType.manifest);
const indexOf = (...manifests: readonly object[]): Buffer =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.index, manifests }));
const index = indexOf(listed);

function send(response: ServerResponse, type: string, bytes: Buffer | string, headers: object = {}): void {
  response.writeHead(200, { 'content-type': type, ...headers }).end(bytes);
}

/** A registry with one repository, a chart, and an index of it. */
const healthy: Script = ({ url }, response) => {
  const [path = ''] = url.split('?');
  if (path === '/v2/_catalog') {
    json(response, 200, { repositories: ['app'] });
  } else if (path.endsWith('/tags/list')) {
    json(response, 200, { name: 'app', tags: ['index', 'v1', 'v2'] });
  } else if (path.includes('/referrers/')) {
    send(response, MediaType.index, indexOf());
  } else if (path.endsWith('/index')) {
    send(response, MediaType.index, index);
  } else if (path.endsWith('/v1') || path.endsWith('/v2') || path.endsWith(listed.digest)) {
    send(response, MediaType.manifest, chart);
  } else {
    json(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'no' }] });
  }
};

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Script =>
  (_, response) =>
    json(response, code, { errors: [{ code: 'SAID', message: 'so it is' }] }, headers);
const page: Script = (_, response) => send(response, 'text/html', '<!DOCTYPE html><title>Sign in</title>');
const manifest =
  (bytes: Buffer | string, headers: object = {}, type: string = MediaType.manifest): Script =>
  (_, response) =>
    send(response, type, bytes, headers);

/** What the row says, and which buttons it offers. */
interface Told {
  readonly text: RegExp;
  readonly remedies: readonly string[];
}

const any: readonly (readonly [name: string, script: Script, told: Told, options?: RemoteHarnessOptions])[] =
  [
    ['401', status(401), { text: /^HOST asks who you are\. Sign in to go on\./, remedies: ['signIn'] }],
    [
      '403',
      status(403),
      { text: /^HOST does not let you do this\. Sign in as/, remedies: ['signIn', 'showLog'] },
    ],
    ['404', status(404), { text: /^HOST does not have it/, remedies: ['refresh', 'signIn'] }],
    ['405', status(405), { text: /^HOST cannot do this: .*405/, remedies: ['showLog'] }],
    [
      '429',
      status(429, { 'retry-after': '60' }),
      { text: /^HOST was asked too often\. Try again in 60 s/, remedies: ['refresh', 'signIn'] },
    ],
    [
      '500',
      status(500),
      { text: /^HOST failed with status 500\. Try again later\./, remedies: ['refresh', 'showLog'] },
    ],
    ['503', status(503), { text: /^HOST failed with status 503/, remedies: ['refresh', 'showLog'] }],
    [
      'HTML',
      page,
      { text: /^HOST answers, but not as an OCI registry/, remedies: ['refresh', 'diagnose', 'showLog'] },
    ],
    [
      'a broken connection',
      (_, response) => response.destroy(),
      { text: /^The connection to HOST broke/, remedies: ['refresh', 'diagnose', 'showLog'] },
    ],
    [
      'no answer',
      () => undefined,
      { text: /^HOST did not answer in time/, remedies: ['refresh', 'diagnose', 'showLog'] },
      { timeouts: { headers: 30, body: 30 } },
    ],
    [
      'a redirect in a circle',
      ({ url }, response) => response.writeHead(307, { location: url }).end(),
      { text: /^HOST refused the request/, remedies: ['showLog'] },
    ],
    [
      'a redirect to a file',
      (_, response) => response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
      { text: /^HOST points to a place where it is not safe to follow/, remedies: ['showLog'] },
    ],
  ];

const ofManifests: typeof any = [
  [
    'not JSON',
    manifest('no'),
    { text: /^The manifest is not valid: Not JSON\. It was not used\./, remedies: ['refresh', 'showLog'] },
  ],
  [
    'larger than 4 MiB',
    manifest(Buffer.alloc(4 * 1024 * 1024 + 1, 32)),
    { text: /^Too large to read safely: .*4194304 bytes/, remedies: ['showLog'] },
  ],
  [
    'a gzip that grows beyond 4 MiB',
    manifest(gzipSync(Buffer.alloc(32 * 1024 * 1024, 32)), { 'content-encoding': 'gzip' }),
    { text: /^Too large to read safely/, remedies: ['showLog'] },
  ],
  [
    'lying about its digest',
    manifest(chart, { 'docker-content-digest': digestOf(config) }),
    {
      text: /^The content is not what its digest names: .* It was not used\./,
      remedies: ['refresh', 'showLog'],
    },
  ],
  [
    'an index and a manifest at once',
    manifest('{"manifests":[],"layers":[]}'),
    { text: /^The manifest is not valid: .*at once/, remedies: ['refresh', 'showLog'] },
  ],
];

interface Site {
  readonly server: ScriptedServer;
  readonly browser: Browser;
  readonly root: Node;
  readonly repository: Node;
}

async function site(t: TestContext, script: Script, options: RemoteHarnessOptions = {}): Promise<Site> {
  const server = await serve(t, script);
  const { registry } = remoteOf(t, server, options);
  const browser = browsing(registry, { host: server.host });
  t.after(() => browser.dispose());
  const [root] = browser.roots();
  const repository = browser.find('p', 'app');
  assert.ok(root && repository);
  return { server, browser, root, repository };
}

/** Answers as `script` where the path matches while `isBroken`, else as a registry. */
function broken(path: RegExp, script: Script): { readonly script: Script; isBroken: boolean } {
  const made = {
    isBroken: true,
    script: ((request, response) =>
      (made.isBroken && path.test(request.url) ? script : healthy)(request, response)) as Script,
  };
  return made;
}

const text = (pattern: RegExp, host: string): RegExp =>
  new RegExp(pattern.source.replace('HOST', host.replaceAll('.', '\\.')));

const tagOf = (nodes: readonly Node[], name: string): Node => {
  const found = nodes.find((node) => node.kind === 'tag' && node.tag === name);
  assert.ok(found);
  return found;
};

/** The one row that tells of a fault: a sentence, its buttons, and a click that asks again. */
function assertTold(node: Node | undefined, { browser, server }: Site, told: Told): void {
  assert.equal(node?.kind, 'failure');
  const item = treeItem(node, browser);
  const label = typeof item.label === 'string' ? item.label : '';
  assert.ok(label !== '' && label.length <= 24, label);
  // `failure`, what a click on its button does, and the whole sentence.
  const description = String(item.description);
  const sentence = description.split(' · ').slice(2).join(' · ');
  assert.match(sentence, text(told.text, server.host));
  assert.ok(description.length < 700 && !description.includes('\n'), description);
  assert.deepEqual(
    (item.contextValue ?? '').split(';').filter((flag) => flag !== 'failure'),
    [...told.remedies].sort(),
  );
  assert.match(String(item.description), /^failure · \p{Lu}/u);
  assert.equal(item.command?.command, 'ociExplorer.refresh');
}

describe('a fault, as the tree tells of it', () => {
  for (const [name, script, told, options] of any) {
    it(`in a catalog: ${name}`, async (t) => {
      const fault = broken(/_catalog/, script);
      const at = await site(t, fault.script, options);
      const rows = await at.browser.children(at.root);
      assert.equal(rows.length, 1);
      if (name === '404' || name === '405') {
        // A registry without a catalog is no fault.
        assert.ok(rows[0]?.kind === 'note' && rows[0].note === 'no-catalog');
      } else {
        assertTold(rows[0], at, told);
      }
      fault.isBroken = false;
      at.browser.refresh(at.root);
      assert.deepEqual(
        (await at.browser.children(at.root)).map(({ kind }) => kind),
        ['repository'],
      );
    });

    it(`in a list of tags: ${name}`, async (t) => {
      const fault = broken(/tags\/list/, script);
      const at = await site(t, fault.script, options);
      const rows = await at.browser.children(at.repository);
      assert.equal(rows.length, 1);
      assertTold(rows[0], at, told);
      fault.isBroken = false;
      at.browser.refresh(at.repository);
      assert.equal((await at.browser.children(at.repository)).length, 3);
    });

    // A server that does not answer is waited for: once is enough.
    for (const isLoaded of name === 'no answer' ? [] : [true, false]) {
      it(`in a list of referrers, the tags ${isLoaded ? 'known' : 'not known'}: ${name}`, async (t) => {
        const fault = broken(/\/referrers\/|sha256-/, script);
        const at = await site(t, fault.script, options);
        const tag = isLoaded
          ? tagOf(await at.browser.children(at.repository), 'v1')
          : at.browser.locate('p', 'app', 'v1');
        const folder = tag && (await at.browser.children(tag)).at(-1);
        assert.equal(folder?.kind, 'referrers');
        const rows = await at.browser.children(folder);
        assert.equal(rows.length, 1, rows.map(({ id }) => id).join('\n'));
        if (name === '404') {
          assert.ok(rows[0]?.kind === 'note' && rows[0].note === 'no-referrers');
        } else {
          assertTold(rows[0], at, told);
        }
        fault.isBroken = false;
        at.browser.refresh(folder);
        const [again] = await at.browser.children(folder);
        assert.ok(again?.kind === 'note' && again.note === 'no-referrers');
      });
    }
  }

  for (const [name, script, told, options] of [...any, ...ofManifests]) {
    it(`in a manifest: ${name}`, async (t) => {
      const fault = broken(/manifests\/v1/, script);
      const at = await site(t, fault.script, options);
      const rows = await at.browser.children(at.repository);
      await named(at.browser, rows);
      const tag = tagOf(rows, 'v1');
      const item = treeItem(tag, at.browser);
      assert.match(String(item.description), /^unreadable · /);
      assert.match(
        String(item.description).split(' · ').slice(2).join(' · '),
        text(told.text, at.server.host),
      );
      assert.match(String(treeItem(tagOf(rows, 'v2'), at.browser).description), /^Helm chart · /);
      const below = await at.browser.children(tag);
      assert.equal(below.length, 1);
      assertTold(below[0], at, told);
      fault.isBroken = false;
      at.browser.refresh(tag);
      await named(at.browser, [tag]);
      await eventually(() => String(treeItem(tag, at.browser).description).startsWith('Helm chart'));
      assert.ok((await at.browser.children(tag)).length > 1);
    });
  }

  it('in a manifest of another size than its index says, more or less', async (t) => {
    for (const size of [listed.size - 1, listed.size + 1]) {
      const lying = indexOf({ ...listed, size });
      const at = await site(t, (request, response) =>
        request.url.endsWith('/manifests/index')
          ? send(response, MediaType.index, lying)
          : healthy(request, response),
      );
      const tag = tagOf(await at.browser.children(at.repository), 'index');
      const [child] = await at.browser.children(tag);
      assert.equal(child?.kind, 'manifest');
      const rows = await at.browser.children(child);
      assert.equal(rows.length, 1);
      assertTold(rows[0], at, {
        text: /^The content is not as long as its descriptor says: .* It was not used\./,
        remedies: ['refresh', 'showLog'],
      });
    }
  });

  it('in a list that never ends: what came is shown, and it says so', async (t) => {
    let count = 0;
    const at = await site(t, (_, response) => {
      const repositories = Array.from({ length: 1000 }, () => `n${count++}`);
      const link = `</v2/_catalog?n=1000&last=${repositories.at(-1) ?? ''}>; rel="next"`;
      json(response, 200, { repositories }, { link });
    });
    const { root, browser } = at;
    assert.ok(root.kind === 'place');
    browser.setFilter(root, 'nothing is called so');
    // To look at what came so far takes longer than to get more.
    await eventually(() => count >= 100_000);
    await eventually(async () => (await browser.children(root)).some(({ kind }) => kind === 'failure'));
    const rows = await browser.children(root);
    assert.equal(rows.length, 1, 'It does not say that nothing matches: not all was seen');
    assertTold(rows[0], at, {
      text: /^HOST gives a list that does not end/,
      remedies: ['goToReference', 'showLog'],
    });
    browser.setFilter(root, undefined);
    const all = await browser.children(root);
    assert.ok(all.length > 900 && all.length <= 1000);
  });

  it('in a list that repeats its page', async (t) => {
    const at = await site(t, (_, response) => {
      json(
        response,
        200,
        { tags: ['a', 'b'] },
        { link: `</v2/app/tags/list?n=2&last=${Math.random()}>; rel="next"` },
      );
    });
    assert.deepEqual(
      (await at.browser.children(at.repository)).map(({ kind }) => kind),
      ['tag', 'tag', 'more'],
    );
    await at.browser.loadMore(at.repository);
    const rows = await at.browser.children(at.repository);
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      ['tag', 'tag', 'failure'],
    );
    assertTold(rows[2], at, {
      text: /^HOST gives a list that does not end/,
      remedies: ['goToReference', 'showLog'],
    });
  });

  it('in the second page of a list: the first stays, and the rest can be asked for again', async (t) => {
    let fails = true;
    const at = await site(t, ({ url }, response) => {
      if (!url.includes('last=')) {
        json(response, 200, { tags: ['a'] }, { link: '</v2/app/tags/list?n=1&last=a>; rel="next"' });
      } else {
        json(response, fails ? 500 : 200, fails ? {} : { tags: ['b'] });
      }
    });
    await at.browser.children(at.repository);
    await at.browser.loadMore(at.repository);
    const rows = await at.browser.children(at.repository);
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      ['tag', 'failure', 'more'],
    );
    assertTold(rows[1], at, { text: /^HOST failed with status 500/, remedies: ['refresh', 'showLog'] });
    fails = false;
    await at.browser.loadMore(at.repository);
    assert.deepEqual(
      (await at.browser.children(at.repository)).map(({ kind }) => kind),
      ['tag', 'tag'],
    );
  });

  it('below HTTP: nobody there, an unknown name, a certificate nobody signed', async (t) => {
    const gone = await serve(t, healthy);
    await gone.stop();
    const tls = await serve(t, healthy, { tls: makeCertificate({ commonName: 'x', names: ['127.0.0.1'] }) });
    const plain = await serve(t, healthy);
    for (const [server, options, told] of [
      [
        gone,
        {},
        {
          text: /^HOST cannot be reached\. Check that it runs/,
          remedies: ['refresh', 'diagnose', 'showLog'],
        },
      ],
      [
        { ...gone, host: 'registry.invalid' },
        {},
        { text: /^There is no host named HOST\. Check the spelling/, remedies: ['refresh', 'diagnose'] },
      ],
      [
        tls,
        {},
        {
          text: /^The certificate of HOST is not signed by an authority/,
          remedies: ['trustCertificate', 'diagnose', 'showLog'],
        },
      ],
      [plain, { scheme: 'https' }, { text: /^HOST speaks plain HTTP, not HTTPS/, remedies: ['useHttp'] }],
    ] as const) {
      const { registry } = remoteOf(t, server, options);
      const browser = browsing(registry, { host: server.host });
      t.after(() => browser.dispose());
      const [root] = browser.roots();
      assert.ok(root);
      const rows = await browser.children(root);
      assert.equal(rows.length, 1);
      assertTold(rows[0], { server, browser, root, repository: root }, told);
    }
  });
});
