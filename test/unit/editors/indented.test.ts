import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { indented } from '../../../src/editors/indented.ts';

describe('indented', () => {
  it('looks as JSON.stringify writes it', () => {
    const value = { a: [1, { b: null }], c: {}, d: [], e: 'x: {"y",}', f: [[], [true]] };
    assert.equal(indented(JSON.stringify(value)), JSON.stringify(value, null, 2));
    assert.equal(indented(JSON.stringify(value, null, 7)), JSON.stringify(value, null, 2));
  });

  it('keeps order, doubles, numbers and escapes', () => {
    const text =
      '{"b":1e400,"a":0.10000000000000000555,"a":"\\u0061\\"\\\\","2":-0,"1":12345678901234567890}';
    assert.equal(indented(text).replaceAll(/\n\s*/g, '').replaceAll(': ', ':'), text);
  });

  it('leaves alone what is no JSON', () => {
    for (const text of ['', 'a: b\n  c', '{"a":1', '{} {}', '\u{feff}{}']) {
      assert.equal(indented(text), text);
    }
  });

  it('keeps what is nested deep on one line', () => {
    const text = `${'['.repeat(10_000)}1${']'.repeat(10_000)}`;
    const result = indented(text);
    assert.equal(result.replaceAll(/\s/g, ''), text);
    assert.ok(result.length < 20_000 + 100 * 100);
  });

  it('gives back a text that would grow beyond all measure', () => {
    const text = `${'['.repeat(32)}${'1,'.repeat(2_000_000)}1${']'.repeat(32)}`;
    assert.equal(indented(text), text);
  });

  it('formats a manifest of 5,000 layers', () => {
    const layers = Array.from({ length: 5000 }, (_, size) => ({ mediaType: 'a/b', digest: 'x', size }));
    const text = JSON.stringify({ layers });
    assert.equal(indented(text), JSON.stringify({ layers }, null, 2));
  });
});
