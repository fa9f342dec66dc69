import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { isOciError } from '../../../../src/oci/errors.ts';
import type { Credential, CredentialSource } from '../../../../src/oci/remote/credential.ts';
import { isKnownRealm, realmUrl } from '../../../../src/oci/remote/realms.ts';
import { assertNoCanary, assertNothingTold, canary, canaryBasic } from '../../../support/canary.ts';
import {
  failureOf,
  remoteOf,
  serve,
  type Remote,
  type RemoteHarnessOptions,
} from '../../../support/remoteHarness.ts';
import { json, type Script, type ScriptedServer, type Seen } from '../../../support/scriptedServer.ts';

const tags = { name: 'app', tags: ['v1'] };

interface Registry extends Remote {
  readonly server: ScriptedServer;
  list(signal?: AbortSignal): Promise<unknown>;
  /** Requests to `/token` of the registry itself. */
  tokenRequests(): readonly Seen[];
}

interface RegistryOptions extends RemoteHarnessOptions {
  /** `WWW-Authenticate`; the default names `/token` of the registry itself. */
  readonly challenge?: (origin: string) => string | readonly string[];
  /** Which authorization is let in. */
  readonly lets?: (authorization: string) => boolean;
  readonly token?: Script;
  readonly refuse?: Script;
}

const giveToken: Script = (_, response) => json(response, 200, { token: 'good' });

/** A registry that lets in who has `Bearer good…`, and a token service at its own origin. */
async function registry(t: TestContext, options: RegistryOptions = {}): Promise<Registry> {
  const {
    challenge = (origin) => `Bearer realm="${origin}/token",service="test",scope="repository:app:pull"`,
    lets = (authorization: string) => authorization.startsWith('Bearer good'),
    token = giveToken,
    refuse,
    ...rest
  } = options;
  const server = await serve(t, (request, response) => {
    if (request.url.startsWith('/token')) {
      token(request, response);
    } else if (lets(request.headers.authorization ?? '')) {
      json(response, 200, tags);
    } else if (refuse) {
      refuse(request, response);
    } else {
      json(response, 401, {}, { 'www-authenticate': challenge(`http://${request.headers.host ?? ''}`) });
    }
  });
  const remote = remoteOf(t, server, { credential: canary, ...rest });
  return {
    ...remote,
    server,
    list: (signal) => remote.registry.repository('app').tags({ signal }),
    tokenRequests: () => server.seen.filter(({ url }) => url.startsWith('/token')),
  };
}

function basicOf(request: Seen | undefined): string | undefined {
  return request?.headers.authorization;
}

