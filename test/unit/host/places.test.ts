import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import type { Place } from '../../../src/browse/place.ts';
import type { Accounts } from '../../../src/host/accounts.ts';
import type { Network } from '../../../src/host/network.ts';
import { createDispatcher } from '../../../src/oci/remote/dispatcher.ts';
import { readRegistriesConf } from '../../../src/oci/remote/registriesConf.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { canary, canaryBasic } from '../../support/canary.ts';
import { serve } from '../../support/remoteHarness.ts';
import { json, type Script, type ScriptedServer } from '../../support/scriptedServer.ts';

const vscode = (await import('vscode')) as unknown as Record<'workspace' | 'window', Record<string, unknown>>;
const silent = () => undefined;
vscode.window['createOutputChannel'] = () => ({ debug: silent, warn: silent });
const { createPlaces } = await import('../../../src/host/places.ts');

const certificate = makeCertificate({ commonName: 'registry', names: ['127.0.0.1'] });

/** The places of an editor with these registries, on a machine with this registries.conf. */
function placesOf(t: TestContext, given: readonly unknown[], conf = '') {
  let registries = given;
  const told: ((host?: string) => void)[] = [];
  vscode.workspace['getConfiguration'] = () => ({
    get: () => '',
    inspect: (name: string) => ({
      defaultValue: '',
      globalValue: name === 'registries' ? registries : undefined,
    }),
  });
  vscode.workspace['onDidChangeConfiguration'] = (
    listener: (event: { affectsConfiguration: (name: string) => boolean }) => void,
  ) => {
    told.push(() => listener({ affectsConfiguration: (name) => name === 'ociExplorer.registries' }));
    return { dispose: () => undefined };
  };
  const rules = readRegistriesConf({
    env: { CONTAINERS_REGISTRIES_CONF: 'registries.conf' },
    home: '',
    readFile: (path) => (path === 'registries.conf' ? conf : undefined),
    readFolder: () => [],
  });
  const dispatcher = createDispatcher({ trusted: () => certificate.cert });
  t.after(() => dispatcher.destroy());
  const asked: string[] = [];
  const made: unknown[] = [];
  const remembered: string[] = [];
  const network = {
    scheme: () => 'http',
    dispatcher: (host: string, isInsecure: boolean) => {
      made.push([host, isInsecure]);
      return dispatcher;
    },
    rules: () => rules,
    remember: (host: string, scheme: string) => Promise.resolve(void remembered.push(`${scheme}://${host}`)),
    onDidChange: (listener: (host?: string) => void) => {
      told.push(listener);
      return { dispose: () => undefined };
    },
  } as unknown as Network;
  const accounts = {
    source: (place: string) => () => {
      asked.push(place);
      return Promise.resolve(canary);
    },
  } as unknown as Accounts;
  const context = {
    extension: { packageJSON: { version: '1' } },
    globalStorageUri: { fsPath: '/nowhere' },
  } as unknown as Parameters<typeof createPlaces>[0]['context'];
  const places = createPlaces({ context, network, accounts });
  t.after(() => places.dispose());
  const [changeSettings, changeNetwork] = told;
  return {
    places,
    asked,
    made,
    remembered,
    changeNetwork,
    configure: (entries: readonly unknown[]) => {
      registries = entries;
      changeSettings?.();
    },
  };
}

/** Asks who one is. */
function closed(script: Script): Script {
  return (request, response) => {
    if (request.headers.authorization === canaryBasic) {
      script(request, response);
    } else {
      json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
    }
  };
}

const urls = ({ seen }: ScriptedServer): readonly string[] => [...new Set(seen.map(({ url }) => url))];

