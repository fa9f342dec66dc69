import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';

const root = join(import.meta.dirname, '../../src');

/** What each folder may import besides itself; `vscode` counts as a folder. `src/ARCHITECTURE.md` says why. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  oci: ['base'],
  auth: ['base', 'oci'],
  artifacts: ['base', 'oci'],
  archive: ['base', 'oci'],
  packaging: ['base', 'oci', 'archive', 'artifacts', 'auth'],
  browse: ['base', 'oci', 'artifacts', 'archive', 'auth'],
  host: ['base', 'oci', 'auth', 'artifacts', 'archive', 'packaging', 'browse', 'vscode'],
};
for (const outer of ['views', 'commands', 'editors']) {
  Object.assign(allowed, { [outer]: [...(allowed['host'] ?? []), 'host'] });
}

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

/** Every static or dynamic import of `src`, its target as a folder of `src` or the name of a package. */
function imports(): readonly Import[] {
  return globSync('**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
      (match) => match[1] ?? '',
    );
    return specifiers.map((specifier) => ({
      file,
      folder: folderOf(file),
      target: targetOf(file, specifier),
    }));
  });
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : 'top';
}

function targetOf(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) {
    return specifier;
  }
  const path = relative(root, join(root, dirname(file), specifier));
  // Ids and types of contributions are plain data without an import; every folder may name them.
  return path === 'contributions.ts' ? 'data' : folderOf(path);
}

describe('import direction', () => {
  const all = imports();

  it('reads the imports of the source', () => {
    const seen = new Set(all.map(({ folder }) => folder));
    assert.ok(
      ['oci', 'packaging', 'browse', 'host', 'views', 'commands', 'editors'].every((folder) =>
        seen.has(folder),
      ),
    );
  });

  it('follows base ← oci ← {auth, artifacts, archive} ← {packaging, browse} ← host ← {views, commands, editors}', () => {
    const wrong = all.filter(({ folder, target }) => {
      const isInner = target === 'vscode' || target === 'top' || target in allowed;
      return folder in allowed && isInner && target !== folder && !allowed[folder]?.includes(target);
    });
    assert.deepEqual(wrong, []);
  });

  it('lets only oci/remote know HTTP', () => {
    const http = /^(?:undici(?:\/|$)|(?:node:)?(?:https?|http2|net|tls)$)/;
    const wrong = all.filter(({ file, target }) => http.test(target) && !file.startsWith('oci/remote/'));
    assert.deepEqual(wrong, []);
  });

  it('keeps contributions free of imports', () => {
    assert.deepEqual(
      all.filter(({ file }) => file === 'contributions.ts'),
      [],
    );
  });
});
