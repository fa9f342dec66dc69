import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import type { Services } from '../../../src/host/services.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import type { Credential } from '../../../src/oci/remote/credential.ts';
import { createDispatcher } from '../../../src/oci/remote/dispatcher.ts';
import { failureOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const { byMachine } = await import('../../../src/commands/signIn.ts');

describe('signing in with what the machine has', () => {
  it('gives up the account in use only when the registry takes the other', async (t) => {
    const good = `Basic ${Buffer.from('ann:good').toString('base64')}`;
    const server = await serve(t, ({ headers }, response) => {
      if (headers.authorization === good) {
        json(response, 200, {});
      } else {
        json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
      }
    });
    const dispatcher = createDispatcher();
    t.after(() => dispatcher.destroy());
    const used: string[] = [];
    let password = 'wrong';
    const services = {
      network: { scheme: () => 'http', dispatcher: () => dispatcher },
      accounts: {
        askAgain: () => undefined,
        machine: (): Promise<Credential> =>
          Promise.resolve({ kind: 'password', username: 'ann', password, source: 'docker' }),
        use: (place: string, name: string | undefined) => Promise.resolve(void used.push(`${place} ${name}`)),
      },
      signal: new AbortController().signal,
    } as unknown as Services;
    const account = { id: 'p', host: server.host };
    const error = await failureOf(byMachine(account, services));
    assert.ok(isOciError(error, 'unauthorized'), String(error));
    assert.deepEqual(used, []);
    password = 'good';
    assert.equal(await byMachine(account, services), 'docker');
    assert.deepEqual(used, ['p undefined']);
  });
});
