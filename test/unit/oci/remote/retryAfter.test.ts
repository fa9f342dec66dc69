import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remoteOf, serve } from '../../../support/remoteHarness.ts';

describe('a registry that was asked too often', () => {
  const now = 1_700_000_000_000;
  for (const [retryAfter, waits] of [
    ['2', [2000]],
    [new Date(now + 3000).toUTCString(), [3000]],
    [new Date(now - 3000).toUTCString(), [0]],
  ] as const) {
    it(`is asked again as it says: ${retryAfter}`, async (t) => {
      let count = 0;
      const server = await serve(t, (_, response) => {
        response.writeHead(++count === 1 ? 429 : 200, { 'retry-after': retryAfter });
        response.end('{"tags":["v1"]}');
      });
      const remote = remoteOf(t, server);
      assert.deepEqual((await remote.registry.repository('app').tags()).items, ['v1']);
      assert.deepEqual(remote.waits, waits);
    });
  }
});
