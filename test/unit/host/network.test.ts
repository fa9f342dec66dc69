import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Memento } from 'vscode';
import '../../support/vscodeStub.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { remoteRegistry } from '../../../src/oci/remote/registry.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { failureOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const vscode = (await import('vscode')) as unknown as { readonly workspace: Record<string, unknown> };
const { createNetwork } = await import('../../../src/host/network.ts');

/** What one file of settings says of a setting, by its whole name. */
type Values = Record<string, unknown>;

interface Settings {
  readonly user: Values;
  readonly workspace: Values;
  /** Tells those who listen that a setting has changed. */
  change(name: string): void;
}

/** The settings of an editor: the user's and those of a workspace. */
function settings(user: Values, workspace: Values = {}): Settings {
  const listeners = new Set<(event: unknown) => void>();
  const defaults: Values = { 'ociExplorer.plainHttpHosts': [], 'ociExplorer.certificates': {} };
  vscode.workspace['getConfiguration'] = (section: string) => {
    const read = (name: string) => ({
      defaultValue: defaults[`${section}.${name}`],
      globalValue: user[`${section}.${name}`],
      workspaceValue: workspace[`${section}.${name}`],
    });
    return {
      // Those of the extension have application scope: there the editor looks at the user's alone.
      get: (name: string) => read(name).globalValue ?? read(name).defaultValue,
      inspect: read,
      update: (name: string, value: unknown, target: number) => {
        assert.equal(target, 1, 'Only the user relaxes TLS');
        user[`${section}.${name}`] = value;
        change(`${section}.${name}`);
        return Promise.resolve();
      },
    };
  };
  vscode.workspace['onDidChangeConfiguration'] = (listener: (event: unknown) => void) => {
    listeners.add(listener);
    return { dispose: () => listeners.delete(listener) };
  };
  const change = (name: string): void => {
    for (const listener of listeners) {
      listener({ affectsConfiguration: (part: string) => name === part || name.startsWith(`${part}.`) });
    }
  };
  return { user, workspace, change };
}

function memento(): Memento {
  const kept = new Map<string, unknown>();
  return {
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
    keys: () => [...kept.keys()],
  } as Memento;
}

const file = '/etc/containers/registries.conf';

function network(t: TestContext, { conf = '', state = memento() } = {}) {
  const made = createNetwork(state, {
    env: {},
    home: '/home/ann',
    readFile: (path) => (path === file ? conf : undefined),
    readFolder: () => [],
  });
  t.after(() => made.dispose());
  let changes = 0;
  made.onDidChange(() => changes++);
  return { made, changes: () => changes };
}

describe('how a host is spoken to', () => {
  it('is HTTPS, but for loopback until it was found to speak it, and for what the user allows', async (t) => {
    const { user } = settings({ 'ociExplorer.plainHttpHosts': ['Plain.example:5000', 7] });
    const { made, changes } = network(t);
    assert.equal(made.scheme('a.example'), 'https');
    assert.equal(made.scheme('plain.example:5000'), 'http');
    assert.equal(made.scheme('plain.example'), 'https');
    assert.equal(made.scheme('localhost:5000'), 'http');
    assert.equal(made.scheme('[::1]:5000'), 'http');
    await made.remember('localhost:5000', 'https');
    assert.equal(made.scheme('localhost:5000'), 'https');
    assert.equal(changes(), 1);
    // What was found elsewhere is nobody’s consent.
    await made.remember('a.example', 'http');
    assert.equal(made.scheme('a.example'), 'https');
    await made.allowHttp('A.example');
    assert.equal(made.scheme('a.example'), 'http');
    assert.deepEqual(user['ociExplorer.plainHttpHosts'], ['plain.example:5000', 'a.example']);
  });

  it('may be plain HTTP where registries.conf says so, as long as it does', async (t) => {
    settings({});
    const state = memento();
    const insecure = network(t, { conf: '[[registry]]\nlocation = "a.example"\ninsecure = true', state });
    assert.equal(insecure.made.insecureBy('a.example'), file);
    assert.equal(insecure.made.scheme('a.example'), 'https');
    await insecure.made.remember('a.example', 'http');
    assert.equal(insecure.made.scheme('a.example'), 'http');
    const strict = network(t, { state });
    assert.equal(strict.made.scheme('a.example'), 'https');
    assert.equal(strict.made.insecureBy('a.example'), undefined);
  });

  it('keeps a certificate for the host whose API shows it', async (t) => {
    settings({});
    const { made } = network(t);
    await made.trust('index.docker.io', 'PEM');
    assert.equal(made.trusted('docker.io'), 'PEM');
    assert.equal(made.trusted('registry-1.docker.io'), 'PEM');
    assert.equal(made.trusted('docker.io:444'), undefined);
  });

  it('is one set of connections, made anew when what they are made by changes', async (t) => {
    const server = await serve(t, (_, response) => response.end());
    const kept = settings({});
    const { made, changes } = network(t);
    const dispatcher = made.dispatcher(server.host);
    assert.equal(made.dispatcher('index.docker.io'), made.dispatcher('docker.io'));
    assert.notEqual(made.dispatcher('docker.io'), dispatcher);
    const { client } = remoteRegistry({
      host: server.host,
      scheme: 'http',
      credentials: () => Promise.resolve(undefined),
      dispatcher,
      userAgent: 'test',
    });
    const connections = async (): Promise<number> => {
      for (let count = 0; count < 3; count++) {
        await (await client.send({ method: 'GET', url: '/v2/', scopes: [] })).body.dump();
      }
      return server.connections;
    };
    assert.equal(await connections(), 1);
    kept.change('editor.fontSize');
    assert.equal(await connections(), 1);
    for (const [index, name] of ['http.proxy', 'ociExplorer.certificates'].entries()) {
      kept.change(name);
      assert.equal(changes(), index + 1);
      assert.equal(await connections(), index + 2);
    }
    await made.trust('other.example', 'PEM');
    assert.equal(await connections(), 3);
    await made.trust(server.host, 'PEM');
    assert.equal(await connections(), 4);
    assert.equal(made.dispatcher(server.host), dispatcher);
  });

  it('does without TLS that verifies where registries.conf says so of a mirror: as the mirror alone', async (t) => {
    const { cert, key } = makeCertificate({ commonName: 'self', names: ['other.example'] });
    const server = await serve(t, (_, response) => json(response, 200, { repositories: [] }), {
      tls: { cert, key },
    });
    settings({});
    const mirror = `[[registry.mirror]]\nlocation = "${server.host}"\ninsecure = true`;
    const { made } = network(t, { conf: `[[registry]]\nlocation = "docker.io"\n${mirror}` });
    const asked = (isInsecure: boolean) =>
      remoteRegistry({
        host: server.host,
        scheme: 'https',
        credentials: () => Promise.resolve(undefined),
        dispatcher: made.dispatcher(server.host, isInsecure),
        userAgent: 'test',
      }).repositories();
    assert.deepEqual((await asked(true)).items, []);
    assert.ok(isOciError(await failureOf(asked(false)), 'tls-untrusted', 'tls-invalid'));
    assert.deepEqual((await asked(true)).items, []);
    assert.equal(made.insecureBy(server.host), undefined);
    // Who is told nothing where a certificate need not verify is told nothing here.
    assert.deepEqual(
      [server.host, 'docker.io'].map((host) => made.isEverInsecure(host)),
      [true, false],
    );
  });
});

describe('a proxy', () => {
  const target = new URL('https://a.example/v2/');

  it('is the user’s, whatever a workspace says', (t) => {
    const { user, workspace } = settings({}, { 'http.proxy': 'http://evil.example:1' });
    const { made } = network(t);
    const kind = (): string => {
      const way = made.way(target);
      return way.kind === 'proxy' ? way.proxy.origin : way.kind;
    };
    assert.notEqual(kind(), 'http://evil.example:1');
    user['http.proxy'] = 'http://proxy.example:3128';
    assert.equal(kind(), 'http://proxy.example:3128');
    workspace['http.noProxy'] = ['a.example'];
    workspace['http.proxySupport'] = 'off';
    assert.equal(kind(), 'http://proxy.example:3128');
    user['http.noProxy'] = ['a.example', 5];
    assert.equal(kind(), 'direct');
    user['http.noProxy'] = [];
    user['http.proxySupport'] = 'off';
    assert.equal(kind(), 'direct');
  });

  it('is told the user’s header, and has to verify unless the user says it need not', (t) => {
    const { user, workspace } = settings({
      'http.proxy': 'https://proxy.example:3128',
      'http.proxyAuthorization': 'Basic abc',
    });
    workspace['http.proxyStrictSSL'] = false;
    workspace['http.proxyAuthorization'] = 'Basic evil';
    const { made } = network(t);
    const proxy = () => {
      const way = made.way(target);
      assert.ok(way.kind === 'proxy');
      return way.proxy;
    };
    assert.deepEqual([proxy().authorization, proxy().strict], ['Basic abc', true]);
    user['http.proxyStrictSSL'] = false;
    assert.equal(proxy().strict, false);
  });
});
