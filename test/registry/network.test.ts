import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { serverCertificate } from '../../src/oci/remote/certificate.ts';
import { readCertificates } from '../../src/oci/remote/certsD.ts';
import { createDispatcher, type DispatcherOptions } from '../../src/oci/remote/dispatcher.ts';
import { probe } from '../../src/oci/remote/probe.ts';
import { proxyFor, type ProxySettings } from '../../src/oci/remote/proxy.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startForwardProxy, startMutualTls } from '../support/middlemen.ts';
import { startRegistry } from '../support/registries.ts';
import { failureOf, remoteOf, type Remote } from '../support/remoteHarness.ts';

const user = { name: 'proxyuser', password: 'proxypass' };
const authority = makeCertificate({ commonName: 'Private CA', isAuthority: true });
const server = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'], issuer: authority });
const client = makeCertificate({ commonName: 'client', issuer: authority });

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'oci-network-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A private registry with TLS (our own CA); also who trusts it. */
async function privateRegistry(t: TestContext) {
  const dir = await folder(t);
  const [cert, key] = [path.join(dir, 'cert.pem'), path.join(dir, 'key.pem')];
  await Promise.all([writeFile(cert, server.cert), writeFile(key, server.key)]);
  const registry = await startRegistry('distribution', { tls: { cert, key } });
  t.after(() => registry.stop());
  return registry;
}

function ours(t: TestContext, origin: string, options: DispatcherOptions): Remote {
  return remoteOf(t, { host: new URL(origin).host, origin }, { dispatcher: createDispatcher(options) });
}

/** Loopback, too, goes by the proxy: the registries of tests have no other address. */
function through(proxy: string, more: Partial<ProxySettings> = {}): Pick<DispatcherOptions, 'proxy'> {
  return {
    proxy: (target) => proxyFor(target, { isOn: true, proxy, noProxy: ['<-loopback>'], env: {}, ...more }),
  };
}

/** What a probe needs beside the host. */
function asked(t: TestContext) {
  const dispatcher = createDispatcher();
  t.after(() => dispatcher.destroy());
  return { dispatcher, credentials: () => Promise.resolve(undefined), userAgent: 'test' };
}

/** Pushes, lists and reads, and gives all that was logged. */
async function use(remote: Remote): Promise<string> {
  const repository = remote.registry.repository('net/app');
  const bytes = Buffer.alloc(300_000, 'x');
  const blob = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
  await repository.push(blob, bodyOf(bytes));
  const empty = Buffer.from('{}');
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 };
  await repository.push(config, bodyOf(empty));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [blob] }));
  const descriptor = { mediaType, digest: digestOf(manifest), size: manifest.length };
  await repository.push(descriptor, bodyOf(manifest));
  await repository.tag(descriptor, 'v1');
  assert.deepEqual((await repository.tags()).items, ['v1']);
  assert.deepEqual((await remote.registry.repositories()).items, ['net/app']);
  return remote.output();
}

describe('a real forward proxy', () => {
  it('carries plain HTTP as whole URLs, with and without a sign-in of its own', async (t) => {
    const registry = await startRegistry('distribution');
    t.after(() => registry.stop());
    for (const asked of [undefined, user]) {
      const proxy = await startForwardProxy(asked);
      t.after(() => proxy.stop());
      const login = asked ? `${asked.name}:${asked.password}@` : '';
      const said = await use(ours(t, `http://${registry.host}`, through(`http://${login}${proxy.host}`)));
      assert.ok(!said.includes(user.password));
      const log = await proxy.log();
      assert.match(log, new RegExp(`Request .*: (?:PUT|POST) http://${registry.host}/v2/net/app/`));
      assert.doesNotMatch(log, /: CONNECT /);
    }
  });

  it('carries HTTPS in a tunnel, where the authorities of the host count', async (t) => {
    const registry = await privateRegistry(t);
    const certificates = () => Promise.resolve({ ca: [authority.cert], files: [] });
    for (const asked of [undefined, user]) {
      const proxy = await startForwardProxy(asked);
      t.after(() => proxy.stop());
      const login = asked ? `${asked.name}:${asked.password}@` : '';
      const way = through(`http://${login}${proxy.host}`);
      const said = await use(ours(t, `https://${registry.host}`, { ...way, certificates }));
      assert.ok(!said.includes(user.password));
      assert.match(await proxy.log(), new RegExp(`CONNECT ${registry.host} `));
      const untrusted = ours(t, `https://${registry.host}`, way);
      assert.ok(isOciError(await failureOf(untrusted.registry.repositories()), 'tls-untrusted'));
      const pinned = ours(t, `https://${registry.host}`, { ...way, trusted: () => server.cert });
      await pinned.registry.repositories();
      const before = (await proxy.log()).split(' CONNECT ').length;
      const shown = await serverCertificate(registry.host, undefined, way.proxy);
      assert.equal(shown.fingerprint, new X509Certificate(server.cert).fingerprint256);
      assert.ok((await proxy.log()).split(' CONNECT ').length > before);
    }
  });

  it('that wants a sign-in says so, and its own password is told to nobody else', async (t) => {
    const registry = await privateRegistry(t);
    const proxy = await startForwardProxy(user);
    t.after(() => proxy.stop());
    const remote = ours(t, `https://${registry.host}`, through(`http://${user.name}:wrong@${proxy.host}`));
    const error = await failureOf(remote.registry.repositories());
    assert.ok(isOciError(error, 'unreachable'), String(error));
    assert.match(String(error.facts.detail), /The proxy http:\/\/127\.0\.0\.1:\d+ (?:wants|refuses)/);
    assert.ok(!`${error.stack} ${remote.output()}`.includes('wrong'));
  });

  it('is passed by for what is listed, and nothing goes direct when it is gone', async (t) => {
    const registry = await startRegistry('distribution');
    t.after(() => registry.stop());
    const proxy = await startForwardProxy();
    const listed = through(`http://${proxy.host}`, { noProxy: ['<-loopback>', '127.0.0.0/8'] });
    await use(ours(t, `http://${registry.host}`, listed));
    assert.doesNotMatch(await proxy.log(), /Request /);
    await proxy.stop();
    for (const origin of [`http://${registry.host}`, `https://${registry.host}`]) {
      const lost = ours(t, origin, through(`http://${proxy.host}`));
      assert.ok(isOciError(await failureOf(lost.registry.repositories()), 'unreachable'));
    }
    const invalid = ours(t, `http://${registry.host}`, through('ftp://proxy.example'));
    assert.match(String(await failureOf(invalid.registry.repositories())), /http\.proxy names no proxy/);
  });
});

