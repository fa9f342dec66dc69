import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { identify } from '../../src/artifacts/identify.ts';
import { copy } from '../../src/oci/copy.ts';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { parseManifest, type Manifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { buildArtifact, type BuiltArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { preparePush } from '../../src/packaging/preparePush.ts';
import { pushTypes } from '../../src/packaging/pushTypes.ts';
import { anonymous } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const created = '2026-01-02T03:04:05Z';

/** Of everything that helm keeps, written in the ways people write it. */
const chartYaml = `# A chart
apiVersion: v2
name: sail
version: 1.2.3
appVersion: 1.10   # a number to helm
kubeVersion: ">=1.28.0-0"
description: >-
  Sails & <more>
  on two lines
type: application
home: https://sail.example/#top
keywords: [boat, "sea wind", 'cap''n']
sources:
- https://git.example/sail
- https://git.example/charts
maintainers:
  - name: Ann
    email: "ann@example.com"
  - name: Böb
    url: https://bob.example
icon: https://sail.example/icon.svg
deprecated: false
annotations:
  artifacthub.io/changes: |
    - kind: added
      description: "more: wind"

    - kind: fixed
  artifacthub.io/prerelease: "true"
  category: Ships
unknownField: [1, 2]
dependencies: []
`;

describe('what is pushed as a type told by its config', () => {
  let work: string;
  let registry: RunningRegistry;
  let remote: ReturnType<typeof anonymous>;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-push-types-'));
    registry = await startRegistry('distribution');
    remote = anonymous(registry.host);
    const templates = join(work, 'charts/boat/templates');
    await mkdir(templates, { recursive: true });
    await writeFile(join(work, 'charts/boat/Chart.yaml'), chartYaml);
    await writeFile(join(work, 'charts/boat/values.yaml'), 'replicas: 1\n');
    await writeFile(
      join(templates, 'map.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n',
    );
    // Helm packs a folder of the name of its chart alone.
    await cp(join(work, 'charts/boat'), join(work, 'sail'), { recursive: true });
    await helm('package', 'sail');
  });

  after(async () => {
    await remote.stop();
    await registry.stop();
    await rm(work, { recursive: true });
  });

  const helm = async (...args: readonly string[]): Promise<string> =>
    (await runPeer('helm', args, { cwd: work, env: { HOME: work } })).stdout;

  async function built(id: string, titles: readonly string[]): Promise<BuiltArtifact> {
    const type = pushTypes().find((each) => each.id === id);
    assert.ok(type);
    const sources = titles.map((title) => ({ title, path: join(work, title) }));
    const plan = await planPush(sources, { largeFile: 1e9 });
    const { lacking, ...prepared } = await preparePush(plan, type);
    assert.deepEqual(lacking, []);
    return buildArtifact(prepared.plan, {
      ...prepared,
      annotations: { ...prepared.annotations, [Annotation.created]: created },
      keepFileTimes: true,
      temporary: work,
    });
  }

  async function push(artifact: BuiltArtifact, repository: string, tag: string): Promise<Manifest> {
    await copy(artifact.store, artifact.root.digest, remote.registry.repository(repository), tag);
    await artifact.dispose();
    return parseManifest(artifact.manifest, MediaType.manifest) as Manifest;
  }

  const configOf = async (repository: string, tag: string): Promise<Descriptor | undefined> => {
    const { bytes } = await remote.registry.repository(repository).manifest(tag);
    return (parseManifest(bytes, MediaType.manifest) as Manifest).config;
  };

  it('is pulled by helm, of the archive of a chart, with the config that helm makes of it', async () => {
    const manifest = await push(await built('helm-chart', ['sail-1.2.3.tgz']), 'ours/sail', '1.2.3');
    assert.equal(identify(manifest).name, 'Helm chart');
    const out = join(work, 'pulled');
    await mkdir(out);
    await helm('pull', `oci://${registry.host}/ours/sail`, '--version', '1.2.3', '--plain-http', '-d', out);
    const pulled = await readFile(join(out, 'sail-1.2.3.tgz'));
    assert.ok(pulled.equals(await readFile(join(work, 'sail-1.2.3.tgz'))));
    await helm('push', 'sail-1.2.3.tgz', `oci://${registry.host}/theirs`, '--plain-http');
    assert.deepEqual({ ...manifest.config }, { ...(await configOf('theirs/sail', '1.2.3')) });
  });

  it('is pulled and rendered by helm, of the folder of a chart, whatever the folder is called', async () => {
    const manifest = await push(await built('helm-chart', ['charts/boat']), 'folder/sail', '1.2.3');
    assert.equal(identify(manifest).name, 'Helm chart');
    const at = `oci://${registry.host}/folder/sail`;
    const out = join(work, 'untarred');
    await helm('pull', at, '--version', '1.2.3', '--plain-http', '--untar', '-d', out);
    await promisify(execFile)('diff', ['-r', join(work, 'charts/boat'), join(out, 'sail')]);
    const template = ['template', 'mine', at, '--version', '1.2.3', '--kube-version', '1.30.0'];
    assert.match(await helm(...template, '--plain-http'), /name: mine/);
    // And by oras, which unpacks what helm leaves packed.
    const orasOut = join(work, 'oras');
    const from = `${registry.host}/folder/sail:1.2.3`;
    await runPeer('oras', ['pull', '--plain-http', from, '-o', orasOut]);
    await promisify(execFile)('diff', ['-r', join(work, 'charts/boat'), join(orasOut, 'sail')]);
  });

  it('has the manifest that oras makes of the same config and media types, byte for byte', async () => {
    await writeFile(join(work, 'app.wasm'), Buffer.from('0061736d0d000100', 'hex'));
    await writeFile(join(work, 'a.rego'), 'package a\n');
    const cases: readonly (readonly [string, string, string, readonly string[]])[] = [
      ['wasm-component', 'app.wasm', 'application/wasm', []],
      ['wasm-module', 'app.wasm', 'application/vnd.wasm.content.layer.v1+wasm', []],
      ['opa-policy', 'a.rego', 'application/vnd.cncf.openpolicyagent.policy.layer.v1+rego', []],
      // Told by both fields.
      [
        'modelpack',
        'a.gguf',
        'application/vnd.cncf.model.weight.v1.raw',
        ['--artifact-type', 'application/vnd.cncf.model.manifest.v1+json'],
      ],
    ];
    await writeFile(join(work, 'a.gguf'), 'GGUF');
    for (const [id, file, layerType, more] of cases) {
      const ours = await built(id, [file]);
      const manifest = parseManifest(ours.manifest, MediaType.manifest) as Manifest;
      await writeFile(join(work, 'config.json'), ours.config ?? '');
      const annotations = {
        [file]: { ...manifest.layers[0]?.annotations },
        $manifest: { [Annotation.created]: created },
      };
      await writeFile(join(work, 'annotations.json'), JSON.stringify(annotations));
      const layout = `${join(work, 'oras-layout')}:${id}`;
      await runPeer(
        'oras',
        [
          'push',
          '--oci-layout',
          ...more,
          '--config',
          `config.json:${manifest.config?.mediaType ?? ''}`,
          '--annotation-file',
          'annotations.json',
          layout,
          `${file}:${layerType}`,
        ],
        { cwd: work },
      );
      const theirs = await runPeer('oras', ['manifest', 'fetch', '--oci-layout', layout]);
      assert.equal(Buffer.from(ours.manifest).toString(), theirs.stdout, id);
      await ours.dispose();
    }
  });
});
