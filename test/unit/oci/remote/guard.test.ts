import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { mayLead, reachOfName, type Reach } from '../../../../src/oci/remote/addresses.ts';
import { createDispatcher } from '../../../../src/oci/remote/dispatcher.ts';
import { createGuard, type Guard } from '../../../../src/oci/remote/guard.ts';
import { assertNoCanary, canary } from '../../../support/canary.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script } from '../../../support/scriptedServer.ts';

describe('an address', () => {
  for (const [url, reach] of [
    ['http://127.0.0.1', 'loopback'],
    ['http://127.9.9.9', 'loopback'],
    ['http://2130706433', 'loopback'],
    ['http://0x7f.1', 'loopback'],
    ['http://0177.0.0.1', 'loopback'],
    ['http://127.1', 'loopback'],
    ['http://0.0.0.0', 'loopback'],
    ['http://[::]', 'loopback'],
    ['http://[::1]', 'loopback'],
    ['http://[::ffff:127.0.0.1]', 'loopback'],
    ['http://[::ffff:7f00:1]', 'loopback'],
    ['http://[::127.0.0.1]', 'loopback'],
    ['http://[64:ff9b::127.0.0.1]', 'loopback'],
    ['http://[2002:7f00:1::]', 'loopback'],
    ['http://localhost.', 'loopback'],
    ['http://x.localhost', 'loopback'],
    ['http://169.254.169.254', 'link-local'],
    ['http://[::ffff:169.254.169.254]', 'link-local'],
    ['http://[fe80::1]', 'link-local'],
    ['http://10.1.2.3', 'private'],
    ['http://100.64.0.1', 'private'],
    ['http://172.31.255.255', 'private'],
    ['http://192.168.1.1', 'private'],
    ['http://[64:ff9b:1::7f00:1]', 'private'],
    ['http://[fd00::1]', 'private'],
    ['http://[2002:a00:1::1]', 'private'],
    ['http://224.0.0.1', 'private'],
    ['http://255.255.255.255', 'private'],
    ['http://[ff02::1]', 'private'],
    ['https://example.com', 'outer'],
    ['https://8.8.8.8', 'outer'],
    ['https://172.32.0.1', 'outer'],
    ['https://[2001:4860::1]', 'outer'],
    ['https://[64:ff9b::8.8.8.8]', 'outer'],
    ['https://[2002:808:808::1]', 'outer'],
    ['https://[::ffff:8.8.8.8]', 'outer'],
  ] as const) {
    it(`${url} is ${reach}`, () => {
      assert.equal(reachOfName(new URL(url).hostname), reach);
    });
  }

  for (const [from, to] of [
    ['outer', ['outer']],
    ['private', ['outer', 'private']],
    ['link-local', ['outer', 'link-local']],
    ['loopback', ['outer', 'private', 'loopback']],
  ] as const) {
    it(`that is ${from} may lead to ${to.join(', ')} and nowhere else`, () => {
      const all: readonly Reach[] = ['outer', 'private', 'link-local', 'loopback'];
      assert.deepEqual(
        all.filter((reach) => mayLead(from, reach)),
        to,
      );
    });
  }
});

/** Answers for names, the next of their answers each time and then the last again. */
function names(answers: Readonly<Record<string, readonly (readonly string[])[]>>): LookupFunction {
  const asked = new Map<string, number>();
  return (name, options, callback) => {
    const all = answers[name] ?? [];
    const index = Math.min(asked.get(name) ?? 0, all.length - 1);
    asked.set(name, index + 1);
    const found: LookupAddress[] = (all[index] ?? []).map((address) => ({ address, family: isIP(address) }));
    if (found.length === 0) {
      callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    } else if (options.all === true) {
      callback(null, found);
    } else {
      callback(null, found[0]?.address ?? '', found[0]?.family);
    }
  };
}

/** What a name was let lead to, or why it was not. */
function lookedUp(guard: Guard, name: string): Promise<readonly string[] | Error> {
  return new Promise((resolve) => {
    guard.lookup(name, { all: true }, (error, found) => {
      resolve(error ?? (found as LookupAddress[]).map(({ address }) => address));
    });
  });
}

