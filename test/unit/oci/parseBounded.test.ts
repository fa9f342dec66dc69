import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBounded } from '../../../src/oci/parseBounded.ts';

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('parseBounded', () => {
  it('takes what documents are nested like, and brackets in texts', () => {
    assert.ok(Array.isArray(parseBounded(nested(64))));
    for (const value of ['['.repeat(100), `\\"${'{'.repeat(100)}`, ['\\', '[]'.repeat(100)]]) {
      assert.deepEqual(parseBounded(JSON.stringify({ a: value })), { a: value });
    }
    assert.ok(Array.isArray(parseBounded(`[${'[],{},'.repeat(100)}[]]`)));
  });

  it('does not even parse what is nested deeper', () => {
    for (const text of [nested(65), '['.repeat(2_000_000), '{"a":'.repeat(500_000)]) {
      assert.equal(parseBounded(text), undefined);
    }
    assert.throws(() => parseBounded('{'), SyntaxError);
  });
});
