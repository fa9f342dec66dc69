import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Location } from '../../src/browse/location.ts';
import { locationParts, parseLocationParts } from '../../src/browse/locationText.ts';
import { createDocumentReader } from '../../src/editors/readDocument.ts';
import { isOciError, OciError } from '../../src/oci/errors.ts';
import { manifestForms, MediaType } from '../../src/oci/mediaTypes.ts';
import { canNegotiate, type FetchedManifest, type Negotiator, type ReadStore } from '../../src/oci/store.ts';
import { anonymous, browsing, named } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';

/** A docker image, an OCI image and a list of the docker image, and what a client gets that knows one media type. */
class Place {
  readonly registry: RunningRegistry;
  readonly remote: ReturnType<typeof anonymous>;

  private constructor(registry: RunningRegistry) {
    this.registry = registry;
    this.remote = anonymous(registry.host);
  }

  static async start(kind: RegistryKind, folder: string): Promise<Place> {
    const place = new Place(await startRegistry(kind));
    const at = `${place.registry.host}/app`;
    const crane = (...args: string[]): Promise<unknown> =>
      runPeer('crane', ['--insecure', ...args], { cwd: folder });
    await crane('append', '-f', 'hello.txt', '-t', `${at}:docker`);
    await crane('mutate', '--set-platform', 'linux/amd64', `${at}:docker`, '-t', `${at}:docker`);
    await crane('append', '-f', 'hello.txt', '--oci-empty-base', '-t', `${at}:oci`);
    await crane('index', 'append', '--docker-empty-base', '-m', `${at}:docker`, '-t', `${at}:list`);
    return place;
  }

  get store(): ReadStore & Negotiator {
    const store = this.remote.registry.repository('app');
    assert.ok(canNegotiate(store));
    return store;
  }

  /** Media types that come back, by what was asked for; of a refusal its status. */
  async forms(tag: string): Promise<readonly (string | number | undefined)[]> {
    const found = [];
    for (const { mediaType } of manifestForms) {
      const got = await this.store.manifestAs(tag, mediaType).catch((error: unknown) => {
        assert.ok(error instanceof OciError);
        return error;
      });
      found.push(got instanceof OciError ? got.facts.status : got.descriptor.mediaType);
    }
    return found;
  }

  async stop(): Promise<void> {
    await this.remote.stop();
    await this.registry.stop();
  }
}

describe('what a client gets that knows one media type', () => {
  let folder: string;
  let old: Place;
  let now: Place;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oci-open-as-'));
    await writeFile(path.join(folder, 'hello.txt'), 'hello\n');
    [old, now] = await Promise.all([
      Place.start('distribution2', folder),
      Place.start('distribution', folder),
    ]);
  });

  after(async () => {
    await Promise.all([old.stop(), now.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const { manifest, dockerList, dockerManifest, dockerSchema1Signed: schema1 } = MediaType;

  it('is converted by distribution 2.8, down to schema 1', async () => {
    assert.deepEqual(await old.forms('docker'), [schema1, schema1, schema1, dockerManifest, schema1]);
    assert.deepEqual(await old.forms('list'), [schema1, schema1, dockerList, dockerManifest, schema1]);
    assert.deepEqual(await old.forms('oci'), [404, manifest, 404, 404, 404]);
  });

  it('is what it is, or the manifest of linux/amd64, or refused, by distribution 3', async () => {
    assert.deepEqual(await now.forms('docker'), Array(5).fill(dockerManifest));
    assert.deepEqual(await now.forms('list'), [400, 400, dockerList, dockerManifest, 400]);
    assert.deepEqual(await now.forms('oci'), [404, manifest, 404, 404, 404]);
    const refused = await now.store.manifestAs('oci', dockerManifest).catch((error: unknown) => error);
    assert.match(refused instanceof OciError ? (refused.facts.detail ?? '') : '', /OCI manifest found/);
  });

  const locationOf = ({ descriptor }: FetchedManifest, accept: string, tag: string): Location => ({
    place: 'p',
    repository: 'app',
    kind: 'manifest',
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    tag,
    accept,
    form: 'original',
  });

  it('is read again as it was asked for, when all that is left of it is its URI', async () => {
    const converted = await old.store.manifestAs('docker', schema1);
    const again = await old.store.manifestAs('docker', schema1);
    // Signed anew, and named the same: by what is signed.
    assert.equal(again.descriptor.digest, converted.descriptor.digest);
    await assert.rejects(old.store.resolve(converted.descriptor.digest), (error) =>
      isOciError(error, 'not-found'),
    );
    const parts = locationParts(locationOf(converted, schema1, 'docker'));
    assert.match(parts.path, /app:docker › manifest as Docker schema 1$/);
    const location = parseLocationParts(parts);
    assert.ok(location);
    const [root] = browsing(old.remote.registry).roots();
    assert.ok(root);
    const read = (from: Location): Promise<Uint8Array> =>
      createDocumentReader(createManifestCache()).read(root.place, from);
    const text = Buffer.from(await read(location)).toString();
    assert.equal((JSON.parse(text) as { schemaVersion: number }).schemaVersion, 1);
    assert.match(text, /"signatures"/);
    // Another tag is another document, and this one says so.
    const moved = { ...location, tag: 'list' };
    await assert.rejects(read(moved), (error) => isOciError(error, 'digest-mismatch'));
  });

  it('has the layers and what is known of them, as a schema 1 image of the tree too', async () => {
    const made = await old.store.manifestAs('docker', schema1);
    const registry = {
      ...old.remote.registry,
      repository: () => ({
        ...old.remote.registry.repository('app'),
        manifest: () => Promise.resolve(made),
      }),
    } as unknown as ReturnType<typeof anonymous>['registry'];
    const browser = browsing(registry);
    const tag = browser.locate('p', 'app', 'docker');
    assert.ok(tag);
    const children = await browser.children(tag);
    await named(browser, [tag]);
    const own = await old.store.manifest('docker');
    const { layers } = JSON.parse(Buffer.from(own.bytes).toString()) as { layers: { digest: string }[] };
    const [layer, referrers, ...rest] = children;
    assert.deepEqual([referrers?.kind, rest.length], ['referrers', 0]);
    assert.ok(layer?.kind === 'blob' && layer.role === 'layer');
    assert.equal(layer.descriptor.digest, layers[0]?.digest);
    const facts = browser.named(layer);
    assert.ok(facts && 'type' in facts);
    assert.equal(facts.size, undefined);
    assert.deepEqual(facts.type.evidence, [{ field: 'fsLayers[0].blobSum', value: layer.descriptor.digest }]);
    const image = browser.named(tag);
    assert.ok(image && 'type' in image);
    assert.deepEqual([image.type.name, image.size], ['Docker v1 image', undefined]);
    browser.dispose();
  });
});