describe('a registry at an address of IPv6', () => {
  const hasIt = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );

  it('is used by plain HTTP, by TLS and through a proxy', { skip: !hasIt }, async (t) => {
    const plain = await startRegistry('distribution', { address: '[::1]' });
    t.after(() => plain.stop());
    assert.match(plain.host, /^\[::1\]:\d+$/);
    await use(ours(t, `http://${plain.host}`, { registry: plain.host }));
    assert.equal((await probe({ ...asked(t), host: plain.host })).scheme, 'http');

    const dir = await folder(t);
    const own = makeCertificate({ commonName: 'registry', names: ['::1'], issuer: authority });
    const tls = { cert: path.join(dir, 'cert.pem'), key: path.join(dir, 'key.pem') };
    await Promise.all([writeFile(tls.cert, own.cert), writeFile(tls.key, own.key)]);
    const secure = await startRegistry('distribution', { address: '[::1]', tls });
    t.after(() => secure.stop());
    const folders = path.join(dir, 'certs.d');
    await mkdir(path.join(folders, secure.host), { recursive: true });
    await writeFile(path.join(folders, secure.host, 'ca.crt'), authority.cert);
    const certificates = (host: string) => readCertificates(host, undefined, [folders]);
    const origin = `https://${secure.host}`;
    await use(ours(t, origin, { registry: secure.host, certificates }));
    assert.equal(
      (await serverCertificate(secure.host)).fingerprint,
      new X509Certificate(own.cert).fingerprint256,
    );
    const proxy = await startForwardProxy();
    t.after(() => proxy.stop());
    await use(ours(t, origin, { certificates, ...through(`http://${proxy.host}`) }));
    assert.ok((await proxy.log()).includes(`CONNECT ${secure.host} `));
  });
});

describe('distribution behind nginx that wants a client certificate', () => {
  it('is used with the files of certs.d, and refused without', async (t) => {
    const registry = await startRegistry('distribution');
    t.after(() => registry.stop());
    const dir = await folder(t);
    const files = { cert: `${dir}/s.pem`, key: `${dir}/s.key`, ca: `${dir}/ca.pem` };
    await writeFile(files.cert, server.cert);
    await writeFile(files.key, server.key);
    await writeFile(files.ca, authority.cert);
    const nginx = await startMutualTls(registry.host, files);
    t.after(() => nginx.stop());
    const own = path.join(dir, 'certs.d', nginx.host);
    await mkdir(own, { recursive: true });
    await writeFile(path.join(own, 'ca.crt'), authority.cert);
    const certificates = (host: string) => readCertificates(host, undefined, [path.join(dir, 'certs.d')]);
    const origin = `https://${nginx.host}`;

    const nameless = await failureOf(ours(t, origin, { certificates }).registry.repositories());
    assert.ok(isOciError(nameless, 'request-refused', 'tls-invalid'), String(nameless));

    await writeFile(path.join(own, 'client.cert'), client.cert);
    const half = await failureOf(ours(t, origin, { certificates }).registry.repositories());
    assert.ok(isOciError(half, 'tls-invalid'), String(half));

    await writeFile(path.join(own, 'client.key'), client.key);
    await use(ours(t, origin, { certificates }));
    assert.match(await nginx.log(), /"PUT \/v2\/net\/app\/manifests\/v1 /);

    const proxy = await startForwardProxy();
    t.after(() => proxy.stop());
    await use(ours(t, origin, { certificates, ...through(`http://${proxy.host}`) }));
    assert.match(await proxy.log(), new RegExp(`CONNECT ${nginx.host} `));

    const settings = { ca: files.ca, cert: path.join(own, 'client.cert'), key: path.join(own, 'client.key') };
    await use(ours(t, origin, { certificates: (host) => readCertificates(host, settings, []) }));
  });
});
