import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { foldedName, safeParts } from '../../../src/archive/safePath.ts';
import { isOciError } from '../../../src/oci/errors.ts';

describe('safeParts', () => {
  it('gives the parts of a path that stays', () => {
    assert.deepEqual(safeParts('./a//b/./c/', { portable: true }), ['a', 'b', 'c']);
    assert.deepEqual(safeParts('.', { portable: true }), []);
    assert.deepEqual(safeParts('..a/b..', { portable: false }), ['..a', 'b..']);
  });

  const never = [
    '/a',
    '/',
    '../a',
    'a/../b',
    'a/..',
    '..',
    'a\\b',
    '..\\a',
    'C:/a',
    'c:',
    './C:a',
    'a\0b',
    'x'.repeat(256),
    'é'.repeat(128),
    'a/'.repeat(300),
    `${'x'.repeat(200)}/`.repeat(30),
  ];
  for (const name of never) {
    it(`refuses ${JSON.stringify(name.slice(0, 30))} everywhere`, () => {
      assert.throws(
        () => safeParts(name, { portable: false }),
        (error) => isOciError(error, 'path-unsafe'),
      );
    });
  }

  const onWindows = [
    'CON',
    'nul.txt',
    'a/aux.c',
    'COM1',
    'lpt9.log',
    'a.',
    'b ',
    'ab:stream',
    'x?',
    'a\nb',
    'CONIN$',
  ];
  for (const name of onWindows) {
    it(`refuses ${JSON.stringify(name)} where Windows would take it for another`, () => {
      assert.throws(
        () => safeParts(name, { portable: true }),
        (error) => isOciError(error, 'path-unsafe'),
      );
      assert.ok(safeParts(name, { portable: false }).length > 0);
    });
  }

  it('folds case and accents', () => {
    assert.equal(foldedName('É'), foldedName('e\u0301'));
    assert.notEqual(foldedName('a'), foldedName('b'));
  });
});
