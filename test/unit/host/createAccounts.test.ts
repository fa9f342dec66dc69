import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import type { SecretStore } from '../../../src/auth/storedCredentials.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { remoteRegistry } from '../../../src/oci/remote/registry.ts';
import { createDispatcher } from '../../../src/oci/remote/dispatcher.ts';
import type { GitHub } from '../../../src/host/gitHub.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { canary, canaryBasic } from '../../support/canary.ts';
import { failureOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const { window } = (await import('vscode')) as unknown as { readonly window: Record<string, unknown> };
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

/** A credential helper that docker is set up with, which gives the account it is told to. */
async function helperOf(t: TestContext, config: string) {
  const folder = join(config, '..');
  const before = process.env['PATH'] ?? '';
  process.env['PATH'] = `${folder}${delimiter}${before}`;
  t.after(() => {
    process.env['PATH'] = before;
  });
  const [answer, log] = [join(folder, 'answer'), join(folder, 'log')];
  const script = `#!/bin/sh\necho "$1" >> '${log}'\ncat > /dev/null\nif [ "$1" = get ]; then cat '${answer}'; fi\n`;
  await writeFile(join(folder, 'docker-credential-test'), script, { mode: 0o755 });
  await writeFile(config, '{"credsStore":"test"}');
  return {
    setAnswer: (Username: string) =>
      writeFile(answer, JSON.stringify({ ServerURL: '', Username, Secret: 'secret' })),
    verbs: async () => (await readFile(log, 'utf8')).trim().split('\n'),
  };
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

  it('of a helper are asked for again when the window is come back to, or a person asks again', async (t) => {
    const path = await dockerConfig(t);
    const { setAnswer } = await helperOf(t, path);
    let focus: ((state: { readonly focused: boolean }) => void) | undefined;
    const unused = window['onDidChangeWindowState'];
    window['onDidChangeWindowState'] = (listener: typeof focus) => {
      focus = listener;
      return { dispose: () => (focus = undefined) };
    };
    t.after(() => {
      window['onDidChangeWindowState'] = unused;
    });
    const { accounts, asked } = await basicRegistry(t);
    const basic = (name: string): string => `Basic ${Buffer.from(`${name}:secret`).toString('base64')}`;
    await setAnswer('ann');
    assert.equal(await asked(), basic('ann'));
    await setAnswer('ben');
    assert.equal(await asked(), basic('ann'));
    focus?.({ focused: false });
    assert.equal(await asked(), basic('ann'));
    focus?.({ focused: true });
    assert.equal(await asked(), basic('ben'));
    await setAnswer('cleo');
    accounts.askAgain();
    assert.equal(await asked(), basic('cleo'));
    accounts.dispose();
    assert.equal(focus, undefined);
  });

  it('of a helper stay as they are where taking them back is given up', async (t) => {
    const path = await dockerConfig(t);
    const { setAnswer, verbs } = await helperOf(t, path);
    const accounts = createAccounts(secretStore());
    await accounts.signInByHelper('place', 'r.example', { ...canary, username: 'ann' });
    await setAnswer('ann');
    const given = { signal: AbortSignal.abort() };
    await assert.rejects(accounts.signOut('place', 'r.example', given), { name: 'AbortError' });
    assert.equal(await accounts.isSignedIn('place'), true);
    await accounts.signOut('place', 'r.example');
    assert.equal(await accounts.isSignedIn('place'), false);
    assert.deepEqual((await verbs()).slice(-2), ['get', 'erase']);
    assert.equal((await verbs()).filter((verb) => verb === 'erase').length, 1);
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
    const find = createAccounts(secretStore(), { warn: (text) => told.push(text) }).source('place');
    assert.equal(await find('r.example'), undefined);
    assert.equal(await find('s.example'), undefined);
    assert.equal(told.length, 1);
  });
});

