import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import type { Annotations, Descriptor, Platform } from '../../src/oci/descriptor.ts';
import { copy } from '../../src/oci/copy.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Registry, Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { root } from './cache.ts';

const created = '2026-03-17T09:30:00Z';
const source = 'https://github.com/example/lighthouse';

/** Fills the folder of Local, through the product's own store, with one of each of the common types. */
export async function fillSamples(localFolder: string): Promise<void> {
  const registry = localRegistry(localFolder);
  for (const fill of [image, chart, wasm, policy, model, flux, feature, compose, folder]) {
    await fill(registry);
  }
}

interface Artifact {
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

async function pushBlob(
  repository: Repository,
  mediaType: string,
  content: Uint8Array | string,
  annotations?: Annotations,
): Promise<Descriptor> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  if (!(await repository.has(descriptor))) {
    await repository.push(descriptor, bodyOf(bytes));
  }
  return annotations ? { ...descriptor, annotations } : descriptor;
}

async function pushManifest(repository: Repository, artifact: Artifact, tag?: string): Promise<Descriptor> {
  const config = artifact.config ?? (await pushBlob(repository, MediaType.empty, '{}'));
  return pushDocument(
    repository,
    encodeManifest({ schemaVersion: 2, mediaType: MediaType.manifest, ...artifact, config }),
    MediaType.manifest,
    tag,
  );
}

async function pushDocument(
  repository: Repository,
  bytes: Uint8Array,
  mediaType: string,
  tag?: string,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

/** A tar with fixed times, so that samples have the same digests everywhere. */
async function tar(files: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const stream = pack();
  for (const [name, content] of Object.entries(files)) {
    stream.entry({ name, mtime: new Date(created), mode: 0o644 }, Buffer.from(content));
  }
  stream.finalize();
  return collect(stream as AsyncIterable<Uint8Array>, 64 * 1024 * 1024);
}

/** Bytes that look random and are always the same. */
function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

async function image(registry: Registry): Promise<void> {
  const repository = registry.repository('shop/app');
  for (const version of ['1.4.0', '1.4.1', '1.4.2']) {
    const index = await pushIndex(repository, version);
    if (version === '1.4.2') {
      await repository.tag(index, 'latest');
      await attach(repository, index);
    }
  }
}

async function pushIndex(repository: Repository, version: string): Promise<Descriptor> {
  const platforms: readonly Platform[] = [
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux', variant: 'v8' },
  ];
  const manifests: Descriptor[] = [];
  for (const platform of platforms) {
    manifests.push({ ...(await pushPlatform(repository, version, platform)), platform });
  }
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests,
    annotations: {
      'org.opencontainers.image.created': created,
      'org.opencontainers.image.source': source,
      'org.opencontainers.image.version': version,
    },
  });
  return pushDocument(repository, bytes, MediaType.index, version);
}

async function pushPlatform(
  repository: Repository,
  version: string,
  platform: Platform,
): Promise<Descriptor> {
  const base = await tar({
    'etc/os-release': 'NAME="Lighthouse Linux"\nVERSION_ID=12\n',
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    'usr/lib/libharbour.so': noise(180_000, platform.architecture.length),
  });
  const program = await tar({
    'app/server': noise(60_000, version.length + platform.architecture.charCodeAt(0)),
    'app/config.yaml': `version: ${version}\nlisten: ':8080'\n`,
  });
  const layers = [
    await pushBlob(repository, MediaType.layerTarGzip, gzipSync(base)),
    await pushBlob(repository, MediaType.layerTarGzip, gzipSync(program)),
  ];
  const config = JSON.stringify({
    created,
    ...platform,
    config: { Entrypoint: ['/app/server'], ExposedPorts: { '8080/tcp': {} }, User: '65532' },
    rootfs: { type: 'layers', diff_ids: [digestOf(base), digestOf(program)] },
    history: [
      { created, created_by: 'COPY base /' },
      { created, created_by: 'COPY app /app' },
    ],
  });
  return pushManifest(repository, {
    config: await pushBlob(repository, MediaType.imageConfig, config),
    layers,
    annotations: { 'org.opencontainers.image.created': created },
  });
}

