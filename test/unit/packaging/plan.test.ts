import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { planPush, type PushPlan, type Source } from '../../../src/packaging/plan.ts';

let work: string;
before(async () => {
  work = await realpath(await mkdtemp(join(tmpdir(), 'oci-plan-')));
});
after(() => rm(work, { recursive: true }));

let next = 0;

/** A folder with these files, each with its text. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(work, String(next++), 'repo');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function plan(...sources: Source[]): Promise<PushPlan> {
  return planPush(sources, { largeFile: 1e9 });
}

/** Files and links of a plan, without the title of their layer. */
function namesOf({ layers }: PushPlan): string[] {
  return layers
    .flatMap(({ title, entries }) =>
      entries.filter(({ kind }) => kind !== 'folder').map(({ name }) => name.slice(title.length + 1)),
    )
    .sort();
}

async function git(folder: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  return (await promisify(execFile)('git', args, { cwd: folder, env })).stdout;
}

/** What git would add of a folder of a repository. */
async function gitNames(folder: string): Promise<string[]> {
  const text = await git(folder, 'ls-files', '--others', '--exclude-standard', '-z', '.');
  return text.split('\0').filter(Boolean).sort();
}

const tree = {
  'a.txt': '',
  'a.log': '',
  'A.LOG': '',
  'kept.log': '',
  'build/out.js': '',
  'build/kept.js': '',
  'src/build/inner.js': '',
  'src/deep/a.log': '',
  'src/deep/kept.log': '',
  'src/deep/note.tmp': '',
  'docs/a b.md': '',
  'docs/[x].md': '',
  'docs/x.md': '',
  'vendor/one/two/three.js': '',
  'vendor/one/keep.js': '',
  'private.key.txt': '',
} as const;

/** Files of patterns, each a set that git is asked about too. */
const cases: readonly Readonly<Record<string, string>>[] = [
  { '.gitignore': 'build/\n*.log\n!kept.log\n' },
  { '.gitignore': '# a comment\n\n/build\n\\#x\n' },
  { '.gitignore': 'build/\n!build/kept.js\n' },
  { '.gitignore': 'build/*\n!build/kept.js\n' },
  { '.gitignore': '*.log\n', 'src/deep/.gitignore': '!a.log\n*.tmp\n' },
  { '.gitignore': 'build/\n', 'src/.gitignore': '!build/\n' },
  { '.gitignore': 'vendor/**/three.js\n**/deep/*.tmp\n' },
  { '.gitignore': 'docs/\\[x].md\r\ndocs/a\\ b.md\r\n' },
  { '.gitignore': '*\n!*/\n!*.md\n' },
  { '.gitignore': '*.log\n!/src/**/kept.log\n' },
  { 'src/.gitignore': '/deep\n', 'docs/.gitignore': '*\n!.gitignore\n' },
];

