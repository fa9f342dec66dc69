import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import '../support/vscodeStub.ts';
import { isAbort } from '../../src/oci/errors.ts';
import { readCertificates } from '../../src/oci/remote/certsD.ts';
import type { Credential } from '../../src/oci/remote/credential.ts';
import { diagnose } from '../../src/oci/remote/diagnosis/diagnose.ts';
import type { Diagnosis, FactName, Finding, StepId } from '../../src/oci/remote/diagnosis/diagnosis.ts';
import { steps } from '../../src/oci/remote/diagnosis/steps.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { proxyFor, type ProxyDecision } from '../../src/oci/remote/proxy.ts';
import { assertNoCanary, canary } from '../support/canary.ts';
import { makeCertificate } from '../support/certificates.ts';
import { startForwardProxy } from '../support/middlemen.ts';
import { runPeer } from '../support/peers.ts';
import { freePort, startRegistry, type RunningRegistry } from '../support/registries.ts';
import { failureOf, serve } from '../support/remoteHarness.ts';
import { json } from '../support/scriptedServer.ts';

const { diagnosisText } = await import('../../src/commands/diagnosisText.ts');

const account = {
  kind: 'password',
  username: 'alice',
  password: 'C4nary-of-alice',
  source: 'a test',
} as const;
const folder = mkdtempSync(path.join(tmpdir(), 'oci-diagnosis-'));
const authority = makeCertificate({ commonName: 'Private CA', isAuthority: true });
const server = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'], issuer: authority });
const file = (name: string, text: string): string => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const ca = file('ca.pem', authority.cert);

interface Options {
  readonly scheme?: 'https' | 'http';
  readonly ca?: string;
  readonly trusted?: string;
  readonly insecureBy?: string;
  readonly credential?: Credential;
  readonly repository?: string;
  readonly way?: (target: URL) => ProxyDecision;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StepId) => void;
  readonly now?: () => number;
}

/** A diagnosis as the command makes it, and its text. */
async function look(t: TestContext, host: string, options: Options = {}): Promise<[Diagnosis, string]> {
  const way = options.way ?? ((): ProxyDecision => ({ kind: 'direct', reason: 'none' }));
  const certificates = (name: string) =>
    readCertificates(name, options.ca === undefined ? undefined : { ca: options.ca }, []);
  const trusted = (): string | undefined => options.trusted;
  const insecureBy = (): string | undefined => options.insecureBy;
  const insecure = (): boolean => options.insecureBy !== undefined;
  const dispatcher = createDispatcher({ proxy: way, certificates, trusted, insecure });
  t.after(() => dispatcher.destroy());
  const diagnosis = await diagnose(
    {
      host,
      scheme: options.scheme ?? 'https',
      repository: options.repository,
      dispatcher,
      credentials: () => Promise.resolve(options.credential),
      userAgent: 'test',
      way,
      certificates,
      trusted,
      insecureBy,
      now: options.now,
    },
    options.signal ?? new AbortController().signal,
    options.onStep,
  );
  const text = diagnosisText(diagnosis, { when: 'now', versions: ['OCI Explorer 1'] });
  for (const said of [diagnosis, text]) {
    assertNoCanary('diagnosis', said);
  }
  return [diagnosis, text];
}

function stepOf({ findings }: Diagnosis, step: StepId): Finding {
  const found = findings.find((finding) => finding.step === step);
  assert.ok(found, step);
  return found;
}

/** Step → outcome, of what failed with its code. */
function outcomes({ findings }: Diagnosis): Readonly<Record<string, string>> {
  return Object.fromEntries(
    findings.map((finding) => [
      finding.step,
      finding.outcome === 'failed'
        ? `failed ${finding.error.code}`
        : finding.outcome === 'skipped' && finding.because !== undefined
          ? `skipped ${finding.because}`
          : finding.outcome,
    ]),
  );
}

