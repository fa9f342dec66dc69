import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import '../../../support/vscodeStub.ts';
import { Command } from '../../../../src/contributions.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../../../src/oci/errors.ts';
import { allItems } from '../../../../src/oci/pages.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { createDispatcher } from '../../../../src/oci/remote/dispatcher.ts';
import { probe } from '../../../../src/oci/remote/probe.ts';
import type { Registry, Repository } from '../../../../src/oci/store.ts';
import { makeCertificate } from '../../../support/certificates.ts';
import { failureOf, remoteOf, serve, type RemoteHarnessOptions } from '../../../support/remoteHarness.ts';
import { json, type Script, type ScriptedOptions } from '../../../support/scriptedServer.ts';

const { errorText } = await import('../../../../src/host/errorText.ts');

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const manifest = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers: [] });
const blob = Buffer.from('content of a blob');
const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(blob), size: blob.byteLength };
const other = digestOf(Buffer.from('other'));
const html = '<!DOCTYPE html><html><title>Sign in</title>';

type Work = (repository: Repository, registry: Registry, signal?: AbortSignal) => Promise<unknown>;

const tags: Work = (repository, _, signal) => repository.tags({ signal });
const catalog: Work = (_, registry, signal) => registry.repositories({ signal });
const read: Work = (repository, _, signal) => repository.manifest('v1', { signal });
const readDigest: Work = (repository) => repository.manifest(other);
const resolve: Work = (repository, _, signal) => repository.resolve('v1', { signal });
const fetchBlob: Work = (repository, _, signal) => Array.fromAsync(repository.fetch(descriptor, { signal }));
const referrers: Work = (repository, _, signal) =>
  repository.referrers({ mediaType: manifestType, digest: other, size: 1 }, { signal });
const allTags: Work = (repository) => Array.fromAsync(allItems((op) => repository.tags(op)));
const allNames: Work = (_, registry) => Array.fromAsync(allItems((op) => registry.repositories(op)));

function status(code: number, headers: Readonly<Record<string, string>> = {}): Script {
  return (_, response) => json(response, code, { errors: [{ code: 'SAID', message: 'so it is' }] }, headers);
}

