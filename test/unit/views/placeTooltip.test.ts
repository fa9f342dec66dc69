import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import type { PlaceNode } from '../../../src/browse/node.ts';
import { readRegistriesConf } from '../../../src/oci/remote/registriesConf.ts';
import type { RemoteRegistry } from '../../../src/oci/remote/registry.ts';
import { everywhere, failureOf, remoteOf, serve } from '../../support/remoteHarness.ts';

const { tooltipOf } = await import('../../../src/views/tooltip.ts');

const services = {
  network: {
    scheme: () => 'https',
    trusted: () => undefined,
    rules: () => [],
    insecureBy: () => undefined,
    isEverInsecure: () => false,
  },
  accounts: {
    answered: () => 'docker',
    isSignedIn: () => Promise.resolve(false),
    remembered: () => Promise.resolve({}),
  },
} as unknown as Parameters<typeof tooltipOf>[1];

/** As registries.conf of the machine has it. */
const strict = services.network;

async function tooltip(
  host: string,
  registry: RemoteRegistry,
  namespace?: string,
  network = strict,
): Promise<string> {
  const place = { id: host, name: host, host, namespace, kind: 'remote', registry, pinned: [] };
  const node = { kind: 'place', id: host, place } as unknown as PlaceNode;
  return (await tooltipOf(node, { ...services, network }, new AbortController().signal))?.value ?? '';
}

/** A registry that shows these headers, after it was asked once. */
async function asked(t: TestContext, host: string, headers: Readonly<Record<string, string>>) {
  const server = await serve(t, (_, response) => response.writeHead(404, headers).end());
  const own = { host, origin: `http://${host}` };
  const { registry } = remoteOf(t, own, { dispatcher: everywhere(t, server) });
  await failureOf(registry.repository('library/alpine').resolve('latest'));
  return registry;
}

describe('the tooltip of a registry', () => {
  it('says what is left of its rate limit, and for whom that is counted', async (t) => {
    const registry = await asked(t, 'docker.io', {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '76;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    });
    const text = await tooltip('docker.io', registry, 'library');
    assert.match(text, /\*\*Host\*\* docker\.io\/library/);
    assert.match(text, /\*\*Provider\*\* Docker Hub/);
    assert.match(text, /\*\*Rate limit\*\* 76 of 100 reads left in 6 h, counted for 192\.0\.2\.7/);
  });

  it('says nothing of a limit that is none, and shows no text that came as one', async (t) => {
    for (const headers of [
      { 'ratelimit-limit': '100' },
      { 'ratelimit-limit': 'many', 'ratelimit-remaining': 'few' },
      { 'ratelimit-limit': '-1', 'ratelimit-remaining': '1e9' },
    ]) {
      const registry = await asked(t, 'docker.io', headers);
      assert.doesNotMatch(await tooltip('docker.io', registry), /Rate limit/);
    }
    const registry = await asked(t, 'docker.io', {
      'ratelimit-limit': '5',
      'ratelimit-remaining': '0',
      'docker-ratelimit-source': '[x](command:evil)',
    });
    assert.match(await tooltip('docker.io', registry), /\*\*Rate limit\*\* 0 of 5 reads left(?!.*evil)/);
  });

  it('says what registries.conf of the machine makes of it', async (t) => {
    const file = '/etc/containers/registries.conf';
    const network = {
      ...strict,
      insecureBy: () => file,
      isEverInsecure: () => false,
      rules: () =>
        readRegistriesConf({
          env: {},
          home: '',
          readFile: (path) =>
            path === file
              ? '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "m.example/a"'
              : undefined,
          readFolder: () => [],
        }),
    };
    const text = await tooltip('a.example', await asked(t, 'a.example', {}), undefined, network);
    assert.match(
      text,
      /\*\*TLS\*\* does not have to verify: insecure in \/etc\/containers\/registries\.conf/,
    );
    assert.match(text, /\*\*Mirrors\*\* m\.example\/a \(\/etc\/containers\/registries\.conf\)/);
    assert.doesNotMatch(await tooltip('b.example', await asked(t, 'b.example', {})), /TLS|Mirrors/);
  });

  it('does not say its host twice', async (t) => {
    const registry = await asked(t, 'a.example', {});
    assert.match(await tooltip('a.example', registry), /^a\.example\n\n\*\*API\*\*/);
  });

  it('says what it cannot do, and what runs under a name of one’s own', async (t) => {
    const ghcr = await tooltip('ghcr.io', await asked(t, 'ghcr.io', {}));
    assert.match(ghcr, /\*\*Deletes\*\* on its own web page or by its own tools/);
    assert.match(ghcr, /\*\*Referrers\*\* kept in tags/);
    const own = await asked(t, 'docker.corp.example', { server: 'Nexus/3.83.0-08 (PRO)' });
    assert.match(await tooltip('docker.corp.example', own), /\*\*Provider\*\* Sonatype Nexus/);
  });
});

describe('the tooltip of a tag', () => {
  it('says its size and its date once', async () => {
    const created = '2026-05-04T03:02:01Z';
    const named = (size: number, at: string): unknown => ({
      type: { id: 'x', name: 'X', category: 'other', rule: 'configMediaType', evidence: [] },
      descriptor: { digest: 'sha256:0', mediaType: 'application/x', size: 7 },
      manifest: {
        kind: 'manifest',
        mediaType: 'application/x',
        layers: [],
        annotations: { 'org.opencontainers.image.created': at, title: 'T' },
      },
      size,
      created: new Date(created),
    });
    const hover = async (size: number, at = created): Promise<string> => {
      const browser = { complete: () => Promise.resolve(named(size, at)) };
      const node = { kind: 'tag' } as unknown as PlaceNode;
      const told = { ...services, browser } as unknown as Parameters<typeof tooltipOf>[1];
      return (await tooltipOf(node, told, new AbortController().signal))?.value ?? '';
    };
    assert.match(await hover(193), /\*\*Size\*\* 193 B\n/);
    assert.match(await hover(4096), /\*\*Size\*\* 4 KiB \(4096\)/);
    assert.match(await hover(1), /\*\*Created\*\* 2026-05-04T03:02:01\.000Z[^]*\*\*title\*\* T/);
    assert.doesNotMatch(await hover(1), /image\.created/);
    assert.match(await hover(1, 'yesterday'), /image\.created\*\* yesterday/);
  });
});