describe('several accounts of one registry', () => {
  it('are remembered, chosen from and forgotten', async (t) => {
    await dockerConfig(t);
    const { accounts, host, asked } = await basicRegistry(t);
    await accounts.signIn('place', host, canary);
    await accounts.signIn('place', host, { ...canary, username: 'other' });
    assert.deepEqual(await accounts.remembered('place'), {
      names: ['other', canary.username],
      used: 'other',
    });
    await accounts.use('place', canary.username);
    assert.equal(await asked(), canaryBasic);
    await accounts.use('place', undefined);
    assert.equal(await asked(), undefined);
    assert.equal(await accounts.isSignedIn('place'), false);
    await accounts.use('place', canary.username);
    await accounts.signOut('place', host);
    // Nobody is signed in as another behind their back.
    assert.deepEqual(await accounts.remembered('place'), { names: ['other'], used: undefined });
    await accounts.forget('place', 'other');
    assert.deepEqual(await accounts.remembered('place'), { names: [], used: undefined });
  });

  it('go with an entry that is renamed, and with one that is removed', async (t) => {
    await dockerConfig(t);
    const { accounts, secrets, host } = await basicRegistry(t);
    await accounts.signIn('place', host, canary);
    await accounts.copy('place', 'renamed');
    await accounts.clear('place');
    assert.deepEqual(await accounts.remembered('place'), { names: [], used: undefined });
    assert.equal(await secrets.get('credential:place'), undefined);
    assert.equal((await accounts.remembered('renamed')).used, canary.username);
  });

  it('hold the single one that the first version kept', async (t) => {
    await dockerConfig(t);
    const { accounts, secrets, asked } = await basicRegistry(t);
    await secrets.store('credential:place', JSON.stringify(canary));
    assert.equal(await asked(), canaryBasic);
    await secrets.store('credential:place', '{"accounts":[7,{"kind":"x"}],"used":3,"lent":4,"realms":5}');
    assert.deepEqual(await accounts.remembered('place'), { names: [], used: undefined });
  });

  it('of the machine may be told to a token service that their owner agreed to', async (t) => {
    const path = await dockerConfig(t);
    const { accounts, host } = await basicRegistry(t);
    await writeFile(path, JSON.stringify({ auths: { [host]: { auth: canaryBasic.slice(6) } } }));
    const find = accounts.source('place');
    assert.equal((await find(host))?.realms, undefined);
    await accounts.use('place', undefined, ['https://auth.example']);
    assert.deepEqual((await find(host))?.realms, ['https://auth.example']);
    await accounts.signOut('place', host);
    assert.equal((await find(host))?.realms, undefined);
  });
});

/** A session at GitHub, and what it was asked. */
function gitHub(has: 'read' | 'write' | 'none'): GitHub & { readonly asked: string[] } {
  const asked: string[] = [];
  const session = {
    kind: 'password',
    username: 'octocat',
    password: canary.password,
    source: 'GitHub',
  } as const;
  return {
    asked,
    find: (canWrite) => {
      asked.push(`find ${canWrite ? 'write' : 'read'}`);
      return Promise.resolve(has === (canWrite ? 'write' : 'read') ? session : undefined);
    },
    ask: (canWrite) => {
      asked.push(`ask ${canWrite ? 'write' : 'read'}`);
      return Promise.resolve(session);
    },
    onDidChange: () => ({ dispose: () => undefined }),
  };
}

