import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOciError } from '../../../../src/oci/errors.ts';
import { parseChallenges } from '../../../../src/oci/remote/challenge.ts';
import { assertNoCanary, assertNothingTold, canary, canaryBasic } from '../../../support/canary.ts';
import { quick } from '../../../support/quick.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json } from '../../../support/scriptedServer.ts';

describe('a registry that names another token service in the middle', () => {
  it('has it told neither the password nor the token it gave before, and asked as anonymous', async (t) => {
    const other = await serve(t, (_, response) => json(response, 200, { token: 'of-nobody' }));
    let hasTurned = false;
    const own = await serve(t, ({ url, headers }, response) => {
      if (url.startsWith('/token')) {
        json(response, 200, { token: 'of-the-canary' });
      } else if (headers.authorization === (hasTurned ? 'Bearer of-nobody' : 'Bearer of-the-canary')) {
        json(response, 200, { tags: ['v1'] });
      } else {
        const realm = hasTurned ? `${other.origin}/token` : '/token';
        json(response, 401, {}, { 'www-authenticate': `Bearer realm="${realm}",service="s"` });
      }
    });
    const remote = remoteOf(t, own, { credential: canary });
    const list = () => remote.registry.repository('app').tags();
    await list();
    assert.equal(own.seen.find(({ url }) => url.startsWith('/token'))?.headers.authorization, canaryBasic);
    hasTurned = true;
    await list();
    assert.equal(other.seen.length, 1);
    assertNothingTold(other);
    assertNoCanary('the other service', other.seen, ['of-the-canary']);
    // And back: its own is told again.
    hasTurned = false;
    const before = own.seen.length;
    await list();
    const again = own.seen.slice(before).find(({ url }) => url.startsWith('/token'));
    assert.ok(again === undefined || again.headers.authorization === canaryBasic);
    assert.equal(other.seen.length, 1);
    assertNothingTold(other);
    assertNoCanary('log', remote.output(), ['of-the-canary', 'of-nobody']);
  });

  it('has one without TLS, or of this machine, not even asked; what was there goes on', async (t) => {
    for (const realm of ['ftp://127.0.0.1/token', 'http://user:pass@127.0.0.1/token', 'file:///etc/passwd']) {
      let hasTurned = false;
      const own = await serve(t, ({ url, headers }, response) => {
        if (url.startsWith('/token')) {
          json(response, 200, { token: 'good' });
        } else if (!hasTurned && headers.authorization === 'Bearer good') {
          json(response, 200, { tags: ['v1'] });
        } else {
          const named = hasTurned ? realm : '/token';
          json(response, 401, {}, { 'www-authenticate': `Bearer realm="${named}"` });
        }
      });
      const { registry } = remoteOf(t, own, { credential: canary });
      await registry.repository('app').tags();
      hasTurned = true;
      const error = await failureOf(registry.repository('app').tags());
      assert.ok(isOciError(error, 'origin-refused'), String(error));
      hasTurned = false;
      await registry.repository('app').tags();
    }
  });
});

describe('challenges without end', () => {
  const basics = Array.from({ length: 10_000 }, (_, at) => `Basic realm="${at}"`);
  for (const [name, header] of [
    ['a challenge of 1 MB', `Bearer realm="/token",service="${'x'.repeat(1024 * 1024)}"`],
    ['10,000 challenges in one line', basics.join(', ')],
    ['10,000 lines of one challenge', basics],
  ] as const) {
    it(`${name}: one error, and nobody is told anything`, async (t) => {
      const server = await serve(t, (_, response) => {
        json(response, 401, {}, { 'www-authenticate': header });
      });
      const remote = remoteOf(t, server, { credential: canary });
      const error = await failureOf(remote.registry.repository('app').tags());
      assert.ok(isOciError(error, 'not-a-registry'), String(error));
      assert.equal(server.seen.length, 1);
      assertNothingTold(server);
      assert.ok(error.message.length < 1000);
    });

    it(`${name} are read at once where a host lets them through`, () => {
      quick(500, name, () => {
        parseChallenges(typeof header === 'string' ? header : [...header]);
      });
    });
  }
});