/** An SBOM and two signatures: referrers of the image. */
async function attach(repository: Repository, subject: Descriptor): Promise<void> {
  const sbom = JSON.stringify({
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: 'shop/app',
    documentNamespace: `${source}/spdx/1.4.2`,
    creationInfo: { created, creators: ['Tool: lighthouse'] },
    packages: [{ SPDXID: 'SPDXRef-server', name: 'server', versionInfo: '1.4.2', downloadLocation: source }],
  });
  await pushManifest(repository, {
    artifactType: 'application/spdx+json',
    layers: [
      await pushBlob(repository, 'application/spdx+json', sbom, {
        'org.opencontainers.image.title': 'sbom.spdx.json',
      }),
    ],
    subject,
    annotations: { 'org.opencontainers.image.created': created },
  });
  const envelope = JSON.stringify({
    payload: Buffer.from(JSON.stringify({ targetArtifact: subject })).toString('base64url'),
    protected: Buffer.from(
      JSON.stringify({ alg: 'PS256', cty: 'application/vnd.cncf.notary.payload.v1+json' }),
    ).toString('base64url'),
    signature: Buffer.from(noise(256, 7)).toString('base64url'),
  });
  await pushManifest(repository, {
    config: await pushBlob(repository, 'application/vnd.cncf.notary.signature', '{}'),
    layers: [await pushBlob(repository, 'application/jose+json', envelope)],
    subject,
    annotations: {
      'org.opencontainers.image.created': created,
      'io.cncf.notary.x509chain.thumbprint#S256': JSON.stringify([Buffer.from(noise(32, 9)).toString('hex')]),
    },
  });
  const payload = JSON.stringify({
    critical: {
      identity: { 'docker-reference': 'shop/app' },
      image: { 'docker-manifest-digest': subject.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  await pushManifest(repository, {
    artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
    layers: [
      await pushBlob(repository, 'application/vnd.dev.cosign.simplesigning.v1+json', payload, {
        'dev.cosignproject.cosign/signature': Buffer.from(noise(71, 11)).toString('base64'),
      }),
    ],
    subject,
  });
}

async function chart(registry: Registry): Promise<void> {
  const repository = registry.repository('charts/lighthouse');
  for (const version of ['0.9.0', '1.0.0']) {
    const meta = {
      apiVersion: 'v2',
      name: 'lighthouse',
      version,
      appVersion: '1.4.2',
      description: 'Says whether the harbour is open',
      type: 'application',
    };
    const content = await tar({
      'lighthouse/Chart.yaml': `${Object.entries(meta)
        .map(([key, value]) => `${key}: ${value}`)
        .join('\n')}\n`,
      'lighthouse/values.yaml': 'replicas: 2\nimage: shop/app\n',
      'lighthouse/templates/deployment.yaml':
        'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n',
    });
    await pushManifest(
      repository,
      {
        config: await pushBlob(repository, 'application/vnd.cncf.helm.config.v1+json', JSON.stringify(meta)),
        layers: [
          await pushBlob(
            repository,
            'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
            gzipSync(content),
          ),
        ],
        annotations: {
          'org.opencontainers.image.created': created,
          'org.opencontainers.image.description': meta.description,
          'org.opencontainers.image.title': 'lighthouse',
          'org.opencontainers.image.version': version,
        },
      },
      version,
    );
  }
}

/** `(func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)` */
const addModule = Buffer.from(
  '0061736d0100000001070160027f7f017f03020100070701036164640000' + '0a09010700200020016a0b',
  'hex',
);

async function wasm(registry: Registry): Promise<void> {
  const repository = registry.repository('wasm/add');
  const layer = await pushBlob(repository, 'application/wasm', addModule, {
    'org.opencontainers.image.title': 'add.wasm',
  });
  const config = JSON.stringify({
    created,
    architecture: 'wasm',
    os: 'wasip1',
    layerDigests: [layer.digest],
  });
  await pushManifest(
    repository,
    { config: await pushBlob(repository, 'application/vnd.wasm.config.v0+json', config), layers: [layer] },
    '0.1.0',
  );
}

async function policy(registry: Registry): Promise<void> {
  const repository = registry.repository('policies/kubernetes');
  const rego = `package main

deny contains msg if {
	input.kind == "Deployment"
	not input.spec.template.spec.securityContext.runAsNonRoot
	msg := "Containers must not run as root"
}
`;
  await pushManifest(
    repository,
    {
      config: await pushBlob(repository, 'application/vnd.cncf.openpolicyagent.config.v1+json', '{}'),
      layers: [
        await pushBlob(repository, 'application/vnd.cncf.openpolicyagent.policy.layer.v1+rego', rego, {
          'org.opencontainers.image.title': 'deployment.rego',
        }),
        await pushBlob(
          repository,
          'application/vnd.cncf.openpolicyagent.data.layer.v1+json',
          '{"allowed":["shop"]}\n',
          { 'org.opencontainers.image.title': 'data.json' },
        ),
      ],
    },
    '2026.1',
  );
}

/** The header of a GGUF file (version 3) with two metadata entries and no tensors, then weights. */
function gguf(): Uint8Array {
  const text = (value: string): Buffer => Buffer.concat([u64(value.length), Buffer.from(value)]);
  const entry = (key: string, value: string): Buffer => Buffer.concat([text(key), u32(8), text(value)]);
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(0),
    u64(2),
    entry('general.architecture', 'llama'),
    entry('general.name', 'Tiny'),
    noise(400_000, 5),
  ]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

async function model(registry: Registry): Promise<void> {
  const repository = registry.repository('models/tiny');
  const weights = gguf();
  const config = JSON.stringify({
    descriptor: { name: 'Tiny', family: 'llama', createdAt: created },
    config: { architecture: 'transformer', format: 'gguf', paramSize: '0.1b', quantization: 'q4_0' },
    modelfs: { type: 'layers', diffIds: [digestOf(weights)] },
  });
  await pushManifest(
    repository,
    {
      artifactType: 'application/vnd.cncf.model.manifest.v1+json',
      config: await pushBlob(repository, 'application/vnd.cncf.model.config.v1+json', config),
      layers: [
        await pushBlob(repository, 'application/vnd.cncf.model.weight.v1.raw', weights, {
          'org.cncf.model.filepath': 'tiny.gguf',
        }),
      ],
    },
    'q4',
  );
}

async function flux(registry: Registry): Promise<void> {
  const repository = registry.repository('deploy/harbour');
  const content = await tar({
    'kustomization.yaml': 'resources:\n  - release.yaml\n',
    'release.yaml':
      'apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: lighthouse\n',
  });
  await pushManifest(
    repository,
    {
      config: await pushBlob(repository, 'application/vnd.cncf.flux.config.v1+json', '{}'),
      layers: [
        await pushBlob(repository, 'application/vnd.cncf.flux.content.v1.tar+gzip', gzipSync(content)),
      ],
      annotations: {
        'org.opencontainers.image.created': created,
        'org.opencontainers.image.revision': 'main@sha1:b3b00fe35424a45d373bf4c7214178bc36fd7872',
        'org.opencontainers.image.source': source,
      },
    },
    'production',
  );
}

async function feature(registry: Registry): Promise<void> {
  const repository = registry.repository('features/harbour');
  const meta = { id: 'harbour', version: '1.0.0', name: 'Harbour tools', options: {} };
  const content = await tar({
    'devcontainer-feature.json': `${JSON.stringify(meta, null, 2)}\n`,
    'install.sh': '#!/bin/sh\nset -e\necho harbour\n',
  });
  await pushManifest(
    repository,
    {
      config: await pushBlob(repository, 'application/vnd.devcontainers', '{}'),
      layers: [
        await pushBlob(repository, 'application/vnd.devcontainers.layer.v1+tar', content, {
          'org.opencontainers.image.title': 'devcontainer-feature-harbour.tgz',
        }),
      ],
      annotations: {
        'dev.containers.metadata': JSON.stringify(meta),
        'com.github.package.type': 'devcontainer_feature',
      },
    },
    '1.0.0',
  );
}

async function compose(registry: Registry): Promise<void> {
  const repository = registry.repository('shop/compose');
  const file = 'services:\n  app:\n    image: shop/app:1.4.2\n    ports: ["8080:8080"]\n';
  await pushManifest(
    repository,
    {
      artifactType: 'application/vnd.docker.compose.project',
      layers: [
        await pushBlob(repository, 'application/vnd.docker.compose.file+yaml', file, {
          'com.docker.compose.version': 'v2',
          'com.docker.compose.file': 'compose.yaml',
        }),
      ],
    },
    '1.4.2',
  );
}

/** A plain folder, as *Push as OCI Artifact…* makes it. */
async function folder(registry: Registry): Promise<void> {
  const site = path.join(root, 'test/fixtures/workspace/site');
  const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
  const built = await buildArtifact(plan, {
    artifactType: 'application/vnd.oci-explorer.files.v1',
    annotations: { 'org.opencontainers.image.source': source },
    keepFileTimes: false,
    temporary: tmpdir(),
  });
  try {
    await copy(built.store, built.root.digest, registry.repository('web/site'), '1.0.0');
  } finally {
    await built.dispose();
  }
}