describe('the session at GitHub', () => {
  it('is that of ghcr.io with TLS alone, and nobody is asked before they sign in', async (t) => {
    await dockerConfig(t);
    const github = gitHub('read');
    const plain = new Set(['ghcr.io:443']);
    const accounts = createAccounts(secretStore(), {
      github,
      scheme: (host) => (plain.has(host) ? 'http' : 'https'),
    });
    const find = accounts.source('place');
    const rows: readonly (readonly [string, boolean])[] = [
      ['ghcr.io', true],
      ['GHCR.io', true],
      ['ghcr.io:443', false],
      ['ghcr.io:8443', false],
      ['ghcr.io.example', false],
      ['evil-ghcr.io', false],
      ['x.ghcr.io', false],
      ['github.com', false],
      ['docker.pkg.github.com', false],
      ['127.0.0.1:5000', false],
      ['docker.io', false],
    ];
    for (const [host, isTold] of rows) {
      assert.equal((await find(host))?.source, isTold ? 'GitHub' : undefined, host);
    }
    assert.ok(!github.asked.some((question) => question.startsWith('ask')));
  });

  it('is not told where this machine lets certificates pass that do not verify', async (t) => {
    await dockerConfig(t);
    const github = gitHub('read');
    const accounts = createAccounts(secretStore(), { github, isInsecure: (host) => host === 'ghcr.io' });
    assert.equal(await accounts.source('place')('ghcr.io'), undefined);
    assert.equal((await accounts.offers('ghcr.io')).github, false);
    await accounts.signInByGitHub('place', false);
    assert.equal(await accounts.source('place')('ghcr.io'), undefined);
    assert.deepEqual(github.asked, []);
  });

  it('comes behind what docker has, unless it was chosen, and stays with its host then too', async (t) => {
    const path = await dockerConfig(t);
    await writeFile(path, JSON.stringify({ auths: { 'ghcr.io': { auth: 'b3RoZXI6cHc=' } } }));
    const accounts = createAccounts(secretStore(), { github: gitHub('write') });
    const find = accounts.source('place');
    assert.match(String((await find('ghcr.io'))?.source), /config\.json/);
    await accounts.signInByGitHub('place', true);
    assert.equal((await find('ghcr.io'))?.source, 'GitHub');
    assert.equal(await find('r.example'), undefined);
    await accounts.signInByGitHub('place', false);
    assert.equal(await find('ghcr.io'), undefined);
    await accounts.signOut('place', 'ghcr.io');
    assert.match(String((await find('ghcr.io'))?.source), /config\.json/);
  });

  it('is told to the token service of ghcr.io alone, whatever it answers', async (t) => {
    await dockerConfig(t);
    const accounts = createAccounts(secretStore(), { github: gitHub('read') });
    const certificate = makeCertificate({ commonName: 'ghcr', names: ['ghcr.io', 'evil.example'] });
    const seen: string[] = [];
    const server = await serve(
      t,
      (request, response) => {
        const { host = '', authorization = '' } = request.headers;
        seen.push(`${host}${request.url.split('?')[0] ?? ''} ${authorization.split(' ')[0] ?? ''}`);
        const [, name] = /^\/v2\/(\w+)\//.exec(request.url) ?? [];
        if (host === 'evil.example') {
          json(response, 200, { token: 'evil' });
        } else if (request.url.startsWith('/token')) {
          json(response, 200, { token: 'good' });
        } else if (authorization !== 'Bearer good' || name === 'away') {
          const realm = name === 'away' ? 'https://evil.example/token' : 'https://ghcr.io/token';
          json(response, 401, {}, { 'www-authenticate': `Bearer realm="${realm}",service="ghcr.io"` });
        } else if (name === 'moved') {
          response.writeHead(307, { location: 'https://evil.example/tags' }).end();
        } else {
          json(response, 200, { tags: [] });
        }
      },
      { tls: certificate },
    );
    const way = await tunnelsTo(t, server.host);
    const dispatcher = createDispatcher({
      trusted: () => certificate.cert,
      proxy: () => ({ kind: 'proxy', proxy: { origin: way, strict: true, source: 'test' } }),
    });
    t.after(() => dispatcher.destroy());
    const registry = remoteRegistry({
      host: 'ghcr.io',
      scheme: 'https',
      credentials: accounts.source('place'),
      dispatcher,
      userAgent: 'test',
    });
    await registry.repository('own').tags();
    await registry.repository('moved').tags();
    await failureOf(registry.repository('away').tags());
    assert.ok(seen.includes('ghcr.io/token Basic'), seen.join('\n'));
    for (const line of seen) {
      assert.ok(!line.startsWith('evil.example') || line.endsWith(' '), line);
      assert.ok(!line.endsWith('Basic') || line.startsWith('ghcr.io/token'), line);
    }
    for (const path of ['tags', 'token']) {
      assert.ok(
        seen.some((line) => line.startsWith(`evil.example/${path}`)),
        path,
      );
    }
  });
});

/** A proxy whose every tunnel ends at one server, so that it stands for any host. */
async function tunnelsTo(t: TestContext, end: string): Promise<string> {
  const [address = '', port = ''] = end.split(':');
  const proxy = createServer();
  const sockets = new Set<Socket>();
  proxy.on('connect', (_, socket: Socket) => {
    const other = connect(Number(port), address, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(other).pipe(socket);
    });
    for (const one of [socket, other]) {
      sockets.add(one.on('error', () => undefined));
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
