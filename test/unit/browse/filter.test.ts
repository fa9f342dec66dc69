import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { categoryToken, matcher, typeMatcher, typeToken } from '../../../src/browse/filter.ts';

const helm = { id: 'helm-chart', name: 'Helm chart', category: 'chart' } as const;
const spdx = { id: 'spdx-sbom', name: 'SPDX SBOM', category: 'sbom' } as const;
const rocket = { id: 'unknown', name: 'acme rocket', category: 'other' } as const;

describe('a filter', () => {
  it('takes words, which say nothing of types', () => {
    assert.ok(matcher('1.4 RC')('v1.4.2-rc1'));
    assert.ok(!matcher('1.4 RC')('v1.4.2'));
    assert.equal(typeMatcher('1.4 rc'), undefined);
    assert.equal(typeMatcher(undefined), undefined);
  });

  it('takes types and categories, which say nothing of names', () => {
    assert.ok(matcher('type:helm 1.4 category:"chart"')('1.4'));
    assert.ok(!matcher('type:helm 1.4')('1.5'));
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['type:helm', ['Helm chart']],
      ['TYPE:Helm', ['Helm chart']],
      ['type:helm-chart', ['Helm chart']],
      ['type:sbom', ['SPDX SBOM']],
      ['type:"SBOM"', []],
      ['type:"spdx sbom"', ['SPDX SBOM']],
      ['type:"acme rocket"', ['acme rocket']],
      ['type:acme-rocket', ['acme rocket']],
      ['type:helm type:rocket', ['Helm chart', 'acme rocket']],
      ['category:sbom', ['SPDX SBOM']],
      ['category:sbom type:helm', []],
      ['category:c', ['Helm chart']],
      ['type:"helm', []],
    ];
    for (const [text, names] of cases) {
      const isWanted = typeMatcher(text);
      const found = [helm, spdx, rocket].filter((type) => isWanted?.(type)).map(({ name }) => name);
      assert.deepEqual(found, names, text);
    }
  });

  it('wants nothing of a token that is being typed', () => {
    assert.equal(typeMatcher('type:'), undefined);
    assert.ok(matcher('category: 1')('1'));
  });

  it('finds the one type a token is made of', () => {
    for (const type of [helm, spdx, rocket, { ...helm, id: 'quoted', name: 'A "b" c' }]) {
      assert.ok(typeMatcher(typeToken(type))?.(type), type.name);
      assert.ok(typeMatcher(categoryToken(type.category))?.(type), type.name);
    }
    assert.ok(!typeMatcher(typeToken(helm))?.({ ...helm, id: 'other', name: 'Helm chart index' }));
  });
});
