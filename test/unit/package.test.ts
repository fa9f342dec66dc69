import assert from 'node:assert/strict';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { listFiles, PackageManager } from '@vscode/vsce';
import { run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

describe('the packed extension', () => {
  it('holds what a person needs of it, and no source', async (t) => {
    // Without what is downloaded and built here, which takes seconds to be passed over.
    const copy = mkdtempSync(join(tmpdir(), 'oci-package-'));
    t.after(() => rmSync(copy, { recursive: true }));
    const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
    });
    for (const file of stdout.split('\0').filter(Boolean)) {
      cpSync(join(root, file), join(copy, file));
    }
    const files = await listFiles({ cwd: copy, packageManager: PackageManager.None });
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
