import assert from 'node:assert/strict';
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
});
