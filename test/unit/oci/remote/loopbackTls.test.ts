import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { isOciError } from '../../../../src/oci/errors.ts';
import { createDispatcher } from '../../../../src/oci/remote/dispatcher.ts';
import { canary, assertNothingTold } from '../../../support/canary.ts';
import { makeCertificate } from '../../../support/certificates.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json } from '../../../support/scriptedServer.ts';

const tls = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'] });

/** Takes connections and does nothing else with them than `answer`. */
async function raw(t: TestContext, answer: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('plain HTTP that is a guess', () => {
  it('is left for TLS where the server hangs up on it and speaks TLS', async (t) => {
    const server = await serve(t, (_, response) => json(response, 200, { repositories: ['app'] }), { tls });
    let found = 0;
    const { registry, waits } = remoteOf(
      t,
      { host: server.host, origin: `http://${server.host}` },
      {
        onTls: () => found++,
        credential: canary,
        dispatcher: createDispatcher({ registry: server.host, trusted: () => tls.cert }),
      },
    );
    assert.deepEqual((await registry.repositories()).items, ['app']);
    assert.deepEqual([found, waits], [1, []]);
    assertNothingTold(server);
  });

  for (const [what, answer, code] of [
    ['hangs up', '', 'connection-lost'],
    [
      'refuses',
      'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
      'request-refused',
    ],
    ['talks something else', 'SSH-2.0-OpenSSH_9.2\r\n', 'not-a-registry'],
  ] as const) {
    it(`is kept where the server ${what} and speaks no TLS`, async (t) => {
      const host = await raw(t, answer);
      let found = 0;
      const { registry } = remoteOf(t, { host, origin: `http://${host}` }, { onTls: () => found++ });
      const error = await failureOf(registry.repositories());
      assert.ok(isOciError(error, code), String(error));
      assert.equal(error.facts.url, `http://${host}/v2/_catalog?n=100`);
      assert.equal(found, 0);
    });
  }

  it('is not come back to from TLS, and not left where it was chosen', async (t) => {
    const plain = await serve(t, (_, response) => json(response, 400, {}));
    let found = 0;
    const onTls = () => found++;
    const safe = remoteOf(t, { host: plain.host, origin: `https://${plain.host}` }, { onTls });
    assert.ok(isOciError(await failureOf(safe.registry.repositories()), 'plain-http-server'));
    const secured = await serve(t, (_, response) => json(response, 200, {}), { tls });
    const chosen = remoteOf(t, { host: secured.host, origin: `http://${secured.host}` });
    assert.ok(isOciError(await failureOf(chosen.registry.repositories()), 'connection-lost'));
    assert.deepEqual([plain.seen.length, secured.seen.length, found], [0, 0, 0]);
  });
});
