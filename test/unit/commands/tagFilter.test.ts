import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chosenTags, patternsOf } from '../../../src/commands/tagFilter.ts';

const digest = 'a'.repeat(64);
const tags = [
  '1.0.0',
  'latest',
  '1.10.0',
  '1.9.0',
  '2.0.0-rc.1',
  '1.10',
  '1',
  'v1.11.0',
  'nightly-alpine',
  `sha256-${digest}`,
  `sha256-${digest}.sig`,
];

describe('the tags a mirror means', () => {
  it('are all, but for lists of referrers, which each registry keeps for itself', () => {
    assert.deepEqual(
      chosenTags(tags, { kind: 'all' }),
      tags.filter((tag) => tag !== `sha256-${digest}`),
    );
  });

  it('are those that fit one of the patterns', () => {
    const patterns = patternsOf(' 1.1*, *-alpine ');
    assert.deepEqual(patterns, ['1.1*', '*-alpine']);
    assert.deepEqual(chosenTags(tags, { kind: 'names', patterns }), ['1.10.0', '1.10', 'nightly-alpine']);
    assert.deepEqual(chosenTags(tags, { kind: 'names', patterns: [] }), []);
  });

  it('are the newest whole versions, releases before pre-releases', () => {
    assert.deepEqual(chosenTags(tags, { kind: 'newest', count: 3 }), ['v1.11.0', '1.10.0', '1.9.0']);
    assert.deepEqual(chosenTags(tags, { kind: 'newest', count: 100 }), [
      'v1.11.0',
      '1.10.0',
      '1.9.0',
      '1.0.0',
      '2.0.0-rc.1',
    ]);
  });
});
