import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { serverCertificate } from '../../../../src/oci/remote/certificate.ts';

describe('a tunnel', () => {
  for (const [state, answer] of [
    ['a proxy that has not answered yet', undefined],
    ['a server behind it that says nothing', 'HTTP/1.1 200 OK\r\n\r\n'],
  ] as const) {
    it(`ends with what it was for, before ${state}`, { timeout: 20_000 }, async (t) => {
      // Not for want of an answer.
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const proxy = createServer();
      proxy.listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      t.after(() => proxy.close());
      const origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const giveUp = new AbortController();
      const found = serverCertificate('registry.example', giveUp.signal, () => ({
        kind: 'proxy',
        proxy: { origin, strict: true, source: 'test' },
      }));
      const failed = assert.rejects(found, { name: 'AbortError' });
      const [socket] = (await once(proxy, 'connection')) as [Socket];
      socket.on('error', () => undefined);
      const closed = once(socket, 'close');
      const [asked] = (await once(socket, 'data')) as [Buffer];
      assert.match(asked.toString(), /^CONNECT registry\.example:443 HTTP\/1\.1\r\n/);
      if (answer !== undefined) {
        socket.write(answer);
        // The first words of TLS.
        await once(socket, 'data');
      }
      socket.resume();
      giveUp.abort();
      await failed;
      await closed;
    });
  }
});
