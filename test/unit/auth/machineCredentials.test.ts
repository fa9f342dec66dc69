import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, it, type TestContext } from 'node:test';
import { machineSources } from '../../../src/auth/machineCredentials.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import type { Credential } from '../../../src/oci/remote/credential.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');
const hub = 'https://index.docker.io/v1/';

/** `auths` → host → what is found, as `kind user:secret`. */
const rows: readonly (readonly [string, Readonly<Record<string, unknown>>, string, string | undefined])[] = [
  ['the host', { 'r.example': { auth: auth('u:p') } }, 'r.example', 'password u:p'],
  ['its port', { 'r.example:5000': { auth: auth('u:p') } }, 'r.example', undefined],
  ['a key that is a URL', { 'https://r.example/v2/': { auth: auth('u:p') } }, 'r.example', 'password u:p'],
  ['a key with http', { 'http://r.example': { auth: auth('u:p') } }, 'r.example', 'password u:p'],
  [
    'a password with colons',
    { r: {}, 'r.example': { auth: auth('u:p:q:') } },
    'r.example',
    'password u:p:q:',
  ],
  ['zeros behind the password', { 'r.example': { auth: auth('u:p\0\0') } }, 'r.example', 'password u:p'],
  ['user and password apart', { 'r.example': { username: 'u', password: 'p' } }, 'r.example', 'password u:p'],
  [
    'auth before them',
    { 'r.example': { auth: auth('a:b'), username: 'u', password: 'p' } },
    'r.example',
    'password a:b',
  ],
  [
    'an identity token',
    { 'r.example': { auth: auth('u:'), identitytoken: 't' } },
    'r.example',
    'identity-token t',
  ],
  ['a registry token', { 'r.example': { registrytoken: 't' } }, 'r.example', 'registry-token t'],
  [
    'a registry token with a line break',
    { 'r.example': { registrytoken: 't\r\nX: y' } },
    'r.example',
    undefined,
  ],
  ['a marker alone', { 'r.example': {} }, 'r.example', undefined],
  [
    'a marker before another key',
    { 'docker.io': {}, [hub]: { auth: auth('u:p') } },
    'docker.io',
    'password u:p',
  ],
  ['no user', { 'r.example': { auth: auth(':p') } }, 'r.example', undefined],
  ['no base64', { 'r.example': { auth: '***' } }, 'r.example', undefined],
  ['no object', { 'r.example': 'x' }, 'r.example', undefined],
  ['a name of every object', {}, 'constructor', undefined],
  ['Docker Hub', { [hub]: { auth: auth('u:p') } }, 'docker.io', 'password u:p'],
  ['Docker Hub by its API', { 'registry-1.docker.io': { auth: auth('u:p') } }, 'docker.io', 'password u:p'],
  [
    'Docker Hub beside its other entries',
    { [`${hub}access-token`]: { auth: auth('a:b') }, [hub]: { auth: auth('u:p') } },
    'docker.io',
    'password u:p',
  ],
];

/** A machine that has these files and this environment. */
async function find(
  files: Readonly<Record<string, unknown>>,
  host: string,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly home?: string;
    readonly repository?: string;
  } = {},
): Promise<string | undefined> {
  const { env = {}, home = '/home/u', repository } = options;
  const sources = machineSources({
    env,
    home,
    platform: 'linux',
    uid: 1000,
    stamp: () => Promise.resolve(''),
    readFile: (path) => {
      const file = files[path];
      return Promise.resolve(typeof file === 'object' ? JSON.stringify(file) : (file as string | undefined));
    },
  });
  for (const source of sources) {
    const found = await source.find(host, repository === undefined ? {} : { repository });
    if (found) {
      return shown(found);
    }
  }
  return undefined;
}

function shown(found: Credential): string {
  return `${found.kind} ${found.kind === 'password' ? `${found.username}:${found.password}` : found.token}`;
}

const docker = '/home/u/.docker/config.json';
const own = '/home/u/.config/containers/auth.json';

describe('credentials of docker', () => {
  for (const [name, auths, host, wanted] of rows) {
    it(`are found by ${name}`, async () => {
      assert.equal(await find({ [docker]: { auths } }, host), wanted);
    });
  }

  it('are none without auths', async () => {
    for (const text of ['{}', '[]', 'null', '{"auths":[]}', '{"auths":null}']) {
      assert.equal(await find({ [docker]: text }, 'r.example'), undefined);
    }
  });

  it('that cannot be read are an error, without a word of the file', async () => {
    for (const text of ['', '{"auths":{"r":{"auth":"C4nary', 'C4nary']) {
      await assert.rejects(
        find({ [docker]: text }, 'r.example'),
        (error) => isOciError(error, 'credentials-unreadable') && !inspect(error).includes('C4nary'),
      );
    }
  });

  const file = { [docker]: { auths: { 'r.example': { auth: auth('file:p') } } } };
  const environments: readonly (readonly [string, string])[] = [
    [JSON.stringify({ auths: { 'r.example': { auth: auth('env:p') } } }), 'password env:p'],
    [JSON.stringify({ auths: { 'other.example': { auth: auth('env:p') } } }), 'password file:p'],
    [JSON.stringify({ auths: { 'r.example': {} } }), 'password file:p'],
    [JSON.stringify({ auths: { 'r.example': { auth: auth('env:p'), more: 1 } } }), 'password file:p'],
    [JSON.stringify({ auths: { 'r.example': { auth: auth('env:p') } }, more: 1 }), 'password file:p'],
    ['{"auths":{}}{}', 'password file:p'],
  ];
  for (const [text, wanted] of environments) {
    it(`of the environment are strict: ${text}`, async () => {
      assert.equal(await find(file, 'r.example', { env: { DOCKER_AUTH_CONFIG: text } }), wanted);
    });
  }
});

