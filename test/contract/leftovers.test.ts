import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bodyOf } from '../../src/base/bytes.ts';
import { ownName } from '../../src/base/leftovers.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { layerOf, manifestOf as pulledManifest, pulledFrom } from '../support/pullSite.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { endWithProcess } from '../support/run.ts';
import { content, manifestOf } from './content.ts';

const url = (path: string): string => pathToFileURL(join(import.meta.dirname, '../..', path)).href;

const prelude = `
import { bodyOf } from '${url('src/base/bytes.ts')}';
import { ownName } from '${url('src/base/leftovers.ts')}';
import { localRegistry } from '${url('src/oci/layout/localRegistry.ts')}';
import { locked } from '${url('src/oci/layout/lock.ts')}';
import { buildArtifact } from '${url('src/packaging/artifact.ts')}';
import { planPush } from '${url('src/packaging/plan.ts')}';
import { stagePull } from '${url('src/packaging/pull.ts')}';
import { content } from '${url('test/contract/content.ts')}';
const [folder] = process.argv.slice(1);
const forEver = () => {
  console.log('there');
  return new Promise(() => setInterval(() => {}, 1000));
};
`;

/** Below a folder, with `/`, sorted. */
async function all(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/')).sort();
}

describe('what a process left that was killed', () => {
  let folder: string;
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oci-leftovers-'));
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    await rm(folder, { recursive: true });
  });

  /** A process that goes on until it is killed, in the middle of its work. */
  async function working(script: string): Promise<ChildProcess> {
    const child = spawn(
      process.execPath,
      ['--no-warnings', '--input-type=module', '-e', prelude + script, folder],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    endWithProcess(child);
    children.push(child);
    const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    assert.ok(Buffer.isBuffer(said[0]), 'It ended');
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  /** Temporary files of our own, here and below. */
  const temporary = async (): Promise<readonly string[]> =>
    (await all(folder)).filter((name) => /\.tmp-|\.lock\.|pull-|push-/.test(name));

  /** One more artifact for a layout, by a window that was just opened. */
  async function pushAgain(text: string): Promise<void> {
    const store = localRegistry(folder).repository('team/app');
    const config = content(MediaType.empty, '{}');
    const manifest = manifestOf(config, [config], { annotations: { text } });
    for (const each of [config, manifest]) {
      await store.push(each.descriptor, bodyOf(each.bytes), { tag: 'v1' });
    }
  }

  it('of a layout goes with the next push, and what a running process writes stays', async () => {
    const writer = await working(`
const blob = content('application/octet-stream', 'half of it is all');
await localRegistry(folder).repository('team/app').push(blob.descriptor, async function* () {
  yield blob.bytes.subarray(0, 8);
  await forEver();
});`);
    const waiter = await working(`
import { writeFileSync } from 'node:fs';
writeFileSync(ownName(folder + '/team/app/.index.lock.') + crypto.randomUUID(), 'waits for its turn');
await forEver();`);
    const left = await temporary();
    assert.equal(left.length, 2, String(left));
    await pushAgain('one');
    assert.deepEqual(await temporary(), left, 'They are still at work');
    await kill(writer);
    await kill(waiter);
    await pushAgain('two');
    assert.deepEqual(await temporary(), []);
    assert.deepEqual((await localRegistry(folder).repository('team/app').tags()).items, ['v1']);
  });

  it('of another machine goes after a day, and nothing goes that only looks like it', async () => {
    await pushAgain('one');
    const blobs = join(folder, 'team/app/blobs/sha256');
    const uuid = '8c2b0a52-1111-4222-8333-444455556666';
    const kept = [`.tmp-1-00000000-${uuid}`, '.tmp-of-another-tool', `.tmp-1-00000000-${uuid}.part`, 'x'];
    const old = [`.tmp-2-00000000-${uuid}`];
    for (const name of [...kept, ...old]) {
      await writeFile(join(blobs, name), 'x');
    }
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    for (const name of [...kept.slice(1), ...old]) {
      await utimes(join(blobs, name), yesterday, yesterday);
    }
    await pushAgain('two');
    assert.deepEqual(
      (await readdir(blobs)).filter((name) => !/^[0-9a-f]{64}$/.test(name)).sort(),
      kept.sort(),
    );
  });

  it('of a push goes with the next', async () => {
    await mkdir(join(folder, 'files/site'), { recursive: true });
    await writeFile(join(folder, 'files/site/a.txt'), 'a');
    const sources = [{ path: join(folder, 'files/site'), title: 'site' }];
    const packer = await working(`
const plan = await planPush([{ path: folder + '/files/site', title: 'site' }], { largeFile: 1e9 });
const options = { temporary: folder, artifactType: 'application/x.y', annotations: {}, keepFileTimes: false };
await buildArtifact(plan, options);
await forEver();`);
    const build = async (): Promise<void> => {
      const options = {
        temporary: folder,
        artifactType: 'application/x.y',
        annotations: {},
        keepFileTimes: false,
      };
      await (await buildArtifact(await planPush(sources, { largeFile: 1e9 }), options)).dispose();
    };
    const left = await temporary();
    assert.ok(left.length > 0);
    await build();
    assert.deepEqual(await temporary(), left, 'It is still at work');
    await kill(packer);
    await build();
    assert.deepEqual(await temporary(), []);
  });

  const puller = `
const store = { fetch: async function* () { yield new Uint8Array(3); await forEver(); } };
const digest = 'sha256:' + '0'.repeat(64);
const layer = { descriptor: { mediaType: 'a/b', digest, size: 9 }, title: 'a', kind: 'file', parts: ['a'] };
await stagePull(store, { layers: [layer], untitled: [], size: 9 }, folder + '/target');`;

  async function pull(target: string): Promise<void> {
    const layer = await layerOf('b', 'content of b');
    const staged = await stagePull(pulledFrom, planPull(pulledManifest(layer)), target);
    await staged.commit();
    await staged.dispose();
    assert.equal(await readFile(join(target, 'b'), 'utf8'), 'content of b');
  }

  for (const isThere of [true, false]) {
    it(`of a pull to a folder that ${isThere ? 'is there' : 'is to be made'} goes with the next`, async () => {
      const target = join(folder, 'target');
      if (isThere) {
        await mkdir(target);
        await writeFile(join(target, 'mine'), 'mine');
      }
      const child = await working(puller);
      const left = await temporary();
      assert.ok(left.length > 1, String(left));
      await pull(join(folder, 'other'));
      assert.deepEqual(await temporary(), left, 'It is still at work');
      await kill(child);
      await pull(target);
      assert.deepEqual(await all(folder), [
        'other',
        'other/b',
        'target',
        'target/b',
        ...(isThere ? ['target/mine'] : []),
      ]);
    });
  }

  it('of a pull stays where it holds files of the person that were being replaced', async () => {
    const gone = await working(`
import { mkdirSync, writeFileSync } from 'node:fs';
const path = ownName(folder + '/.target.pull-') + 'abcdef';
mkdirSync(path + '/old', { recursive: true });
writeFileSync(path + '/old/0', 'mine');
await forEver();`);
    await kill(gone);
    const left = await temporary();
    assert.equal(left.length, 3);
    await pull(join(folder, 'target'));
    assert.deepEqual(await temporary(), left);
  });

  it('is told by a name that says whose it is', () => {
    assert.match(ownName('.tmp-'), new RegExp(`^\\.tmp-${process.pid}-[0-9a-f]{8}-$`));
    assert.equal(dirname(ownName('/a/b')), '/a');
  });
});
