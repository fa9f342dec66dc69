import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statementsOf } from '../../../src/artifacts/layerName.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import type { FetchedManifest, Registry } from '../../../src/oci/store.ts';
import recorded from '../../fixtures/buildkit/attestation-storage.json' with { type: 'json' };
import { browsing, eventually, named } from '../../support/browsing.ts';

/** The documents of BuildKit's documentation, each under the digest it has there; the image, which is left out there, is any. */
function documented(): Registry {
  const store = new MemoryStore();
  const index = Buffer.from(JSON.stringify(recorded.index));
  const root: Descriptor = { mediaType: MediaType.index, digest: digestOf(index), size: index.byteLength };
  const [platform, about] = recorded.index.manifests as unknown as readonly Descriptor[];
  assert.ok(platform && about);
  // As long as the documentation says.
  const padded = (document: object): Buffer => Buffer.from(JSON.stringify(document).padEnd(1234));
  const image = padded({ ...recorded.attestation, layers: [] });
  const attestation = padded(recorded.attestation);
  const kept: Readonly<Record<string, FetchedManifest>> = {
    latest: { descriptor: root, bytes: index },
    [root.digest]: { descriptor: root, bytes: index },
    [platform.digest]: { descriptor: platform, bytes: image },
    [about.digest]: { descriptor: about, bytes: attestation },
  };
  const none = (ref: string): never => {
    throw new OciError('not-found', `no ${ref}`);
  };
  Object.assign(store, {
    tags: (op: object) => Promise.resolve(pageOf(['latest'], op)),
    manifest: (ref: string) => Promise.resolve(kept[ref] ?? none(ref)),
  });
  return {
    kind: 'remote',
    repository: () => store,
    repositories: (op = {}) => Promise.resolve(pageOf(['app'], op)),
  };
}

describe("the index of BuildKit's documentation", () => {
  it('has one platform, with what was attested below it, and nothing unknown', async () => {
    const browser = browsing(documented());
    const repository = browser.find('p', 'app');
    assert.ok(repository);
    const [tag] = await browser.children(repository);
    assert.ok(tag);
    await named(browser, [tag]);
    const name = browser.named(tag);
    assert.equal(name && 'type' in name && name.type.name, 'Image index');
    const platforms = (await browser.children(tag)).filter((node) => node.kind === 'manifest');
    assert.deepEqual(
      platforms.map(({ descriptor: { platform } }) => `${platform?.os}/${platform?.architecture}`),
      ['linux/amd64'],
    );
    const [platform] = platforms;
    assert.ok(platform);
    const attestation = (await browser.children(platform)).find((node) => node.kind === 'manifest');
    assert.ok(attestation?.role === 'attestation');
    await eventually(() => {
      const known = browser.named(attestation);
      return known !== undefined && 'manifest' in known;
    });
    const read = browser.named(attestation);
    assert.ok(read && 'type' in read && read.manifest?.kind === 'manifest');
    assert.equal(read.type.name, 'Build attestation');
    assert.deepEqual(statementsOf(read.manifest.layers), ['SPDX attestation']);
    browser.dispose();
  });
});
