import assert from 'node:assert/strict';
import { chmod, cp, link, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { parseManifest, type Manifest } from '../../src/oci/manifest.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { runPeer } from '../support/peers.ts';

const artifactType = 'application/vnd.example.files.v1';
const created = '2026-01-02T03:04:05Z';
const long = (letter: string, length: number): string => letter.repeat(length);

type Make = (
  file: (name: string, content?: string | Buffer) => Promise<string>,
  folder: string,
) => Promise<unknown>;

/** One folder each: what is in it, and nothing else that could differ. */
const folders: Readonly<Record<string, Make>> = {
  'nothing in it': () => Promise.resolve(),
  'folders in folders': async (file) => {
    await file('a/b/c/d/e.txt');
    await file('z');
  },
  'empty folders': async (_, folder) => mkdir(join(folder, 'a/b'), { recursive: true }),
  'files of no byte and around a block': async (file) => {
    for (const size of [0, 1, 511, 512, 513, 1024, 300_000]) {
      await file(`size-${size}`, Buffer.alloc(size, 'x'));
    }
  },
  'names not in ASCII': async (file) => {
    await file('ünïcode ✓/файл.txt');
    await file('日本/語');
    await file('e\u0301 and \u00e9');
    await file('🐙');
  },
  'names of 100 characters and more': async (file) => {
    for (const length of [80, 94, 95, 96, 97, 98, 99, 100, 101, 155, 156, 200, 250]) {
      await file(long('n', length));
      await file(`deep/${long('m', length)}`);
    }
  },
  'paths of 155 characters and more': async (file) => {
    for (const length of [48, 49, 50, 51, 52, 70, 98, 99, 100, 120]) {
      await file(`${long('a', 50)}/${long('b', 50)}/${long('c', length)}`);
      await file(`${long('a', 100)}/${long('b', length)}/${long('c', length)}/x`);
    }
  },
  'long names not in ASCII': async (file) => {
    await file(`${long('é', 60)}/${long('ö', 60)}.txt`);
    await file(`${long('a', 90)}/${long('b', 90)}/é`);
  },
  links: async (file, folder) => {
    await file('target');
    await symlink('target', join(folder, 'link'));
    await symlink('nowhere/at/all', join(folder, 'dangling'));
    await mkdir(join(folder, 'deep'));
    await symlink('../target', join(folder, 'deep/up'));
    await symlink('deep', join(folder, 'to-a-folder'));
    await symlink(`./${long('t', 99)}`, join(folder, 'long-target'));
    await symlink(`./${long('t', 98)}`, join(folder, 'hundred-target'));
    await symlink(`${long('u', 99)}/${long('v', 20)}`, join(folder, 'cut-at-a-slash'));
    await file(`${long('w', 70)}/${long('w', 70)}/file`);
    await symlink(long('t', 120), join(folder, long('w', 70), long('w', 70), 'both-long'));
    await symlink('zïel', join(folder, 'not-ascii'));
  },
  'who may do what': async (file, folder) => {
    for (const mode of [0o600, 0o644, 0o664, 0o755, 0o700, 0o400, 0o777, 0o4755, 0o2755, 0o1644]) {
      await chmod(await file(`mode-${mode.toString(8)}`), mode);
    }
    for (const mode of [0o700, 0o1777, 0o2775]) {
      await mkdir(join(folder, `folder-${mode.toString(8)}`));
      await chmod(join(folder, `folder-${mode.toString(8)}`), mode);
    }
  },
  'two names of one file': async (file, folder) => {
    await link(await file('one', 'content'), join(folder, 'two'));
  },
  'names that sort apart': async (file) => {
    for (const name of [
      'a/b',
      'a-b',
      'a.b',
      'a0',
      'A',
      'aa/a',
      'B/b',
      'ä',
      '_',
      '0',
      '10',
      '9',
      '\uff5e',
      '🐙',
    ]) {
      await file(name);
    }
  },
  'names with special characters': async (file) => {
    for (const name of [
      'a b',
      'a\\b',
      'a"b',
      "a'b",
      'a\nb',
      'a\tb',
      '<&>',
      '%41',
      '-x',
      '#',
      '~',
      'a:b',
      '..a',
      'a.',
    ]) {
      await file(name);
    }
  },
  'times between two seconds': async (file) => {
    for (const time of [0, 0.4, 1.5, 1_700_000_000.4999, 1_700_000_000.5, 1_700_000_001.5, 4_294_967_296.7]) {
      await utimes(await file(`time-${time}`), time, time);
    }
  },
};

describe('the tar of a folder is the one oras makes', () => {
  let work: string;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-equal-'));
  });
  after(() => rm(work, { recursive: true }));

  async function ours(names: readonly string[], keepFileTimes: boolean, from = work) {
    const plan = await planPush(
      names.map((title) => ({ title, path: join(from, title) })),
      { largeFile: 1e9 },
    );
    const annotations = { [Annotation.created]: created };
    const built = await buildArtifact(plan, { artifactType, annotations, keepFileTimes, temporary: work });
    await built.dispose();
    return { ...built, plan };
  }

  async function theirs(
    names: readonly string[],
    layout: string,
  ): Promise<{ text: string; manifest: Manifest }> {
    const where = `${join(work, layout)}:v1`;
    const { stdout: text } = await (async () => {
      await runPeer(
        'oras',
        [
          ...['push', '--oci-layout', '--artifact-type', artifactType],
          ...['--annotation', `${Annotation.created}=${created}`, where, '--', ...names],
        ],
        { cwd: work },
      );
      return runPeer('oras', ['manifest', 'fetch', '--oci-layout', where]);
    })();
    return { text, manifest: parseManifest(Buffer.from(text), '') as Manifest };
  }

  const tarDigest = (layer: Descriptor | undefined): string | undefined =>
    layer?.annotations?.[Annotation.contentDigest];

  let count = 0;
  for (const [what, make] of Object.entries(folders)) {
    it(`with ${what}`, async () => {
      const title = `folder-${++count}`;
      const folder = join(work, title);
      await mkdir(folder);
      await make(async (name, content = name) => {
        const path = join(folder, name);
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, content);
        return path;
      }, folder);
      const built = await ours([title], true);
      assert.deepEqual(built.plan.skipped, []);
      const expected = tarDigest((await theirs([title], `layout-${count}`)).manifest.layers[0]);
      assert.match(expected ?? '', /^sha256:/);
      assert.equal(tarDigest(built.layers[0]), expected);
    });
  }

  it('whatever its own name is', async () => {
    for (const title of ['ünï', 'a <&> b', long('t', 120), 'deep/er', 'dot.']) {
      await mkdir(join(work, title), { recursive: true });
      await writeFile(join(work, title, 'file'), 'content');
      const built = await ours([title], true);
      const { manifest } = await theirs([title], `named-${++count}`);
      assert.deepEqual({ ...built.layers[0]?.annotations }, { ...manifest.layers[0]?.annotations });
    }
  });

  it('and the manifest of files too, byte for byte, whatever they are called', async () => {
    const names = [
      '<&>.txt',
      'ünï \u2028\u2029.txt',
      'a"b\\c',
      'tab\there',
      'empty',
      'same',
      'same-too',
      '\u007f\u0001',
    ];
    for (const name of names) {
      await writeFile(join(work, name), name === 'empty' ? '' : name.startsWith('same') ? 'same' : name);
    }
    for (const some of [names, ...names.map((name) => [name]), []]) {
      const { text } = await theirs(some, `files-${++count}`);
      assert.equal(Buffer.from((await ours(some, true)).manifest).toString(), text);
    }
  });

  it('at another place, time and umask has the same digest, when times are not kept', async () => {
    const here = join(work, 'here/site');
    const there = join(work, 'there/site');
    await mkdir(join(here, 'deep/empty'), { recursive: true });
    await writeFile(join(here, 'deep/file'), 'content', { mode: 0o664 });
    await writeFile(join(here, 'run.sh'), '#!/bin/sh\n', { mode: 0o775 });
    await symlink('run.sh', join(here, 'link'));
    await cp(here, there, { recursive: true, verbatimSymlinks: true });
    await chmod(join(there, 'deep'), 0o700);
    await chmod(join(there, 'deep/file'), 0o600);
    await chmod(join(there, 'run.sh'), 0o700);
    await utimes(join(there, 'run.sh'), 1, 1);
    const [one, two] = [
      await ours(['site'], false, join(work, 'here')),
      await ours(['site'], false, join(work, 'there')),
    ];
    assert.equal(one.root.digest, two.root.digest);
    const [kept, keptToo] = [
      await ours(['site'], true, join(work, 'here')),
      await ours(['site'], true, join(work, 'there')),
    ];
    assert.notEqual(kept.root.digest, keptToo.root.digest);
    await chmod(join(there, 'run.sh'), 0o600);
    assert.notEqual((await ours(['site'], false, join(work, 'there'))).root.digest, one.root.digest);
  });
});
