import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { listFiles, PackageManager } from '@vscode/vsce';

const root = join(import.meta.dirname, '../..');

describe('the packed extension', () => {
  it('holds what a person needs of it, and no source', async () => {
    const files = await listFiles({ cwd: root, packageManager: PackageManager.None });
    const made = ['dist/extension.cjs'];
    const wanted = [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'],
      ...globSync('package.nls*.json', { cwd: root }),
      ...globSync('media/**', { cwd: root }).filter((file) => statSync(join(root, file)).isFile()),
    ];
    // Before the first build there is no bundle; packing builds it.
    assert.deepEqual(files.filter((file) => !made.includes(file)).sort(), wanted.sort());
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const shown = [...readme.matchAll(/\]\((?!https?:|#)([^)\s]+)/g)].map(([, path = '']) => path);
    assert.deepEqual(
      shown.filter((path) => path.startsWith('media/') && !wanted.includes(path)),
      [],
    );
  });
});
