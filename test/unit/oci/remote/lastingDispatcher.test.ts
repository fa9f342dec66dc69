import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { createDispatcher } from '../../../../src/oci/remote/dispatcher.ts';
import { LastingDispatcher } from '../../../../src/oci/remote/lastingDispatcher.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';

describe('connections that may be made anew', () => {
  it('are not made any more when all has ended', async (t) => {
    const server = await serve(t, (_, response) => response.end());
    let made = 0;
    const dispatcher = new LastingDispatcher(() => {
      made++;
      return createDispatcher();
    });
    const { registry } = remoteOf(t, server, { dispatcher });
    await dispatcher.destroy();
    await failureOf(registry.client.send({ method: 'GET', url: '/v2/', scopes: [], retry: false }));
    assert.equal(made, 0);
    assert.equal(server.seen.length, 0);
  });

  it('end once idle after that, and not before what is under way has ended', async (t) => {
    const closed: Promise<unknown>[] = [];
    const waiting: ServerResponse[] = [];
    const arrived = Promise.withResolvers<undefined>();
    const server = createServer((request, response) => {
      if (request.url === '/slow') {
        response.write('first');
        waiting.push(response);
        arrived.resolve(undefined);
      } else {
        response.end();
      }
    });
    server.on('connection', (socket: Socket) => closed.push(once(socket, 'close')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const dispatcher = new LastingDispatcher(() => createDispatcher());
    const { client } = remoteOf(t, { host, origin: `http://${host}` }, { dispatcher }).registry;
    const get = (url: string) => client.send({ method: 'GET', url, scopes: [] });
    const slow = await get('/slow');
    await arrived.promise;
    await (await get('/quick')).body.dump();
    assert.equal(closed.length, 2);
    dispatcher.renew();
    await closed[1];
    await (await get('/quick')).body.dump();
    assert.equal(closed.length, 3);
    waiting[0]?.end('last');
    assert.equal(await slow.body.text(), 'firstlast');
    await closed[0];
    const second = await get('/slow');
    dispatcher.renew();
    await Promise.all([dispatcher.destroy(), assert.rejects(second.body.text())]);
    await Promise.all(closed);
  });
});
