import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOciError } from '../../../../src/oci/errors.ts';
import { Authorizer } from '../../../../src/oci/remote/authorizer.ts';

const own = 'https://r.example/token';
const other = 'https://auth.example/token';
const hub = 'https://auth.docker.io/token';

/**
 * `WWW-Authenticate` of `https://r.example` (or of the host behind it) → who is told the password: `basic` the registry,
 * `told` the token service at a realm, `nameless` the same without the password, `nobody` no one, `refused` a realm that may
 * not even be asked. The wrong answer is a leak or a lock-out.
 */
const rows: readonly (readonly [challenge: string | readonly string[], wanted: string, host?: string])[] = [
  // Basic.
  ['Basic realm="x"', 'basic'],
  ['basic realm="x"', 'basic'],
  ['BASIC', 'basic'],
  ['Basic realm=x', 'basic'],
  ['Basic realm="x", charset="UTF-8"', 'basic'],
  ['Basic realm="a, Bearer realm=\\"https://auth.example/token\\""', 'basic'],
  ['Basic realm="https://auth.example/token"', 'basic'],
  ['  Basic   realm = "x"  ', 'basic'],
  [', , Basic realm="x"', 'basic'],
  ['Basic realm="', 'basic'],
  // Bearer at the registry's own origin.
  [`Bearer realm="${own}"`, `told ${own}`],
  [`bearer realm="${own}"`, `told ${own}`],
  [`BEARER REALM="${own}"`, `told ${own}`],
  [`Bearer realm="${own}",service="s"`, `told ${own} s`],
  [`Bearer service="s",realm="${own}"`, `told ${own} s`],
  [`Bearer service="s" , realm = "${own}"`, `told ${own} s`],
  [`Bearer realm="${own}" service="s"`, `told ${own} s`],
  [`Bearer realm="${own}",service=s`, `told ${own} s`],
  [`Bearer realm="${own}",service=""`, `told ${own} `],
  [`Bearer realm="${own}",service="a \\"b\\""`, `told ${own} a "b"`],
  [`Bearer realm="${own}",service="a,b=c"`, `told ${own} a,b=c`],
  [`Bearer realm="${own}",error="invalid_token",scope="repository:app:pull"`, `told ${own}`],
  [`Bearer\trealm="${own}"`, `told ${own}`],
  ['Bearer realm="/token"', `told ${own}`],
  ['Bearer realm="token"', `told ${own}`],
  ['Bearer realm="https://R.Example/token"', `told ${own}`],
  ['Bearer realm="https://r.example:443/token"', `told ${own}`],
  [`Bearer realm="${own}#x"`, `told ${own}`],
  [`Bearer realm="${own}?a=b"`, `told ${own}?a=b`],
  // The first of each name counts.
  [`Bearer realm="${own}",realm="${other}"`, `told ${own}`],
  [`Bearer realm="${other}",realm="${own}"`, `nameless ${other}`],
  // Another origin is told nothing that nobody agreed to.
  [`Bearer realm="${other}"`, `nameless ${other}`],
  ['Bearer realm="https://r.example:8443/token"', 'nameless https://r.example:8443/token'],
  ['Bearer realm="https://r.example.evil/token"', 'nameless https://r.example.evil/token'],
  ['Bearer realm="https://evil-r.example/token"', 'nameless https://evil-r.example/token'],
  ['Bearer realm="https://auth.r.example/token"', 'nameless https://auth.r.example/token'],
  ['Bearer realm="//auth.example/token"', `nameless ${other}`],
  ['Bearer realm="\\\\\\\\auth.example\\\\token"', `nameless ${other}`],
  ['Bearer realm="https:auth.example/token"', 'told https://r.example/auth.example/token'],
  [`Bearer realm="${hub}"`, `nameless ${hub}`],
  // Pairs that are known.
  [
    `Bearer realm="${hub}",service="registry.docker.io"`,
    `told ${hub} registry.docker.io`,
    'registry-1.docker.io',
  ],
  ['Bearer realm="https://gitlab.com/jwt/auth"', 'told https://gitlab.com/jwt/auth', 'registry.gitlab.com'],
  [
    'Bearer realm="https://gitlab.com:8443/jwt"',
    'nameless https://gitlab.com:8443/jwt',
    'registry.gitlab.com',
  ],
  ['Bearer realm="https://ghcr.io/token"', 'told https://ghcr.io/token', 'ghcr.io'],
  ['Bearer realm="https://github.com/token"', 'nameless https://github.com/token', 'ghcr.io'],
  // Realms that may not be asked at all.
  ['Bearer realm="http://r.example/token"', 'refused'],
  ['Bearer realm="http://auth.example/token"', 'refused'],
  ['Bearer realm="ftp://r.example/token"', 'refused'],
  ['Bearer realm="file:///etc/passwd"', 'refused'],
  ['Bearer realm="javascript:alert(1)"', 'refused'],
  ['Bearer realm="https://user:pass@r.example/token"', 'refused'],
  ['Bearer realm="https://r.example@auth.example/token"', 'refused'],
  ['Bearer realm="https://127.0.0.1/token"', 'refused'],
  ['Bearer realm="https://2130706433/token"', 'refused'],
  ['Bearer realm="https://169.254.169.254/latest"', 'refused'],
  ['Bearer realm="https://[::1]/token"', 'refused'],
  ['Bearer realm="https://[::ffff:127.0.0.1]/token"', 'refused'],
  ['Bearer realm="https://localhost/token"', 'refused'],
  ['Bearer realm="https://"', 'refused'],
  [`Bearer realm="https://r.example/${'x'.repeat(3000)}"`, 'refused'],
  // Several: a token before the password itself, unless its service may not be asked.
  [`Basic realm="x", Bearer realm="${own}"`, `told ${own}`],
  [`Bearer realm="${own}", Basic realm="x"`, `told ${own}`],
  [['Basic realm="x"', `Bearer realm="${own}",service="s"`], `told ${own} s`],
  [[`Bearer realm="${other}"`, 'Basic realm="x"'], `nameless ${other}`],
  ['Bearer realm="http://r.example/token", Basic realm="x"', 'basic'],
  ['Bearer, Basic realm="x"', 'basic'],
  [`Negotiate, Bearer realm="${own}"`, `told ${own}`],
  [`Negotiate YIIabc==, Bearer realm="${own}"`, `told ${own}`],
  ['NTLM TlRMTVNTUAAB=, Basic realm="x"', 'basic'],
  [`Digest realm="${other}",nonce="n", Bearer realm="${own}"`, `told ${own}`],
  // Nothing that can be answered.
  ['', 'nobody'],
  ['Bearer', 'nobody'],
  ['Bearer service="s"', 'nobody'],
  [`realm="${other}"`, 'nobody'],
  ['Negotiate', 'nobody'],
  ['Digest realm="x",nonce="n"', 'nobody'],
  ['AWS4-HMAC-SHA256', 'nobody'],
  ['BasicX realm="x"', 'nobody'],
  [`BearerX realm="${own}"`, 'nobody'],
  ['"Basic"', 'basic'],
  [`${'x'.repeat(20_000)}, Basic realm="x"`, 'nobody'],
];