const outer = '203.0.113.5';

/** The registry is looked up, and connected to at the first address that is left. */
async function connected(guard: Guard, name = 'own.example'): Promise<readonly string[] | Error> {
  const found = await lookedUp(guard, name);
  if (!(found instanceof Error)) {
    guard.reached(name, found[0] ?? '');
  }
  return found;
}

describe('a connection', () => {
  for (const [name, own, other, found] of [
    ['from outside to outside', outer, ['198.51.100.7'], ['198.51.100.7']],
    ['from outside to this machine', outer, ['127.0.0.1'], undefined],
    ['from outside to this machine by IPv6', outer, ['::1'], undefined],
    ['from outside to this machine by a mapped address', outer, ['::ffff:127.0.0.1'], undefined],
    ['from outside into this network', outer, ['10.0.0.1'], undefined],
    ['from outside to what tells a machine in a cloud who it is', outer, ['169.254.169.254'], undefined],
    ['from outside to any address', outer, ['0.0.0.0'], undefined],
    [
      'from outside to one address outside of several',
      outer,
      ['127.0.0.1', '198.51.100.7'],
      ['198.51.100.7'],
    ],
    ['from this network within it', '10.0.0.1', ['192.168.1.1'], ['192.168.1.1']],
    ['from this network to this machine', '10.0.0.1', ['127.0.0.1'], undefined],
    ['from this machine to itself', '127.0.0.1', ['::1'], ['::1']],
    ['from this machine into its network', '127.0.0.1', ['10.0.0.1'], ['10.0.0.1']],
    ['from this machine to what tells who it is', '127.0.0.1', ['169.254.169.254'], undefined],
  ] as const) {
    it(`${name} is ${found ? 'made' : 'refused'}`, async () => {
      const lookup = names({ 'own.example': [[own]], 'other.example': [other] });
      const guard = createGuard('own.example:5000', lookup);
      await connected(guard);
      const got = await lookedUp(guard, 'other.example');
      if (found) {
        assert.deepEqual(got, found);
      } else {
        assert.ok(isOciError(got, 'origin-refused'), String(got));
        assert.equal(got.facts.host, 'own.example:5000');
        assert.match(
          got.message,
          /^other\.example has the address .*, which is (?:on this machine|in this network)$/,
        );
      }
      // The same for an address that is written as such.
      const literal = await guard.check(other[0]).then(
        () => true,
        () => false,
      );
      assert.equal(literal, found !== undefined && other.length === 1);
    });
  }

  it('to a name that leads elsewhere the second time is refused the second time', async () => {
    const guard = createGuard(
      'own.example',
      names({ 'own.example': [[outer]], 'other.example': [[outer], ['127.0.0.1']] }),
    );
    await connected(guard);
    assert.deepEqual(await lookedUp(guard, 'other.example'), [outer]);
    assert.ok(isOciError(await lookedUp(guard, 'other.example'), 'origin-refused'));
  });

  it('to the registry itself is refused where its own name begins to lead to this machine', async () => {
    const lookup = names({ 'own.example': [[outer], ['127.0.0.1'], ['10.0.0.1'], [outer]] });
    const guard = createGuard('own.example', lookup);
    assert.deepEqual(await connected(guard), [outer]);
    const error = await connected(guard);
    assert.ok(isOciError(error, 'origin-refused'));
    assert.match(error.message, /^own\.example now has the address 127\.0\.0\.1, which is on this machine$/);
    // In and out of a VPN.
    assert.deepEqual(await connected(guard), ['10.0.0.1']);
    assert.deepEqual(await connected(guard), [outer]);
  });

  it('leads inside only as long as the registry was last connected to there, whatever its name says', async () => {
    const other = { 'other.example': [['10.0.0.7']] };
    const moves = names({ ...other, 'own.example': [['10.0.0.1'], [outer], ['10.0.0.1'], ['10.0.0.1']] });
    const guard = createGuard('own.example', moves);
    await connected(guard);
    assert.deepEqual(await lookedUp(guard, 'other.example'), ['10.0.0.7']);
    await connected(guard);
    assert.ok(isOciError(await lookedUp(guard, 'other.example'), 'origin-refused'));
    // Nothing is there where its name now leads: the connection outside is still the one that asks.
    await lookedUp(guard, 'own.example');
    assert.ok(isOciError(await lookedUp(guard, 'other.example'), 'origin-refused'));
    await connected(guard);
    assert.deepEqual(await lookedUp(guard, 'other.example'), ['10.0.0.7']);
  });

  for (const inner of ['127.0.0.1', '10.0.0.1', '169.254.169.254']) {
    it(`leads from outside nowhere inside though the registry says that it is at ${inner} as well`, async () => {
      const lookup = names({ 'own.example': [[outer, inner]], 'other.example': [[inner]] });
      const guard = createGuard('own.example', lookup);
      await connected(guard);
      assert.ok(isOciError(await lookedUp(guard, 'other.example'), 'origin-refused'));
      await assert.rejects(guard.check(inner));
    });
  }

  it('to the registry itself takes no address of this machine beside one outside', async () => {
    const lookup = names({ 'own.example': [['127.0.0.1', outer, '10.0.0.1']] });
    // By a VPN it may well be in a network, too.
    assert.deepEqual(await lookedUp(createGuard('own.example', lookup), 'own.example'), [outer, '10.0.0.1']);
  });

  it('asks where the registry is where only others were looked up', async () => {
    const lookup = names({ 'own.example': [['10.0.0.1']], 'other.example': [['10.0.0.2']] });
    assert.deepEqual(await lookedUp(createGuard('own.example', lookup), 'other.example'), ['10.0.0.2']);
    const unknown = createGuard('gone.example', lookup);
    assert.ok(isOciError(await lookedUp(unknown, 'other.example'), 'origin-refused'));
  });
});