describe('authorization', () => {
  it('is not sent before it is asked for', async (t) => {
    const open = await registry(t, { lets: () => true });
    await open.list();
    assertNothingTold(open.server);
  });

  it('Basic is sent once it is asked for, from then on at once', async (t) => {
    const basic = await registry(t, {
      challenge: () => 'Basic realm="x"',
      lets: (authorization) => authorization === canaryBasic,
    });
    await basic.list();
    await basic.list();
    assert.deepEqual(
      basic.server.seen.map(({ headers }) => headers.authorization),
      [undefined, canaryBasic, canaryBasic],
    );
    assertNoCanary('log', basic.output());
  });

  it('a wrong password is sent once', async (t) => {
    const basic = await registry(t, { challenge: () => 'Basic realm="x"', lets: () => false });
    const error = await failureOf(basic.list());
    assert.ok(isOciError(error, 'unauthorized'));
    assert.equal(basic.server.seen.length, 2);
    assertNoCanary('error', error);
  });

  it('asks the token service by GET, with service and scope', async (t) => {
    const bearer = await registry(t);
    await bearer.list();
    await bearer.list();
    const [request] = bearer.tokenRequests();
    assert.equal(request?.method, 'GET');
    assert.equal(request.url, '/token?service=test&scope=repository%3Aapp%3Apull');
    assert.equal(basicOf(request), canaryBasic);
    assert.equal(bearer.tokenRequests().length, 1);
    assert.equal(
      bearer.server.seen.filter(({ headers }) => headers.authorization === 'Bearer good').length,
      2,
    );
    assertNoCanary('log', bearer.output(), ['good']);
  });

  it('asks without a name when there is no account', async (t) => {
    const bearer = await registry(t, { credential: undefined as never });
    await bearer.list();
    assert.equal(basicOf(bearer.tokenRequests()[0]), undefined);
  });

  it('asks by POST where GET is refused', async (t) => {
    const bearer = await registry(t, {
      token: (request, response) =>
        request.method === 'POST' ? json(response, 200, { access_token: 'good' }) : json(response, 405, {}),
    });
    await bearer.list();
    const form = new URLSearchParams(
      Buffer.from(bearer.tokenRequests()[1]?.body ?? '', 'latin1').toString('utf8'),
    );
    assert.deepEqual(Object.fromEntries(form), {
      client_id: 'oci-explorer',
      scope: 'repository:app:pull',
      service: 'test',
      grant_type: 'password',
      username: canary.username,
      password: canary.password,
    });
  });

  it('exchanges an identity token by POST, and never sends it elsewhere', async (t) => {
    const credential: Credential = { kind: 'identity-token', token: 'C4nary-refresh', source: '' };
    const bearer = await registry(t, { credential });
    await bearer.list();
    const [request] = bearer.tokenRequests();
    assert.equal(request?.method, 'POST');
    assert.equal(basicOf(request), undefined);
    const form = new URLSearchParams(request.body);
    assert.equal(form.get('grant_type'), 'refresh_token');
    assert.equal(form.get('refresh_token'), 'C4nary-refresh');
    assertNoCanary(
      'the registry',
      JSON.stringify(bearer.server.seen.filter(({ url }) => !url.startsWith('/token'))),
    );
  });

  it('sends a ready token to the registry alone', async (t) => {
    const credential: Credential = { kind: 'registry-token', token: 'good-C4nary', source: '' };
    const bearer = await registry(t, { credential });
    await bearer.list();
    assert.equal(bearer.tokenRequests().length, 0);
    assert.equal(bearer.server.seen.at(-1)?.headers.authorization, 'Bearer good-C4nary');
    assertNoCanary('log', bearer.output());
  });

  const challenges: readonly (readonly [string, (origin: string) => string | readonly string[]])[] = [
    ['a relative realm', () => 'Bearer realm="/token"'],
    ['unquoted parameters, spaces and capitals', (o) => `BEARER  Service = test , REALM="${o}/token"`],
    ['escapes', (o) => `Bearer service="a\\"b\\\\c, d=e",realm="${o}/token"`],
    ['an unknown scheme first', (o) => `Negotiate, Digest qop="auth, auth-int", Bearer realm="${o}/token"`],
    ['a token68 first', (o) => `NTLM dGVzdA==, Bearer realm="${o}/token"`],
    ['Basic beside it in one line', (o) => `Basic realm="x", Bearer realm="${o}/token",service="s"`],
    ['Basic behind it in one line', (o) => `Bearer realm="${o}/token",scope="*",Basic realm="x"`],
    ['several lines', (o) => ['Basic realm="x"', `Bearer realm="${o}/token"`]],
  ];
  for (const [name, challenge] of challenges) {
    it(`reads a challenge with ${name}`, async (t) => {
      const bearer = await registry(t, { challenge });
      await bearer.list();
      assert.equal(basicOf(bearer.tokenRequests()[0]), canaryBasic);
    });
  }

  it('takes Basic when the Bearer beside it names a service that may not be asked', async (t) => {
    const both = await registry(t, {
      challenge: () => 'Bearer realm="file:///etc/passwd", Basic realm="x"',
      lets: (authorization) => authorization === canaryBasic,
    });
    await both.list();
  });

  it('a challenge that cannot be answered is a 401', async (t) => {
    for (const challenge of ['', 'Negotiate', 'Bearer', 'Bearer service="x"', '"', 'Digest realm="x"']) {
      const odd = await registry(t, { challenge: () => challenge });
      assert.ok(isOciError(await failureOf(odd.list()), 'unauthorized'), challenge);
      assert.equal(odd.server.seen.length, 1);
      assertNothingTold(odd.server);
    }
  });
});

