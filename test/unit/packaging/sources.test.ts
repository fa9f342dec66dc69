import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sourcesOf } from '../../../src/packaging/sources.ts';

const titles = (paths: readonly string[], ...roots: string[]): readonly string[] =>
  sourcesOf(paths, roots).map(({ title }) => title);

describe('titles of what is pushed', () => {
  it('are the paths oras push would be given in the folder of the workspace', () => {
    assert.deepEqual(titles(['/w/site'], '/w'), ['site']);
    assert.deepEqual(titles(['/w/site/docs', '/w/a.txt'], '/w'), ['site/docs', 'a.txt']);
    assert.deepEqual(titles(['/w/a/x', '/w/b/x'], '/w'), ['a/x', 'b/x']);
  });

  it('are the own name of a folder of the workspace', () => {
    assert.deepEqual(titles(['/home/ann/w'], '/home/ann/w'), ['w']);
  });

  it('begin with the folder of the workspace where there are several', () => {
    assert.deepEqual(titles(['/one/src', '/two/src'], '/one', '/two'), ['one/src', 'two/src']);
    assert.deepEqual(titles(['/one', '/two'], '/one', '/two'), ['one', 'two']);
    // Only one of them is concerned.
    assert.deepEqual(titles(['/one/src', '/one/docs'], '/one', '/two'), ['src', 'docs']);
  });

  it('stand in the innermost folder of the workspace', () => {
    assert.deepEqual(titles(['/w/packages/a/src'], '/w', '/w/packages/a'), ['src']);
  });

  it('are distinct outside of the workspace too', () => {
    assert.deepEqual(titles(['/tmp/x']), ['x']);
    assert.deepEqual(titles(['/tmp/a/x', '/tmp/b/x', '/tmp/c']), ['a/x', 'b/x', 'c']);
    assert.deepEqual(titles(['/p/w', '/q/w'], '/p/w', '/q/w'), ['p/w', 'q/w']);
  });

  it('are given once to what was chosen twice', () => {
    assert.deepEqual(titles(['/w/a', '/w/a'], '/w'), ['a']);
  });

  it('do not take a name that only begins like the folder for one inside it', () => {
    assert.deepEqual(titles(['/w-old/a'], '/w'), ['a']);
    assert.deepEqual(titles(['/w/..a/b'], '/w'), ['..a/b']);
  });
});