async function tell(challenge: string | readonly string[], host: string): Promise<string> {
  let said = 'nobody';
  const authorizer = new Authorizer({
    origin: `https://${host}`,
    host,
    credentials: () => Promise.resolve({ kind: 'password', username: 'u', password: 'p', source: 'test' }),
    requestToken: ({ realm, service, credential }) => {
      said = [credential ? 'told' : 'nameless', realm, ...(service === undefined ? [] : [service])].join(' ');
      return Promise.resolve({ header: 'Bearer t', expires: Number.POSITIVE_INFINITY });
    },
    now: () => 0,
  });
  try {
    const header = await authorizer.challenged({
      challenge: typeof challenge === 'string' ? challenge : [...challenge],
      scopes: ['repository:app:pull'],
      sent: undefined,
      isSecond: false,
      signal: undefined,
    });
    return header?.startsWith('Basic ') === true ? 'basic' : said;
  } catch (error) {
    assert.ok(isOciError(error, 'origin-refused'), String(error));
    return 'refused';
  }
}

describe('who is told the password, by what a registry asks', () => {
  it('is held by a table of at least 60', () => {
    assert.ok(new Set(rows.map(([challenge]) => String(challenge))).size >= 60, String(rows.length));
  });

  for (const [challenge, wanted, host = 'r.example'] of rows) {
    it(`${String(challenge).slice(0, 100)} → ${wanted}`, async () => {
      assert.equal(await tell(challenge, host), wanted);
    });
  }
});
