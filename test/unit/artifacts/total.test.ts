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

  it('answers 10,000 mutated manifests, each in under a millisecond, whatever the order of keys', () => {
    const inputs = Array.from({ length: 10_000 }, () => {
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

  it('looks at a bounded part of huge manifests', () => {
    const layers = Array.from({ length: 100_000 }, (_, index) => ({
      mediaType: `application/vnd.acme.${index}`,
      annotations: { [`a${index}`]: 'x' },
    }));
    const annotations = Object.fromEntries(layers.map(({ mediaType }) => [mediaType, mediaType]));
    const huge = [
      { layers, config: { mediaType: 'application/vnd.oci.image.config.v1+json' }, annotations },
      { layers: layers.map((layer) => ({ ...layer, annotations })), annotations },
      { manifests: layers, annotations },
    ];
    for (const manifest of huge) {
      // The best of some, as the memory of the input is cleared up meanwhile; reading its JSON takes longer than this.
      quick(200, 'identify', () => {
        check(identify(manifest, { annotations }, { config: { config: { Labels: annotations } } }));
      });
    }
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
