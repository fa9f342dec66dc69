import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import '../support/vscodeStub.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Credential } from '../../src/oci/remote/credential.ts';
import { serverCertificate } from '../../src/oci/remote/certificate.ts';
import { probe } from '../../src/oci/remote/probe.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { Repository } from '../../src/oci/store.ts';
import { assertNoCanary, assertNothingTold, canaryBasic } from '../support/canary.ts';
import { makeCertificate } from '../support/certificates.ts';
import { peer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { failureOf, remoteOf } from '../support/remoteHarness.ts';
import { run } from '../support/run.ts';
import { json, scriptedServer, type ScriptedServer } from '../support/scriptedServer.ts';

const { createAccounts } = await import('../../src/host/createAccounts.ts');

const account = { kind: 'password', username: 'alice', password: 'C4nary-of-alice', source: 'test' } as const;
const blob = Buffer.from('what is pushed');

/** Pushes an artifact under a tag, and reads it back. */
async function pushAndPull(repository: Repository, tag: string): Promise<void> {
  const layer = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.byteLength };
  await repository.push(layer, bodyOf(blob));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: layer,
    layers: [layer],
  });
  const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(root, bodyOf(bytes), { tag });
  assert.deepEqual((await repository.manifest(tag)).descriptor, root);
  assert.deepEqual(Buffer.concat(await Array.fromAsync(repository.fetch(layer))), blob);
  assert.ok((await repository.tags()).items.includes(tag));
}

describe('a registry with passwords, behind TLS of a private authority', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oci-auth-'));
  const authority = makeCertificate({ commonName: 'Private CA', isAuthority: true });
  const certificate = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'], issuer: authority });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = file('ca.pem', authority.cert);
  let running: RunningRegistry;
  const origin = (): { host: string; origin: string } => ({
    host: running.host,
    origin: `https://${running.host}`,
  });
  const trusted = (): string => certificate.cert;

  before(async () => {
    running = await startRegistry('distribution', {
      htpasswd: { user: account.username, password: account.password },
      tls: { cert: file('cert.pem', certificate.cert), key: file('key.pem', certificate.key) },
    });
  });
  after(async () => {
    await running.stop();
    await rm(folder, { recursive: true });
  });

  it('is not spoken to before its certificate is trusted', async (t) => {
    const { registry } = remoteOf(t, origin(), { credential: account });
    assert.ok(isOciError(await failureOf(registry.repositories()), 'tls-untrusted'));
    const shown = await serverCertificate(running.host);
    assert.equal(shown.pem.trim(), certificate.cert.trim());
  });

  it('says what it wants', async (t) => {
    const dispatcher = createDispatcher({ trusted });
    t.after(() => dispatcher.destroy());
    const found = await probe({
      host: running.host,
      dispatcher,
      userAgent: 'test',
      credentials: () => Promise.resolve(undefined),
    });
    assert.deepEqual(found, {
      scheme: 'https',
      auth: 'basic',
      realm: `https://${running.host}`,
      catalog: 'denied',
    });
  });

  it('refuses nobody and a wrong password, and takes the right one', async (t) => {
    for (const credential of [undefined, { ...account, password: 'C4nary-wrong' }]) {
      const remote = remoteOf(t, origin(), { trusted, ...(credential ? { credential } : {}) });
      const error = await failureOf(remote.registry.repositories());
      assert.ok(isOciError(error, 'unauthorized'));
      assertNoCanary('error', error);
    }
    const remote = remoteOf(t, origin(), { trusted, credential: account });
    await pushAndPull(remote.registry.repository('team/app'), 'v1');
    assert.deepEqual((await remote.registry.repositories()).items, ['team/app']);
    assertNoCanary('log', remote.output());
  });

  const logins: readonly (readonly [string, readonly string[]])[] = [
    ['oras', ['login', '--ca-file', ca, '-u', account.username, '--password-stdin']],
    ['crane', ['auth', 'login', '-u', account.username, '--password-stdin']],
  ];
  for (const [tool, args] of logins) {
    it(`is open to who signed in with ${tool}`, async (t) => {
      const config = mkdtempSync(join(folder, 'docker-'));
      const env = { DOCKER_CONFIG: config, SSL_CERT_FILE: ca };
      await run(await peer(tool as Parameters<typeof peer>[0]), [...args, running.host], {
        env,
        input: account.password,
      });
      const kept = process.env['DOCKER_CONFIG'];
      process.env['DOCKER_CONFIG'] = config;
      t.after(() => {
        process.env['DOCKER_CONFIG'] = kept ?? '';
      });
      const secrets = { get: () => Promise.resolve(undefined), store: never, delete: never };
      const credentials = createAccounts(secrets).source('place');
      const remote = remoteOf(t, origin(), { trusted, credentials });
      await pushAndPull(remote.registry.repository('team/app'), tool);
    });
  }
});

function never(): Promise<never> {
  return Promise.reject(new Error('Nothing is stored here'));
}

/** What a token service grants, as JWT that distribution takes (distribution, token authentication specification). */
async function tokenIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'test', use: 'sig', alg: 'ES256' }] },
    issue: (scopes: readonly string[], subject: string): Promise<string> => {
      const access = scopes.map((scope) => {
        const [type = '', name = '', actions = ''] = scope.split(':');
        return { type, name, actions: actions.split(',') };
      });
      return new SignJWT({ access })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: 'test' })
        .setIssuer('test-issuer')
        .setAudience('test-service')
        .setSubject(subject)
        .setJti(randomUUID())
        .setIssuedAt()
        .setNotBefore('10 seconds ago')
        .setExpirationTime('5 minutes')
        .sign(privateKey);
    },
  };
}

