import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { newTypeRow, signalOf } from '../../../src/artifacts/newTypeRow.ts';
import { parseTypeRow } from '../../../src/artifacts/parseTypeRow.ts';
import { createTable } from '../../../src/artifacts/table.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';

const part = (mediaType: string) => ({ mediaType, digest: digestOf(Buffer.from('{}')), size: 2 });

describe('a type made from a manifest', () => {
  const own = 'application/vnd.acme.rocket.v1';
  const image = part(MediaType.imageConfig);
  const cases: readonly (readonly [object, string | undefined])[] = [
    [{ artifactType: own, config: part(MediaType.empty), layers: [part('application/x.y')] }, 'artifactType'],
    [{ config: part(own), layers: [part('application/x.y')] }, 'configMediaType'],
    [{ config: image, layers: [part(MediaType.layerTarGzip), part(own)] }, 'layerMediaType'],
    [{ config: image, layers: [part(MediaType.layerTarGzip)] }, undefined],
    // Would claim everything, or no row could hold it.
    [{ artifactType: 'application/*', config: part('a b'), layers: [part('é')] }, undefined],
    [{ artifactType: 'application/vnd.*', config: part(own), layers: [] }, 'configMediaType'],
  ];
  for (const [more, field] of cases) {
    it(`is told by ${field ?? 'nothing, where all says only how it is stored'}`, () => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.manifest, ...more }));
      const manifest = parseManifest(bytes, MediaType.manifest);
      const signal = signalOf(manifest);
      assert.equal(signal?.field, field);
      if (signal) {
        const row = newTypeRow(signal, 'My Rocket', 'package', (id) => id === 'my-my-rocket');
        assert.deepEqual(parseTypeRow(row), { row });
        assert.equal(row.id, 'my-my-rocket-2');
        assert.equal(identify(manifest, {}, {}, createTable([row])).name, 'My Rocket');
      }
    });
  }
});
