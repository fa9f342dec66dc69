import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Location } from '../../../src/browse/location.ts';
import { locationParts, parseLocationParts } from '../../../src/browse/locationText.ts';
import { digestLinks } from '../../../src/editors/links.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = (seed: string) => digestOf(new TextEncoder().encode(seed));
const from = (kind: Location['kind']) => ({ place: 'local', repository: 'team/app', kind, tag: '1.4.2' });
const found = (value: unknown, kind: Location['kind'] = 'manifest') => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return digestLinks(text, from(kind)).map(({ start, end, location }) => {
    assert.equal(text.slice(start, end), location.digest);
    return `${location.kind} ${location.digest.slice(7, 15)} ${location.size ?? '?'}`;
  });
};
const line = (kind: string, seed: string, size: number | '?') =>
  `${kind} ${digest(seed).slice(7, 15)} ${size}`;
const descriptor = (seed: string, mediaType: string, size = 7) => ({
  mediaType,
  digest: digest(seed),
  size,
});

describe('digestLinks', () => {
  it('links config, layers and subject of a manifest to what they name', () => {
    const manifest = {
      schemaVersion: 2,
      config: descriptor('config', MediaType.imageConfig),
      layers: [
        descriptor('layer', MediaType.layerTarGzip),
        // Stored as a blob whatever it claims to be.
        descriptor('odd', MediaType.manifest),
      ],
      subject: descriptor('subject', MediaType.index),
    };
    assert.deepEqual(found(manifest), [
      line('config', 'config', 7),
      line('blob', 'layer', 7),
      line('blob', 'odd', 7),
      line('index', 'subject', 7),
    ]);
  });

  it('links the manifests of an index and of referrers, also without a media type', () => {
    const index = {
      manifests: [
        { ...descriptor('image', MediaType.manifest), platform: { os: 'linux', architecture: 'amd64' } },
        descriptor('nested', MediaType.index),
        { digest: digest('bare'), size: 5 },
        descriptor('vendor', 'application/vnd.acme.manifest+json'),
        descriptor('cache', 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
      ],
    };
    const wanted = [
      line('manifest', 'image', 7),
      line('index', 'nested', 7),
      line('manifest', 'bare', 5),
      line('manifest', 'vendor', 7),
      line('blob', 'cache', 7),
    ];
    assert.deepEqual(found(index, 'index'), wanted);
    assert.deepEqual(found(index, 'referrers'), wanted);
  });

  it('links what a digest alone names, without a size', () => {
    assert.deepEqual(found({ fsLayers: [{ blobSum: digest('schema1') }] }), [line('blob', 'schema1', '?')]);
    assert.deepEqual(found({ layerDigests: [digest('wasm')] }, 'config'), [line('blob', 'wasm', '?')]);
    const attestation = {
      ...descriptor('attestation', MediaType.manifest),
      annotations: { 'vnd.docker.reference.digest': digest('image') },
    };
    assert.deepEqual(found({ manifests: [attestation] }, 'index'), [
      line('manifest', 'attestation', 7),
      line('manifest', 'image', '?'),
    ]);
  });

  it('does not link what is no content of the repository', () => {
    const config = {
      rootfs: { type: 'layers', diff_ids: [digest('diff')] },
      history: [{ created_by: `COPY ${digest('history')}`, comment: digest('comment') }],
      config: { Labels: { digest: digest('label') } },
      digest: digest('own'),
    };
    assert.deepEqual(found(config, 'config'), []);
    const annotations = {
      'org.opencontainers.image.base.digest': digest('base'),
      digest: digest('annotation'),
      'io.deis.oras.content.digest': digest('tar'),
    };
    assert.deepEqual(found({ annotations, layers: [] }), []);
  });

  it('finds descriptors in other documents by their media types', () => {
    assert.deepEqual(found({ targetArtifact: descriptor('target', MediaType.manifest) }, 'blob'), [
      line('manifest', 'target', 7),
    ]);
  });

  it('has a target that is a document, with the tag only for what belongs to it', () => {
    const layer = { ...descriptor('layer', 'application/spdx+json'), annotations: {} as object };
    layer.annotations = { 'org.opencontainers.image.title': 'out/sbom.spdx.json' };
    const text = JSON.stringify({ layers: [layer], subject: descriptor('subject', MediaType.manifest) });
    const links = digestLinks(text, from('manifest'));
    assert.deepEqual(
      links.map(({ location }) => locationParts(location).path),
      [
        '/local/team/app:1.4.2 › sbom.spdx.json',
        `/local/team/app@${digest('subject').slice(7, 19)} › manifest`,
      ],
    );
    for (const { location } of links) {
      assert.deepEqual(parseLocationParts(locationParts(location)), location);
    }
  });

  it('drops sizes and digests that are none', () => {
    assert.deepEqual(
      found({
        layers: [
          { mediaType: 'a/b', digest: digest('a'), size: -1 },
          { mediaType: 'a/b', digest: digest('b'), size: 1e300 },
          { mediaType: 'a/b', digest: 'sha256:../../etc/passwd', size: 1 },
          { mediaType: 'a/b', digest: 7, size: 1 },
        ],
      }),
      [line('blob', 'a', '?'), line('blob', 'b', '?')],
    );
  });

  it('finds 5,000 layers in little time', () => {
    const layers = Array.from({ length: 5000 }, (_, index) =>
      descriptor(String(index), MediaType.layerTarGzip, index),
    );
    const text = JSON.stringify({ config: descriptor('config', MediaType.imageConfig), layers });
    assert.equal(digestLinks(text, from('manifest')).length, 5001);
  });

  const one = JSON.stringify(descriptor('x', 'a/b'));
  const hostile: Readonly<Record<string, string>> = {
    'lists in lists': '['.repeat(1_000_000),
    'objects in objects': '{"a":'.repeat(1_000_000),
    'descriptors in descriptors': `{"digest":"${digest('x')}","mediaType":"a/b","x":`.repeat(20_000),
    'more closed than open': `${']}'.repeat(10_000)}${one}`,
    'an open string': `{"digest":"${'a'.repeat(1_000_000)}`,
    'keys of the prototype': '{"__proto__":{"digest":"x"},"constructor":"sha256:x","layers":[{"digest":{}}]}',
    'an empty text': '',
    'no JSON': 'hello "world": {digest',
  };
  for (const [name, text] of Object.entries(hostile)) {
    it(`is unharmed by ${name}`, () => assert.doesNotThrow(() => digestLinks(text, from('manifest'))));
  }

  it('finds what stands above what is nested too deep', () => {
    const text = `{"layers":[${one}],"annotations":${'['.repeat(10_000)}${']'.repeat(10_000)},"subject":${one}}`;
    assert.deepEqual(found(text), [line('blob', 'x', 7), line('manifest', 'x', 7)]);
  });
});
