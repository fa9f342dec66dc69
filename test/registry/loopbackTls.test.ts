import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Op } from '../../src/oci/store.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { RemoteRegistry } from '../../src/oci/remote/registry.ts';
import { canary } from '../support/canary.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startMutualTls } from '../support/middlemen.ts';
import { startRegistry, type RegistryKind, type RegistryOptions } from '../support/registries.ts';
import { failureOf, remoteOf, type Remote, type RemoteHarnessOptions } from '../support/remoteHarness.ts';

const authority = makeCertificate({ commonName: 'Private CA', isAuthority: true });
const server = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'], issuer: authority });

async function pemFiles(t: TestContext): Promise<{ cert: string; key: string; ca: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'oci-loopback-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = (name: string): string => path.join(folder, `${name}.pem`);
  await writeFile(file('cert'), server.cert);
  await writeFile(file('key'), server.key);
  await writeFile(file('ca'), authority.cert);
  return { cert: file('cert'), key: file('key'), ca: file('ca') };
}

async function withTls(t: TestContext, kind: RegistryKind, more: RegistryOptions = {}): Promise<string> {
  const registry = await startRegistry(kind, { tls: await pemFiles(t), ...more });
  t.after(() => registry.stop());
  return registry.host;
}

/** What stands before a server and keeps what it is told without TLS. */
async function tapped(t: TestContext, host: string): Promise<{ host: string; plain: () => string }> {
  let plain = '';
  const [name = '', port = ''] = host.split(':');
  const tap = createServer((client) => {
    const upstream = connect(Number(port), name);
    // The first byte of TLS is that of a handshake record.
    client.once('data', (first: Buffer) => {
      if (first[0] !== 0x16) {
        plain += first.toString('latin1');
        client.on('data', (chunk: Buffer) => (plain += chunk.toString('latin1')));
      }
      upstream.write(first);
      client.pipe(upstream);
    });
    upstream.pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve));
  t.after(() => tap.close());
  return { host: `127.0.0.1:${(tap.address() as AddressInfo).port}`, plain: () => plain };
}

/** The registry of a host of the settings, which nobody looked at before; also how often it was found to speak TLS. */
function guessed(
  t: TestContext,
  host: string,
  more: RemoteHarnessOptions = {},
): Remote & { found(): number } {
  let found = 0;
  const remote = remoteOf(t, { host, origin: `http://${host}` }, { onTls: () => found++, ...more });
  return { ...remote, found: () => found };
}

/** What is first asked of a registry, one by GET, one by HEAD. */
const firsts: readonly ((registry: RemoteRegistry, op: Op) => Promise<unknown>)[] = [
  (registry, op) => registry.repositories(op),
  (registry, op) => registry.repository('app').resolve('v1', op),
];

describe('a registry of loopback that nobody looked at before', () => {
  for (const kind of ['distribution', 'distribution2', 'olareg'] as const) {
    it(`is asked with TLS where it speaks it (${kind}), and its certificate has to be trusted`, async (t) => {
      const host = await withTls(t, kind);
      for (const first of firsts) {
        const unknown = guessed(t, host);
        const error = await failureOf(first(unknown.registry, {}));
        assert.ok(isOciError(error, 'tls-untrusted'), String(error));
        assert.equal(error.facts.host, host);
        assert.equal(unknown.found(), 1);
        const trusting = guessed(t, host, {
          dispatcher: createDispatcher({ registry: host, trusted: () => server.cert }),
        });
        await first(trusting.registry, {}).catch((other: unknown) => {
          // Nothing was pushed to it.
          assert.ok(isOciError(other, 'not-found'), String(other));
        });
        assert.equal(trusting.found(), 1);
        assert.equal(trusting.registry.client.origin, `https://${host}`);
      }
    });
  }

  it('is told who we are over TLS alone', async (t) => {
    const { username: user, password } = canary;
    const { host, plain } = await tapped(
      t,
      await withTls(t, 'distribution', { htpasswd: { user, password } }),
    );
    const remote = guessed(t, host, {
      credential: canary,
      dispatcher: createDispatcher({ registry: host, trusted: () => server.cert }),
    });
    // At once, as the tree asks.
    const pages = await Promise.all([1, 2, 3].map(() => remote.registry.repositories()));
    assert.deepEqual(
      pages.flatMap(({ items }) => items),
      [],
    );
    assert.equal(remote.registry.client.authorizer.scheme, 'basic');
    assert.equal(remote.found(), 1);
    assert.match(plain(), /^GET \/v2\/_catalog/);
    assert.doesNotMatch(plain(), /authorization/i);
  });

  it('behind nginx with TLS is found as well', async (t) => {
    const registry = await startRegistry('distribution');
    t.after(() => registry.stop());
    const files = await pemFiles(t);
    const nginx = await startMutualTls(registry.host, files);
    t.after(() => nginx.stop());
    const client = makeCertificate({ commonName: 'client', issuer: authority });
    const certificates = () => Promise.resolve({ ca: [authority.cert], client, files: [] });
    const remote = guessed(t, nginx.host, {
      dispatcher: createDispatcher({ registry: nginx.host, certificates }),
    });
    assert.deepEqual((await remote.registry.repositories()).items, []);
    assert.equal(remote.found(), 1);
  });

  it('stays with plain HTTP where it speaks that', async (t) => {
    const registry = await startRegistry('distribution');
    t.after(() => registry.stop());
    const remote = guessed(t, registry.host);
    await remote.registry.repositories();
    assert.ok(isOciError(await failureOf(remote.registry.repository('no').resolve('v1')), 'not-found'));
    assert.equal(remote.found(), 0);
    assert.equal(remote.registry.client.origin, `http://${registry.host}`);
  });
});
