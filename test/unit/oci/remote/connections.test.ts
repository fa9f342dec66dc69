import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { copy } from '../../../../src/oci/copy.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { MediaType } from '../../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../../src/oci/memory.ts';
import { content, manifestOf } from '../../../contract/content.ts';
import { canary, canaryBasic } from '../../../support/canary.ts';
import { makeCertificate } from '../../../support/certificates.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script } from '../../../support/scriptedServer.ts';

const blob = Buffer.alloc(200_000, 'x');
const descriptor = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.length };
const index = Buffer.from(
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
);
const certificate = makeCertificate({ commonName: 'self', names: ['127.0.0.1'] });

/** Asks who one is, has all there is under one name, and a fault now and then. */
const registry: Script = ({ method, url, headers }, response) => {
  if (headers.authorization !== canaryBasic) {
    json(response, 401, { errors: [] }, { 'www-authenticate': 'Basic realm="x"' });
  } else if (url.includes('/manifests/gone')) {
    json(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] });
  } else if (url.includes('/manifests/')) {
    response.writeHead(200, {
      'content-type': 'application/vnd.oci.image.index.v1+json',
      'content-length': index.length,
      'docker-content-digest': digestOf(index),
    });
    response.end(method === 'HEAD' ? undefined : index);
  } else if (url.includes('/blobs/')) {
    response.end(blob);
  } else {
    json(response, 200, { tags: ['v1'], repositories: ['app'] });
  }
};

describe('one connection', () => {
  for (const tls of [undefined, certificate]) {
    it(`carries all requests that come one after the other, ${tls ? 'with TLS' : 'by plain HTTP'}`, async (t) => {
      const server = await serve(t, registry, tls ? { tls } : {});
      const remote = remoteOf(t, server, { credential: canary, trusted: () => tls?.cert });
      const repository = remote.registry.repository('app');
      for (let round = 0; round < 5; round++) {
        await remote.registry.repositories();
        await repository.tags();
        await repository.resolve('v1');
        await repository.manifest('v1');
        await Array.fromAsync(repository.fetch(descriptor));
        assert.ok(isOciError(await failureOf(repository.manifest('gone')), 'not-found'));
      }
      assert.equal(server.connections, 1);
      // The challenge, once.
      assert.equal(server.seen.length, 5 * 6 + 1);
    });
  }
});

describe('a body that comes with a HEAD', () => {
  it('is nobody’s answer', async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (asked) => {
        const head = asked.toString('latin1').startsWith('HEAD');
        const other = '{"tags":["of nobody"]}';
        const body = head
          ? `HTTP/1.1 200 OK\r\ncontent-length: ${other.length}\r\n\r\n${other}`
          : '{"tags":["v1"]}';
        socket.write(`HTTP/1.1 ${head ? 404 : 200} OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const remote = remoteOf(t, { host, origin: `http://${host}` });
    const repository = remote.registry.repository('app');
    for (let round = 0; round < 20; round++) {
      assert.equal(await repository.has({ ...descriptor }), false);
      assert.deepEqual((await repository.tags()).items, ['v1']);
    }
  });
});

describe('connections', () => {
  it('to one host are 48 at most, and are used again', async (t) => {
    let waiting: (() => void)[] = [];
    const server = await serve(t, (_, response) => {
      waiting.push(() => json(response, 200, { tags: ['v1'] }));
      // Until as many as there may be have come, nobody is answered.
      if (waiting.length === 48) {
        for (const answer of waiting) {
          answer();
        }
        waiting = [];
      }
    });
    const { registry: own } = remoteOf(t, server);
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 96 }, (_, id) => own.repository(`app${id}`).tags()));
    }
    assert.equal(server.seen.length, 3 * 96);
    assert.equal(server.connections, 48);
  });

  it('of a copy carry all that is small while what is large is held, and no more of both than they should', async (t) => {
    const source = new MemoryStore();
    const layers = [
      ...Array.from({ length: 8 }, (_, at) => content('a/large', Buffer.alloc(300 * 1024, `large ${at}`))),
      ...Array.from({ length: 100 }, (_, at) => content('a/small', `small ${at}`)),
    ];
    const config = content(MediaType.empty, '{}');
    const manifest = manifestOf(config, layers);
    for (const { descriptor: each, bytes } of [...layers, config, manifest]) {
      await source.push(each, bodyOf(bytes));
    }
    const held: (() => void)[] = [];
    let [small, most] = [0, 0];
    const server = await serve(t, ({ method, url, body }, response) => {
      if (method === 'HEAD') {
        response.writeHead(404).end();
      } else if (method === 'POST') {
        response.writeHead(202, { location: '/up' }).end();
      } else {
        const isLarge = body.length > 256 * 1024;
        small += isLarge || url.includes('/manifests/') ? 0 : 1;
        const answer = (): void => void response.writeHead(201).end();
        if (isLarge && small < 101) {
          most = Math.max(most, held.push(answer));
        } else {
          answer();
        }
        // If what is small waited for what is large, it would never come.
        if (small === 101) {
          held.splice(0).forEach((each) => each());
        }
      }
    });
    const { registry: own } = remoteOf(t, server);
    const signal = AbortSignal.timeout(60_000);
    await copy(source, manifest.descriptor.digest, own.repository('app'), 'v1', { signal });
    assert.equal(most, 5);
    assert.ok(server.connections <= 5 + 32, String(server.connections));
  });
});

describe('a connection that carries nothing', () => {
  it('is closed after a while, and another is made when there is something to carry', async (t) => {
    const closed: Promise<unknown>[] = [];
    // By itself it closes nothing.
    const server = createServer((socket) => {
      closed.push(new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve)));
      const body = '{"tags":["v1"]}';
      socket.on('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const remote = remoteOf(t, { host, origin: `http://${host}` }, { timeouts: { idle: 30 } });
    await remote.registry.repository('app').tags();
    await Promise.all(closed);
    await remote.registry.repository('app').tags();
    assert.equal(closed.length, 2);
  });
});

/** Takes connections, says nothing and reads nothing. */
async function silent(t: TestContext): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined).pause()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('who says nothing is not waited for', () => {
  it('while TLS is begun', async (t) => {
    const host = await silent(t);
    const remote = remoteOf(t, { host, origin: `https://${host}` }, { timeouts: { connect: 30 } });
    assert.ok(isOciError(await failureOf(remote.registry.repositories()), 'timeout'));
  });

  it('while it is sent more than it reads', async (t) => {
    const host = await silent(t);
    const remote = remoteOf(t, { host, origin: `http://${host}` }, { timeouts: { headers: 30 } });
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const endless = async function* () {
      for (;;) {
        sent += chunk.length;
        yield await Promise.resolve(chunk);
      }
    };
    const work = remote.registry.client.send({
      method: 'PUT',
      url: '/up',
      scopes: [],
      body: { size: 1e12, content: endless },
    });
    assert.ok(isOciError(await failureOf(work), 'timeout'));
    assert.ok(sent < 1e9, 'What is not read is not sent either');
  });
});
