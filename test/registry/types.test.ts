import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { identify, nameByDescriptor } from '../../src/artifacts/identify.ts';
import { layerName } from '../../src/artifacts/layerName.ts';
import { pullCommand } from '../../src/artifacts/pullCommand.ts';
import type { ArtifactType } from '../../src/artifacts/type.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { manifestAccept } from '../../src/oci/mediaTypes.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import type { RunOptions } from '../support/run.ts';

interface Made {
  readonly type: ArtifactType;
  readonly descriptor: Descriptor;
  /** Short names of the layers. */
  readonly layers: readonly string[];
}

/** What tools really write, and what it is called. */
describe('artifacts made by their own tools', () => {
  let registry: RunningRegistry;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oci-types-'));
    registry = await startRegistry('olareg');
  });

  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const tool = async (
    name: Parameters<typeof runPeer>[0],
    args: string[],
    options?: RunOptions,
  ): Promise<string> => (await runPeer(name, args, { cwd: folder, ...options })).stdout;

  const get = async (url: string, accept: string): Promise<Response> => {
    const response = await fetch(`http://${registry.host}/v2/${url}`, { headers: { accept } });
    assert.equal(response.status, 200, url);
    return response;
  };

  /** Named from the bytes as the registry gives them, parsed by nothing but JSON. */
  const made = async (repository: string, ref: string, withConfig = false): Promise<Made> => {
    const response = await get(`${repository}/manifests/${ref}`, manifestAccept);
    const bytes = Buffer.from(await response.arrayBuffer());
    const mediaType = response.headers.get('content-type') ?? '';
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    const manifest = JSON.parse(bytes.toString()) as { config?: Descriptor; layers?: readonly Descriptor[] };
    const config: unknown =
      withConfig && manifest.config
        ? await (await get(`${repository}/blobs/${manifest.config.digest}`, '*/*')).json()
        : undefined;
    const type = identify(manifest, descriptor, { ...(ref.includes(':') ? {} : { tag: ref }), config });
    return { type, descriptor, layers: (manifest.layers ?? []).map((layer) => layerName(layer, type)) };
  };

  const nameOf = async (repository: string, ref: string, withConfig = false): Promise<string> =>
    (await made(repository, ref, withConfig)).type.name;

  /** Names of what is attached: by descriptor alone, and by manifest. */
  const attached = async (
    repository: string,
    digest: string,
  ): Promise<readonly (readonly [string, string])[]> => {
    const response = await get(`${repository}/referrers/${digest}`, manifestAccept);
    const { manifests } = (await response.json()) as { manifests: readonly Descriptor[] };
    return Promise.all(
      manifests.map(
        async (descriptor) =>
          [nameByDescriptor(descriptor).name, await nameOf(repository, descriptor.digest)] as const,
      ),
    );
  };

  /** An image of one file. */
  const image = async (repository: string): Promise<Made> => {
    const reference = `${registry.host}/${repository}:1`;
    await writeFile(path.join(folder, 'hello.txt'), 'hello\n');
    await tool('regctl', ['registry', 'set', '--tls', 'disabled', registry.host], { env: regctl() });
    await tool('regctl', ['image', 'create', reference], { env: regctl() });
    return made(repository, '1');
  };

  const regctl = (): Record<string, string> => ({ REGCTL_CONFIG: path.join(folder, 'regctl.json') });

  it('oras: without a type, with a type, with a config as before 1.1, attached', async () => {
    await writeFile(path.join(folder, 'a.rego'), 'package a\n');
    await writeFile(path.join(folder, 'config.json'), '{}');
    const at = `${registry.host}/oras`;
    const push = (...args: string[]): Promise<string> => tool('oras', ['push', '--plain-http', ...args]);
    await push(`${at}:plain`, 'a.rego');
    await push('--artifact-type', 'application/vnd.acme.rocket.v1', `${at}:rocket`, 'a.rego');
    const opa = 'application/vnd.cncf.openpolicyagent';
    await push(
      '--image-spec',
      'v1.0',
      '--config',
      `config.json:${opa}.config.v1+json`,
      `${at}:opa`,
      `a.rego:${opa}.policy.layer.v1+rego`,
    );
    await tool('oras', [
      'attach',
      '--plain-http',
      '--artifact-type',
      'application/spdx+json',
      `${at}:opa`,
      'config.json:application/spdx+json',
    ]);
    assert.equal(await nameOf('oras', 'plain'), 'Unknown artifact');
    assert.equal(await nameOf('oras', 'rocket'), 'acme rocket');
    const { type, layers, descriptor } = await made('oras', 'opa');
    assert.deepEqual([type.name, ...layers], ['OPA policy', 'Rego policy']);
    assert.deepEqual(await attached('oras', descriptor.digest), [['SPDX SBOM', 'SPDX SBOM']]);
  });

  it('crane: an image, an index, an image that is a bundle by a label', async () => {
    await writeFile(path.join(folder, 'hello.txt'), 'hello\n');
    const at = `${registry.host}/crane`;
    const crane = (...args: string[]): Promise<string> => tool('crane', ['--insecure', ...args]);
    await crane('append', '--oci-empty-base', '-f', 'hello.txt', '-t', `${at}:oci`);
    await crane('append', '-f', 'hello.txt', '-t', `${at}:docker`);
    await crane('mutate', `${at}:docker`, '--label', 'dev.carvel.imgpkg.bundle=true', '-t', `${at}:imgpkg`);
    await crane('mutate', `${at}:oci`, '--label', 'containers.bootc=1', '-t', `${at}:bootc`);
    await crane('index', 'append', '-m', `${at}:oci`, '-t', `${at}:index`);
    assert.equal(await nameOf('crane', 'oci'), 'OCI image');
    assert.equal(await nameOf('crane', 'docker'), 'Docker image');
    assert.equal((await made('crane', 'imgpkg')).type.refinable, true);
    assert.equal(await nameOf('crane', 'imgpkg', true), 'imgpkg bundle');
    assert.equal(await nameOf('crane', 'bootc', true), 'bootc image');
    assert.match(await nameOf('crane', 'index'), /^(?:Image index|Manifest list)$/);
  });

  it('regctl: an artifact, an index', async () => {
    const { descriptor } = await image('regctl');
    const at = `${registry.host}/regctl`;
    const sbom = [
      'artifact',
      'put',
      '--artifact-type',
      'application/vnd.cyclonedx+json',
      '--file',
      'hello.txt',
      '--file-media-type',
      'application/vnd.cyclonedx+json',
    ];
    await tool('regctl', [...sbom, `${at}:sbom`], { env: regctl() });
    await tool('regctl', [...sbom, '--subject', `${at}:1`], { env: regctl() });
    await tool('regctl', ['index', 'create', '--ref', `${at}:1`, `${at}:index`], { env: regctl() });
    assert.equal(await nameOf('regctl', '1'), 'OCI image');
    assert.equal(await nameOf('regctl', 'sbom'), 'CycloneDX SBOM');
    assert.equal(await nameOf('regctl', 'index'), 'Image index');
    assert.deepEqual(await attached('regctl', descriptor.digest), [['CycloneDX SBOM', 'CycloneDX SBOM']]);
  });

  it('skopeo: docker schema 1 and 2, OCI', async () => {
    await writeFile(path.join(folder, 'hello.txt'), 'hello\n');
    await tool('crane', ['--insecure', 'append', '-f', 'hello.txt', '-t', `${registry.host}/skopeo:1`]);
    const from = `docker://${registry.host}/skopeo:1`;
    const copy = async (...args: string[]): Promise<unknown> => {
      const out = path.join(folder, 'skopeo');
      await tool('skopeo', [
        'copy',
        '--insecure-policy',
        '--src-tls-verify=false',
        ...args,
        from,
        `dir:${out}`,
      ]);
      return JSON.parse(await readFile(path.join(out, 'manifest.json'), 'utf8')) as unknown;
    };
    assert.equal(identify(await copy('--format', 'v2s1')).name, 'Docker v1 image');
    assert.equal(identify(await copy('--format', 'v2s2')).name, 'Docker image');
    assert.equal(identify(await copy('--format', 'oci')).name, 'OCI image');
  });

  it('buildah: an image with the label of a Dev Container, and one by annotation', async () => {
    const store = [
      '--root',
      path.join(folder, 'store'),
      '--runroot',
      path.join(folder, 'run'),
      '--storage-driver',
      'vfs',
    ];
    const buildah = async (...args: string[]): Promise<string> =>
      (await tool('buildah', [...store, ...args])).trim();
    const container = await buildah('from', 'scratch');
    await buildah('config', '--label', 'devcontainer.metadata=[{"remoteUser":"vscode"}]', container);
    const push = (tag: string): Promise<string> =>
      buildah(
        'commit',
        '--tls-verify=false',
        '--format',
        'oci',
        container,
        `docker://${registry.host}/buildah:${tag}`,
      );
    await push('dev');
    await buildah('config', '--annotation', 'org.criu.checkpoint.container.name=counter', container);
    await push('checkpoint');
    assert.equal(await nameOf('buildah', 'dev'), 'OCI image');
    assert.equal(await nameOf('buildah', 'dev', true), 'Dev image');
    assert.equal(await nameOf('buildah', 'checkpoint'), 'Checkpoint');
  });

  it('helm: a chart, pulled back by the command we give', async () => {
    const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
    const helm = (...args: string[]): Promise<string> => tool('helm', args, { env });
    await helm('create', 'sail');
    await helm('package', 'sail', '--version', '1.2.3+build.7');
    await helm('push', 'sail-1.2.3+build.7.tgz', `oci://${registry.host}/charts`, '--plain-http');
    const tag = '1.2.3_build.7';
    const { type, layers, descriptor } = await made('charts/sail', tag);
    assert.deepEqual([type.id, type.name, ...layers], ['helm-chart', 'Helm chart', 'Chart archive']);
    const command = pullCommand(type, {
      kind: 'remote',
      registry: registry.host,
      repository: 'charts/sail',
      tag,
      digest: descriptor.digest,
      plainHttp: true,
    });
    await rm(path.join(folder, 'sail-1.2.3+build.7.tgz'));
    const [program = '', ...args] = command.split(' ');
    assert.equal(program, 'helm');
    await helm(...args);
    assert.ok((await readFile(path.join(folder, 'sail-1.2.3+build.7.tgz'))).byteLength > 0);
  });

  it('notation: a signature', async () => {
    const { descriptor } = await image('notation');
    const home = path.join(folder, 'notation');
    await mkdir(home);
    const env = { HOME: home, XDG_CONFIG_HOME: home, NOTATION_CONFIG: home };
    const notation = (...args: string[]): Promise<string> => tool('notation', args, { env });
    await notation('cert', 'generate-test', 'acme');
    const sign = (...args: string[]): Promise<string> =>
      notation(
        'sign',
        '--insecure-registry',
        '--key',
        'acme',
        ...args,
        `${registry.host}/notation@${descriptor.digest}`,
      );
    await sign('--signature-format', 'jws', '--force-referrers-tag=false');
    await sign('--signature-format', 'cose', '--force-referrers-tag=false');
    const both = ['Notation signature', 'Notation signature'] as const;
    assert.deepEqual(await attached('notation', descriptor.digest), [both, both]);
    // As for registries without the referrers API.
    await sign('--force-referrers-tag=true');
    assert.equal(await nameOf('notation', descriptor.digest.replace(':', '-')), 'Referrers index');
  });

  it('cosign: signatures and attestations, by tag and as bundles', async () => {
    const { descriptor } = await image('cosign');
    const reference = `${registry.host}/cosign@${descriptor.digest}`;
    const cosign = (...args: string[]): Promise<string> =>
      tool('cosign', args, { env: { COSIGN_PASSWORD: '', HOME: folder } });
    await cosign('generate-key-pair');
    const predicate = {
      buildDefinition: { buildType: 'https://acme.example/build', externalParameters: {} },
      runDetails: { builder: { id: 'https://acme.example/builder' } },
    };
    await writeFile(path.join(folder, 'predicate.json'), JSON.stringify(predicate));
    const how = ['--key', 'cosign.key', '--tlog-upload=false', '--yes', '--allow-http-registry'];
    const attest = ['attest', ...how, '--predicate', 'predicate.json', '--type', 'slsaprovenance1'];
    await cosign('sign', ...how, '--new-bundle-format=false', reference);
    await cosign(...attest, '--new-bundle-format=false', reference);
    const tag = descriptor.digest.replace(':', '-');
    assert.equal(await nameOf('cosign', `${tag}.sig`), 'Cosign signature');
    const provenance = await made('cosign', `${tag}.att`);
    assert.deepEqual(
      [provenance.type.name, ...provenance.layers],
      ['SLSA provenance', 'DSSE envelope (SLSA provenance)'],
    );
    await cosign(...attest, '--new-bundle-format', reference);
    assert.deepEqual(await attached('cosign', descriptor.digest), [['SLSA provenance', 'SLSA provenance']]);
  });
});