/** Values of a fact; sayings by their id and what is in them. */
function values(diagnosis: Diagnosis, step: StepId, name: FactName): readonly string[] {
  return stepOf(diagnosis, step)
    .facts.filter((fact) => fact.name === name)
    .map(({ value }) => (typeof value === 'string' ? value : [value.say, ...(value.of ?? [])].join(' ')));
}

describe('a diagnosis of distribution with passwords, behind TLS of a private authority', () => {
  let running: RunningRegistry;
  before(async () => {
    running = await startRegistry('distribution', {
      htpasswd: { user: account.username, password: account.password },
      tls: { cert: file('cert.pem', server.cert), key: file('key.pem', server.key) },
    });
    const login = ['-u', account.username, '-p', account.password, '--ca-file', ca];
    writeFileSync(path.join(folder, 'a.txt'), 'a');
    for (const tag of ['v1', 'v2']) {
      await runPeer('oras', ['push', ...login, `${running.host}/team/app:${tag}`, 'a.txt:text/plain'], {
        cwd: folder,
      });
    }
  });
  after(async () => {
    await running.stop();
    await rm(folder, { recursive: true });
  });

  it('says of every step what it found', async (t) => {
    const seen: StepId[] = [];
    const [found, text] = await look(t, running.host, {
      ca,
      credential: account,
      onStep: (step) => seen.push(step),
    });
    assert.deepEqual(
      seen,
      steps.map(({ id }) => id),
    );
    assert.deepEqual(
      new Set(Object.values(outcomes(found))),
      new Set(['good']),
      JSON.stringify(outcomes(found)),
    );
    assert.deepEqual(values(found, 'proxy', 'way'), ['direct-none']);
    assert.match(values(found, 'connection', 'tried').join(), new RegExp(`^connected ${running.host} \\d+$`));
    assert.deepEqual(values(found, 'tls', 'certificate'), ['CN=registry']);
    assert.deepEqual(values(found, 'tls', 'issuer'), ['CN=Private CA']);
    assert.deepEqual(values(found, 'tls', 'names'), ['127.0.0.1']);
    assert.deepEqual(values(found, 'tls', 'trustedBy'), [`trusted-by-file CN=Private CA ${ca}`]);
    assert.match(values(found, 'tls', 'valid').join(), /^valid \d{4}-.*Z \d{4}-.*Z$/);
    assert.match(values(found, 'tls', 'protocol').join(), /^TLSv1\.3, /);
    assert.deepEqual(values(found, 'api', 'status'), ['401']);
    assert.deepEqual(values(found, 'api', 'version'), ['registry/2.0']);
    assert.deepEqual(values(found, 'api', 'challenge'), ['basic realm="test"']);
    assert.deepEqual(values(found, 'account', 'account'), ['a test']);
    assert.deepEqual(values(found, 'account', 'kind'), ['password']);
    assert.match(values(found, 'clock', 'difference').join(), /^clock-right \d+$/);
    assert.deepEqual(values(found, 'catalog', 'page'), ['page-all 1 1', 'page-refused 2000 400']);
    assert.deepEqual(values(found, 'tags', 'repository'), ['team/app']);
    assert.deepEqual(values(found, 'tags', 'page'), ['page-more 1 1', 'page-all 2000 2']);
    assert.deepEqual(values(found, 'referrers', 'support'), ['referrers-tag']);
    assert.deepEqual(values(found, 'deletes', 'support'), ['deletes-yes']);
    for (const part of [
      `# Connection to \`${running.host}\``,
      '✓ TLS',
      '`basic realm="test"`',
      'CN=Private CA',
    ]) {
      assert.ok(text.includes(part), `${part} is missing in\n${text}`);
    }
    assert.doesNotMatch(text, /alice/);
  });

  it('shows a certificate that nobody vouches for, and who it is by', async (t) => {
    const [found, text] = await look(t, running.host, { credential: account });
    assert.equal(outcomes(found)['tls'], 'failed tls-untrusted');
    assert.deepEqual(values(found, 'tls', 'issuer'), ['CN=Private CA']);
    assert.deepEqual(values(found, 'tls', 'trustedBy'), ['trusted-by-nobody']);
    for (const step of [
      'api',
      'clock',
      'authorization',
      'catalog',
      'tags',
      'referrers',
      'deletes',
    ] as const) {
      assert.equal(outcomes(found)[step], 'skipped tls');
    }
    // What needs no connection is there all the same.
    assert.equal(outcomes(found)['account'], 'good');
    assert.match(text, /✗ TLS: The certificate of .* is not signed by an authority this machine trusts/);
    const [pinned] = await look(t, running.host, { credential: account, trusted: server.cert });
    assert.deepEqual(values(pinned, 'tls', 'trustedBy'), ['trusted-by-you']);
    assert.equal(outcomes(pinned)['tls'], 'good');
    assert.equal(outcomes(pinned)['catalog'], 'good');
  });

  it('says which file lets a certificate pass that nobody vouches for, and goes on as everything else does', async (t) => {
    const insecureBy = '/etc/containers/registries.conf';
    const [found, text] = await look(t, running.host, { credential: account, insecureBy });
    assert.equal(outcomes(found)['tls'], 'note');
    assert.deepEqual(values(found, 'tls', 'trustedBy'), [`insecure-by ${insecureBy}`]);
    assert.equal(outcomes(found)['catalog'], 'good');
    assert.match(text, /nobody, and `\/etc\/containers\/registries\.conf` lets that pass/);
    // What verifies needs no leave.
    const [verified] = await look(t, running.host, { ca, credential: account, insecureBy });
    assert.equal(outcomes(verified)['tls'], 'good');
    // Where a certificate is trusted, no other will do.
    const [other] = await look(t, running.host, { credential: account, insecureBy, trusted: authority.cert });
    assert.equal(outcomes(other)['tls'], 'failed tls-untrusted');
  });

  it('sends a wrong password once', async (t) => {
    const credential = { ...account, password: 'C4nary-wrong' };
    const [found] = await look(t, running.host, { ca, credential });
    assert.equal(outcomes(found)['authorization'], 'failed unauthorized');
    for (const step of ['catalog', 'tags', 'referrers', 'deletes'] as const) {
      assert.equal(outcomes(found)[step], 'skipped authorization');
    }
  });

  it('goes by a proxy, whose own sign-in is told to nobody', async (t) => {
    const proxy = await startForwardProxy({ name: 'proxyuser', password: 'C4nary-of-proxy' });
    t.after(() => proxy.stop());
    const by = (login: string) => (target: URL) =>
      proxyFor(target, {
        isOn: true,
        proxy: `http://${login}${proxy.host}`,
        noProxy: ['<-loopback>'],
        env: {},
      });
    const way = by('proxyuser:C4nary-of-proxy@');
    const [found, text] = await look(t, running.host, {
      ca,
      credential: account,
      way,
      repository: 'team/app',
    });
    assert.deepEqual(values(found, 'proxy', 'way'), [`http://${proxy.host}`]);
    assert.deepEqual(values(found, 'proxy', 'namedBy'), ['http.proxy']);
    assert.deepEqual(values(found, 'proxy', 'proxySignIn'), ['yes']);
    assert.match(values(found, 'connection', 'tried').join(), new RegExp(`^connected ${proxy.host} `));
    assert.equal(outcomes(found)['tags'], 'good');
    assert.match(await proxy.log(), new RegExp(`CONNECT ${running.host} `));
    assert.doesNotMatch(text, /proxyuser/);

    const [refused] = await look(t, running.host, { ca, way: by('proxyuser:wrong@') });
    assert.equal(outcomes(refused)['connection'], 'good');
    assert.equal(outcomes(refused)['tls'], 'failed unreachable');

    await proxy.stop();
    const [gone] = await look(t, running.host, { ca, way });
    assert.equal(outcomes(gone)['connection'], 'failed unreachable');

    const [unknown] = await look(t, 'registry.invalid', { ca, way });
    assert.equal(outcomes(unknown)['name'], 'note');

    const [none] = await look(t, running.host, {
      ca,
      way: (target) => proxyFor(target, { isOn: true, proxy: 'ftp://x', noProxy: ['<-loopback>'], env: {} }),
    });
    assert.equal(outcomes(none)['proxy'], 'failed unreachable');
    assert.equal(outcomes(none)['connection'], 'skipped proxy');
  });

  it('tells clocks that differ, and who is right about a certificate', async (t) => {
    const future = (): number => Date.now() + 3 * 86_400_000;
    const [found, text] = await look(t, running.host, { ca, credential: account, now: future });
    assert.match(values(found, 'clock', 'difference').join(), /^clock-ahead 2592\d\d$/);
    assert.match(values(found, 'tls', 'valid').join(), /^not-valid /);
    assert.match(text, /! Clock: this machine is 2592\d\d s ahead of the registry/);
  });
});