describe('a token service of another origin', () => {
  for (const [name, address] of [
    ['another port', '127.0.0.1'],
    ['another address', '127.0.0.2'],
  ] as const) {
    it(`is asked as anonymous at ${name}`, async (t) => {
      const other = await serve(t, giveToken, { address });
      const bearer = await registry(t, { challenge: () => `Bearer realm="${other.origin}/token"` });
      await bearer.list();
      assert.equal(other.seen.length, 1);
      assertNothingTold(other);
    });
  }

  it('is told once the owner of the account agreed to that origin, and to no other', async (t) => {
    const agreed = await serve(t, giveToken);
    const other = await serve(t, giveToken);
    let realm = agreed.origin;
    let lets = false;
    const bearer = await registry(t, {
      credential: { ...canary, realms: [agreed.origin] },
      challenge: () => `Bearer realm="${realm}/token"`,
      lets: () => lets,
    });
    // The realm changes from one challenge to the next.
    await failureOf(bearer.list());
    assert.equal(basicOf(agreed.seen[0]), canaryBasic);
    realm = other.origin;
    await failureOf(bearer.list());
    assert.equal(other.seen.length, 1);
    assertNothingTold(other);
    lets = true;
    await bearer.list();
  });

  it('that refuses says what signing in would do', async (t) => {
    const other = await serve(t, (_, response) => json(response, 403, {}));
    const bearer = await registry(t, { challenge: () => `Bearer realm="${other.origin}/token"` });
    const error = await failureOf(bearer.list());
    assert.ok(isOciError(error, 'unauthorized'));
    assert.equal(error.facts.realm, other.origin);
    assert.equal(error.facts.host, bearer.server.host);
    assertNothingTold(other);
  });

  it('whose anonymous token does not do says what signing in would do', async (t) => {
    const other = await serve(t, (_, response) => json(response, 200, { token: 'anonymous' }));
    const bearer = await registry(t, { challenge: () => `Bearer realm="${other.origin}/token"` });
    const error = await failureOf(bearer.list());
    assert.ok(isOciError(error, 'unauthorized'));
    assert.equal(error.facts.realm, other.origin);
  });

  const known: readonly (readonly [realm: string, origin: string, isKnown: boolean])[] = [
    ['https://r.example/token', 'https://r.example', true],
    ['https://r.example:443/token', 'https://r.example', true],
    ['http://127.0.0.1:5000/token', 'http://127.0.0.1:5000', true],
    ['https://auth.docker.io/token', 'https://registry-1.docker.io', true],
    ['https://gitlab.com/jwt/auth', 'https://registry.gitlab.com', true],
    ['https://r.example:8443/token', 'https://r.example', false],
    ['http://127.0.0.1:5001/token', 'http://127.0.0.1:5000', false],
    ['http://r.example/token', 'https://r.example', false],
    ['https://r.example/token', 'http://r.example', false],
    ['https://auth.r.example/token', 'https://r.example', false],
    ['https://evil.github.io/token', 'https://me.github.io', false],
    ['https://b.co.uk/token', 'https://a.co.uk', false],
    ['http://auth.docker.io/token', 'https://registry-1.docker.io', false],
    ['https://auth.docker.io/token', 'http://registry-1.docker.io', false],
    ['https://auth.docker.io:444/token', 'https://registry-1.docker.io', false],
    ['https://auth.docker.io/token', 'https://registry-1.docker.io:444', false],
    ['https://auth.docker.io/token', 'https://evil.example', false],
    ['https://auth.docker.io.evil.example/token', 'https://registry-1.docker.io', false],
  ];
  for (const [realm, origin, isKnown] of known) {
    it(`${isKnown ? 'is told' : 'is not told'} by ${origin} at ${realm}`, () => {
      assert.equal(isKnownRealm(realm, origin), isKnown);
    });
  }

  const refused: readonly (readonly [realm: string, origin: string])[] = [
    ['http://r.example/token', 'https://r.example'],
    ['http://localhost:5001/token', 'https://localhost:5000'],
    ['http://127.0.0.1/', 'https://r.example'],
    ['https://user:pw@r.example/token', 'https://r.example'],
    ['https://:pw@r.example/token', 'https://r.example'],
    ['https://169.254.169.254/latest', 'https://r.example'],
    ['https://[::ffff:127.0.0.1]/', 'https://r.example'],
    ['https://2130706433/', 'https://r.example'],
    ['data:application/json,{}', 'https://r.example'],
    ['file:///etc/passwd', 'https://r.example'],
    ['javascript:1', 'https://r.example'],
    ['ftp://r.example/', 'https://r.example'],
    ['https://', 'https://r.example'],
    [`https://r.example/${'a'.repeat(10_000)}`, 'https://r.example'],
  ];
  for (const [realm, origin] of refused) {
    it(`is not even asked by ${origin} at ${realm.slice(0, 60)}`, () => {
      assert.throws(
        () => realmUrl(realm, origin, 'r'),
        (error) => isOciError(error, 'origin-refused') && error.facts.host === 'r',
      );
    });
  }

  it('may be named without a scheme, and stays on TLS', () => {
    assert.equal(realmUrl('//auth.example/t', 'https://r.example', 'r'), 'https://auth.example/t');
    assert.equal(realmUrl('/t', 'https://r.example', 'r'), 'https://r.example/t');
  });
});

