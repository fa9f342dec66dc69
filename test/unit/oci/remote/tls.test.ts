import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { serverCertificate } from '../../../../src/oci/remote/certificate.ts';
import { assertNothingTold, canary } from '../../../support/canary.ts';
import { makeCertificate } from '../../../support/certificates.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script } from '../../../support/scriptedServer.ts';

const address = '127.0.0.1';
const authority = makeCertificate({ commonName: 'Test CA', isAuthority: true });
const yesterday = new Date(Date.now() - 86_400_000);
const selfSigned = makeCertificate({ commonName: 'self', names: [address] });

const certificates = {
  'self-signed': selfSigned,
  'self-signed, as an authority': makeCertificate({
    commonName: 'self',
    names: [address],
    isAuthority: true,
  }),
  'of an unknown authority': makeCertificate({ commonName: 'x', names: [address], issuer: authority }),
  'self-signed for another name': makeCertificate({ commonName: 'x', names: ['other.example'] }),
  'self-signed without names': makeCertificate({ commonName: 'localhost' }),
  'self-signed and expired': makeCertificate({ commonName: 'x', names: [address], validTo: yesterday }),
} as const;

const bytes = Buffer.from('x');
const descriptor = { mediaType: 'x/y', digest: digestOf(bytes), size: 1 };

const list: Script = (_, response) => json(response, 200, { tags: ['v1'] });

describe('a server with a certificate that is', () => {
  for (const [name, tls] of Object.entries(certificates)) {
    it(`${name} is refused before a byte is sent, until exactly that certificate is trusted`, async (t) => {
      const server = await serve(t, list, { tls });
      const refused = remoteOf(t, server, { credential: canary });
      const error = await failureOf(refused.registry.repository('app').tags());
      assert.ok(isOciError(error, 'tls-untrusted', 'tls-invalid'), String(error));
      assert.equal(error.facts.host, server.host);
      // It is for people: no codes of a library, no advice for developers.
      assert.doesNotMatch(error.facts.detail ?? '', /routines|Node\.js/);
      assert.deepEqual(refused.waits, []);
      assert.equal(server.seen.length, 0);
      const shown = await serverCertificate(server.host);
      assert.equal(
        new X509Certificate(shown.pem).fingerprint256,
        new X509Certificate(tls.cert).fingerprint256,
      );
      assert.equal(shown.fingerprint, new X509Certificate(tls.cert).fingerprint256);
      const trusted = remoteOf(t, server, {
        trusted: (host) => (host === server.host ? shown.pem : undefined),
      });
      assert.deepEqual((await trusted.registry.repository('app').tags()).items, ['v1']);
    });
  }

  it('another one than the trusted is refused again, even signed by it', async (t) => {
    const trusted = certificates['self-signed, as an authority'];
    const child = makeCertificate({ commonName: 'x', names: [address], issuer: trusted });
    for (const tls of [selfSigned, child]) {
      const server = await serve(t, list, { tls });
      const remote = remoteOf(t, server, { credential: canary, trusted: () => trusted.cert });
      const error = await failureOf(remote.registry.repository('app').tags());
      assert.ok(isOciError(error, 'tls-untrusted'), String(error));
      assert.equal(server.seen.length, 0);
    }
  });

  it('trusted for one host is not trusted for the next', async (t) => {
    const first = await serve(t, list, { tls: selfSigned });
    const second = await serve(t, list, { tls: selfSigned });
    const remote = remoteOf(t, second, {
      trusted: (host) => (host === first.host ? selfSigned.cert : undefined),
    });
    assert.ok(isOciError(await failureOf(remote.registry.repository('app').tags()), 'tls-untrusted'));
  });

  it('trusted is asked for again with every connection', async (t) => {
    const server = await serve(t, list, { tls: selfSigned });
    let pem: string | undefined = selfSigned.cert;
    const remote = remoteOf(t, server, { trusted: () => pem });
    await remote.registry.repository('app').tags();
    pem = 'no certificate';
    const later = remoteOf(t, server, { trusted: () => pem });
    assert.ok(isOciError(await failureOf(later.registry.repository('app').tags()), 'tls-untrusted'));
  });
});

describe('TLS', () => {
  const trusted = () => selfSigned.cert;

  it('is not left for plain HTTP: by no redirect, upload or token service', async (t) => {
    const plain = await serve(t, list);
    const own = await serve(
      t,
      (request, response) => {
        if (request.url === '/v2/app/blobs/uploads/') {
          response.writeHead(202, { location: `${plain.origin}/up` }).end();
        } else if (request.url.includes('/manifests/')) {
          response.writeHead(307, { location: `${plain.origin}/m` }).end();
        } else {
          json(response, 401, {}, { 'www-authenticate': `Bearer realm="${plain.origin}/token"` });
        }
      },
      { tls: selfSigned },
    );
    const { registry } = remoteOf(t, own, { credential: canary, trusted });
    const repository = registry.repository('app');
    for (const work of [
      () => repository.manifest('v1'),
      () => repository.push(descriptor, bodyOf(bytes)),
      () => repository.tags(),
    ]) {
      const error = await failureOf(work());
      assert.ok(isOciError(error, 'origin-refused'), String(error));
      assert.equal(error.facts.host, own.host);
    }
    assert.equal(plain.seen.length, 0);
  });

  it('is kept for an upload by a registry that does not know it stands behind it', async (t) => {
    const own = await serve(
      t,
      (request, response) => {
        const location = `http://${own.host}/v2/app/blobs/uploads/1?_state=x`;
        response.writeHead(request.method === 'POST' ? 202 : 201, { location }).end();
      },
      { tls: selfSigned },
    );
    const { registry } = remoteOf(t, own, { trusted });
    await registry.repository('app').push(descriptor, bodyOf(bytes));
    assert.equal(own.seen.at(-1)?.method, 'PUT');
  });

  it('to another host by redirect needs a certificate that is trusted for that one', async (t) => {
    const other = await serve(t, list, { tls: selfSigned, address: '127.0.0.2' });
    const own = await serve(t, (_, response) => response.writeHead(307, { location: other.origin }).end(), {
      tls: selfSigned,
    });
    const remote = remoteOf(t, own, {
      trusted: (host) => (host === own.host ? selfSigned.cert : undefined),
    });
    const error = await failureOf(remote.registry.repository('app').tags());
    assert.ok(isOciError(error, 'tls-untrusted', 'tls-invalid'));
    assert.equal(other.seen.length, 0);
    assertNothingTold(own);
  });
});

describe('the certificate of a server', () => {
  /** Takes connections and says nothing. */
  async function silent(t: TestContext): Promise<string> {
    const server = createServer();
    const sockets = new Set<{ destroy(): void }>();
    server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    t.after(() => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    });
    return `${address}:${(server.address() as AddressInfo).port}`;
  }

  it('is not waited for any more when told so', async (t) => {
    const host = await silent(t);
    const controller = new AbortController();
    const waiting = failureOf(serverCertificate(host, controller.signal));
    controller.abort();
    assert.equal((await waiting).name, 'AbortError');
    assert.equal((await failureOf(serverCertificate(host, controller.signal))).name, 'AbortError');
  });

  it('that speaks plain HTTP is an error', async (t) => {
    const server = await serve(t, list);
    assert.ok(isOciError(await failureOf(serverCertificate(server.host)), 'plain-http-server'));
  });
});