describe('a registry with tokens of a service at another origin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oci-tokens-'));
  const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
  let service: ScriptedServer;
  let running: RunningRegistry;
  /** Whether people without a name get a token. */
  let isOpen = true;

  before(async () => {
    const issuer = await tokenIssuer();
    service = await scriptedServer((request, response) => {
      const isKnown = request.headers.authorization === basic;
      if (!isKnown && (!isOpen || request.headers.authorization !== undefined)) {
        json(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'no' }] });
        return;
      }
      const scopes = new URL(`http://x${request.url}`).searchParams.getAll('scope');
      // Who has no name may read what is public.
      const granted = isKnown ? scopes : scopes.filter((scope) => scope.startsWith('repository:public/'));
      void issuer
        .issue(
          granted.map((scope) => (isKnown ? scope : scope.replace(/[^:]*$/, 'pull'))),
          isKnown ? account.username : '',
        )
        .then((token) => json(response, 200, { token, expires_in: 300 }));
    });
    const jwks = join(folder, 'jwks.json');
    writeFileSync(jwks, JSON.stringify(issuer.jwks));
    running = await startRegistry('distribution', {
      env: {
        REGISTRY_AUTH: 'token',
        REGISTRY_AUTH_TOKEN_REALM: `${service.origin}/token`,
        REGISTRY_AUTH_TOKEN_SERVICE: 'test-service',
        REGISTRY_AUTH_TOKEN_ISSUER: 'test-issuer',
        REGISTRY_AUTH_TOKEN_JWKS: jwks,
      },
    });
  });
  after(async () => {
    await running.stop();
    await service.stop();
    await rm(folder, { recursive: true });
  });
  const origin = (): { host: string; origin: string } => ({
    host: running.host,
    origin: `http://${running.host}`,
  });
  const agreed = (): Credential => ({ ...account, realms: [service.origin] });

  it('is pushed to and pulled from once its owner agreed to the service', async (t) => {
    const remote = remoteOf(t, origin(), { credential: agreed(), now: Date.now });
    const repository = remote.registry.repository('public/app');
    await pushAndPull(repository, 'v1');
    assert.deepEqual((await remote.registry.repositories()).items, ['public/app']);
    await repository.untag?.('v1').catch(() => undefined);
    await pushAndPull(repository, 'v1');
    await pushAndPull(remote.registry.repository('private/app'), 'v1');
    const { digest } = await repository.resolve('v1');
    const layer = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.byteLength };
    assert.equal(await remote.registry.repository('private/new').mount?.(layer, 'public/app'), true);
    await repository.delete?.({ mediaType: MediaType.manifest, digest, size: 1 });
    assert.ok(isOciError(await failureOf(repository.resolve('v1')), 'not-found'));
    await pushAndPull(repository, 'v1');
    assertNoCanary('log', remote.output());
  });

  it('is only read by who did not agree, and the service is told nothing', async (t) => {
    const known = service.seen.length;
    const remote = remoteOf(t, origin(), { credential: account, now: Date.now });
    assert.deepEqual((await remote.registry.repository('public/app').tags()).items, ['v1']);
    const error = await failureOf(remote.registry.repository('private/app').tags());
    assert.ok(isOciError(error, 'unauthorized'), String(error));
    assert.equal(error.facts.realm, service.origin);
    assertNothingTold({ ...service, seen: service.seen.slice(known) });
  });

  it('is found out about, also when the service gives nothing to people without a name', async (t) => {
    t.after(() => {
      isOpen = true;
    });
    for (isOpen of [true, false]) {
      const dispatcher = createDispatcher();
      t.after(() => dispatcher.destroy());
      const found = await probe({
        host: running.host,
        dispatcher,
        userAgent: 'test',
        credentials: () => Promise.resolve(undefined),
      });
      assert.deepEqual(found, { scheme: 'http', auth: 'bearer', realm: service.origin, catalog: 'denied' });
    }
  });

  it('asks for one token for 100 requests at once, and for none when it is warm', async (t) => {
    const known = service.seen.length;
    const statuses: number[] = [];
    const remote = remoteOf(t, origin(), {
      credential: agreed(),
      now: Date.now,
      log: ({ status }) => statuses.push(status),
    });
    const repository = remote.registry.repository('private/app');
    const pages = await Promise.all(Array.from({ length: 100 }, () => repository.tags()));
    assert.ok(pages.every(({ items }) => items.includes('v1')));
    assert.equal(service.seen.length - known, 1);
    statuses.length = 0;
    await repository.tags();
    await repository.resolve('v1');
    // No 401 on the way, and nothing else than the two.
    assert.deepEqual(statuses, [200, 200]);
    assert.equal(service.seen.length - known, 1);
  });

  it('refuses a wrong password once', async (t) => {
    const known = service.seen.length;
    const credential = { ...agreed(), password: 'C4nary-wrong' } as Credential;
    const remote = remoteOf(t, origin(), { credential, now: Date.now });
    const error = await failureOf(remote.registry.repository('private/app').tags());
    assert.ok(isOciError(error, 'unauthorized'));
    assert.equal(service.seen.length, known + 1);
    assertNoCanary('error', error, [canaryBasic]);
  });
});
