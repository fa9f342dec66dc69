import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../../../src/oci/errors.ts';
import { assertNoCanary, canary, canaryBasic } from '../../../support/canary.ts';
import { everywhere, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json } from '../../../support/scriptedServer.ts';

const blob = Buffer.from('content of a blob');
const descriptor = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.length };
const start = `/v2/app/blobs/${descriptor.digest}`;

/** Where the one before sends us: a `Location`, behind another status than 307 where that matters. */
type Hop = string | readonly [status: number, location: string | undefined];

interface Chain {
  readonly hops: readonly Hop[];
  /** Of the registry; default `https://r.example`. */
  readonly from?: string;
  /** What comes of it: the content, or an error. */
  readonly ends: 'content' | ErrorCode;
  /** Hosts that are asked, in this order; a challenge makes the first two. */
  readonly asked: string;
  /** How many of these requests say who one is; all others say nothing. */
  readonly told: number;
}

const r = 'r.example r.example';

/** One line a chain: `told` counts the registry's own answers to its own challenge. */
const reads: readonly Chain[] = [
  // Within its origin.
  { hops: ['/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['?sig=1'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['https://r.example/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['https://r.example:443/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['https://R.EXAMPLE/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['//r.example/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['https://user:pw@r.example/there'], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: ['/a', '/b', '/c'], ends: 'content', asked: `${r} r.example r.example r.example`, told: 4 },
  // To another, however like it.
  { hops: ['https://cdn.example/b'], ends: 'content', asked: `${r} cdn.example`, told: 1 },
  ...[301, 302, 303, 308].map((status): Chain => ({
    hops: [[status, 'https://cdn.example/b']],
    ends: 'content',
    asked: `${r} cdn.example`,
    told: 1,
  })),
  { hops: ['https://r.example:8443/b'], ends: 'content', asked: `${r} r.example:8443`, told: 1 },
  { hops: ['https://r.example./b'], ends: 'content', asked: `${r} r.example.`, told: 1 },
  { hops: ['https://a.r.example/b'], ends: 'content', asked: `${r} a.r.example`, told: 1 },
  { hops: ['https://example/b'], ends: 'content', asked: `${r} example`, told: 1 },
  {
    hops: ['https://r.example.evil.example/b'],
    ends: 'content',
    asked: `${r} r.example.evil.example`,
    told: 1,
  },
  { hops: ['https://r.example@evil.example/b'], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: ['https://r.example:pw@evil.example/b'], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: ['https://evil.example\\@r.example/b'], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: ['//evil.example/b'], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: ['/\\evil.example/b'], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: ['https:evil.example/b'], ends: 'content', asked: `${r} r.example`, told: 2 },
  {
    hops: ['https://xn--bcher-kva.example/b'],
    ends: 'content',
    asked: `${r} xn--bcher-kva.example`,
    told: 1,
  },
  { hops: [`https://cdn.example/${'b'.repeat(6000)}`], ends: 'content', asked: `${r} cdn.example`, told: 1 },
  // By way of another.
  { hops: ['https://cdn.example/b', '/c'], ends: 'content', asked: `${r} cdn.example cdn.example`, told: 1 },
  {
    hops: ['https://cdn.example/b', 'https://s3.example/c'],
    ends: 'content',
    asked: `${r} cdn.example s3.example`,
    told: 1,
  },
  {
    hops: ['https://cdn.example/b', 'https://r.example/c'],
    ends: 'content',
    asked: `${r} cdn.example r.example`,
    told: 1,
  },
  { hops: ['/a', 'https://cdn.example/b'], ends: 'content', asked: `${r} r.example cdn.example`, told: 2 },
  // Less safe than before.
  { hops: ['http://r.example/b'], ends: 'origin-refused', asked: r, told: 1 },
  { hops: ['http://cdn.example/b'], ends: 'origin-refused', asked: r, told: 1 },
  {
    hops: ['https://cdn.example/b', 'http://cdn.example/c'],
    ends: 'origin-refused',
    asked: `${r} cdn.example`,
    told: 1,
  },
  {
    hops: ['https://cdn.example/b', 'http://r.example/c'],
    ends: 'origin-refused',
    asked: `${r} cdn.example`,
    told: 1,
  },
  { hops: ['https://127.0.0.1/b'], ends: 'origin-refused', asked: r, told: 1 },
  {
    hops: ['https://cdn.example/b', 'https://[::1]/c'],
    ends: 'origin-refused',
    asked: `${r} cdn.example`,
    told: 1,
  },
  {
    hops: ['https://cdn.example/b', 'https://169.254.169.254/c'],
    ends: 'origin-refused',
    asked: `${r} cdn.example`,
    told: 1,
  },
  { hops: ['ftp://cdn.example/b'], ends: 'origin-refused', asked: r, told: 1 },
  { hops: ['file:///etc/passwd'], ends: 'origin-refused', asked: r, told: 1 },
  { hops: ['data:,content'], ends: 'origin-refused', asked: r, told: 1 },
  { hops: ['https://'], ends: 'origin-refused', asked: r, told: 1 },
  { hops: ['https://cdn.example:99999/b'], ends: 'origin-refused', asked: r, told: 1 },
  // Without an end, or without a beginning.
  { hops: ['/1', '/2', '/3', '/4', '/5'], ends: 'content', asked: `${r}${' r.example'.repeat(5)}`, told: 6 },
  {
    hops: ['/1', '/2', '/3', '/4', '/5', '/6'],
    ends: 'request-refused',
    asked: `${r}${' r.example'.repeat(5)}`,
    told: 6,
  },
  { hops: [''], ends: 'request-refused', asked: `${r}${' r.example'.repeat(5)}`, told: 6 },
  { hops: [[307, undefined]], ends: 'request-refused', asked: r, told: 1 },
  { hops: [[300, 'https://cdn.example/b']], ends: 'request-refused', asked: r, told: 1 },
  { hops: [[304, 'https://cdn.example/b']], ends: 'request-refused', asked: r, told: 1 },
  // Of one without TLS.
  {
    from: 'http://r.example',
    hops: ['http://cdn.example/b'],
    ends: 'content',
    asked: `${r} cdn.example`,
    told: 1,
  },
  {
    from: 'http://r.example',
    hops: ['https://r.example/b'],
    ends: 'content',
    asked: `${r} r.example`,
    told: 1,
  },
  {
    from: 'http://r.example',
    hops: ['https://cdn.example/b', 'http://r.example/c'],
    ends: 'origin-refused',
    asked: `${r} cdn.example`,
    told: 1,
  },
  { from: 'http://r.example', hops: ['http://10.0.0.1/b'], ends: 'origin-refused', asked: r, told: 1 },
];

/** Of an upload: the one place its registry names, and the bytes that go there. A write is never redirected. */
const writes: readonly Chain[] = [
  { hops: [[202, '/up']], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: [[202, 'https://r.example/up']], ends: 'content', asked: `${r} r.example`, told: 2 },
  // A registry that does not know it stands behind TLS.
  { hops: [[202, 'http://r.example/up']], ends: 'content', asked: `${r} r.example`, told: 2 },
  { hops: [[202, 'https://cdn.example/up']], ends: 'content', asked: `${r} cdn.example`, told: 1 },
  { hops: [[202, 'https://r.example:8443/up']], ends: 'content', asked: `${r} r.example:8443`, told: 1 },
  {
    hops: [[202, 'https://r.example@evil.example/up']],
    ends: 'content',
    asked: `${r} evil.example`,
    told: 1,
  },
  { hops: [[202, '//evil.example/up']], ends: 'content', asked: `${r} evil.example`, told: 1 },
  { hops: [[202, 'http://cdn.example/up']], ends: 'origin-refused', asked: r, told: 1 },
  { hops: [[202, 'http://r.example:8080/up']], ends: 'origin-refused', asked: r, told: 1 },
  { hops: [[202, 'https://127.0.0.1/up']], ends: 'origin-refused', asked: r, told: 1 },
  { hops: [[202, undefined]], ends: 'not-a-registry', asked: r, told: 1 },
  { hops: [[307, 'https://cdn.example/up']], ends: 'request-refused', asked: r, told: 1 },
  { hops: [[302, '/up']], ends: 'request-refused', asked: r, told: 1 },
];

/** A world of servers that send from one to the next and have the content at last. */
async function follow(t: TestContext, { hops, from = 'https://r.example' }: Chain, write: boolean) {
  let at = 0;
  const server = await serve(t, ({ headers, method }, response) => {
    if (at === 0 && headers.authorization === undefined) {
      json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
      return;
    }
    // A session that is given back is no part of the chain.
    const hop = method === 'DELETE' ? undefined : hops[hops[0] === '' ? 0 : at++];
    if (hop === undefined) {
      response.writeHead(method === 'PUT' ? 201 : 200).end(blob);
    } else {
      const [status, location] = typeof hop === 'string' ? [307, hop] : hop;
      response.writeHead(status, location === undefined ? {} : { location }).end();
    }
  });
  const remote = remoteOf(
    t,
    { host: 'r.example', origin: from },
    { credential: canary, dispatcher: everywhere(t, server) },
  );
  const repository = remote.registry.repository('app');
  const failure = await (
    write
      ? repository.push(descriptor, bodyOf(blob))
      : Array.fromAsync(repository.fetch(descriptor)).then((chunks) => {
          assert.deepEqual(Buffer.concat(chunks), blob);
        })
  ).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return { failure, seen: server.seen.filter(({ method }) => method !== 'DELETE'), output: remote.output() };
}

describe('a chain of redirects', () => {
  assert.ok(reads.length + writes.length >= 60);
  for (const [kind, chains] of [
    ['a read', reads],
    ['an upload', writes],
  ] as const) {
    for (const chain of chains) {
      const from = chain.from ?? 'https://r.example';
      const way = chain.hops.map((hop) =>
        typeof hop === 'string' ? hop.slice(0, 60) : `${hop[0]} ${hop[1] ?? 'nowhere'}`,
      );
      it(`of ${kind} from ${from} by ${way.join(', ')} ends with ${chain.ends}`, async (t) => {
        const { failure, seen, output } = await follow(t, chain, kind === 'an upload');
        if (chain.ends === 'content') {
          assert.equal(failure, undefined);
        } else {
          assert.ok(isOciError(failure, chain.ends), String(failure));
          assert.equal(failure.facts.host, 'r.example');
        }
        assert.equal(seen.map(({ headers }) => headers.host).join(' '), chain.asked);
        assert.equal(seen[1]?.url, kind === 'a read' ? start : '/v2/app/blobs/uploads/');
        const told = seen.filter(({ headers }) => headers.authorization !== undefined);
        assert.equal(told.length, chain.told);
        for (const { headers } of told) {
          assert.equal(headers.host, 'r.example');
          assert.equal(headers.authorization, canaryBasic);
        }
        assertNoCanary('log', [output, failure?.stack], ['user:pw', 'pw@']);
      });
    }
  }
});