describe('tokens', () => {
  it('are refused twice at most, however fresh', async (t) => {
    let count = 0;
    const endless = await registry(t, {
      lets: () => false,
      token: (_, response) => json(response, 200, { token: `c4nary-${++count}` }),
    });
    const error = await failureOf(endless.list());
    assert.ok(isOciError(error, 'unauthorized'));
    assert.equal(endless.tokenRequests().length, 1);
    assert.equal(endless.server.seen.length, 3);
    assertNoCanary('error', error, ['c4nary-']);
  });

  it('are asked for once more where the registry wants another scope', async (t) => {
    const wide = await registry(t, {
      challenge: (origin) =>
        `Bearer realm="${origin}/token",error="insufficient_scope",scope="repository:app:pull repository:base:pull,push"`,
      lets: (authorization) => authorization === 'Bearer wide',
      token: (request, response) =>
        json(response, 200, { token: request.url.includes('base') ? 'wide' : 'narrow' }),
    });
    await wide.list();
    await wide.list();
    assert.equal(wide.tokenRequests().length, 2);
    assert.deepEqual(new URL(`http://x${wide.tokenRequests()[1]?.url ?? ''}`).searchParams.getAll('scope'), [
      'repository:base:pull,push',
      'repository:app:pull',
    ]);
  });

  it('are shared by all who ask at once', async (t) => {
    const waiting: ServerResponse[] = [];
    const bearer = await registry(t, { token: (_, response) => waiting.push(response) });
    const lists = Array.from({ length: 10 }, () => bearer.list());
    while (bearer.server.seen.length < 11) {
      await turn();
    }
    waiting.forEach((response) => json(response, 200, { token: 'good' }));
    await Promise.all(lists);
    assert.equal(bearer.tokenRequests().length, 1);
  });

  it('that are revoked are renewed once for all who were refused', async (t) => {
    let valid = 'good1';
    const bearer = await registry(t, {
      lets: (authorization) => authorization === `Bearer ${valid}`,
      token: (_, response) => json(response, 200, { token: valid }),
    });
    await bearer.list();
    valid = 'good2';
    await Promise.all(Array.from({ length: 10 }, () => bearer.list()));
    assert.equal(bearer.tokenRequests().length, 2);
  });

  const lives: readonly (readonly [expiresIn: string, seconds: number])[] = [
    ['', 60],
    ['"expires_in":300', 300],
    ['"expires_in":30', 60],
    ['"expires_in":0', 60],
    ['"expires_in":-1', 60],
    ['"expires_in":"300"', 60],
    ['"expires_in":null', 60],
    ['"expires_in":{}', 60],
    ['"expires_in":1e999', 86_400],
    ['"expires_in":99999999999', 86_400],
  ];
  for (const [field, seconds] of lives) {
    it(`with ${field || 'no stated life'} live ${seconds} s`, async (t) => {
      let now = 1_700_000_000_000;
      const bearer = await registry(t, {
        now: () => now,
        token: (_, response) => response.end(`{"token":"good"${field && `,${field}`}}`),
      });
      await bearer.list();
      now += (seconds - 6) * 1000;
      await bearer.list();
      assert.equal(bearer.tokenRequests().length, 1);
      now += 2000;
      await Promise.all([bearer.list(), bearer.list(), bearer.list()]);
      assert.equal(bearer.tokenRequests().length, 2);
    });
  }

  const garbage: readonly (readonly [string, string, string])[] = [
    ['HTML', '<html>C4nary', 'not-a-registry'],
    ['half of JSON', '{"token":"C4nary', 'not-a-registry'],
    ['nothing', '', 'not-a-registry'],
    ['an empty object', '{}', 'not-a-registry'],
    ['a list', '["C4nary"]', 'not-a-registry'],
    ['a number', '{"token":5}', 'not-a-registry'],
    ['an empty token', '{"token":""}', 'not-a-registry'],
    ['a token with line breaks', '{"token":"C4nary\\r\\nX-Evil: 1"}', 'not-a-registry'],
    ['a token with a zero', '{"token":"C4nary\\u0000"}', 'not-a-registry'],
    ['a token beyond ASCII', '{"token":"C4naryé"}', 'not-a-registry'],
    ['1 MB', `{"token":"${'C4nary'.repeat(200_000)}"}`, 'too-large'],
  ];
  for (const [name, body, code] of garbage) {
    it(`that are ${name} are one error, without a word of it`, async (t) => {
      const bearer = await registry(t, { token: (_, response) => response.end(body) });
      const error = await failureOf(bearer.list());
      assert.ok(isOciError(error), String(error));
      assert.equal(error.code, code);
      assert.equal(error.facts.status, 200);
      assert.equal(error.facts.host, bearer.server.host);
      assert.equal(bearer.tokenRequests().length, 1);
      assertNoCanary('error', error);
      assertNoCanary('log', bearer.output());
    });
  }

  it('take the field that is one', async (t) => {
    const bearer = await registry(t, {
      token: (_, response) => json(response, 200, { token: '', access_token: 'good' }),
    });
    await bearer.list();
  });

  const failures: readonly (readonly [number, Readonly<Record<string, string>>, string, number])[] = [
    [401, {}, 'unauthorized', 1],
    [403, {}, 'unauthorized', 1],
    [302, { location: 'http://127.0.0.1:1/' }, 'unauthorized', 1],
    [307, { location: 'http://127.0.0.1:1/' }, 'unauthorized', 1],
    [429, { 'retry-after': '3600' }, 'rate-limited', 1],
    [429, { 'retry-after': '1' }, 'rate-limited', 5],
    [500, {}, 'server-error', 5],
    [503, {}, 'server-error', 5],
  ];
  for (const [status, headers, code, requests] of failures) {
    it(`whose service answers ${status} ${JSON.stringify(headers)} are asked for ${requests} times`, async (t) => {
      const bearer = await registry(t, {
        token: (request, response) =>
          json(response, status, { errors: [{ code: 'X', message: basicOf(request) }] }, headers),
      });
      const error = await failureOf(bearer.list());
      assert.ok(isOciError(error), String(error));
      assert.equal(error.code, code);
      assert.equal(error.facts.status, status);
      assert.equal(bearer.tokenRequests().length, requests);
      assertNoCanary('error', error);
    });
  }

  it('end the waiting of who gave up, and of nobody else', async (t) => {
    const waiting: ServerResponse[] = [];
    const bearer = await registry(t, { token: (_, response) => waiting.push(response) });
    const controller = new AbortController();
    const given = failureOf(bearer.list(controller.signal));
    const kept = bearer.list();
    while (bearer.server.seen.length < 3) {
      await turn();
    }
    controller.abort();
    assert.equal((await given).name, 'AbortError');
    waiting.forEach((response) => json(response, 200, { token: 'good' }));
    await kept;
    assert.equal(bearer.tokenRequests().length, 1);
  });

  it('and passwords are forgotten when the account is another', async (t) => {
    let version = 'one';
    let credential: Credential | undefined = { ...canary, password: 'one' };
    const credentials: CredentialSource = Object.assign(() => Promise.resolve(credential), {
      version: () => Promise.resolve(version),
    });
    const bearer = await registry(t, {
      credentials,
      lets: (authorization) => authorization.startsWith('Bearer'),
      token: (request, response) => json(response, 200, { token: basicOf(request)?.slice(6) ?? 'anonymous' }),
    });
    const basic = await registry(t, {
      credentials,
      challenge: () => 'Basic',
      lets: (authorization) => authorization.startsWith('Basic'),
    });
    for (const remote of [bearer, basic]) {
      await remote.list();
    }
    credential = undefined;
    version = 'two';
    await bearer.list();
    assert.equal(bearer.server.seen.at(-1)?.headers.authorization, 'Bearer anonymous');
    assert.ok(isOciError(await failureOf(basic.list()), 'unauthorized'));
    assert.equal(basic.server.seen.at(-1)?.headers.authorization, undefined);
  });
});

