import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { allItems } from '../../../../src/oci/pages.ts';
import { assertNoCanary, assertNothingTold, canary, canaryBasic } from '../../../support/canary.ts';
import { everywhere, failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script } from '../../../support/scriptedServer.ts';

const blob = Buffer.from('content of a blob');
const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(blob), size: blob.byteLength };
const blobUrl = `/v2/app/blobs/${descriptor.digest}`;

/** Asks for Basic, then does as told. */
function signedIn(script: Script): Script {
  return (request, response) => {
    if (request.headers.authorization === canaryBasic) {
      script(request, response);
    } else {
      json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
    }
  };
}

function redirect(status: number, location: () => string): Script {
  return (_, response) => {
    response.writeHead(status, { location: location() });
    response.end('moved');
  };
}

const giveBlob: Script = (_, response) => response.end(blob);

describe('a redirect', () => {
  for (const status of [301, 302, 303, 307, 308]) {
    for (const [where, address] of [
      ['another port', '127.0.0.1'],
      ['another address', '127.0.0.2'],
    ] as const) {
      it(`${status} to ${where} is followed without the password`, async (t) => {
        const other = await serve(t, giveBlob, { address });
        const own = await serve(t, signedIn(redirect(status, () => `${other.origin}/blob?sig=s%2Fg`)));
        const remote = remoteOf(t, own, { credential: canary });
        const chunks = await Array.fromAsync(remote.registry.repository('app').fetch(descriptor));
        assert.deepEqual(Buffer.concat(chunks), blob);
        assert.deepEqual(
          other.seen.map(({ url }) => url),
          ['/blob?sig=s%2Fg'],
        );
        assertNothingTold(other);
        assertNoCanary('log', remote.output(), ['sig', 's%2Fg']);
      });
    }
  }

  it('keeps the password at its own origin', async (t) => {
    const own = await serve(
      t,
      signedIn((request, response) =>
        request.url === '/there'
          ? giveBlob(request, response)
          : redirect(307, () => '/there')(request, response),
      ),
    );
    const remote = remoteOf(t, own, { credential: canary });
    await Array.fromAsync(remote.registry.repository('app').fetch(descriptor));
    assert.equal(own.seen.at(-1)?.headers.authorization, canaryBasic);
  });

  it('away and back leaves the password behind', async (t) => {
    const other = await serve(
      t,
      redirect(307, () => `${own.origin}/back`),
    );
    const own = await serve(t, (request, response) => {
      if (request.url === '/back') {
        giveBlob(request, response);
      } else {
        signedIn(redirect(307, () => other.origin))(request, response);
      }
    });
    const remote = remoteOf(t, own, { credential: canary });
    await Array.fromAsync(remote.registry.repository('app').fetch(descriptor));
    assertNothingTold(other);
    assert.equal(own.seen.find(({ url }) => url === '/back')?.headers.authorization, undefined);
  });

  it('drops the user and password of its address', async (t) => {
    const other = await serve(t, giveBlob);
    const own = await serve(
      t,
      redirect(307, () => other.origin.replace('//', '//user:pass@')),
    );
    const remote = remoteOf(t, own, { credential: canary });
    await Array.fromAsync(remote.registry.repository('app').fetch(descriptor));
    assertNothingTold(other);
    assertNoCanary('log', remote.output(), ['user:pass', 'user@']);
  });

  for (const [challenge, isOpen] of [
    ['Basic realm="x"', false],
    ['Bearer realm="/token"', false],
    ['Basic realm="x"', true],
    ['Bearer realm="/token"', true],
  ] as const) {
    it(`${isOpen ? 'of an open registry ' : ''}to who asks ${challenge} tells nothing, and signing in is no remedy`, async (t) => {
      const other = await serve(t, (_, response) =>
        json(response, 401, {}, { 'www-authenticate': challenge }),
      );
      const moved = redirect(307, () => other.origin);
      const own = await serve(t, isOpen ? moved : signedIn(moved));
      const remote = remoteOf(t, own, { credential: canary });
      const error = await failureOf(Array.fromAsync(remote.registry.repository('app').fetch(descriptor)));
      assert.ok(isOciError(error, 'request-refused'), String(error));
      assert.equal(error.facts.status, 401);
      assert.equal(error.facts.url, `${other.origin}/`);
      assert.equal(other.seen.length, 1);
      assertNothingTold(other);
      assert.equal(own.seen.length, isOpen ? 1 : 2);
    });
  }

  it('that goes round and round ends', async (t) => {
    const own = await serve(
      t,
      redirect(302, () => '/again'),
    );
    const remote = remoteOf(t, own);
    const error = await failureOf(Array.fromAsync(remote.registry.repository('app').fetch(descriptor)));
    assert.ok(isOciError(error, 'request-refused'));
    assert.equal(error.facts.host, own.host);
    assert.equal(own.seen.length, 6);
  });

  for (const location of ['ftp://127.0.0.1/x', 'file:///etc/passwd', 'javascript:1', 'http://', 'data:,x']) {
    it(`to ${location} is refused`, async (t) => {
      const own = await serve(
        t,
        redirect(302, () => location),
      );
      const remote = remoteOf(t, own);
      const error = await failureOf(Array.fromAsync(remote.registry.repository('app').fetch(descriptor)));
      assert.ok(isOciError(error, 'origin-refused'), String(error));
      assert.equal(error.facts.host, own.host);
      assert.equal(own.seen.length, 1);
    });
  }

  it('of a write is an error and is not followed', async (t) => {
    const other = await serve(t, (_, response) => response.writeHead(201).end());
    const own = await serve(t, signedIn(redirect(307, () => other.origin)));
    const remote = remoteOf(t, own, { credential: canary });
    const error = await failureOf(remote.registry.repository('app').push(descriptor, bodyOf(blob)));
    assert.ok(isOciError(error, 'request-refused'));
    assert.equal(other.seen.length, 0);
  });
});

