import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { withMirrors } from '../../src/oci/remote/mirrors.ts';
import { probe } from '../../src/oci/remote/probe.ts';
import { insecureBy, readRegistriesConf } from '../../src/oci/remote/registriesConf.ts';
import { makeCertificate } from '../support/certificates.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { failureOf, remoteOf } from '../support/remoteHarness.ts';

const account = { user: 'mirror-user', password: 'C4nary-of-the-mirror' } as const;
const config = Buffer.from('{}');
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const content = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: digestOf(config),
  size: config.length,
};
const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType, config: content, layers: [content] }),
);

async function started(t: TestContext, ...args: Parameters<typeof startRegistry>): Promise<RunningRegistry> {
  const registry = await startRegistry(...args);
  t.after(() => registry.stop());
  return registry;
}

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'oci-mirrors-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A registries.conf in a file of its own, for skopeo and for us. */
async function conf(dir: string, text: string) {
  const file = path.join(dir, 'registries.conf');
  await writeFile(file, text);
  const rules = readRegistriesConf({
    env: { CONTAINERS_REGISTRIES_CONF: file },
    home: dir,
    readFile: (name) => readFileSync(name, 'utf8'),
    readFolder: () => [],
  });
  return { file, rules };
}

describe('registries.conf', () => {
  it('leads us to the mirror it leads skopeo to, with the account of the mirror, and pushes to none', async (t) => {
    const own = await started(t, 'distribution');
    const mirror = await started(t, 'distribution', { htpasswd: account });
    const dir = await folder(t);
    const { file, rules } = await conf(
      dir,
      `[[registry]]
       location = "${own.host}"
       insecure = true
       [[registry.mirror]]
       location = "${mirror.host}/copies"
       insecure = true`,
    );
    const credential = {
      kind: 'password',
      username: account.user,
      password: account.password,
      source: 'test',
    } as const;
    const other = remoteOf(t, { host: mirror.host, origin: `http://${mirror.host}` }, { credential });
    const there = other.registry.repository('copies/team/app');
    await there.push(content, bodyOf(config));
    await there.push({ mediaType, digest: digestOf(manifest), size: manifest.length }, bodyOf(manifest), {
      tag: 'v1',
    });
    const registry = withMirrors({
      registry: remoteOf(t, { host: own.host, origin: `http://${own.host}` }).registry,
      host: own.host,
      rules: () => rules,
      open: (endpoint) => {
        assert.equal(endpoint.host, mirror.host);
        return [other.registry];
      },
      now: Date.now,
    });
    const repository = registry.repository('team/app');
    assert.deepEqual(Buffer.from((await repository.manifest('v1')).bytes), manifest);
    assert.deepEqual(Buffer.concat(await Array.fromAsync(repository.fetch(content))), config);

    const auth = path.join(dir, 'auth.json');
    await runPeer(
      'skopeo',
      [
        'login',
        '--tls-verify=false',
        '--authfile',
        auth,
        '-u',
        account.user,
        '--password-stdin',
        mirror.host,
      ],
      { input: account.password },
    );
    assert.match(await readFile(auth, 'utf8'), new RegExp(mirror.host));
    const { stdout } = await runPeer('skopeo', [
      `--registries-conf=${file}`,
      'inspect',
      '--raw',
      '--authfile',
      auth,
      `docker://${own.host}/team/app:v1`,
    ]);
    assert.equal(stdout, manifest.toString());

    // What is written is at the registry itself.
    await repository.push(content, bodyOf(config));
    await repository.push(
      { mediaType, digest: digestOf(manifest), size: manifest.length },
      bodyOf(manifest),
      {
        tag: 'mine',
      },
    );
    assert.deepEqual((await repository.tags()).items, ['mine']);
    assert.deepEqual((await there.tags()).items, ['v1']);
  });

  it('lets TLS be used that does not verify, and plain HTTP where there is none, for its hosts alone', async (t) => {
    const dir = await folder(t);
    const self = makeCertificate({ commonName: 'self', names: ['other.example'] });
    const files = { cert: path.join(dir, 'cert.pem'), key: path.join(dir, 'key.pem') };
    await Promise.all([writeFile(files.cert, self.cert), writeFile(files.key, self.key)]);
    const secure = await started(t, 'distribution', { tls: files });
    const { rules } = await conf(dir, `[[registry]]\nlocation = "${secure.host}"\ninsecure = true`);
    const strict = remoteOf(t, { host: secure.host, origin: `https://${secure.host}` });
    assert.ok(isOciError(await failureOf(strict.registry.repositories()), 'tls-untrusted', 'tls-invalid'));
    const dispatcher = createDispatcher({ insecure: (host) => insecureBy(rules, host) !== undefined });
    const lax = remoteOf(t, { host: secure.host, origin: `https://${secure.host}` }, { dispatcher });
    assert.deepEqual((await lax.registry.repositories()).items, []);
    const second = await started(t, 'distribution', { tls: files });
    const other = remoteOf(t, { host: second.host, origin: `https://${second.host}` }, { dispatcher });
    assert.ok(isOciError(await failureOf(other.registry.repositories()), 'tls-untrusted', 'tls-invalid'));
  });
});

describe('a host that is not loopback', () => {
  it('is asked by plain HTTP only where this machine lets it', async (t) => {
    const plain = await started(t, 'distribution');
    // A name that is not loopback by its looks, and leads there all the same.
    const host = plain.host.replace('127.0.0.1', 'localhost.localdomain');
    const dispatcher = createDispatcher({
      lookup: (_, options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    t.after(() => dispatcher.destroy());
    const options = { host, dispatcher, credentials: () => Promise.resolve(undefined), userAgent: 'test' };
    assert.ok(isOciError(await failureOf(probe(options)), 'plain-http-server'));
    assert.equal((await probe({ ...options, isInsecure: true })).scheme, 'http');
  });
});
