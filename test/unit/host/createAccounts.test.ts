import assert from 'node:assert/strict';
import { mkdtemp, rm, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import type { SecretStore } from '../../../src/auth/storedCredentials.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { remoteRegistry } from '../../../src/oci/remote/registry.ts';
import { createDispatcher } from '../../../src/oci/remote/dispatcher.ts';
import { canary, canaryBasic } from '../../support/canary.ts';
import { failureOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const { createAccounts } = await import('../../../src/host/createAccounts.ts');

/** The editor's, whose other windows speak up by `elsewhere`. */
function secretStore(): SecretStore & { elsewhere(): void } {
  const kept = new Map<string, string>();
  const listeners = new Set<() => void>();
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    store: (key, value) => Promise.resolve(void kept.set(key, value)),
    delete: (key) => Promise.resolve(void kept.delete(key)),
    onDidChange: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    elsewhere: () => {
      kept.clear();
      listeners.forEach((listener) => listener());
    },
  };
}

/** An environment of its own: no account of whoever runs the tests. */
async function dockerConfig(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'oci-accounts-'));
  const own = {
    DOCKER_CONFIG: folder,
    DOCKER_AUTH_CONFIG: '',
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
  };
  const before = Object.keys(own).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, own);
  t.after(async () => {
    for (const [name, value] of before) {
      if (value === undefined) {
        Reflect.deleteProperty(process.env, name);
      } else {
        process.env[name] = value;
      }
    }
    await rm(folder, { recursive: true });
  });
  return join(folder, 'config.json');
}

/** A registry with Basic, and how it was asked last. */
async function basicRegistry(t: TestContext) {
  const server = await serve(t, (request, response) => {
    if (request.headers.authorization === undefined) {
      json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
    } else {
      json(response, 200, { tags: [] });
    }
  });
  const secrets = secretStore();
  const accounts = createAccounts(secrets);
  const dispatcher = createDispatcher();
  t.after(() => dispatcher.destroy());
  const registry = remoteRegistry({
    host: server.host,
    scheme: 'http',
    credentials: accounts.source('place'),
    dispatcher,
    userAgent: 'test',
  });
  return {
    accounts,
    secrets,
    host: server.host,
    /** The `Authorization` of the last request of a list; undefined when it was refused. */
    asked: async (): Promise<string | undefined> => {
      try {
        await registry.repository('app').tags();
      } catch (error) {
        assert.ok(isOciError(error, 'unauthorized'), String(error));
      }
      return server.seen.at(-1)?.headers.authorization;
    },
  };
}

describe('accounts', () => {
  it('are known by a registry from sign in to sign out', async (t) => {
    await dockerConfig(t);
    const { accounts, host, asked } = await basicRegistry(t);
    assert.equal(await asked(), undefined);
    await accounts.signIn('place', host, canary);
    assert.equal(await accounts.isSignedIn('place'), true);
    assert.equal(await asked(), canaryBasic);
    await accounts.signIn('place', host, { ...canary, username: 'other' });
    assert.notEqual(await asked(), canaryBasic);
    await accounts.signOut('place', host);
    assert.equal(await accounts.isSignedIn('place'), false);
    assert.equal(await asked(), undefined);
  });

  it('of another window are known, too', async (t) => {
    await dockerConfig(t);
    const { accounts, host, secrets, asked } = await basicRegistry(t);
    await accounts.signIn('place', host, canary);
    assert.equal(await asked(), canaryBasic);
    secrets.elsewhere();
    assert.equal(await asked(), undefined);
    accounts.dispose();
  });

  it('of docker come and go with its config.json', async (t) => {
    const path = await dockerConfig(t);
    const { host, asked } = await basicRegistry(t);
    assert.equal(await asked(), undefined);
    await writeFile(path, JSON.stringify({ auths: { [host]: { auth: canaryBasic.slice(6) } } }));
    assert.equal(await asked(), canaryBasic);
    await writeFile(path, JSON.stringify({ auths: {} }));
    assert.equal(await asked(), undefined);
    await rm(path);
    assert.equal(await asked(), undefined);
  });

  it('of the editor come before those of docker', async (t) => {
    const path = await dockerConfig(t);
    const { accounts, host, asked } = await basicRegistry(t);
    await writeFile(path, JSON.stringify({ auths: { [host]: { auth: 'b3RoZXI6cHc=' } } }));
    await accounts.signIn('place', host, canary);
    assert.equal(await asked(), canaryBasic);
    await accounts.signOut('place', host);
    assert.equal(await asked(), 'Basic b3RoZXI6cHc=');
  });

  it('that cannot be read are told as such', async (t) => {
    const path = await dockerConfig(t);
    const accounts = createAccounts(secretStore());
    await mkdir(path);
    const error = await failureOf(accounts.source('place')('r.example'));
    assert.ok(isOciError(error, 'credentials-unreadable'));
  });

  it('of a malformed DOCKER_AUTH_CONFIG are passed over, which is told once', async (t) => {
    await dockerConfig(t);
    process.env['DOCKER_AUTH_CONFIG'] = '{';
    const told: string[] = [];
    const find = createAccounts(secretStore(), (text) => told.push(text)).source('place');
    assert.equal(await find('r.example'), undefined);
    assert.equal(await find('s.example'), undefined);
    assert.equal(told.length, 1);
  });
});
