import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import '../support/vscodeStub.ts';
import { assertNoCanary } from '../support/canary.ts';
import { peer, runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { remoteOf } from '../support/remoteHarness.ts';
import { run } from '../support/run.ts';

const { createAccounts } = await import('../../src/host/createAccounts.ts');

const account = { user: 'alice', password: 'C4nary-of-alice' };

/** This process as that of a person who has these variables. */
function asPerson(t: TestContext, env: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  Object.assign(process.env, env);
  t.after(() => {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) {
        Reflect.deleteProperty(process.env, name);
      } else {
        process.env[name] = before[name];
      }
    }
  });
}

function secretStore() {
  const kept = new Map<string, string>();
  return {
    kept,
    get: (key: string) => Promise.resolve(kept.get(key)),
    store: (key: string, value: string) => Promise.resolve(void kept.set(key, value)),
    delete: (key: string) => Promise.resolve(void kept.delete(key)),
  };
}

async function newFolder(t: TestContext): Promise<string> {
  // Short: the agent of gpg has a socket in it.
  const folder = await mkdtemp(join(tmpdir(), 'oci-h-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

let running: RunningRegistry;
before(async () => {
  running = await startRegistry('distribution', { htpasswd: account });
});
after(() => running.stop());

describe('docker-credential-pass', () => {
  it('stores for us, is read by us and by oras, and erases at sign-out; config.json stays as it is', async (t) => {
    const home = await newFolder(t);
    await peer('docker-credential-pass');
    const env = {
      GNUPGHOME: join(home, 'gpg'),
      PASSWORD_STORE_DIR: join(home, 'store'),
      DOCKER_CONFIG: home,
      DOCKER_AUTH_CONFIG: '',
      REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    };
    await run('mkdir', ['-m', '700', env.GNUPGHOME]);
    const generate = [
      '--batch',
      '--passphrase',
      '',
      '--quick-gen-key',
      'test@example.com',
      'default',
      'default',
    ];
    await run(await peer('gpg'), generate, { env });
    t.after(() => run('gpgconf', ['--kill', 'all'], { env }).catch(() => undefined));
    await run(await peer('pass'), ['init', 'test@example.com'], { env });
    const config = join(home, 'config.json');
    await writeFile(config, '{"credsStore":"pass"}');
    asPerson(t, env);

    const secrets = secretStore();
    const accounts = createAccounts(secrets);
    const { host } = running;
    assert.deepEqual(await accounts.offers(host), {
      machine: undefined,
      helper: 'docker-credential-pass',
      github: false,
    });
    const credential = {
      kind: 'password',
      username: account.user,
      password: account.password,
      source: '',
    } as const;
    await accounts.signInByHelper('place', host, credential);
    assert.equal(await readFile(config, 'utf8'), '{"credsStore":"pass"}');
    assertNoCanary('secret storage', [...secrets.kept]);
    assert.match(String((await accounts.offers(host)).machine), /^docker-credential-pass/);

    const remote = remoteOf(t, { host, origin: `http://${host}` }, { credentials: accounts.source('place') });
    assert.deepEqual((await remote.registry.repositories()).items, []);
    assert.match(String(accounts.answered('place')), /^docker-credential-pass/);
    assertNoCanary('log', remote.output());

    // What docker's tools would do.
    await runPeer('oras', ['repo', 'ls', '--plain-http', host], { env });

    await accounts.signOut('place', host);
    assert.equal((await accounts.offers(host)).machine, undefined);
    await assert.rejects(runPeer('oras', ['repo', 'ls', '--plain-http', host], { env }));

    // What docker itself stored is not ours to erase.
    await runPeer('oras', ['login', '--plain-http', '-u', account.user, '--password-stdin', host], {
      env,
      input: account.password,
    });
    await accounts.signOut('place', host);
    assert.match(String((await accounts.offers(host)).machine), /^docker-credential-pass/);
    assert.equal((await accounts.source('place')(host))?.kind, 'password');
  });
});

describe('the config.json of a real tool', () => {
  const stdin = ['-u', account.user, '--password-stdin'];
  const logins = [
    ['oras', (host: string) => ['login', '--plain-http', ...stdin, host]],
    ['crane', (host: string) => ['auth', 'login', ...stdin, host]],
    ['helm', (host: string) => ['registry', 'login', '--plain-http', ...stdin, host]],
  ] as const;
  for (const [tool, args] of logins) {
    it(`opens a registry to who signed in with ${tool}`, async (t) => {
      const home = await newFolder(t);
      const env = {
        DOCKER_CONFIG: home,
        DOCKER_AUTH_CONFIG: '',
        REGISTRY_AUTH_FILE: join(home, 'auth.json'),
        HELM_REGISTRY_CONFIG: join(home, 'config.json'),
        HOME: home,
      };
      const { host } = running;
      // Where there is no account yet, some choose the helper there is on the PATH.
      const other = { 'other.example': { auth: Buffer.from('x:y').toString('base64') } };
      await writeFile(join(home, 'config.json'), JSON.stringify({ auths: other }));
      await runPeer(tool, args(host), { env, input: account.password });
      asPerson(t, env);
      const credentials = createAccounts(secretStore()).source('place');
      const remote = remoteOf(t, { host, origin: `http://${host}` }, { credentials });
      assert.deepEqual((await remote.registry.repositories()).items, []);
      assertNoCanary('log', remote.output());
    });
  }
});
