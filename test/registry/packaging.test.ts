import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { copy } from '../../src/oci/copy.ts';
import { Annotation } from '../../src/oci/descriptor.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { parseManifest, type Manifest } from '../../src/oci/manifest.ts';
import { buildArtifact, type BuiltArtifact } from '../../src/packaging/artifact.ts';
import { planPush, type Source } from '../../src/packaging/plan.ts';
import { runPeer } from '../support/peers.ts';

const artifactType = 'application/vnd.example.files.v1';
const created = '2026-01-02T03:04:05Z';

describe('what is pushed is what oras makes of the same files', () => {
  let work: string;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-packaging-'));
    const site = join(work, 'site');
    await mkdir(join(site, 'deep/empty'), { recursive: true });
    await mkdir(join(site, `long-${'n'.repeat(60)}`, `er-${'n'.repeat(60)}`), { recursive: true });
    await writeFile(join(site, 'a.txt'), 'alpha <&>');
    await writeFile(join(site, 'empty'), '');
    await writeFile(join(site, 'ünïcode ✓.txt'), 'text');
    await writeFile(
      join(site, `long-${'n'.repeat(60)}`, `er-${'n'.repeat(60)}`, `${'f'.repeat(120)}.txt`),
      'long',
    );
    await writeFile(join(site, 'deep', `${'g'.repeat(90)}.txt`), 'x'.repeat(513));
    await writeFile(join(site, 'run.sh'), '#!/bin/sh\n');
    await chmod(join(site, 'run.sh'), 0o755);
    await symlink('a.txt', join(site, 'link'));
    await writeFile(join(work, 'one.bin'), Buffer.alloc(70_000, 7));
  });
  after(() => rm(work, { recursive: true }));

  async function built(titles: readonly string[], keepFileTimes: boolean): Promise<BuiltArtifact> {
    const sources: Source[] = titles.map((title) => ({ title, path: join(work, title) }));
    const plan = await planPush(sources, { largeFile: 1e9 });
    return buildArtifact(plan, {
      artifactType,
      annotations: { [Annotation.created]: created },
      keepFileTimes,
      temporary: work,
    });
  }

  async function orasPush(titles: readonly string[], name: string): Promise<Manifest> {
    const layout = `${join(work, name)}:v1`;
    await runPeer(
      'oras',
      [
        'push',
        '--oci-layout',
        '--artifact-type',
        artifactType,
        '--annotation',
        `${Annotation.created}=${created}`,
        layout,
        ...titles,
      ],
      { cwd: work },
    );
    const { stdout } = await runPeer('oras', ['manifest', 'fetch', '--oci-layout', layout], {});
    return parseManifest(Buffer.from(stdout), '') as Manifest;
  }

  it('has the same tar of a folder, when file times are kept', async () => {
    const ours = await built(['site'], true);
    const theirs = await orasPush(['site'], 'theirs');
    assert.deepEqual({ ...ours.layers[0]?.annotations }, { ...theirs.layers[0]?.annotations });
    await ours.dispose();
  });

  it('has the same manifest of files, byte for byte', async () => {
    const ours = await built(['one.bin'], true);
    await orasPush(['one.bin'], 'theirs-file');
    const { stdout } = await runPeer(
      'oras',
      ['resolve', '--oci-layout', `${join(work, 'theirs-file')}:v1`],
      {},
    );
    assert.equal(ours.root.digest, stdout.trim());
    await ours.dispose();
  });

  it('is pulled by oras byte for byte', async () => {
    const ours = await built(['site', 'one.bin'], false);
    const registry = localRegistry(join(work, 'local'));
    await copy(ours.store, ours.root.digest, registry.repository('team/site'), '1.0');
    await ours.dispose();
    const out = join(work, 'pulled');
    await runPeer('oras', ['pull', '--oci-layout', `${join(work, 'local/team/site')}:1.0`, '-o', out], {});
    await promisify(execFile)('diff', ['-r', join(work, 'site'), join(out, 'site')]);
    await promisify(execFile)('diff', [join(work, 'one.bin'), join(out, 'one.bin')]);
  });

  it('leaves out what is ignored and points out secrets', async () => {
    const folder = join(work, 'guarded');
    await mkdir(join(folder, '.git'), { recursive: true });
    await mkdir(join(folder, 'build'));
    await writeFile(join(folder, '.gitignore'), 'build/\n*.log\n');
    await writeFile(join(folder, '.ociignore'), '!kept.log\n');
    for (const name of ['.git/config', 'build/x', 'a.log', 'kept.log', '.env', 'big']) {
      await writeFile(join(folder, name), 'x'.repeat(20));
    }
    await symlink('/etc/hostname', join(folder, 'outside'));
    const plan = await planPush([{ path: folder, title: 'guarded' }], { largeFile: 10_000 });
    const reasons = Object.fromEntries(
      plan.skipped.map(({ path, reason }) => [path.slice(folder.length + 1), reason]),
    );
    assert.deepEqual(reasons, {
      '.git': 'git',
      build: 'gitignore',
      'a.log': 'gitignore',
      outside: 'outside-link',
    });
    assert.ok(plan.layers[0]?.entries.some(({ name }) => name === 'guarded/kept.log'));
    assert.deepEqual(
      plan.concerns.map(({ kind }) => kind),
      ['secret'],
    );
  });
});