describe('a registry outside', () => {
  for (const target of [
    'http://127.0.0.1/admin',
    'http://localhost/admin',
    'http://[::1]/admin',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::ffff:169.254.169.254]/',
  ]) {
    it(`sends nobody to ${target}: not by redirect, upload or token`, async (t) => {
      const own = await serve(t, (request, response) => {
        if (request.url === '/v2/app/blobs/uploads/') {
          response.writeHead(202, { location: target }).end();
        } else if (request.url.includes('/blobs/')) {
          redirect(307, () => target)(request, response);
        } else {
          json(response, 401, {}, { 'www-authenticate': `Bearer realm="${target}"` });
        }
      });
      const server = { host: 'registry.example', origin: 'http://registry.example' };
      const { registry } = remoteOf(t, server, { credential: canary, dispatcher: everywhere(t, own) });
      const repository = registry.repository('app');
      for (const work of [
        () => Array.fromAsync(repository.fetch(descriptor)),
        () => repository.push(descriptor, bodyOf(blob)),
        () => repository.tags(),
      ]) {
        const before = own.seen.length;
        const error = await failureOf(work());
        assert.ok(isOciError(error, 'origin-refused'), String(error));
        assert.equal(error.facts.host, 'registry.example');
        assert.equal(own.seen.length, before + 1);
      }
    });
  }
});

describe('a next page', () => {
  it('is asked for at the registry, whatever host its link names', async (t) => {
    const other = await serve(t, (_, response) => json(response, 200, { tags: ['evil'] }));
    const own = await serve(
      t,
      signedIn((request, response) => {
        const isFirst = !request.url.includes('last=');
        json(
          response,
          200,
          { tags: [isFirst ? 'a' : 'b'] },
          isFirst ? { link: `<${other.origin}/v2/app/tags/list?last=a&n=1>; rel="next"` } : {},
        );
      }),
    );
    const remote = remoteOf(t, own, { credential: canary });
    const repository = remote.registry.repository('app');
    assert.deepEqual(await Array.fromAsync(allItems((op) => repository.tags(op))), ['a', 'b']);
    assert.equal(other.seen.length, 0);
    assert.match(own.seen.at(-1)?.url ?? '', /^\/v2\/app\/tags\/list\?last=a&n=\d+$/);
  });
});

describe('an upload that is sent elsewhere', () => {
  it('goes there without the password, its query as it was', async (t) => {
    const query = 'X-Sig=a%2Fb%2b+c==&X-Sig=2&~!*()=,;:@&e';
    const other = await serve(t, (_, response) => response.writeHead(201).end());
    const own = await serve(
      t,
      signedIn((_, response) => {
        response.writeHead(202, { location: `${other.origin}/up?${query}#part` }).end();
      }),
    );
    const remote = remoteOf(t, own, { credential: canary });
    await remote.registry.repository('app').push(descriptor, bodyOf(blob));
    assert.deepEqual(
      other.seen.map(({ method, url, body }) => [method, url, body]),
      [['PUT', `/up?${query}&digest=${descriptor.digest}`, blob.toString()]],
    );
    assertNothingTold(other);
    assertNoCanary('log', remote.output(), ['X-Sig']);
  });

  it('and is challenged there fails, and leaves nothing', async (t) => {
    const other = await serve(t, (_, response) =>
      json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' }),
    );
    const own = await serve(
      t,
      signedIn((_, response) => response.writeHead(202, { location: `${other.origin}/up` }).end()),
    );
    const remote = remoteOf(t, own, { credential: canary });
    const error = await failureOf(remote.registry.repository('app').push(descriptor, bodyOf(blob)));
    assert.ok(isOciError(error, 'request-refused'));
    assertNothingTold(other);
    assert.deepEqual(
      other.seen.map(({ method }) => method),
      ['PUT', 'DELETE'],
    );
  });

  for (const [name, location, url] of [
    ['relative', 'session?_state=a%2Fb%2b==', '/v2/app/blobs/uploads/session?_state=a%2Fb%2b==&digest='],
    ['absolute without host', '/up/1', '/up/1?digest='],
    ['with an empty query', '/up/1?', '/up/1?digest='],
  ] as const) {
    it(`and a Location that is ${name} stays at the registry`, async (t) => {
      const own = await serve(
        t,
        signedIn((request, response) => {
          response.writeHead(request.method === 'POST' ? 202 : 201, { location }).end();
        }),
      );
      const remote = remoteOf(t, own, { credential: canary });
      await remote.registry.repository('app').push(descriptor, bodyOf(blob));
      assert.equal(own.seen.at(-1)?.url.replace(/digest=.*/, 'digest='), url);
      assert.equal(own.seen.at(-1)?.headers.authorization, canaryBasic);
    });
  }
});

describe('a read of a blob', () => {
  it('asks for nothing else than the blob', async (t) => {
    const own = await serve(t, giveBlob);
    await Array.fromAsync(remoteOf(t, own).registry.repository('app').fetch(descriptor));
    assert.deepEqual(
      own.seen.map(({ url }) => url),
      [blobUrl],
    );
  });
});
