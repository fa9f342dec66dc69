import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { builtInTable, createTable, type TypeRow } from '../../../src/artifacts/table.ts';
import { parseManifest, type Manifest } from '../../../src/oci/manifest.ts';
import { isMediaType, MediaType } from '../../../src/oci/mediaTypes.ts';
import { buildArtifact, type BuiltArtifact } from '../../../src/packaging/artifact.ts';
import { misfitOf } from '../../../src/packaging/fit.ts';
import { layerFiles } from '../../../src/packaging/layerTypes.ts';
import { planPush } from '../../../src/packaging/plan.ts';
import { preparePush } from '../../../src/packaging/preparePush.ts';
import {
  filesType,
  pushMediaType,
  pushTypes,
  typedType,
  type PushType,
} from '../../../src/packaging/pushTypes.ts';

describe('types that a push offers', () => {
  let work: string;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-types-'));
  });
  after(() => rm(work, { recursive: true }));

  interface Pushed {
    readonly built: BuiltArtifact;
    readonly manifest: Manifest;
    readonly config: unknown;
    readonly misfit: readonly string[];
  }

  /** What a push of files with these names and contents makes. */
  async function pushed(type: PushType, files: Readonly<Record<string, string | Buffer>>): Promise<Pushed> {
    const sources = [];
    for (const [title, content] of Object.entries(files)) {
      const path = join(work, title);
      await writeFile(path, content);
      sources.push({ title, path });
    }
    const plan = await planPush(sources, { largeFile: 1e9 });
    const { lacking, ...prepared } = await preparePush(plan, type);
    const built = await buildArtifact(prepared.plan, {
      ...prepared,
      keepFileTimes: false,
      temporary: work,
    });
    const manifest = parseManifest(built.manifest, MediaType.manifest) as Manifest;
    const config: unknown = built.config && JSON.parse(Buffer.from(built.config).toString());
    await built.dispose();
    return { built, manifest, config, misfit: misfitOf(type.row, plan, lacking)?.titles ?? [] };
  }

  it('make a manifest that is named as they are, with the media types their rows name', async () => {
    for (const type of pushTypes()) {
      const files = type.layers.flatMap((layer) => {
        const rowLayer = type.row?.layers?.find(({ mediaType }) => mediaType === layer.mediaType);
        const [pattern] = (rowLayer && layerFiles(rowLayer)) ?? [];
        return pattern === undefined ? [] : [[pattern.replaceAll('*', 'a'), layer.mediaType] as const];
      });
      const [[name, mediaType] = ['a.bin', undefined]] = files;
      // Charts are tried below: their config is within them.
      if (type.id === 'helm-chart') {
        continue;
      }
      const { built, manifest } = await pushed(type, { [name]: `${type.id}\n` });
      const named = identify(manifest, built.root);
      assert.deepEqual([named.id, named.name], [type.id, type.label]);
      assert.equal(manifest.layers.length, 1);
      if (mediaType !== undefined) {
        assert.equal(manifest.layers[0]?.mediaType, mediaType, type.id);
      }
    }
  });

  it('are the usual ones, each once, told by either field', () => {
    const types = [filesType, ...pushTypes()];
    assert.equal(new Set(types.map(({ id }) => id)).size, types.length);
    const ids = new Map(types.map((type) => [type.id, pushMediaType(type)]));
    for (const [id, mediaType] of [
      ['spdx-sbom', 'application/spdx+json'],
      ['cyclonedx-sbom', 'application/vnd.cyclonedx+json'],
      ['sarif-report', 'application/sarif+json'],
      ['helm-chart', 'application/vnd.cncf.helm.config.v1+json'],
      ['wasm-component', 'application/vnd.wasm.config.v0+json'],
      ['wasm-module', 'application/vnd.wasm.config.v1+json'],
      ['opa-policy', 'application/vnd.cncf.openpolicyagent.config.v1+json'],
      ['modelpack', 'application/vnd.cncf.model.manifest.v1+json'],
      ['docker-model', 'application/vnd.docker.ai.model.config.v0.1+json'],
      ['singularity-sif', 'application/vnd.sylabs.sif.config.v1+json'],
      ['flux-artifact', 'application/vnd.cncf.flux.config.v1+json'],
      ['cue-module', 'application/vnd.cue.module.v1+json'],
    ] as const) {
      assert.equal(ids.get(id), mediaType);
    }
  });

  it('are none whose content its own tool alone can make, or that say nothing', () => {
    const ids = new Set(pushTypes().map(({ id }) => id));
    for (const id of [
      'oci-image',
      'docker-image',
      'docker-plugin',
      'cosign-signature',
      'soci-index-v1',
      'spin-app',
      'zarf-package',
      'cnab-bundle',
      'oras-unknown-artifact',
      'oci-empty-untyped',
    ]) {
      assert.ok(!ids.has(id), id);
    }
  });

  const typeOf = (id: string): PushType => {
    const type = pushTypes().find((each) => each.id === id);
    assert.ok(type);
    return type;
  };
  const module = Buffer.from('0061736d01000000', 'hex');
  const component = Buffer.from('0061736d0d000100', 'hex');

  it('give a Wasm binary the config that says what runs it', async () => {
    for (const [content, os] of [
      [module, 'wasip1'],
      [component, 'wasip2'],
    ] as const) {
      const { manifest, config } = await pushed(typeOf('wasm-component'), { 'app.wasm': content });
      const [layer] = manifest.layers;
      assert.equal(manifest.artifactType, undefined);
      assert.equal(manifest.config?.mediaType, 'application/vnd.wasm.config.v0+json');
      assert.equal(layer?.mediaType, 'application/wasm');
      assert.deepEqual(config, {
        created: '1970-01-01T00:00:00Z',
        architecture: 'wasm',
        os,
        layerDigests: [layer.digest],
      });
    }
  });

  it('put layers in the order of the row, and name paths where the tool looks for them', async () => {
    const cue = await pushed(typeOf('cue-module'), {
      'module.cue': 'module: "a.example/x@v0"',
      'x.zip': 'PK',
    });
    assert.deepEqual(
      cue.manifest.layers.map(({ mediaType }) => mediaType),
      ['application/zip', 'application/vnd.cue.modulefile.v1'],
    );
    const model = await pushed(typeOf('modelpack'), { 'README.md': '# A', 'a.gguf': 'GGUF' });
    assert.deepEqual(
      model.manifest.layers.map(({ mediaType, annotations }) => [
        mediaType,
        annotations?.['org.cncf.model.filepath'],
      ]),
      [
        ['application/vnd.cncf.model.weight.v1.raw', 'a.gguf'],
        ['application/vnd.cncf.model.doc.v1.raw', 'README.md'],
      ],
    );
    assert.deepEqual(model.config, {
      descriptor: { createdAt: '1970-01-01T00:00:00Z' },
      config: {},
      modelfs: { type: 'layers', diffIds: model.manifest.layers.map(({ digest }) => digest) },
    });
  });

  it('give a GGUF the config of a Docker model', async () => {
    const { manifest, config } = await pushed(typeOf('docker-model'), { LICENSE: 'MIT', 'a.gguf': 'GGUF' });
    const [weights, license] = manifest.layers;
    assert.deepEqual(
      [weights?.mediaType, license?.mediaType],
      ['application/vnd.docker.ai.gguf.v3', 'application/vnd.docker.ai.license'],
    );
    const diffIds = [weights?.digest, license?.digest];
    assert.deepEqual(config, {
      descriptor: { created: '1970-01-01T00:00:00Z', createdAt: '1970-01-01T00:00:00Z' },
      config: { format: 'gguf', size: '7' },
      files: manifest.layers.map(({ digest, mediaType }) => ({ diffID: digest, type: mediaType })),
      rootfs: { type: 'rootfs', diff_ids: diffIds },
    });
  });

  it('have no config but what a chart says, and point out what is no chart', async () => {
    await mkdir(join(work, 'sail'), { recursive: true });
    await writeFile(join(work, 'sail/Chart.yaml'), 'apiVersion: v2\nname: sail\nversion: 1.2.3+4\n');
    const type = typeOf('helm-chart');
    const sources = [{ title: 'charts/sail-folder', path: join(work, 'sail') }];
    const plan = await planPush(sources, { largeFile: 1e9 });
    const { plan: made, lacking, ownTag } = await preparePush(plan, type);
    assert.deepEqual([lacking, ownTag], [[], '1.2.3_4']);
    assert.deepEqual(
      made.layers.flatMap(({ title, entries }) => [title, ...entries.map(({ name }) => name)]),
      ['sail', 'sail', 'sail/Chart.yaml'],
    );
    const none = await pushed(type, { 'a.txt': 'a' });
    assert.deepEqual([none.misfit, none.config], [['a.txt'], {}]);
    await writeFile(join(work, 'sail/Chart.yaml'), 'name: *sail\n');
    await assert.rejects(preparePush(await planPush(sources, { largeFile: 1e9 }), type), {
      code: 'file-error',
      message: 'Chart.yaml of charts/sail-folder, line 1: * is not understood',
    });
  });

  it('are those of the user too: by default the first type of the row, and as the row says', async () => {
    const rows: readonly TypeRow[] = [
      { id: 'my-old', name: 'Old', match: { configMediaType: 'application/vnd.acme.old.config.v1+json' } },
      {
        id: 'my-new',
        name: 'New',
        match: { artifactType: 'application/vnd.acme.new.v1' },
        layers: [{ mediaType: 'application/vnd.acme.new.part', name: 'Part', files: '*.part' }],
        push: {
          artifactType: 'application/vnd.acme.new.v1',
          configMediaType: 'application/vnd.acme.new.config.v1+json',
          configFile: 'new.json',
          annotations: { 'com.acme.kind': 'new' },
        },
      },
      { id: 'my-none', name: 'None', match: { artifactType: 'application/vnd.acme.none' }, push: false },
    ];
    const table = createTable(rows);
    const types = pushTypes(table);
    const mine = types.filter(({ id }) => id.startsWith('my-'));
    assert.deepEqual(
      mine.map(({ id }) => id),
      ['my-new', 'my-old'],
    );
    const [newer, older] = mine;
    assert.ok(newer && older);
    const { manifest, config } = await pushed(newer, { 'new.json': '{"a":1}', 'x.part': 'x' });
    assert.deepEqual(
      [manifest.artifactType, manifest.config?.mediaType, config, manifest.annotations?.['com.acme.kind']],
      ['application/vnd.acme.new.v1', 'application/vnd.acme.new.config.v1+json', { a: 1 }, 'new'],
    );
    assert.deepEqual(
      manifest.layers.map(({ mediaType }) => mediaType),
      ['application/vnd.acme.new.part'],
    );
    const plain = await pushed(older, { 'a.txt': 'a' });
    assert.equal(identify(plain.manifest, plain.built.root, {}, table).name, 'Old');
    assert.deepEqual(plain.config, {});
  });

  it('are found by the media type that is typed, and any other is a type of its own', () => {
    assert.equal(typedType('application/vnd.cncf.helm.config.v1+json', builtInTable)?.id, 'helm-chart');
    assert.equal(typedType(filesType.id, builtInTable), filesType);
    assert.equal(typedType('no type', builtInTable), undefined);
    const other = typedType('application/vnd.acme.other', builtInTable);
    assert.deepEqual(other?.push, { artifactType: 'application/vnd.acme.other' });
    assert.ok(isMediaType(other.id) && other.row === undefined);
  });
});
