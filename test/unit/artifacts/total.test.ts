import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify, nameByDescriptor } from '../../../src/artifacts/identify.ts';
import { layerName } from '../../../src/artifacts/layerName.ts';
import { many } from '../../../src/artifacts/claims.ts';
import { typeRows } from '../../../src/artifacts/table.ts';
import type { ArtifactType } from '../../../src/artifacts/type.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { quick } from '../../support/quick.ts';
import { descriptorOf, fixtures, reversed } from './fixtures.ts';

let seed = 1;
const below = (limit: number): number => (seed = (seed * 48_271) % 2_147_483_647) % limit;
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;

const known = typeRows.flatMap(({ match }) =>
  [match.artifactType, match.configMediaType, match.layerMediaType, match.manifestMediaType].flatMap(
    (types) => many(types),
  ),
);

/** What no field should hold. */
const garbage: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  ' ',
  '\u0000',
  '\u202eevil',
  '*',
  '__proto__',
  'constructor',
  'x'.repeat(100_000),
  [],
  [[]],
  [null, 1, 'a'],
  {},
  JSON.parse('{"__proto__": {"mediaType": "a/b"}, "toString": 1, "hasOwnProperty": null}'),
  { mediaType: {} },
  { length: 5 },
];

/** The same tree with some values swapped for others, some dropped, some keys renamed. */
function mutated(value: unknown): unknown {
  const dice = below(24);
  if (dice === 0) {
    return structuredClone(pick(garbage));
  }
  if (dice === 1) {
    return pick(known);
  }
  if (Array.isArray(value)) {
    const items = value.map(mutated);
    return dice === 2 ? items.slice(1) : dice === 3 ? [...items, ...items, ...items].reverse() : items;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(() => below(16) > 0)
        .map(([key, inner]) => [
          below(24) === 0
            ? pick(['__proto__', 'constructor', '', 'mediaType', 'manifests', 'annotations', 'artifactType'])
            : key,
          mutated(inner),
        ]),
    );
  }
  return value;
}

const fields = [
  ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'blobs', 'manifests', 'subject'],
  ...['annotations', 'digest', 'size', 'platform', 'os', 'fsLayers', 'Labels', 'tag', '__proto__'],
];

/** Anything below the fields there are, and what stands in them. */
function random(depth: number): unknown {
  const dice = below(depth > 0 ? 5 : 2);
  if (dice === 0) {
    return structuredClone(pick(garbage));
  }
  if (dice === 1) {
    return pick(known);
  }
  if (dice === 2) {
    return Array.from({ length: below(4) }, () => random(depth - 1));
  }
  return Object.fromEntries(Array.from({ length: below(7) }, () => [pick(fields), random(depth - 1)]));
}

function check(type: ArtifactType): void {
  assert.match(type.name, /^\S(?:.*\S)?$/);
  assert.doesNotMatch(type.name, /^unknown$|\p{C}/iu);
  assert.ok(type.name.length <= 40 && type.evidence.length > 0);
  assert.ok(type.ignored && type.ignored.length <= 16);
  for (const { field, value } of [...type.evidence, ...type.ignored]) {
    assert.ok(field !== '' && field.length < 300 && value.length <= 256);
  }
}

