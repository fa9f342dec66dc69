import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CredentialHelper } from '../../../src/auth/credentialHelper.ts';
import { HelperAnswers } from '../../../src/auth/helperAnswers.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';
import { canary } from '../../support/canary.ts';

function counted(): Pick<CredentialHelper, 'program' | 'source' | 'get'> & { runs: number } {
  const helper = {
    program: 'docker-credential-test',
    source: '~/.docker/config.json',
    runs: 0,
    get: () => {
      helper.runs++;
      return Promise.resolve(canary);
    },
  };
  return helper;
}

describe('answers of helpers', () => {
  it('serve 20 token requests with one run', async (t) => {
    const helper = counted();
    const answers = new HelperAnswers(() => 0);
    const server = await serve(t, (request, response) => {
      if (request.url.startsWith('/token')) {
        json(response, 200, { token: 'good' });
      } else if (request.headers.authorization === undefined) {
        const realm = `http://${request.headers.host ?? ''}/token`;
        json(response, 401, {}, { 'www-authenticate': `Bearer realm="${realm}",service="test"` });
      } else {
        json(response, 200, { name: 'app', tags: ['v1'] });
      }
    });
    const { registry } = remoteOf(t, server, {
      credentials: (host, op) => answers.get(helper, host, '', op),
    });
    await Promise.all(Array.from({ length: 20 }, (_, index) => registry.repository(`app${index}`).tags()));
    assert.equal(server.seen.filter(({ url }) => url.startsWith('/token')).length, 20);
    assert.equal(helper.runs, 1);
  });

  it('are asked for again after 5 minutes, a change of the file and when forgotten', async () => {
    const helper = counted();
    let now = 0;
    const answers = new HelperAnswers(() => now);
    const runs = async (version: string, server = 'r.example'): Promise<number> => {
      await answers.get(helper, server, version, {});
      return helper.runs;
    };
    assert.equal(await runs('1'), 1);
    now = 299_999;
    assert.equal(await runs('1'), 1);
    now = 300_000;
    assert.equal(await runs('1'), 2);
    assert.equal(await runs('2'), 3);
    assert.equal(await runs('2', 's.example'), 4);
    answers.forget();
    assert.equal(await runs('2'), 5);
  });
});