describe('a registry of the settings', () => {
  it('of a namespace is a place of its own, with an account of its own, and lists no more', async (t) => {
    const server = await serve(
      t,
      closed((_, response) => json(response, 200, { repositories: ['other/app', 'team/app'] })),
    );
    const { places, asked } = placesOf(t, [{ host: server.host, namespace: 'team' }, { host: server.host }]);
    const [, team, all] = places.all();
    assert.deepEqual(
      [team, all].map((place) => [place?.id, place?.name, place?.host]),
      [
        [`${server.host}/team`, `${server.host}/team`, server.host],
        [server.host, server.host, server.host],
      ],
    );
    assert.deepEqual((await team?.registry.repositories())?.items, ['team/app']);
    assert.deepEqual((await all?.registry.repositories())?.items, ['other/app', 'team/app']);
    assert.deepEqual([...new Set(asked)], [`${server.host}/team`, server.host]);
  });

  it('of loopback that speaks TLS is asked with it, and that is remembered', async (t) => {
    const server = await serve(
      t,
      closed((_, response) => json(response, 200, { repositories: ['app'] })),
      { tls: certificate },
    );
    const { places, asked, remembered } = placesOf(t, [{ host: server.host }]);
    assert.deepEqual((await places.get(server.host)?.registry.repositories())?.items, ['app']);
    assert.deepEqual(remembered, [server.origin]);
    assert.deepEqual([...new Set(asked)], [server.host]);
  });

  it('is read from the mirror that registries.conf names, with the account of the mirror', async (t) => {
    const index = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}';
    const mirror = await serve(
      t,
      closed((_, response) => {
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' }).end(index);
      }),
    );
    const own = await serve(t, (_, response) => json(response, 200, { tags: ['v1'] }));
    const conf = `[[registry]]\nlocation = "${own.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}/copy"\ninsecure = true`;
    const { places, asked, made } = placesOf(t, [{ host: own.host }], conf);
    const repository = places.get(own.host)?.registry.repository('team/app');
    assert.equal(Buffer.from((await repository?.manifest('v1'))?.bytes ?? '').toString(), index);
    assert.deepEqual(urls(mirror), ['/v2/copy/team/app/manifests/v1']);
    assert.deepEqual([...new Set(asked)], [mirror.host]);
    assert.deepEqual((await repository?.tags())?.items, ['v1']);
    assert.deepEqual(urls(own), ['/v2/team/app/tags/list?n=100']);
    // The mirror alone need not verify; by the one scheme or the other.
    assert.deepEqual(made, [
      [own.host, undefined],
      [mirror.host, true],
      [mirror.host, true],
    ]);
  });

  it('is the same place when it is spoken to in another way, and only it is told of', (t) => {
    const { places, configure, changeNetwork } = placesOf(t, [{ host: 'a.example' }, { host: 'b.example' }]);
    const seen: unknown[] = [];
    const ids = (of: readonly Place[]): readonly string[] => of.map(({ id }) => id);
    places.onDidChange(({ isList, places: others }) => seen.push([isList, ...ids(others)]));
    configure([{ host: 'a.example' }]);
    assert.deepEqual(seen.splice(0), [], 'who has not asked is not told');
    configure([{ host: 'a.example' }, { host: 'b.example' }]);
    const [local, a, b] = places.all();
    const registries = [local, a, b].map((place) => place?.registry);
    configure([{ host: 'a.example' }, { host: 'b.example', repositories: ['team/app'], pinnedOnly: true }]);
    assert.deepEqual(seen.splice(0), [[false, 'b.example']]);
    assert.deepEqual(b && [b.pinned, b.pinnedOnly], [['team/app'], true]);
    configure([{ host: 'c.example' }, { host: 'a.example' }, { host: 'b.example' }]);
    assert.deepEqual(seen.splice(0), [[true, 'b.example']]);
    assert.deepEqual(b && [b.pinned, b.pinnedOnly], [[], false]);
    configure([{ host: 'a.example' }, { host: 'b.example' }]);
    changeNetwork?.('b.example');
    changeNetwork?.();
    assert.deepEqual(seen, [[true], [false, 'b.example'], [false, 'a.example', 'b.example']]);
    assert.deepEqual(places.all(), [local, a, b]);
    assert.deepEqual(
      places.all().map((place, index) => place.registry === registries[index]),
      [true, false, false],
    );
  });
});