describe('identify, whatever it is given', () => {
  const cases = fixtures.flatMap(({ cases }) => cases);

  it('answers 10,000 random and mutated manifests, each in under a millisecond, whatever the order of keys', () => {
    const inputs = Array.from({ length: 10_000 }, (_, index) => {
      if (index % 4 === 0) {
        return [random(5), random(3), random(4)] as const;
      }
      const item = pick(cases);
      const { tag, config } = item;
      return [
        mutated(JSON.parse(JSON.stringify(item.manifest))),
        mutated(descriptorOf(item)),
        mutated({ tag, config }),
      ] as const;
    });
    const ask = ([manifest, descriptor, context]: (typeof inputs)[number]): ArtifactType =>
      identify(manifest, descriptor as Descriptor, context as object);
    const timed = (input: (typeof inputs)[number]): number => {
      const start = performance.now();
      ask(input);
      return performance.now() - start;
    };
    inputs.slice(0, 500).forEach(ask);
    const before = process.cpuUsage();
    const slow = inputs.filter((input) => timed(input) >= 1);
    const { user, system } = process.cpuUsage(before);
    for (const input of inputs) {
      const type = ask(input);
      check(type);
      const turned = input.map(reversed) as unknown as typeof input;
      assert.deepEqual(ask(turned), type);
    }
    assert.ok(user + system < 10_000 * 100, `${(user + system) / 10_000} µs on average`);
    // A pause of the machine falls on another answer when it is asked again; what is slow stays so.
    for (const input of slow) {
      assert.ok(Array.from({ length: 50 }).some(() => timed(input) < 1));
    }
  });

  it('takes garbage in every argument', () => {
    for (const one of garbage) {
      for (const other of garbage) {
        check(identify(one, other as Descriptor, one as object));
        check(identify({ ...(cases[0]?.manifest ?? {}), layers: one, annotations: other }));
        check(identify({ manifests: one, artifactType: other }, {}, { config: { config: { Labels: one } } }));
        check(identify({ config: { mediaType: one }, layers: [{ mediaType: other, annotations: one }] }));
        assert.notEqual(
          nameByDescriptor({ mediaType: '', artifactType: one, annotations: other } as never).name,
          '',
        );
      }
    }
    check(identify(undefined));
  });

  it('looks at a bounded part of huge manifests, and takes under a millisecond for them', () => {
    const layers = Array.from({ length: 100_000 }, (_, index) => ({
      mediaType: `application/vnd.acme.${index}`,
      annotations: { [`a${index}`]: 'x' },
    }));
    const annotations = Object.fromEntries(layers.map(({ mediaType }) => [mediaType, mediaType]));
    const long = 'x'.repeat(4_000_000);
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2_000_000 };
    const huge = [
      { layers, config, annotations },
      { layers: layers.map((layer) => ({ ...layer, annotations })), annotations },
      { manifests: layers, annotations },
      { artifactType: long, config: { mediaType: long }, layers: [{ mediaType: long }] },
      { config, layers: [{ mediaType: long, annotations: { 'io.crossplane.xpkg': long } }] },
    ];
    for (const [index, manifest] of huge.entries()) {
      const ask = (): ArtifactType =>
        identify(manifest, { annotations }, { config: { config: { Labels: annotations } } });
      check(ask());
      quick(1, `manifest ${index}`, ask);
    }
  });

  it('does not list the labels of a config that is large, and takes those it asks for by name', () => {
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2_000_000 };
    let listed = 0;
    const labels = (more: object): object =>
      new Proxy(more, {
        ownKeys: (target) => {
          listed++;
          return Reflect.ownKeys(target);
        },
      });
    const typeOf = (size: number, more: object): string =>
      identify(
        { config: { ...config, size }, layers: [] },
        {},
        { config: { config: { Labels: labels(more) } } },
      ).id;
    const [glob, exact] = [{ 'io.crossplane.xpkg:sha256:1': 'base' }, { 'ostree.bootable': '1' }];
    assert.equal(typeOf(3000, glob), 'crossplane-package');
    assert.ok(listed > 0);
    listed = 0;
    assert.notEqual(typeOf(2_000_000, glob), 'crossplane-package');
    assert.notEqual(typeOf(2_000_000, exact), typeOf(2_000_000, {}));
    assert.equal(listed, 0);
  });

  it('changes nothing it is given and keeps nothing of the prototype', () => {
    const freeze = (value: unknown): unknown => {
      if (typeof value === 'object' && value !== null) {
        Object.values(value).forEach(freeze);
        Object.freeze(value);
      }
      return value;
    };
    for (const { manifest } of cases) {
      check(identify(freeze(structuredClone(manifest))));
    }
    const inherited = Object.create({ artifactType: 'application/spdx+json' }) as object;
    assert.equal(identify({ annotations: inherited, config: { mediaType: 'a/b' } }).id, 'unknown');
    assert.equal(Object.hasOwn(Object.prototype, 'mediaType'), false);
  });

  it('names every layer of every fixture', () => {
    for (const { id, cases } of fixtures) {
      for (const item of cases) {
        const type = identify(item.manifest, descriptorOf(item), item);
        const layers = item.manifest['layers'] ?? item.manifest['blobs'] ?? [];
        for (const layer of layers as readonly Descriptor[]) {
          assert.match(layerName(layer, type), /^[ -~]{2,70}$/, id);
        }
      }
    }
  });
});
