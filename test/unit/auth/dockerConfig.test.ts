import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, it } from 'node:test';
import { dockerCredentials, findCredential } from '../../../src/auth/dockerConfig.ts';
import { isOciError } from '../../../src/oci/errors.ts';

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

describe('credentials of docker', () => {
  for (const [name, auths, host, wanted] of rows) {
    it(`are found by ${name}`, () => {
      const found = findCredential(JSON.stringify({ auths }), host, 'config.json');
      const text =
        found &&
        `${found.kind} ${found.kind === 'password' ? `${found.username}:${found.password}` : found.token}`;
      assert.equal(text, wanted);
    });
  }

  it('are none without auths', () => {
    for (const text of ['{}', '[]', 'null', '{"auths":[]}', '{"auths":null}', '{"credsStore":"x"}']) {
      assert.equal(findCredential(text, 'r.example', ''), undefined);
    }
  });

  it('that cannot be read are an error, without a word of the file', () => {
    for (const text of ['', '{"auths":{"r":{"auth":"C4nary', 'C4nary']) {
      assert.throws(
        () => findCredential(text, 'r.example', 'config.json'),
        (error) =>
          isOciError(error, 'credentials-unreadable') &&
          error.facts.host === 'r.example' &&
          !inspect(error).includes('C4nary'),
      );
    }
  });

  it('are read anew each time', async () => {
    const file: { text?: string } = {};
    const source = dockerCredentials({
      path: 'config.json',
      readFile: () => Promise.resolve(file.text),
      stamp: () => Promise.resolve(file.text ?? ''),
    });
    assert.equal(await source('r.example'), undefined);
    file.text = JSON.stringify({ auths: { 'r.example': { auth: auth('u:p') } } });
    assert.equal((await source('r.example'))?.kind, 'password');
    assert.equal(await source.version?.(), file.text);
  });
});
