import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify, nameByDescriptor } from '../../../src/artifacts/identify.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = digestOf(Buffer.from('x'));
const helm = 'application/vnd.cncf.helm.config.v1+json';
const chart = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
const notation = 'application/vnd.cncf.notary.signature';
const inToto = 'application/vnd.in-toto+json';
const slsa = { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' };
const spdx = { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' };
const toc = { 'containerd.io/snapshot/stargz/toc.digest': digest };
const imgpkg = { config: { Labels: { 'dev.carvel.imgpkg.bundle': '' } } };
const signatureTag = `sha256-${digest.slice(7)}.sig`;

const blob = (mediaType: string, annotations?: object): object => ({
  mediaType,
  digest,
  size: 1,
  ...(annotations && { annotations }),
});
const image = { config: blob(MediaType.imageConfig), layers: [blob(MediaType.layerTarGzip)] };
const empty = blob(MediaType.empty);

/** Two signals that say different things; the earlier stage wins. Title, manifest, expected name, then the context. */
const precedence: readonly (readonly [string, object, string, object?, object?])[] = [
  [
    '1 manifest type before 2 artifactType',
    { schemaVersion: 1, fsLayers: [], artifactType: notation },
    'Docker v1 image',
  ],
  [
    '2 artifactType before 3 config',
    { artifactType: notation, config: blob(helm), layers: [] },
    'Notation signature',
  ],
  [
    '2 artifactType, unless it is generic: a manifest type',
    { artifactType: MediaType.manifest, config: blob(helm), layers: [] },
    'Helm chart',
  ],
  [
    '2 artifactType, unless it is generic: octet-stream',
    { artifactType: MediaType.octetStream, config: empty, layers: [blob(chart)] },
    'Helm chart',
  ],
  [
    '2 artifactType, unless it is generic: the placeholder of oras',
    { artifactType: 'application/vnd.unknown.artifact.v1', config: empty, layers: [blob(chart)] },
    'Helm chart',
  ],
  [
    '2 of an index, in the annotation from before 1.1',
    {
      manifests: [],
      annotations: { 'org.opencontainers.artifactType': 'application/vnd.opentofu.provider' },
    },
    'OpenTofu provider',
  ],
  [
    '2 of an index, the field before the annotation',
    {
      artifactType: 'application/vnd.opentofu.provider',
      manifests: [],
      annotations: { 'org.opencontainers.artifactType': 'application/vnd.cnab.manifest.v1' },
    },
    'OpenTofu provider',
  ],
  [
    '3 config before 4 the parent’s descriptor',
    { config: blob(helm), layers: [] },
    'Helm chart',
    { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
  ],
  [
    '4 the parent’s descriptor before 5 layers',
    { config: blob(MediaType.imageConfig), layers: [blob(inToto, slsa)] },
    'Build attestation',
    { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
  ],
  [
    '4 child types before 6 annotations',
    {
      manifests: [blob('application/vnd.buildkit.cacheconfig.v0')],
      annotations: { 'com.github.package.type': 'homebrew_bottle' },
    },
    'Build cache',
  ],
  [
    '5 layers before 6 annotations',
    { config: empty, layers: [blob(chart)], annotations: { 'org.flatpak.ref': 'app/a' } },
    'Helm chart',
  ],
  [
    '5 among layers, rank before place',
    {
      config: blob(MediaType.imageConfig),
      layers: [
        blob('application/vnd.wasm.content.layer.v1+wasm'),
        blob('application/vnd.fermyon.spin.application.v1+config'),
      ],
    },
    'Spin app',
  ],
  [
    '5 among layers of one rank, the first',
    { config: empty, layers: [blob('application/vnd.syft+json'), blob('application/spdx+json')] },
    'Syft SBOM',
  ],
  [
    '5 conditions before none',
    {
      config: empty,
      layers: [
        blob('application/vnd.devcontainers.layer.v1+tar', {
          'org.opencontainers.image.title': 'devcontainer-template-a.tgz',
        }),
      ],
    },
    'Dev template',
  ],
  [
    '6 annotations before 7 layer annotations',
    {
      ...image,
      layers: [blob(MediaType.layerTarGzip, { 'dev.tekton.image.kind': 'task' })],
      annotations: { 'org.flatpak.ref': 'app/a' },
    },
    'Flatpak',
  ],
  [
    '7 layer annotations before 9 labels',
    { ...image, layers: [blob(MediaType.layerTarGzip, { 'dev.tekton.image.kind': 'task' })] },
    'Tekton bundle',
    {},
    { config: imgpkg },
  ],
  ['8 child annotations', { manifests: [blob(MediaType.manifest, { disktype: 'qemu' })] }, 'Podman machine'],
  ['9 labels before 10 the tag', image, 'imgpkg bundle', {}, { config: imgpkg, tag: signatureTag }],
  ['10 the tag before a carrier', image, 'Cosign signature', {}, { tag: signatureTag }],
  [
    '10 the tag never beats the manifest',
    { config: blob(helm), layers: [] },
    'Helm chart',
    {},
    { tag: signatureTag },
  ],
  [
    'no tag of a git commit is a digest',
    { manifests: [] },
    'Image index',
    {},
    { tag: `sha-${'a'.repeat(40)}` },
  ],
  [
    'ordinary types before flavours of storage',
    { ...image, layers: [blob(MediaType.layerTarGzip, toc)] },
    'imgpkg bundle',
    {},
    { config: imgpkg },
  ],
  [
    'flavours of storage before carriers',
    { ...image, layers: [blob(MediaType.layerTarGzip, toc)] },
    'eStargz image',
  ],
  [
    'a type no row knows before the carrier',
    { artifactType: 'application/vnd.acme.rocket.v1', ...image },
    'acme rocket',
  ],
  [
    'a type no row knows before flavours of storage',
    { ...image, artifactType: 'application/vnd.acme.rocket.v1', layers: [blob(MediaType.layerTarGzip, toc)] },
    'acme rocket',
  ],
  [
    'a config type no row knows before flavours of storage',
    { config: blob('application/vnd.acme.rocket.v1'), layers: [blob(`${MediaType.layerTarGzip}+encrypted`)] },
    'acme rocket',
  ],
  [
    'labels of an image config only',
    { config: blob('application/vnd.acme.rocket.v1'), layers: [] },
    'acme rocket',
    {},
    { config: imgpkg },
  ],
  [
    'attestations: every layer states the same',
    { config: blob(MediaType.imageConfig), layers: [blob(inToto, slsa), blob(inToto, slsa)] },
    'SLSA provenance',
  ],
  [
    'attestations: the carrier where the layers differ',
    { config: blob(MediaType.imageConfig), layers: [blob(inToto, slsa), blob(inToto, spdx)] },
    'Build attestation',
  ],
  [
    'attestations: the carrier where one layer does not say',
    { config: blob(MediaType.imageConfig), layers: [blob(inToto, slsa), blob(inToto)] },
    'Build attestation',
  ],
  ['an empty artifactType is none', { artifactType: '', config: blob(helm), layers: [] }, 'Helm chart'],
  ['media types without case', { config: blob(helm.toUpperCase()), layers: [] }, 'Helm chart'],
  ['media types whole: parameters are no part', { config: blob(`${helm};a=b`), layers: [] }, 'cncf helm'],
  [
    'a manifest that also has manifests is what it says it is',
    { mediaType: MediaType.manifest, config: blob(helm), layers: [], manifests: [] },
    'Helm chart',
  ],
  [
    'an index that also has a config is what it says it is',
    { mediaType: MediaType.index, config: blob(helm), manifests: [] },
    'Image index',
  ],
  ['nothing at all', {}, 'Untyped artifact'],
];

describe('identify', () => {
  for (const [title, manifest, name, descriptor, context] of precedence) {
    it(title, () => {
      const parent = { mediaType: '', digest, size: 1, ...descriptor };
      assert.equal(identify(manifest, parent, context).name, name);
    });
  }

  it('says which field decided, with the condition that held besides', () => {
    const type = identify({ config: blob(MediaType.imageConfig), layers: [blob(inToto, slsa)] });
    assert.deepEqual(type.evidence, [
      { field: 'layers[0].mediaType', value: inToto },
      {
        field: 'layers[0].annotations["in-toto.io/predicate-type"]',
        value: 'https://slsa.dev/provenance/v1',
      },
    ]);
  });

  it('says which fields were ignored, and why', () => {
    const type = identify(
      {
        artifactType: MediaType.manifest,
        config: blob(helm),
        layers: [blob(chart), blob('application/vnd.acme.rocket')],
        annotations: { 'org.flatpak.ref': 'app/a', other: 'x' },
      },
      {},
      { tag: signatureTag },
    );
    assert.equal(type.rule, 'config-media-type');
    assert.deepEqual(type.ignored, [
      { field: 'artifactType', value: MediaType.manifest, why: 'generic' },
      { field: 'layers[0].mediaType', value: chart, why: 'outranked' },
      { field: 'layers[1].mediaType', value: 'application/vnd.acme.rocket', why: 'unknown' },
      { field: 'annotations["org.flatpak.ref"]', value: 'app/a', why: 'outranked' },
      { field: 'tag', value: signatureTag, why: 'outranked' },
    ]);
  });

  it('says whether the config could refine it', () => {
    const refinable = (manifest: object, context?: object): boolean =>
      identify(manifest, {}, context).refinable;
    assert.equal(refinable(image), true);
    assert.equal(refinable(image, { config: {} }), false);
    assert.equal(refinable(image, { config: null }), false);
    assert.equal(refinable(image, { tag: signatureTag }), true);
    assert.equal(refinable({ ...image, layers: [blob(MediaType.layerTarGzip, toc)] }), true);
    assert.equal(refinable({ ...image, artifactType: 'application/vnd.acme.rocket' }), true);
    assert.equal(refinable({ ...image, artifactType: notation }), false);
    assert.equal(refinable({ config: blob(helm), layers: [] }), false);
    assert.equal(refinable({ config: empty, layers: [] }), false);
    assert.equal(refinable({ manifests: [] }), false);
  });

  it('names a row that was not read by its descriptor', () => {
    const byDescriptor = (mediaType: string, more: object = {}): string =>
      nameByDescriptor({ mediaType, digest, size: 1, ...more }).name;
    const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const cosign = { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' };
    assert.equal(byDescriptor(MediaType.index), 'Image index');
    assert.equal(byDescriptor(MediaType.dockerList), 'Manifest list');
    assert.equal(byDescriptor(MediaType.manifest), 'Manifest');
    assert.equal(byDescriptor(MediaType.dockerSchema1Signed), 'Docker v1 image');
    assert.equal(
      byDescriptor(MediaType.manifest, { platform: { os: 'linux', architecture: 'arm64' } }),
      'OCI image',
    );
    assert.equal(byDescriptor(MediaType.manifest, { artifactType: 'application/spdx+json' }), 'SPDX SBOM');
    assert.equal(byDescriptor(MediaType.manifest, { artifactType: helm }), 'Helm chart');
    assert.equal(byDescriptor(MediaType.manifest, { artifactType: bundle }), 'Sigstore bundle');
    assert.equal(
      byDescriptor(MediaType.manifest, { artifactType: bundle, annotations: cosign }),
      'SLSA provenance',
    );
    assert.equal(
      byDescriptor(MediaType.manifest, {
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      }),
      'Build attestation',
    );
  });
});