describe('what a push leaves out', () => {
  for (const patterns of cases) {
    it(`is what git ignores: ${JSON.stringify(patterns)}`, async () => {
      const folder = await folderOf({ ...tree, ...patterns });
      await git(folder, 'init', '--quiet');
      assert.deepEqual(namesOf(await plan({ path: folder, title: 'repo' })), await gitNames(folder));
      for (const inner of ['src', 'docs']) {
        const path = join(folder, inner);
        assert.deepEqual(namesOf(await plan({ path, title: inner })), await gitNames(path), inner);
      }
    });
  }

  it('counts .git/info/exclude, weaker than every .gitignore', async () => {
    const folder = await folderOf({ ...tree, '.gitignore': '!kept.log\n' });
    await git(folder, 'init', '--quiet');
    await writeFile(join(folder, '.git/info/exclude'), '*.log\n/docs\n');
    const names = namesOf(await plan({ path: folder, title: 'repo' }));
    assert.deepEqual(names, await gitNames(folder));
    assert.ok(names.includes('kept.log') && !names.includes('a.log') && !names.includes('docs/x.md'));
  });

  it('counts what stands above a chosen folder up to the repository, and no further', async () => {
    const folder = await folderOf({ ...tree, '.gitignore': '*.log\n', 'src/.gitignore': 'note.*\n' });
    await writeFile(join(dirname(folder), '.gitignore'), '*\n');
    const deep = join(folder, 'src/deep');
    // Without a repository nothing above counts.
    assert.equal(namesOf(await plan({ path: deep, title: 'deep' })).length, 3);
    await git(folder, 'init', '--quiet');
    assert.deepEqual(namesOf(await plan({ path: deep, title: 'deep' })), await gitNames(deep));
    assert.deepEqual(await gitNames(deep), []);
  });

  it('is not what was chosen itself, but still what is ignored by another pattern', async () => {
    const folder = await folderOf({ ...tree, 'build/debug.log': '', '.gitignore': 'build/\n*.log\n' });
    await git(folder, 'init', '--quiet');
    const names = namesOf(await plan({ path: join(folder, 'build'), title: 'build' }));
    assert.deepEqual(names, ['kept.js', 'out.js']);
    const log = await plan({ path: join(folder, 'a.log'), title: 'a.log' });
    assert.equal(log.layers[0]?.kind, 'file');
  });

  it('is decided by .ociignore before .gitignore of the same folder', async () => {
    const folder = await folderOf({ ...tree, '.gitignore': '*.log\n', '.ociignore': '!kept.log\n*.md\n' });
    const found = await plan({ path: folder, title: 'repo' });
    const names = namesOf(found);
    assert.ok(names.includes('kept.log') && !names.includes('docs/x.md') && !names.includes('a.log'));
    const reasons = new Map(found.skipped.map(({ path, reason }) => [relative(folder, path), reason]));
    assert.deepEqual([reasons.get('docs/x.md'), reasons.get('a.log')], ['ociignore', 'gitignore']);
  });

  it('names links that leave the folder', async () => {
    const folder = await folderOf({ 'in/a.txt': '' });
    await symlink('../../..', join(folder, 'in/out'));
    await symlink('/etc/hostname', join(folder, 'absolute'));
    await symlink('in/a.txt', join(folder, 'inside'));
    const found = await plan({ path: folder, title: 'repo' });
    assert.deepEqual(
      found.skipped.map(({ path, reason }) => [relative(folder, path), reason]),
      [
        ['absolute', 'outside-link'],
        ['in/out', 'outside-link'],
      ],
    );
    assert.deepEqual(namesOf(found), ['in/a.txt', 'inside']);
  });
});

describe('what a push points out', () => {
  it('is secrets by name or place, and large files', async () => {
    const folder = await folderOf({
      '.env': '',
      '.env.example': '',
      'src/.env.local': '',
      'keys/id_ed25519': '',
      'server.pem': '',
      'home/.aws/credentials': '',
      'home/.docker/config.json': '',
      'config.json': '',
      'environment.ts': '',
      'big.bin': 'x'.repeat(100),
    });
    const { concerns } = await planPush([{ path: folder, title: 'repo' }], { largeFile: 50 });
    const found = Object.fromEntries(concerns.map(({ path, kind }) => [relative(folder, path), kind]));
    assert.deepEqual(found, {
      '.env': 'secret',
      'src/.env.local': 'secret',
      'keys/id_ed25519': 'secret',
      'server.pem': 'secret',
      'home/.aws/credentials': 'secret',
      'home/.docker/config.json': 'secret',
      'big.bin': 'large',
    });
  });
});

describe('what cannot be pushed', () => {
  it('is told: gone, two of one name, no file at all', async () => {
    const folder = await folderOf({ 'a.txt': '' });
    await assert.rejects(plan({ path: join(folder, 'gone'), title: 'gone' }), { code: 'file-missing' });
    const path = join(folder, 'a.txt');
    await assert.rejects(plan({ path, title: 'same' }, { path: folder, title: 'same' }), {
      code: 'path-unsafe',
    });
    await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
    await assert.rejects(plan({ path: join(folder, 'pipe'), title: 'pipe' }), { code: 'file-error' });
    const { skipped } = await plan({ path: folder, title: 'repo' });
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      ['special-file'],
    );
  });
});
