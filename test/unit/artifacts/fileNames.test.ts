import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestFileName, knownFileNames, needsConfig } from '../../../src/artifacts/fileNames.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Manifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

function blob(mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(Buffer.from(mediaType)), size: 1 };
}

const chart = blob('application/vnd.cncf.helm.chart.content.v1.tar+gzip');
const provenance = blob('application/vnd.cncf.helm.chart.provenance.v1.prov');
const helm: Manifest = {
  kind: 'manifest',
  mediaType: MediaType.manifest,
  config: blob('application/vnd.cncf.helm.config.v1+json'),
  layers: [chart, provenance],
};

describe('file names', () => {
  it('of a chart are those helm gives', () => {
    assert.ok(needsConfig(helm));
    const names = knownFileNames(helm, { name: 'app', version: '1.2.3+build' });
    assert.deepEqual(
      [names.get(chart.digest), names.get(provenance.digest)],
      ['app-1.2.3+build.tgz', 'app-1.2.3+build.tgz.prov'],
    );
  });

  const hostile: readonly unknown[] = [
    { name: '../app', version: '1' },
    { name: 'a/b', version: '1' },
    { name: '', version: '' },
    { name: 'x'.repeat(300), version: '1' },
    { name: 1, version: '1' },
    { name: 'app' },
    'text',
    undefined,
  ];
  for (const config of hostile) {
    it(`of a chart with the config ${JSON.stringify(config ?? null).slice(0, 40)} are not known`, () => {
      assert.equal(knownFileNames(helm, config).size, 0);
    });
  }

  const endings: readonly (readonly [string, string])[] = [
    ['application/vnd.oci.image.layer.v1.tar+gzip', '.tar.gz'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', '.tar.gz'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', '.tar.zst'],
    ['application/vnd.oci.image.layer.v1.tar', '.tar'],
    ['application/vnd.dev.cosign.simplesigning.v1+json', '.json'],
    ['application/vnd.acme.thing+json', '.json'],
    ['application/vnd.acme.thing+yaml', '.yaml'],
    ['application/vnd.acme.thing.v1.tar+gzip', '.tar.gz'],
    ['application/wasm', '.wasm'],
    ['text/plain', '.txt'],
    ['application/zip', '.zip'],
    ['application/octet-stream', '.bin'],
    ['', '.bin'],
    ['x/../../etc+json', '.json'],
  ];
  for (const [mediaType, ending] of endings) {
    it(`of ${mediaType || 'nothing known'} without a title end in ${ending}`, () => {
      assert.match(
        digestFileName(blob(mediaType)),
        new RegExp(`^[a-f0-9]{12}${ending.replaceAll('.', '\\.')}$`),
      );
    });
  }
});