function answer(
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Script {
  return (_, response) => {
    response.writeHead(200, { 'content-type': type, ...headers });
    response.end(body);
  };
}

/** More than anybody wants, for ever. */
const endless: Script = (_, response) => {
  response.writeHead(200, { 'content-type': manifestType });
  const piece = Buffer.alloc(256 * 1024, 32);
  const go = (): void => {
    while (!response.destroyed && response.write(piece));
    response.once('drain', go);
  };
  go();
};

/** The headers, a piece, and the end of the connection. */
const broken: Script = (_, response) => {
  response.writeHead(200, { 'content-type': manifestType, 'content-length': '1000' });
  response.write('{"schemaVersion"', () => response.destroy());
};

const silence: Script = () => undefined;

/** The headers, a piece, and nothing more. */
const stalls: Script = (_, response) => {
  response.writeHead(200, { 'content-type': manifestType, 'content-length': '1000' });
  response.write('{"schemaVersion"');
};

/** The headers, and then a byte now and again for ever: it never stalls, and it never ends. */
function drips(status: number, headers: Readonly<Record<string, string>> = {}): Script {
  return (_, response) => {
    response.writeHead(status, { 'content-type': manifestType, ...headers });
    const timer = setInterval(() => response.write(' '), 5);
    response.once('close', () => clearInterval(timer));
  };
}

/** Pages by `next`, which is given the number of the page. */
function pages(
  field: string,
  items: (page: number) => readonly string[],
  next: (page: number) => string,
): Script {
  let page = 0;
  return (_, response) => {
    const list = { [field]: items(page) };
    json(response, 200, list, { link: `<${next(page)}>; rel="next"` });
    page++;
  };
}

interface Row {
  readonly name: string;
  readonly script: Script;
  readonly work: Work;
  readonly code: ErrorCode;
  readonly status?: number;
  /** Default 1. */
  readonly requests?: number;
  readonly options?: RemoteHarnessOptions;
  readonly server?: ScriptedOptions;
}

const quick = { timeouts: { headers: 30, body: 30 } };
const statuses: readonly (readonly [number, Readonly<Record<string, string>>, ErrorCode, number])[] = [
  [400, {}, 'request-refused', 1],
  [401, {}, 'unauthorized', 1],
  [403, {}, 'denied', 1],
  [404, {}, 'not-found', 1],
  [405, {}, 'unsupported', 1],
  [418, {}, 'request-refused', 1],
  [408, {}, 'timeout', 5],
  [429, {}, 'rate-limited', 5],
  [429, { 'retry-after': '1' }, 'rate-limited', 5],
  [429, { 'retry-after': '3600' }, 'rate-limited', 1],
  [429, { 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }, 'rate-limited', 1],
  [429, { 'retry-after': 'soon' }, 'rate-limited', 5],
  [500, {}, 'server-error', 5],
  [501, {}, 'unsupported', 1],
  [502, {}, 'server-error', 5],
  [503, {}, 'server-error', 5],
  [503, { 'retry-after': '4' }, 'server-error', 3],
  [504, {}, 'server-error', 5],
  [507, {}, 'server-error', 1],
  [204, {}, 'not-a-registry', 1],
  [302, {}, 'request-refused', 1],
  [304, {}, 'request-refused', 1],
];

const rows: readonly Row[] = [
  ...statuses.map(([code, headers, error, requests]) => ({
    name: `${code} ${JSON.stringify(headers)}`,
    script: status(code, headers),
    work: tags,
    code: error,
    status: code,
    requests,
  })),
  ...[
    ['list of tags', tags],
    ['catalog', catalog],
    ['manifest', read],
    ['blob', fetchBlob],
  ].map(([name, work]) => ({
    name: `503 for a ${name as string}`,
    script: status(503),
    work: work as Work,
    code: 'server-error' as const,
    status: 503,
    requests: 5,
  })),
  {
    name: 'HTML for tags',
    script: answer('text/html', html),
    work: tags,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'HTML for a catalog',
    script: answer('text/html', html),
    work: catalog,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'HTML for a manifest',
    script: answer('text/html', html),
    work: read,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'HTML for a HEAD',
    script: answer('text/html', html),
    work: resolve,
    code: 'not-a-registry',
    status: 200,
    requests: 2,
  },
  {
    name: 'HTML for a blob',
    script: answer('text/html', html),
    work: fetchBlob,
    code: 'size-mismatch',
    status: 200,
  },
  {
    name: 'tags that are no list',
    script: answer('application/json', '{"tags":{"a":1}}'),
    work: tags,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'a list for tags',
    script: answer('application/json', '["a"]'),
    work: tags,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'a manifest that is not JSON',
    script: answer(manifestType, 'no'),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest that is a list',
    script: answer(manifestType, '[]'),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest that is no text',
    script: answer(manifestType, Buffer.from([123, 34, 255, 34, 58, 49, 125])),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest of great depth',
    script: answer(manifestType, `{"a":${'['.repeat(9000)}${']'.repeat(9000)}}`),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a list of great depth',
    script: answer('application/json', `{"tags":${'['.repeat(9000)}${']'.repeat(9000)}}`),
    work: tags,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'a manifest that is another',
    script: answer(manifestType, '{"schemaVersion":2}'),
    work: readDigest,
    code: 'digest-mismatch',
    status: 200,
  },
  {
    name: 'a manifest with a digest that lies',
    script: answer(manifestType, manifest, { 'docker-content-digest': other }),
    work: read,
    code: 'digest-mismatch',
    status: 200,
  },
  {
    name: 'a manifest of another type than it was served as',
    script: answer(indexType, manifest),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest with a name twice',
    script: answer(manifestType, manifest.replace('{', '{"layers":[{}],')),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest and index at once',
    script: answer(manifestType, '{"manifests":[],"layers":[]}'),
    work: read,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a manifest of more than 4 MiB',
    script: answer(manifestType, Buffer.alloc(4 * 1024 * 1024 + 1, 32)),
    work: read,
    code: 'too-large',
    status: 200,
  },
  { name: 'a manifest without end', script: endless, work: read, code: 'too-large', status: 200 },
  { name: 'a list without end', script: endless, work: tags, code: 'too-large', status: 200 },
  { name: 'a blob without end', script: endless, work: fetchBlob, code: 'size-mismatch', status: 200 },
  {
    name: 'a blob that is shorter',
    script: answer('x/y', blob.subarray(1)),
    work: fetchBlob,
    code: 'size-mismatch',
    status: 200,
  },
  {
    name: 'a blob that is another',
    script: answer('x/y', blob.toString().replace('c', 'k')),
    work: fetchBlob,
    code: 'digest-mismatch',
    status: 200,
  },
  {
    name: 'a HEAD of another digest',
    script: answer(manifestType, manifest, {
      'docker-content-digest': digestOf(blob),
      'content-length': String(manifest.length),
    }),
    work: (repository) => repository.resolve(other),
    code: 'digest-mismatch',
    status: 200,
  },
  {
    name: 'referrers that are not JSON',
    script: answer(indexType, 'no'),
    work: referrers,
    code: 'manifest-invalid',
    status: 200,
  },
  {
    name: 'a gzip that is none',
    script: answer(manifestType, manifest, { 'content-encoding': 'gzip' }),
    work: read,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'a coding nobody knows',
    script: answer(manifestType, manifest, { 'content-encoding': 'rot13' }),
    work: read,
    code: 'not-a-registry',
    status: 200,
  },
  {
    name: 'a gzip that grows',
    script: answer(manifestType, gzipSync(Buffer.alloc(64 * 1024 * 1024)), { 'content-encoding': 'gzip' }),
    work: read,
    code: 'too-large',
    status: 200,
  },
  {
    name: 'a blob that was coded on the way',
    script: answer('x/y', gzipSync(blob), { 'content-encoding': 'gzip' }),
    work: fetchBlob,
    code: 'size-mismatch',
    status: 200,
  },
  {
    name: 'a connection that breaks in a manifest',
    script: broken,
    work: read,
    code: 'connection-lost',
    status: 200,
    requests: 5,
  },
  {
    name: 'a connection that breaks in a list',
    script: broken,
    work: tags,
    code: 'connection-lost',
    status: 200,
    requests: 5,
  },
  {
    name: 'a connection that breaks in a blob',
    script: broken,
    work: fetchBlob,
    code: 'connection-lost',
    status: 200,
    requests: 5,
  },
  {
    name: 'a connection that breaks before an answer',
    script: (_, response) => response.destroy(),
    work: tags,
    code: 'connection-lost',
    requests: 5,
  },
  { name: 'no answer', script: silence, work: tags, code: 'timeout', options: quick },
  {
    name: 'a manifest that stalls',
    script: stalls,
    work: read,
    code: 'timeout',
    status: 200,
    options: quick,
  },
  {
    name: 'a blob that stalls',
    script: (_, response) => response.writeHead(200).write('con'),
    work: fetchBlob,
    code: 'timeout',
    status: 200,
    requests: 2,
    options: quick,
  },
  ...(
    [
      ['manifest', read, drips(200), 'timeout', 200, 1],
      ['list of tags', tags, drips(200), 'timeout', 200, 1],
      ['catalog', catalog, drips(200), 'timeout', 200, 1],
      ['list of referrers', referrers, drips(200), 'timeout', 200, 1],
      ['refusal', tags, drips(403), 'denied', 403, 1],
      ['failure', tags, drips(503), 'server-error', 503, 5],
      ['redirect', tags, drips(302, { location: '/v2/app/tags/list' }), 'request-refused', undefined, 6],
      ['challenge', tags, drips(401, { 'www-authenticate': 'Basic' }), 'unauthorized', 401, 1],
    ] as const
  ).map(([name, work, script, code, said, requests]) => ({
    name: `a ${name} that comes byte by byte for ever`,
    script,
    work,
    code,
    ...(said === undefined ? {} : { status: said }),
    requests,
    options: { patience: 20 },
  })),
  {
    name: 'a list whose connection ends before its last chunk',
    script: (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"tags":["a"', () => response.destroy());
    },
    work: tags,
    code: 'connection-lost',
    status: 200,
    requests: 5,
  },
  ...([tags, catalog, read] as const).map((work, index) => ({
    name: `an empty answer for ${['tags', 'a catalog', 'a manifest'][index] ?? ''}`,
    script: answer('application/json', ''),
    work,
    code: work === read ? ('manifest-invalid' as const) : ('not-a-registry' as const),
    status: 200,
  })),
  {
    name: 'headers of 100 kB',
    script: answer('application/json', '{}', { link: 'x'.repeat(100_000) }),
    work: tags,
    code: 'not-a-registry',
  },
  {
    name: 'tags with a new link for ever',
    script: pages(
      'tags',
      () => ['a'],
      (page) => `/v2/app/tags/list?n=1&last=x${page}`,
    ),
    work: allTags,
    code: 'endless-list',
    requests: 2,
  },
  {
    name: 'a catalog with a new link for ever',
    script: pages(
      'repositories',
      () => ['a'],
      (page) => `/v2/_catalog?n=1&last=x${page}`,
    ),
    work: allNames,
    code: 'endless-list',
    requests: 2,
  },
  {
    name: 'empty pages for ever',
    script: pages(
      'tags',
      () => [],
      (page) => `/v2/app/tags/list?n=1&last=x${page}`,
    ),
    work: allTags,
    code: 'endless-list',
    requests: 51,
  },
  {
    name: 'pages in a circle',
    script: pages(
      'tags',
      (page) => [`t${page}`],
      (page) => `/v2/app/tags/list?page=${page % 3}`,
    ),
    work: allTags,
    code: 'endless-list',
    requests: 4,
  },
  {
    name: 'new tags for ever',
    script: pages(
      'tags',
      (page) => [`t${page}`],
      (page) => `/v2/app/tags/list?n=1&last=t${page}`,
    ),
    work: allTags,
    code: 'endless-list',
    requests: 1000,
  },
  {
    name: 'HTTP on an HTTPS port',
    script: silence,
    work: tags,
    code: 'connection-lost',
    requests: 0,
    options: { scheme: 'http' },
    server: { tls: makeCertificate({ commonName: 'x' }) },
  },
  {
    name: 'HTTPS on an HTTP port',
    script: silence,
    work: tags,
    code: 'plain-http-server',
    requests: 0,
    options: { scheme: 'https' },
  },
];

/** What is held of every failure: one code, its facts, a text that names the host, remedies that exist. */
function assertTold(error: unknown, code: ErrorCode, host: string): void {
  assert.ok(isOciError(error), String(error));
  assert.equal(error.code, code, String(error));
  const { message, remedies } = errorText(error);
  assert.ok(message.length > 20 && message.length < 1000, message);
  assert.doesNotMatch(message, /undefined|\[object|\n/);
  if (!/invalid|mismatch|large|endless/.test(code)) {
    assert.ok(message.includes(host), message);
  }
  for (const { title, command } of remedies) {
    assert.notEqual(title, '');
    assert.ok((Object.values(Command) as readonly string[]).includes(command));
  }
  assert.ok(remedies.length > 0, `${code} has no remedy`);
}

describe('bad input', () => {
  for (const row of rows) {
    it(`${row.name}: ${row.code}`, async (t) => {
      const server = await serve(t, row.script, row.server);
      const { registry, waits } = remoteOf(t, server, row.options);
      const error = await failureOf(row.work(registry.repository('app'), registry));
      assertTold(error, row.code, server.host);
      assert.ok(isOciError(error));
      if (row.code !== 'endless-list') {
        assert.equal(error.facts.host, server.host);
        assert.match(error.facts.method ?? '', /^[A-Z]+$/);
        assert.match(error.facts.url ?? '', /^https?:\/\/127\.0\.0\.1:\d+\/v2\/[^?]+/);
        assert.equal(error.facts.status, row.status);
      }
      assert.equal(server.seen.length, row.requests ?? 1);
      const total = waits.reduce((sum, wait) => sum + wait, 0);
      assert.ok(total <= 10_000, `waited ${total} ms`);
    });
  }

  it('an unparsable reference is told with what one looks like', () => {
    for (const text of ['', 'UPPER/x:y:z', 'a//b', 'x@sha256:1', 'host/../x', 'a b', '\u0000']) {
      try {
        parseReference(text);
        assert.fail(text);
      } catch (error) {
        assert.ok(isOciError(error, 'reference-invalid'), text);
        assert.match(errorText(error).message, /host\/repository:tag/);
      }
    }
  });

  it('a refused connection', async (t) => {
    const server = await serve(t, silence);
    await server.stop();
    const { registry, waits } = remoteOf(t, server);
    assertTold(await failureOf(registry.repository('app').tags()), 'unreachable', server.host);
    assert.deepEqual(waits, []);
  });

  it('an unknown host name', async (t) => {
    const server = { host: 'registry.invalid', origin: 'https://registry.invalid' };
    const { registry } = remoteOf(t, server);
    const error = await failureOf(registry.repository('app').tags());
    assertTold(error, 'name-not-found', server.host);
  });

  it('a server of another protocol', async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.6\r\n');
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { registry } = remoteOf(t, { host, origin: `http://${host}` });
    assertTold(await failureOf(registry.repository('app').tags()), 'not-a-registry', host);
  });

  const tlsFaults: readonly (readonly [
    string,
    Parameters<typeof makeCertificate>[0],
    ErrorCode,
    readonly string[],
  ])[] = [
    [
      'of an unknown authority',
      {
        commonName: 'x',
        names: ['127.0.0.1'],
        issuer: makeCertificate({ commonName: 'CA', isAuthority: true }),
      },
      'tls-untrusted',
      [Command.trustCertificate, Command.diagnose, Command.showLog],
    ],
    [
      'signed by itself',
      { commonName: 'x', names: ['127.0.0.1'] },
      'tls-untrusted',
      [Command.trustCertificate, Command.diagnose, Command.showLog],
    ],
  ];
  for (const [name, options, code, commands] of tlsFaults) {
    it(`a certificate ${name}`, async (t) => {
      const server = await serve(t, silence, { tls: makeCertificate(options) });
      const { registry } = remoteOf(t, server);
      const error = await failureOf(registry.repository('app').tags());
      assertTold(error, code, server.host);
      assert.deepEqual(
        errorText(error).remedies.map(({ command }) => command),
        commands,
      );
      assert.equal(server.seen.length, 0);
    });
  }

  it('a page of HTML where an API should be', async (t) => {
    const server = await serve(t, answer('text/html', html));
    const dispatcher = createDispatcher();
    t.after(() => dispatcher.destroy());
    const error = await failureOf(
      probe({
        host: server.host,
        dispatcher,
        credentials: () => Promise.resolve(undefined),
        userAgent: 'test',
        scheme: 'http',
      }),
    );
    assertTold(error, 'not-a-registry', server.host);
  });
});

describe('an abort', () => {
  const works: readonly (readonly [string, Work, Script])[] = [
    ['an answer', tags, silence],
    ['a list', tags, stalls],
    ['a catalog', catalog, stalls],
    ['a manifest', read, stalls],
    ['a HEAD', resolve, silence],
    ['a blob', fetchBlob, (_, response) => response.writeHead(200).write('con')],
    ['referrers', referrers, silence],
    ['the body of an error', tags, (_, response) => response.writeHead(500).write('x')],
    [
      'a token',
      tags,
      (request, response) => {
        if (!request.url.startsWith('/token')) {
          json(response, 401, {}, { 'www-authenticate': 'Bearer realm="/token"' });
        }
      },
    ],
  ];
  for (const [name, work, script] of works) {
    for (const reason of [undefined, new Error('of my own')]) {
      it(`ends the waiting for ${name} at once${reason ? ', with its own reason' : ''}`, async (t) => {
        const server = await serve(t, script);
        const { registry } = remoteOf(t, server);
        const controller = new AbortController();
        const failure = failureOf(work(registry.repository('app'), registry, controller.signal));
        const wanted = name === 'a token' ? 2 : 1;
        while (server.seen.length < wanted) {
          await turn();
        }
        controller.abort(reason);
        assert.equal((await failure) === reason || (await failure).name === 'AbortError', true);
        assert.equal(server.seen.length, wanted);
      });
    }
  }

  it('ends the waiting before another try', async (t) => {
    const server = await serve(t, status(503));
    const controller = new AbortController();
    const { registry } = remoteOf(t, server, {
      sleep: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
          controller.abort();
        }),
    });
    const error = await failureOf(registry.repository('app').tags({ signal: controller.signal }));
    assert.equal(error.name, 'AbortError');
    assert.equal(server.seen.length, 1);
  });
});

