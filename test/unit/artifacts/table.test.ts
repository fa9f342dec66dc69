import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { many } from '../../../src/artifacts/claims.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { layerName } from '../../../src/artifacts/layerName.ts';
import { parseTypeRow } from '../../../src/artifacts/parseTypeRow.ts';
import { createTable, layerContents, typeRows, type TypeRow } from '../../../src/artifacts/table.ts';
import { categories } from '../../../src/artifacts/type.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { unorderedRows } from './unorderedRows.ts';
import { quick } from '../../support/quick.ts';

const schema = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../../src/artifacts/types.schema.json'), 'utf8'),
) as {
  definitions: {
    row: {
      properties: {
        category: { enum: string[] };
        layers: { items: { properties: { content: { enum: string[] } } } };
      };
    };
  };
};

const isTable = new Ajv({ allErrors: true, strictRequired: false, allowUnionTypes: true }).compile(schema);

const rocket = {
  id: 'acme-rocket',
  name: 'Acme rocket',
  category: 'package',
  match: {
    artifactType: 'application/vnd.acme.rocket.v1',
    layerMediaType: ['application/vnd.acme.rocket.engine.*'],
  },
  layers: [{ mediaType: 'application/vnd.acme.rocket.engine.*', name: 'Engine' }],
  tool: 'rocket',
  pull: 'rocket pull {ref}',
  docs: 'https://acme.example/rocket',
} as const satisfies TypeRow;

describe('the table of types', () => {
  it('is what its schema says, complete in every row, each id and name once', () => {
    assert.ok(isTable(typeRows), JSON.stringify(isTable.errors?.slice(0, 3)));
    for (const row of typeRows) {
      assert.deepEqual(parseTypeRow(row), { row });
      assert.ok(row.category && row.tool && row.pull && row.docs, row.id);
      assert.ok(row.name.length <= 18, row.name);
      assert.match(
        row.pull.replaceAll(/\{(ref|repo|tag|version|digest|registry|name|subject|predicate)\}/g, ''),
        /^(?:[^{}]|'\{\{json \.Provenance\}\}')*$/,
      );
    }
    const ids = typeRows.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const { category, layers } = schema.definitions.row.properties;
    assert.deepEqual(category.enum, [...categories]);
    assert.deepEqual(layers.items.properties.content.enum, [...layerContents]);
  });

  it('orders all rows that can claim the same manifest', () => {
    assert.deepEqual(unorderedRows(typeRows), []);
  });

  it('would refuse two rows without an order between them', () => {
    const row = (id: string, match: TypeRow['match'], more: Partial<TypeRow> = {}): TypeRow => ({
      id,
      name: id,
      match,
      ...more,
    });
    const a = row('a', { artifactType: 'application/vnd.acme.*' });
    assert.deepEqual(unorderedRows([a, row('b', { artifactType: 'application/vnd.acme.*' })]), [
      'artifact-type: a, b',
    ]);
    assert.deepEqual(
      unorderedRows([a, row('b', { artifactType: 'application/vnd.acme.*' }, { rank: 1 })]),
      [],
    );
    assert.deepEqual(unorderedRows([a, row('b', { artifactType: 'application/vnd.acme.b' })]), []);
    const c = row('c', { annotations: { c: '*' } });
    assert.deepEqual(unorderedRows([c, row('d', { annotations: { d: '*' } })]), [
      'manifest-annotation: c, d',
    ]);
    assert.deepEqual(
      unorderedRows([row('e', { annotations: { kind: 'e' } }), row('f', { annotations: { kind: 'f' } })]),
      [],
    );
    assert.deepEqual(
      unorderedRows([
        ...typeRows,
        row('mine', { configMediaType: 'application/vnd.cncf.helm.config.v1+json' }),
      ]),
      ['config-media-type: helm-chart, mine'],
    );
  });

  it('has no row that a more general one hides', () => {
    // Each pattern is found where nothing else is in the manifest but what the row requires.
    const hidden = typeRows.flatMap((row) =>
      many(row.match.artifactType).flatMap((pattern) => {
        const type = identify({ artifactType: pattern.replace('*', 'x'), layers: [] }, {});
        return type.id === row.id || row.match.require !== undefined || row.fallback
          ? []
          : [`${row.id}: ${pattern}`];
      }),
    );
    assert.deepEqual(hidden, []);
  });
});

