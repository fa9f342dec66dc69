import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { isMediaType, MediaType } from '../../../src/oci/mediaTypes.ts';
import { filesType, pushTypes } from '../../../src/packaging/pushTypes.ts';

describe('types that a push offers', () => {
  it('are told by their artifactType, whatever the files are', () => {
    for (const { artifactType, label } of pushTypes()) {
      assert.ok(isMediaType(artifactType), artifactType);
      const empty = { mediaType: MediaType.empty, digest: digestOf(Buffer.from('{}')), size: 2 };
      const layer = { ...empty, mediaType: MediaType.layerTarGzip };
      const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, artifactType };
      const bytes = Buffer.from(JSON.stringify({ ...manifest, config: empty, layers: [layer] }));
      const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
      assert.equal(identify(parseManifest(bytes, MediaType.manifest), descriptor).name, label);
    }
  });

  it('are the usual ones, each once', () => {
    const types = [filesType, ...pushTypes()].map(({ artifactType }) => artifactType);
    assert.equal(new Set(types).size, types.length);
    for (const type of [
      'application/spdx+json',
      'application/vnd.cyclonedx+json',
      'application/sarif+json',
    ]) {
      assert.ok(types.includes(type), type);
    }
  });
});
