import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readMetadata, remoteUrl } from '../../../src/host/metadata.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';

function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'oci-metadata-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('metadata of a folder', () => {
  it('reads package.json and git, and never a password', async (t) => {
    const folder = folderOf(t, {
      'app/package.json': JSON.stringify({
        name: 'app',
        version: '1.4.2',
        description: 'An app',
        license: 'MIT',
      }),
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/refs/heads/main': `${commit}\n`,
      '.git/config':
        '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://ann:secret@example.com/team/app.git\n',
    });
    assert.deepEqual(await readMetadata(join(folder, 'app')), {
      'org.opencontainers.image.title': 'app',
      'org.opencontainers.image.version': '1.4.2',
      'org.opencontainers.image.description': 'An app',
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.source': 'https://example.com/team/app',
      'org.opencontainers.image.revision': commit,
    });
  });

  it('reads packed refs and work trees', async (t) => {
    const folder = folderOf(t, {
      'tree/.git': 'gitdir: ../main/.git/worktrees/tree\n',
      'main/.git/worktrees/tree/HEAD': 'ref: refs/heads/topic\n',
      'main/.git/worktrees/tree/commondir': '../..\n',
      'main/.git/packed-refs': `# pack-refs\n${commit} refs/heads/topic\n`,
      'main/.git/config': '[remote "origin"]\n\turl = git@example.com:team/app.git\n',
    });
    assert.deepEqual(await readMetadata(join(folder, 'tree')), {
      'org.opencontainers.image.source': 'https://example.com/team/app',
      'org.opencontainers.image.revision': commit,
    });
  });

  it('reads charts, Python and Rust packages', async (t) => {
    const chart = folderOf(t, {
      'Chart.yaml': 'apiVersion: v2\nname: web\nversion: "0.3.0" # next\ndescription: >\n  long\n',
    });
    const python = folderOf(t, {
      'pyproject.toml':
        '[tool.x]\nname = "no"\n[project]\nname = "py"\nversion = "2"\n[other]\ndescription = "no"\n',
    });
    const rust = folderOf(t, { 'Cargo.toml': '[package]\nname = \'crab\'\nlicense = "Apache-2.0"\n' });
    const title = 'org.opencontainers.image.title';
    const version = 'org.opencontainers.image.version';
    assert.deepEqual(await readMetadata(chart), { [title]: 'web', [version]: '0.3.0' });
    assert.deepEqual(await readMetadata(python), { [title]: 'py', [version]: '2' });
    assert.deepEqual(await readMetadata(rust), {
      [title]: 'crab',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
  });

  it('says nothing where files are broken', async (t) => {
    const folder = folderOf(t, {
      'package.json': '{',
      '.git/HEAD': 'ref: refs/../../../etc/passwd\n',
      '.git/config': '[remote "origin"]\n\turl = /srv/git/app.git\n',
    });
    assert.deepEqual(await readMetadata(folder), {});
  });
});

describe('remoteUrl', () => {
  for (const [url, expected] of [
    ['git@github.com:team/app.git', 'https://github.com/team/app'],
    ['ssh://git@example.com:2222/team/app.git', 'https://example.com/team/app'],
    ['https://example.com/team/app', 'https://example.com/team/app'],
    ['https://token@example.com/team/app.git?x=secret', 'https://example.com/team/app'],
    ['../elsewhere.git', undefined],
  ] as const) {
    it(url, () => {
      assert.equal(remoteUrl(`[remote "origin"]\n  url = ${url}\n`), expected);
    });
  }
});