describe('a diagnosis', () => {
  it('of a name that nobody has ends there, and says so', async (t) => {
    const [found, text] = await look(t, 'registry.invalid');
    assert.equal(outcomes(found)['name'], 'failed name-not-found');
    assert.equal(outcomes(found)['proxy'], 'good');
    assert.equal(outcomes(found)['deletes'], 'skipped name');
    assert.match(text, /✗ Name resolution: There is no host named registry\.invalid/);
  });

  it('of a port where nobody listens says which addresses were tried', async (t) => {
    const host = `127.0.0.1:${await freePort()}`;
    const [found, text] = await look(t, host, { scheme: 'http' });
    assert.equal(outcomes(found)['connection'], 'failed unreachable');
    assert.deepEqual(values(found, 'connection', 'tried'), [`not-connected ${host} ECONNREFUSED`]);
    assert.match(text, /ECONNREFUSED/);
    assert.deepEqual(text.match(/^- Addresses: .*/gm), [
      '- Addresses: `127.0.0.1`, an address: nothing to look up',
    ]);
    // Numbers are read as they stand.
    assert.doesNotMatch(text, /`\d+`/);
  });

  it('of a registry with the referrers API says so', async (t) => {
    const running = await startRegistry('olareg', { deletes: false });
    t.after(() => running.stop());
    const work = mkdtempSync(path.join(tmpdir(), 'oci-diagnosis-'));
    t.after(() => rm(work, { recursive: true }));
    writeFileSync(path.join(work, 'a.txt'), 'a');
    await runPeer('oras', ['push', '--plain-http', `${running.host}/team/app:v1`, 'a.txt:text/plain'], {
      cwd: work,
    });
    const [found] = await look(t, running.host, { scheme: 'http', repository: 'team/app' });
    assert.deepEqual(values(found, 'tls', 'protocol'), ['plain-http']);
    assert.deepEqual(values(found, 'catalog', 'page'), ['no-catalog']);
    assert.deepEqual(values(found, 'referrers', 'level'), ['level-1-1']);
    assert.deepEqual(values(found, 'deletes', 'support'), ['deletes-no']);
    const [none] = await look(t, running.host, { scheme: 'http' });
    assert.equal(outcomes(none)['tags'], 'skipped');
  });

  it('says which scopes were asked and granted, and of an account that was withheld', async (t) => {
    const claims = { access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }] };
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const service = await serve(t, (_, response) =>
      json(response, 200, { token: `${part({})}.${part(claims)}.C4nary`, expires_in: 300 }),
    );
    const registry = await serve(t, (request, response) =>
      request.headers.authorization === undefined
        ? json(
            response,
            401,
            {},
            {
              'www-authenticate': `Bearer realm="${service.origin}/token?key=C4nary",service="s"`,
            },
          )
        : request.method === 'DELETE'
          ? json(response, 405, {})
          : json(response, 200, { tags: ['v1'] }),
    );
    const options = { scheme: 'http', repository: 'team/app', credential: { ...canary } } as const;
    const [withheld, text] = await look(t, registry.host, options);
    assert.deepEqual(values(withheld, 'authorization', 'told'), ['account-withheld']);
    assert.deepEqual(values(withheld, 'authorization', 'realm'), [`${service.origin}/token`]);
    assert.deepEqual(values(withheld, 'authorization', 'asked'), ['repository:team/app:pull']);
    assert.deepEqual(values(withheld, 'authorization', 'granted'), ['repository:team/app:pull']);
    assert.deepEqual(values(withheld, 'deletes', 'asked'), ['repository:team/app:delete,pull,push']);
    assert.deepEqual(values(withheld, 'deletes', 'support'), ['deletes-no']);
    assert.match(text, /nobody agreed to it/);
    const agreed = { ...canary, realms: [service.origin] };
    const [sent] = await look(t, registry.host, { ...options, credential: agreed });
    assert.deepEqual(values(sent, 'authorization', 'told'), ['account-sent']);
  });

  it('holds no secret, whatever a server says back', async (t) => {
    const registry = await serve(t, (request, response) => {
      const told = `${request.headers.authorization ?? ''} ${canary.password}`;
      response.writeHead(request.headers.authorization === undefined ? 401 : 403, {
        'www-authenticate': `Basic realm="${Buffer.from(told).toString('latin1').replaceAll('"', '\\"')}"`,
        server: encodeURIComponent(canary.password),
        'content-type': 'application/json',
      });
      response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: told }] }));
    });
    const [found] = await look(t, registry.host, { scheme: 'http', repository: 'app', credential: canary });
    assert.equal(outcomes(found)['tags'], 'failed denied');
  });

  it('holds no name of a person, whatever a server says back', async (t) => {
    const registry = await serve(t, (request, response) => {
      const isAsked = request.headers.authorization === undefined;
      json(
        response,
        isAsked ? 401 : 403,
        { errors: [{ code: 'DENIED', message: `${canary.username} may not do this` }] },
        isAsked ? { 'www-authenticate': 'Basic realm="x"' } : {},
      );
    });
    const options = { scheme: 'http', repository: 'app', credential: canary } as const;
    const [found, text] = await look(t, registry.host, options);
    assert.equal(outcomes(found)['tags'], 'failed denied');
    assert.match(text, /may not do this/);
    assert.ok(!text.includes(canary.username), text);
  });

  it('makes text of whatever a server says', async (t) => {
    const registry = await serve(t, (_, response) => {
      response.writeHead(500, { server: '`[x](command:evil)` <b>', 'content-type': 'text/plain' });
      response.end('<img src=x> `[y](https://evil.example)` *z*');
    });
    const [, text] = await look(t, registry.host, { scheme: 'http' });
    for (const line of text.split('\n')) {
      const outside = line.replace(/`[^`]*`/g, '').replace(/\\./g, '');
      assert.doesNotMatch(outside, /[<>[\]*`]/, line);
    }
  });

  it('parses no list of brackets alone, and goes on', async (t) => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const running = await serve(t, (_, response) => response.end(deep));
    const parse = t.mock.method(JSON, 'parse');
    const [found] = await look(t, running.host, { scheme: 'http', repository: 'app' });
    assert.ok(!parse.mock.calls.some(({ arguments: [text] }) => text === deep));
    assert.deepEqual(values(found, 'tags', 'page'), ['page-all 1 0', 'page-all 2000 0']);
  });

  it('ends when it is told to', async (t) => {
    const registry = await serve(t, () => undefined);
    const controller = new AbortController();
    const error = await failureOf(
      look(t, registry.host, {
        scheme: 'http',
        signal: controller.signal,
        onStep: (step) => {
          if (step === 'api') {
            setImmediate(() => controller.abort());
          }
        },
      }),
    );
    assert.ok(isAbort(error), String(error));
  });
});
