import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOciError } from '../../../src/oci/errors.ts';
import { StagedTree } from '../../../src/packaging/stagedTree.ts';

describe('StagedTree', () => {
  it('counts the folders that names imply', () => {
    const tree = new StagedTree(false);
    assert.throws(
      () => {
        for (let index = 0; index < 1000; index++) {
          tree.add([String(index), ...Array.from({ length: 250 }, () => 'z')], 'file');
        }
      },
      (error) => isOciError(error, 'too-large'),
    );
  });

  it('takes names that differ in case for one where the file system does', () => {
    for (const folded of [true, false]) {
      const tree = new StagedTree(folded);
      tree.add(['d', 'README'], 'file');
      const add = (): void => tree.add(['d', 'readme'], 'link');
      if (folded) {
        assert.throws(add, (error) => isOciError(error, 'path-unsafe'));
      } else {
        add();
      }
    }
  });
});