describe('a registry outside', () => {
  const blob = Buffer.from('content');
  const descriptor = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.length };

  /** A registry that is reached by a proxy, as it stands outside, and a server of this machine behind another name. */
  async function outside(t: TestContext, target: string) {
    const inner = await serve(t, (_, response) => response.end('secret of this machine'));
    const at = `${target}:${inner.host.split(':')[1] ?? ''}`;
    const script: Script = ({ url }, response) => {
      if (url.endsWith('/blobs/uploads/')) {
        response.writeHead(202, { location: `http://${at}/up` }).end();
      } else if (url.includes('/blobs/')) {
        response.writeHead(307, { location: `http://${at}/blob` }).end();
      } else {
        json(response, 401, {}, { 'www-authenticate': `Bearer realm="http://${at}/token"` });
      }
    };
    const proxy = await serve(t, script);
    const dispatcher = createDispatcher({
      registry: 'registry.example',
      lookup: names({
        'registry.example': [[outer]],
        'evil.example': [['127.0.0.1']],
        localhost: [['127.0.0.1']],
      }),
      proxy: ({ hostname }) =>
        hostname === 'registry.example'
          ? { kind: 'proxy', proxy: { origin: proxy.origin, strict: true, source: 'test' } }
          : { kind: 'direct', reason: 'listed' },
    });
    const server = { host: 'registry.example', origin: 'http://registry.example' };
    return { inner, remote: remoteOf(t, server, { dispatcher, credential: canary }) };
  }

  for (const target of ['evil.example', 'localhost', '127.0.0.1', '[::1]']) {
    it(`leads nobody to this machine by ${target}: no redirect, upload or token service`, async (t) => {
      const { inner, remote } = await outside(t, target);
      const repository = remote.registry.repository('app');
      for (const work of [
        () => Array.fromAsync(repository.fetch(descriptor)),
        () => repository.push(descriptor, bodyOf(blob)),
        () => repository.tags(),
      ]) {
        const error = await failureOf(work());
        assert.ok(isOciError(error, 'origin-refused'), String(error));
        assert.equal(error.facts.host, 'registry.example');
        assertNoCanary('error', error);
      }
      assert.equal(inner.seen.length, 0);
      assert.deepEqual(remote.waits, []);
    });
  }
});