describe('odd servers that are understood', () => {
  it('documents that are coded on the way', async (t) => {
    for (const [coding, body] of [
      ['gzip', gzipSync(manifest)],
      ['br', brotliCompressSync(manifest)],
    ] as const) {
      const server = await serve(t, answer(manifestType, body, { 'content-encoding': coding }));
      const { registry } = remoteOf(t, server);
      const repository = registry.repository('app');
      assert.equal(Buffer.from((await repository.manifest('v1')).bytes).toString(), manifest);
      assert.equal((await repository.resolve('v1')).size, manifest.length);
    }
  });

  it('parts of a blob, wherever what is sent begins', async (t) => {
    for (const [range, sent, isRight] of [
      ['bytes 3-6/17', blob.subarray(3, 7), true],
      ['bytes 1-6/17', blob.subarray(1, 7), true],
      [undefined, blob, true],
      ['bytes 4-6/17', blob.subarray(4, 7), false],
      ['bytes 3-4/17', blob.subarray(3, 5), false],
    ] as const) {
      const server = await serve(t, (_, response) => {
        response.writeHead(range ? 206 : 200, range ? { 'content-range': range } : {}).end(sent);
      });
      const { registry } = remoteOf(t, server);
      const part = Array.fromAsync(registry.repository('app').fetch(descriptor, { start: 3, end: 7 }));
      if (isRight) {
        assert.equal(Buffer.concat(await part).toString(), blob.subarray(3, 7).toString());
      } else {
        assert.ok(isOciError(await failureOf(part), 'size-mismatch'), range);
      }
      assert.equal(server.seen[0]?.headers.range, 'bytes=3-6');
    }
  });

  it('a server without HEAD', async (t) => {
    const server = await serve(t, (request, response) =>
      (request.method === 'HEAD' ? status(405) : answer(manifestType, manifest))(request, response),
    );
    const { registry } = remoteOf(t, server);
    assert.equal((await registry.repository('app').resolve('v1')).digest, digestOf(Buffer.from(manifest)));
  });

  it('lists without a link, in an order of their own, that begin anew behind their last name', async (t) => {
    const all = ['Alpha', 'beta', 'Charlie', 'delta', 'Echo', 'v10', 'v9', '1'];
    for (const limit of [1, 2, 3, 4, 5, 8, 9]) {
      const server = await serve(t, ({ url }, response) => {
        const { searchParams } = new URL(url, 'http://x');
        const rest = all.slice(all.indexOf(searchParams.get('last') ?? '') + 1);
        json(response, 200, { tags: (rest.length > 0 ? rest : all).slice(0, Number(searchParams.get('n'))) });
      });
      const { registry } = remoteOf(t, server);
      const repository = registry.repository('app');
      const names = await Array.fromAsync(allItems((op) => repository.tags({ ...op, limit })));
      assert.deepEqual(names, all, String(limit));
      assert.ok(server.seen.length <= all.length / limit + 1);
    }
  });

  it('a fault that passes', async (t) => {
    const faults: Script[] = [
      status(503),
      broken,
      (_, response) => response.destroy(),
      status(429, { 'retry-after': '2' }),
    ];
    const server = await serve(t, (request, response) =>
      (faults.shift() ?? answer(manifestType, manifest))(request, response),
    );
    const { registry, waits } = remoteOf(t, server);
    await registry.repository('app').manifest('v1');
    assert.equal(server.seen.length, 5);
    assert.deepEqual(waits, [250, 500, 1000, 2000]);
  });

  it('a delete whose answer was lost', async (t) => {
    let count = 0;
    const server = await serve(t, (request, response) => {
      if (request.method === 'DELETE' && ++count === 1) {
        response.destroy();
      } else {
        status(404)(request, response);
      }
    });
    const { registry } = remoteOf(t, server);
    await registry.repository('app').untag?.('v1');
    assert.equal(count, 2);
    assert.ok(
      isOciError(await failureOf(Promise.resolve(registry.repository('app').untag?.('v1'))), 'not-found'),
    );
  });
});
