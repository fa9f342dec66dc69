import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { isOciError, OciError } from '../../../../src/oci/errors.ts';
import type { CredentialSource } from '../../../../src/oci/remote/credential.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json } from '../../../support/scriptedServer.ts';

/** As with a `credsStore` whose program is gone. */
const unreadable: CredentialSource = () =>
  Promise.reject(new OciError('credentials-unreadable', 'docker-credential-gone is not on the PATH', {}));

interface Answers {
  readonly scheme?: 'Bearer' | 'Basic';
  readonly token?: number;
  /** To a request with a token. */
  readonly list?: number;
}

async function list(t: TestContext, { scheme = 'Bearer', token = 200, list = 200 }: Answers) {
  const server = await serve(t, (request, response) => {
    if (request.url.startsWith('/token')) {
      json(response, token, { token: 'nobody' });
    } else if (request.headers.authorization === undefined || list === 401) {
      const realm = `http://${request.headers.host ?? ''}/token`;
      json(response, 401, {}, { 'www-authenticate': `${scheme} realm="${realm}",service="test"` });
    } else {
      json(response, list, { name: 'app', tags: ['v1'] });
    }
  });
  const { registry } = remoteOf(t, server, { credentials: unreadable });
  return { server, work: registry.repository('app').tags() };
}

describe('accounts that cannot be read', () => {
  it('do not stand before what is public', async (t) => {
    const { server, work } = await list(t, {});
    await work;
    const asked = server.seen.filter(({ url }) => url.startsWith('/token'));
    assert.deepEqual(
      asked.map(({ headers }) => headers.authorization),
      [undefined],
    );
  });

  const refusals: readonly (readonly [string, Answers])[] = [
    ['the token service refuses nobody', { token: 401 }],
    ['the registry answers 401 to the token of nobody', { list: 401 }],
    ['the registry answers 403 to the token of nobody', { list: 403 }],
    ['it is Basic', { scheme: 'Basic' }],
  ];
  for (const [name, answers] of refusals) {
    it(`are told as such when ${name}`, async (t) => {
      const { work } = await list(t, answers);
      assert.ok(isOciError(await failureOf(work), 'credentials-unreadable'));
    });
  }

  it('are not the reason when the token service is out of order', async (t) => {
    const { work } = await list(t, { token: 500 });
    assert.ok(isOciError(await failureOf(work), 'server-error'));
  });
});