describe('credentials of containers', () => {
  const auths = {
    'r.example': { auth: auth('host:p') },
    'r.example/team': { auth: auth('team:p') },
    'r.example/team/app': { auth: auth('app:p') },
  };
  for (const [repository, wanted] of [
    ['team/app', 'app'],
    ['team/app/part', 'app'],
    ['team/apple', 'team'],
    ['teams/app', 'host'],
    [undefined, 'host'],
  ] as const) {
    it(`of ${String(repository)} are those of its most specific key`, async () => {
      const options = repository === undefined ? {} : { repository };
      assert.equal(await find({ [own]: { auths } }, 'r.example', options), `password ${wanted}:p`);
    });
  }

  it('are of the file that counts', async () => {
    const of = (user: string) => ({ auths: { 'r.example': { auth: auth(`${user}:p`) } } });
    const files = {
      [own]: of('own'),
      '/run/containers/1000/auth.json': of('run'),
      '/x/containers/auth.json': of('x'),
      '/named': of('named'),
    };
    assert.equal(await find(files, 'r.example'), 'password run:p');
    assert.equal(await find(files, 'r.example', { env: { XDG_RUNTIME_DIR: '/x' } }), 'password x:p');
    assert.equal(await find(files, 'r.example', { env: { XDG_RUNTIME_DIR: '/y' } }), 'password own:p');
    assert.equal(
      await find(files, 'r.example', { env: { REGISTRY_AUTH_FILE: '/named' } }),
      'password named:p',
    );
    assert.equal(await find(files, 'r.example', { env: { REGISTRY_AUTH_FILE: '/none' } }), undefined);
    assert.equal(await find({ ...files, [docker]: of('docker') }, 'r.example'), 'password docker:p');
  });
});

/** A folder with a helper `test`, which is this script. */
async function helper(t: TestContext, script: string): Promise<{ home: string; env: { PATH: string } }> {
  const home = await mkdtemp(join(tmpdir(), 'oci-helper-'));
  t.after(() => rm(home, { recursive: true }));
  const path = join(home, 'docker-credential-test');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { home, env: { PATH: `${home}:/usr/bin:/bin` } };
}

describe('a credential helper', () => {
  const answer = (user: string): string =>
    `cat >&2; echo '{"ServerURL":"","Username":"${user}","Secret":"s"}'`;
  const scripts: readonly (readonly [string, string, string | RegExp | undefined])[] = [
    ['gives an account', answer('u'), 'password u:s'],
    ['gives an identity token', answer('<token>'), 'identity-token s'],
    ['has none', 'echo "credentials not found in native keychain"; exit 1', undefined],
    ['fails', 'echo C4nary; echo C4nary >&2; exit 1', /exit code 1/],
    ['says too much', 'exec head -c 100000 /dev/zero', /said too much/],
    ['gives no JSON', 'echo C4nary', /no JSON/],
    [
      'speaks of another host',
      `echo '{"ServerURL":"evil.example","Username":"u","Secret":"C4nary"}'`,
      /another/,
    ],
  ];
  for (const [name, script, wanted] of scripts) {
    it(`that ${name}`, async (t) => {
      const { home, env } = await helper(t, script);
      const config = {
        credsStore: 'test',
        // Shadowed by the helper, whatever it says.
        auths: { 'r.example': { auth: auth('old:p') } },
      };
      const found = find({ [join(home, '.docker/config.json')]: config }, 'r.example', { home, env });
      if (wanted instanceof RegExp) {
        await assert.rejects(
          found,
          (error) =>
            isOciError(error, 'credentials-unreadable') &&
            wanted.test(error.message) &&
            !inspect(error).includes('C4nary'),
        );
      } else {
        assert.equal(await found, wanted);
      }
    });
  }

  it('of a host comes before that of all, and none is the file', async (t) => {
    const { home, env } = await helper(t, answer('u'));
    const config = {
      credsStore: 'missing',
      credHelpers: { 'r.example': 'test', 'f.example': '' },
      auths: { 'f.example': { auth: auth('file:p') } },
    };
    const files = { [join(home, '.docker/config.json')]: config };
    assert.equal(await find(files, 'r.example', { home, env }), 'password u:s');
    assert.equal(await find(files, 'f.example', { home, env }), 'password file:p');
    await assert.rejects(find(files, 'other.example', { home, env }), /not on the PATH/);
  });

  for (const name of ['../test', 'a/b', 'a b', '$(x)', 'a\n']) {
    it(`is none by the name ${JSON.stringify(name)}`, async () => {
      await assert.rejects(find({ [docker]: { credsStore: name } }, 'r.example'), /cannot be one/);
    });
  }

  it('is not looked for in a folder of the workspace', async (t) => {
    const { home } = await helper(t, answer('u'));
    const files = { [join(home, '.docker/config.json')]: { credsStore: 'test' } };
    const before = process.cwd();
    process.chdir(home);
    t.after(() => process.chdir(before));
    await assert.rejects(find(files, 'r.example', { home, env: { PATH: '.::./' } }), /not on the PATH/);
  });
});
