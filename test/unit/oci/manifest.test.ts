import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOciError } from '../../../src/oci/errors.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const layer = { mediaType: 'text/plain', digest, size: 3 };
const parse = (json: unknown, mediaType = ''): ReturnType<typeof parseManifest> =>
  parseManifest(Buffer.from(JSON.stringify(json)), mediaType);

describe('parseManifest', () => {
  it('reads the blobs of artifact manifests as layers', () => {
    for (const mediaType of [
      MediaType.artifactManifest,
      'application/vnd.cncf.oras.artifact.manifest.v1+json',
    ]) {
      const manifest = parse({ mediaType, artifactType: 'application/vnd.acme', blobs: [layer] });
      assert.equal(manifest.kind, 'manifest');
      assert.deepEqual(manifest.layers, [layer]);
    }
  });

  it('refuses what could be read as two things, and sizes and digests that are none', () => {
    for (const [json, mediaType] of [
      [{ manifests: [], layers: [] }, ''],
      [{ manifests: [], config: layer }, ''],
      [{ mediaType: MediaType.index, layers: [layer] }, ''],
      [{ mediaType: MediaType.manifest, layers: [] }, MediaType.index],
      [{ mediaType: 7 }, ''],
      [{ layers: {} }, ''],
      ...[-1, 1.5, '5', 2 ** 60, null].map((size) => [{ layers: [{ ...layer, size }] }, ''] as const),
      ...['sha256:../../x', digest.toUpperCase(), `${digest}\n`, 'md5:x'].map(
        (text) => [{ layers: [{ ...layer, digest: text }] }, ''] as const,
      ),
    ] as const) {
      assert.throws(
        () => parse(json, mediaType),
        (error) => isOciError(error),
        JSON.stringify(json),
      );
    }
  });
});