describe('what a server says back', () => {
  it('is shown without what it was told in confidence', async (t) => {
    const echo: Script = (request, response) => {
      const said = `${basicOf(request) ?? ''} ${canary.password} good-token`;
      json(
        response,
        request.headers.authorization ? 400 : 401,
        { errors: [{ code: 'ECHO', message: said }] },
        { 'www-authenticate': 'Bearer realm="/token"', warning: `299 - "told me ${canary.username}"` },
      );
    };
    const bearer = await registry(t, {
      lets: () => false,
      refuse: echo,
      token: (_, response) => json(response, 200, { token: 'good-token' }),
    });
    const error = await failureOf(bearer.list());
    assert.ok(isOciError(error, 'request-refused'));
    assert.match(error.facts.detail ?? '', /ECHO/);
    assertNoCanary('error', error, ['good-token']);
    assertNoCanary('log', bearer.output(), ['good-token']);
  });

  it('as a warning, too', async (t) => {
    const warns = await registry(t, {
      lets: () => false,
      challenge: () => 'Basic realm="x"',
      refuse: (request, response) => {
        if (request.headers.authorization === undefined) {
          json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
        } else {
          json(response, 200, tags, { warning: `299 - "you are ${request.headers.authorization}"` });
        }
      },
    });
    await warns.list();
    assert.match(warns.output(), /you are Basic/);
    assertNoCanary('warning', warns.output());
  });
});
