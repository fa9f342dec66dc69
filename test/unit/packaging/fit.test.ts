import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTable, builtInTable, type TypeTable } from '../../../src/artifacts/table.ts';
import { misfitOf as misfit, type Misfit } from '../../../src/packaging/fit.ts';
import type { PlanLayer, PushPlan } from '../../../src/packaging/plan.ts';
import { typedType } from '../../../src/packaging/pushTypes.ts';

const entry = (name: string, kind: 'file' | 'folder' = 'file') => ({
  stamp: { inode: 1, modified: 0, changed: 0 },
  path: `/x/${name}`,
  name,
  kind,
  size: 1,
  mode: 0o644,
  time: 0,
});
const file = (title: string): PlanLayer => ({ title, kind: 'file', entries: [entry(title)], size: 1 });
const folder = (title: string, ...names: readonly string[]): PlanLayer => ({
  title,
  kind: 'folder',
  entries: [entry(title, 'folder'), ...names.map((name) => entry(`${title}/${name}`))],
  size: 1,
});
const plan = (...layers: readonly PlanLayer[]): PushPlan => ({ layers, skipped: [], concerns: [], size: 1 });

const helm = 'application/vnd.cncf.helm.config.v1+json';
const wasm = 'application/vnd.wasm.config.v0+json';
const extension = 'application/vnd.ms.bicep.provider.artifact';

const misfitOf = (mediaType: string, made: PushPlan, table: TypeTable): Misfit | undefined =>
  misfit(typedType(mediaType, table)?.row, made);

describe('misfitOf', () => {
  const cases: readonly (readonly [string, readonly PlanLayer[], readonly string[]])[] = [
    [helm, [folder('chart', 'Chart.yaml', 'templates/a.yaml')], []],
    [helm, [folder('site', 'index.html')], ['site']],
    [helm, [file('sail-1.2.3.tgz')], []],
    [helm, [file('sail-1.2.3.tgz'), file('sail-1.2.3.tgz.prov')], []],
    // By the media types of its layers.
    [wasm, [file('app.wasm')], []],
    [wasm, [file('APP.WASM'), file('readme.md')], ['readme.md']],
    [wasm, [folder('target', 'release/app.wasm')], []],
    [wasm, [folder('target', 'app.js')], ['target']],
    ['application/sarif+json', [file('report.txt')], ['report.txt']],
    ['application/vnd.docker.compose.project', [file('docker-compose.yml')], []],
    ['application/vnd.docker.compose.project', [file('values.yaml')], ['values.yaml']],
    // A folder becomes the tar that is wanted.
    [extension, [folder('any', 'a.txt')], []],
    [extension, [file('a.txt')], ['a.txt']],
    // Types that hold anything, and what no row knows.
    ['application/vnd.oci-explorer.files.v1', [file('a')], []],
    ['application/vnd.act3-ace.bottle', [file('a')], []],
    ['application/vnd.acme.rocket.v1', [file('a')], []],
  ];
  for (const [type, layers, titles] of cases) {
    it(`${type}: ${layers.map(({ title }) => title).join(', ')}`, () => {
      assert.deepEqual(misfitOf(type, plan(...layers), builtInTable)?.titles ?? [], titles);
    });
  }

  it('says what the type is called and what it holds', () => {
    assert.deepEqual(misfitOf(helm, plan(file('a.txt')), builtInTable), {
      type: 'Helm chart',
      expected: ['Chart.yaml', '*.tgz'],
      titles: ['a.txt'],
    });
  });

  it("goes by a user's row", () => {
    const artifactType = 'application/vnd.acme.rocket.v1';
    const table = createTable([
      { id: 'acme', name: 'Acme rocket', match: { artifactType }, files: 'rocket.toml' },
    ]);
    assert.deepEqual(misfitOf(artifactType, plan(folder('a', 'rocket.toml')), table), undefined);
    assert.deepEqual(misfitOf(artifactType, plan(folder('a', 'b')), table)?.titles, ['a']);
  });
});