describe('a new type', () => {
  const manifest = { artifactType: 'application/vnd.acme.rocket.v1', layers: [] };

  it('is one row', () => {
    const table = createTable([rocket]);
    assert.equal(identify(manifest).name, 'acme rocket');
    const type = identify(manifest, {}, {}, table);
    assert.deepEqual(
      [type.id, type.name, type.category, type.rule],
      ['acme-rocket', 'Acme rocket', 'package', 'artifact-type'],
    );
    const layer = {
      mediaType: 'application/vnd.acme.rocket.engine.v1+tar',
      digest: digestOf(Buffer.from('x')),
      size: 1,
    };
    assert.equal(identify({ layers: [layer] }, {}, {}, table).name, 'Acme rocket');
    assert.equal(layerName(layer, type, table), 'Engine');
    assert.equal(layerName(layer, undefined, table), 'Engine');
  });

  it('wins over a built-in one, and takes the place of one with its id', () => {
    const config = 'application/vnd.cncf.helm.config.v1+json';
    const chart = { config: { mediaType: config }, layers: [] };
    const mine = { id: 'my-chart', name: 'My chart', match: { configMediaType: config } };
    assert.equal(identify(chart, {}, {}, createTable([mine])).name, 'My chart');
    const instead = createTable([
      { ...mine, id: 'helm-chart', match: { configMediaType: 'application/x.y' } },
    ]);
    assert.equal(instead.rows.filter(({ id }) => id === 'helm-chart').length, 1);
    assert.equal(identify(chart, {}, {}, instead).id, 'unknown');
  });

  it('wins by what a more general user row would take only where it says more', () => {
    const [wide, narrow] = [
      { id: 'wide', name: 'Wide', match: { artifactType: 'application/vnd.acme.*' } },
      { id: 'narrow', name: 'Narrow', match: { artifactType: 'application/vnd.acme.rocket*' } },
    ];
    for (const rows of [
      [wide, narrow],
      [narrow, wide],
    ]) {
      assert.equal(identify(manifest, {}, {}, createTable(rows)).name, 'Narrow');
    }
  });

  it('is looked at before it is used, by the schema and by the core alike', () => {
    const long = Array.from({ length: 51 }, (_, index) => `application/vnd.acme.${index}`);
    const bad: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /not an object/],
      [null, /not an object/],
      ['acme', /not an object/],
      [[], /not an object/],
      [{}, /^id is missing/],
      [{ ...rocket, id: 'Acme Rocket' }, /^id is not/],
      [{ ...rocket, id: 'unknown' }, /^id is a word/],
      [{ ...rocket, name: '' }, /^name is not/],
      [{ ...rocket, name: 'UNKNOWN' }, /^name says nothing/],
      [{ ...rocket, name: 'a\u202eb' }, /^name is not/],
      [{ ...rocket, name: ' Acme' }, /^name is not/],
      [{ ...rocket, name: 'x'.repeat(41) }, /^name is not/],
      [{ ...rocket, category: 'rocket' }, /^category is not one of image, index/],
      [{ ...rocket, rank: 1.5 }, /^rank is not/],
      [{ ...rocket, fallback: false }, /^fallback is not/],
      [{ ...rocket, matches: {} }, /^matches is not known/],
      [{ ...rocket, match: [] }, /^match is not an object/],
      [{ ...rocket, match: {} }, /^match has no signal/],
      [{ ...rocket, match: { require: { manifestKind: 'index' } } }, /^match has no signal/],
      [{ ...rocket, match: { artifactType: '*' } }, /^match\.artifactType is not/],
      [{ ...rocket, match: { artifactType: [] } }, /^match\.artifactType is not a list/],
      [{ ...rocket, match: { artifactType: long } }, /^match\.artifactType is not a list/],
      [{ ...rocket, match: { artifactType: ['a', 1] } }, /^match\.artifactType\[1\] is not/],
      [{ ...rocket, match: { annotations: {} } }, /^match\.annotations is not/],
      [{ ...rocket, match: { annotations: { a: 1 } } }, /^match\.annotations\.a is not/],
      [{ ...rocket, match: { ...rocket.match, require: {} } }, /^match\.require is empty/],
      [{ ...rocket, match: { ...rocket.match, require: { manifestKind: 'list' } } }, /manifestKind is not/],
      [{ ...rocket, layers: [{ mediaType: 'a/b' }] }, /^layers\[0\]\.name is missing/],
      [
        { ...rocket, layers: [{ mediaType: 'a/b', name: 'A', files: [1] }] },
        /^layers\[0\]\.files\[0\] is not/,
      ],
      [{ ...rocket, push: true }, /^push is not an object/],
      [{ ...rocket, push: {} }, /^push has no media type/],
      [{ ...rocket, push: { config: {} } }, /^push has no media type/],
      [{ ...rocket, push: { artifactType: 'application/vnd.acme.*' } }, /^push\.artifactType is not/],
      [{ ...rocket, push: { artifactType: 'a/b', subject: {} } }, /^push\.subject is not known/],
      [{ ...rocket, push: { configMediaType: 'a/b', config: [] } }, /^push\.config is not an object/],
      [{ ...rocket, push: { configMediaType: 'a/b', configFile: '../../x' } }, /^push\.configFile is not/],
      [{ ...rocket, push: { artifactType: 'a/b', annotations: { a: 1 } } }, /^push\.annotations\.a is not/],
      [{ ...rocket, push: { artifactType: 'a/b', pathAnnotation: '*' } }, /^push\.pathAnnotation is not/],
      [{ ...rocket, pull: 'rocket pull {ref}\nrm -rf ~' }, /^pull is not one line/],
      [{ ...rocket, docs: 'javascript:alert(1)' }, /^docs is not/],
      [
        JSON.parse('{"__proto__": {"id": "a", "name": "a"}, "match": {"annotations": {"a": "b"}}}'),
        /missing/,
      ],
    ];
    for (const [row, problem] of bad) {
      const parsed = parseTypeRow(row);
      assert.match('problem' in parsed ? parsed.problem : 'no problem', problem);
      assert.equal(isTable([row]), false, JSON.stringify(row));
    }
    for (const row of [rocket, { id: 'a', name: 'A', match: { annotations: [{ a: '' }, { b: '*' }] } }]) {
      assert.deepEqual(parseTypeRow(row), { row });
      assert.ok(isTable([row]));
    }
  });

  it('has a config that JSON can say, however it is given', () => {
    const withConfig = (config: unknown): unknown => ({
      ...rocket,
      push: { configMediaType: 'a/b', config },
    });
    const round: Record<string, unknown> = {};
    round['round'] = round;
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`a${index}`, 1]));
    for (const config of [round, many, { a: many }, { a: 1n }, { a: NaN }, { a: () => 1 }]) {
      const parsed = parseTypeRow(withConfig(config));
      assert.match('problem' in parsed ? parsed.problem : 'no problem', /^push\.config/);
    }
    const row = withConfig({ created: '{created}', rootfs: { diff_ids: ['a', 1, true, null] } });
    assert.deepEqual(parseTypeRow(row), { row });
    assert.ok(isTable([row]));
  });

  it('cannot make a name take long, whatever its patterns are', () => {
    const hostile = {
      id: 'slow',
      name: 'Slow',
      match: { artifactType: `${'*a'.repeat(100)}*b`, tagPattern: `{digest}${'*a'.repeat(100)}*b` },
    };
    assert.ok('row' in parseTypeRow(hostile));
    const table = createTable([hostile]);
    const text = 'a'.repeat(4000);
    quick(100, 'identify', () => {
      const type = identify(
        { mediaType: MediaType.manifest, artifactType: text },
        {},
        { tag: text.slice(0, 200) },
        table,
      );
      assert.equal(type.id, 'unknown');
    });
  });
});
