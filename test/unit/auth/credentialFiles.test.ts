import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineSources } from '../../../src/auth/machineCredentials.ts';
import { isOciError } from '../../../src/oci/errors.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const a = (text: string): { readonly auth: string } => ({ auth: b64(text) });
const hub = 'https://index.docker.io/v1/';
const home = '/home/u';
const files = {
  docker: `${home}/.docker/config.json`,
  legacy: `${home}/.dockercfg`,
  run: '/run/containers/1000/auth.json',
  own: `${home}/.config/containers/auth.json`,
} as const;

interface Row {
  readonly name: string;
  /** Text as it stands, or what is written as JSON. */
  readonly files: Partial<Record<keyof typeof files, unknown>>;
  readonly host: string;
  readonly repository?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `user:password`; undefined: nobody; `unreadable`: what cannot be read is told, not passed over. */
  readonly wanted: string | undefined;
}

/** The wrong answer is a leak (an account of another host or namespace) or a lock-out (an account that is there and not used). */
const rows: readonly Row[] = [
  // Hosts: exactly the one, and no other that looks like it.
  {
    name: 'the host',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'a host below it',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    host: 'x.r.example',
    wanted: undefined,
  },
  {
    name: 'the host above it',
    files: { docker: { auths: { 'x.r.example': a('u:p') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'a longer name',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    host: 'r.example.evil',
    wanted: undefined,
  },
  {
    name: 'a name that ends the same',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    host: 'evilr.example',
    wanted: undefined,
  },
  {
    name: 'another port',
    files: { docker: { auths: { 'r.example:5000': a('u:p') } } },
    host: 'r.example:5001',
    wanted: undefined,
  },
  {
    name: 'no port for one with',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    host: 'r.example:5000',
    wanted: undefined,
  },
  {
    name: 'its port',
    files: { docker: { auths: { 'r.example:5000': a('u:p') } } },
    host: 'r.example:5000',
    wanted: 'u:p',
  },
  {
    name: 'a host in capitals',
    files: { docker: { auths: { 'R.Example': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'a key with https',
    files: { docker: { auths: { 'https://r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'a key with a path of an API',
    files: { docker: { auths: { 'https://r.example/v1/': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'a key with another host in its path',
    files: { docker: { auths: { 'https://evil.example/r.example': a('u:p') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'an address',
    files: { docker: { auths: { '127.0.0.1:5000': a('u:p') } } },
    host: '127.0.0.1:5000',
    wanted: 'u:p',
  },
  {
    name: 'an IPv6 address',
    files: { docker: { auths: { '[::1]:5000': a('u:p') } } },
    host: '[::1]:5000',
    wanted: 'u:p',
  },
  {
    name: 'a star, which is no pattern',
    files: { docker: { auths: { '*.example': a('u:p') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'a name of every object',
    files: { docker: '{"auths":{"__proto__":{"auth":"dTpw"}}}' },
    host: 'r.example',
    wanted: undefined,
  },
  // Docker Hub by all of its names, and no other by them.
  { name: 'Docker Hub', files: { docker: { auths: { [hub]: a('u:p') } } }, host: 'docker.io', wanted: 'u:p' },
  {
    name: 'Docker Hub by another name',
    files: { docker: { auths: { 'index.docker.io': a('u:p') } } },
    host: 'docker.io',
    wanted: 'u:p',
  },
  {
    name: 'the account of Docker Hub elsewhere',
    files: { docker: { auths: { [hub]: a('u:p') } } },
    host: 'hub.docker.com',
    wanted: undefined,
  },
  {
    name: 'an old tool of Docker Hub',
    files: { docker: { auths: { [`${hub}refresh-token`]: a('x:y'), [hub]: a('u:p') } } },
    host: 'docker.io',
    wanted: 'u:p',
  },
  // What an entry may be.
  {
    name: 'colons in the password',
    files: { docker: { auths: { 'r.example': a('u:p:q') } } },
    host: 'r.example',
    wanted: 'u:p:q',
  },
  {
    name: 'a password that is not ASCII',
    files: { docker: { auths: { 'r.example': a('u:pä€') } } },
    host: 'r.example',
    wanted: 'u:pä€',
  },
  {
    name: 'no password',
    files: { docker: { auths: { 'r.example': a('u:') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'no colon',
    files: { docker: { auths: { 'r.example': a('up') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'user and password apart',
    files: { docker: { auths: { 'r.example': { username: 'u', password: 'p' } } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'an email beside it',
    files: { docker: { auths: { 'r.example': { ...a('u:p'), email: 'x' } } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'numbers for texts',
    files: { docker: { auths: { 'r.example': { username: 1, password: 2 } } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'a list for an entry',
    files: { docker: { auths: { 'r.example': ['u', 'p'] } } },
    host: 'r.example',
    wanted: undefined,
  },
  // Whole files.
  {
    name: 'a mark of byte order',
    files: { docker: `\uFEFF${JSON.stringify({ auths: { 'r.example': a('u:p') } })}` },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'other things in the file',
    files: { docker: { HttpHeaders: {}, proxies: {}, auths: { 'r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  { name: 'an empty file', files: { docker: '' }, host: 'r.example', wanted: 'unreadable' },
  {
    name: 'half a file',
    files: { docker: '{"auths":{"r.example":{"auth":"dTpw"}}' },
    host: 'r.example',
    wanted: 'unreadable',
  },
  {
    name: 'a comment',
    files: { docker: '{"auths":{} /* none */}' },
    host: 'r.example',
    wanted: 'unreadable',
  },
  // An empty helper means the file.
  {
    name: 'no helper',
    files: { docker: { credsStore: '', auths: { 'r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'no helper for the host',
    files: {
      docker: { credsStore: 'missing', credHelpers: { 'r.example': '' }, auths: { 'r.example': a('u:p') } },
    },
    host: 'r.example',
    wanted: 'u:p',
  },
  {
    name: 'a helper that is a path',
    files: { docker: { credsStore: '../../evil', auths: { 'r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'unreadable',
  },
  {
    name: 'a helper that is no text',
    files: { docker: { credHelpers: { 'r.example': 7 }, auths: { 'r.example': a('u:p') } } },
    host: 'r.example',
    wanted: 'unreadable',
  },
  // Which file counts.
  {
    name: 'docker before containers',
    files: { docker: { auths: { 'r.example': a('docker:p') } }, own: { auths: { 'r.example': a('own:p') } } },
    host: 'r.example',
    wanted: 'docker:p',
  },
  {
    name: 'containers where docker has none',
    files: { docker: { auths: {} }, own: { auths: { 'r.example': a('own:p') } } },
    host: 'r.example',
    wanted: 'own:p',
  },
  {
    name: 'the running session before the home',
    files: { run: { auths: { 'r.example': a('run:p') } }, own: { auths: { 'r.example': a('own:p') } } },
    host: 'r.example',
    wanted: 'run:p',
  },
  {
    name: 'the environment before docker',
    files: { docker: { auths: { 'r.example': a('docker:p') } } },
    env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'r.example': a('env:p') } }) },
    host: 'r.example',
    wanted: 'env:p',
  },
  {
    name: 'a file that is named and is not there',
    files: { own: { auths: { 'r.example': a('own:p') } } },
    env: { REGISTRY_AUTH_FILE: '/none' },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'another folder of docker',
    files: { docker: { auths: { 'r.example': a('u:p') } } },
    env: { DOCKER_CONFIG: '/other' },
    host: 'r.example',
    wanted: undefined,
  },
  // The file of before there was a folder.
  {
    name: '.dockercfg',
    files: { legacy: { [hub]: { ...a('u:p'), email: 'x' } } },
    host: 'docker.io',
    wanted: 'u:p',
  },
  {
    name: '.dockercfg of another host',
    files: { legacy: { 'r.example': a('u:p') } },
    host: 's.example',
    wanted: undefined,
  },
  {
    name: 'config.json before .dockercfg',
    files: { docker: { auths: { 'r.example': a('new:p') } }, legacy: { 'r.example': a('old:p') } },
    host: 'r.example',
    wanted: 'new:p',
  },
  {
    name: 'a helper in .dockercfg, which it cannot name',
    files: { legacy: { credsStore: 'x', 'r.example': a('u:p') } },
    host: 'r.example',
    wanted: 'u:p',
  },
  // Namespaces: of containers, and of nobody else.
  {
    name: 'its namespace',
    files: { own: { auths: { 'r.example/team': a('team:p'), 'r.example': a('host:p') } } },
    host: 'r.example',
    repository: 'team/app',
    wanted: 'team:p',
  },
  {
    name: 'the most of its namespace',
    files: { own: { auths: { 'r.example/team': a('team:p'), 'r.example/team/app': a('app:p') } } },
    host: 'r.example',
    repository: 'team/app',
    wanted: 'app:p',
  },
  {
    name: 'another namespace',
    files: { own: { auths: { 'r.example/team': a('team:p') } } },
    host: 'r.example',
    repository: 'other/app',
    wanted: undefined,
  },
  {
    name: 'a namespace that begins the same',
    files: { own: { auths: { 'r.example/team': a('team:p') } } },
    host: 'r.example',
    repository: 'teams/app',
    wanted: undefined,
  },
  {
    name: 'a namespace for the whole host',
    files: { own: { auths: { 'r.example/team': a('team:p') } } },
    host: 'r.example',
    wanted: undefined,
  },
  {
    name: 'a namespace of another host',
    files: { own: { auths: { 's.example/team': a('team:p') } } },
    host: 'r.example',
    repository: 'team/app',
    wanted: undefined,
  },
];

describe('the account of a host, by the files of the machine', () => {
  it('is held by a table of at least 40', () => {
    assert.ok(rows.length >= 40, String(rows.length));
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  });

  for (const { name, files: written, host, repository, env = {}, wanted } of rows) {
    it(`${name}: ${String(wanted)}`, async () => {
      const texts = new Map<string, string>(
        Object.entries(written).map(([file, content]) => [
          files[file as keyof typeof files],
          typeof content === 'string' ? content : JSON.stringify(content),
        ]),
      );
      const sources = machineSources({
        env,
        home,
        platform: 'linux',
        uid: 1000,
        stamp: () => Promise.resolve(''),
        readFile: (path) => Promise.resolve(texts.get(path)),
      });
      let found: string | undefined;
      try {
        for (const { find } of sources) {
          const credential = await find(host, { repository });
          found ??=
            credential?.kind === 'password' ? `${credential.username}:${credential.password}` : undefined;
        }
      } catch (error) {
        assert.ok(isOciError(error, 'credentials-unreadable'), String(error));
        assert.doesNotMatch(error.message, /dTpw/);
        found = 'unreadable';
      }
      assert.equal(found, wanted);
    });
  }
});
