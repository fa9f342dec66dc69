import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { LayoutStore } from '../../src/oci/layout/layoutStore.ts';
import { watchFolder } from '../../src/oci/layout/watchFolder.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { eventually } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';

/** A folder that is watched from now on, and what was told of it. A pause ends when the test says so. */
async function watched(
  t: TestContext,
  below: string,
  before: (folder: string) => Promise<void> = () => Promise.resolve(),
) {
  const work = await mkdtemp(path.join(tmpdir(), 'oci-watch-'));
  t.after(() => rm(work, { recursive: true, force: true }));
  const folder = path.join(work, below);
  await before(folder);
  const told: [string, boolean][] = [];
  const pauses: (() => void)[] = [];
  const watch = watchFolder(folder, {
    changed: (at, isNew) => told.push([at, isNew]),
    later: (run) => pauses.push(run),
  });
  t.after(() => watch.dispose());
  await watch.ready;
  const pass = (): void => pauses.splice(0).forEach((run) => run());
  return {
    folder,
    told,
    pauses,
    watch,
    pass,
    /** Until all of it was told, in whatever order. */
    tells: (...all: readonly (readonly [string, boolean])[]): Promise<void> =>
      eventually(() => {
        pass();
        return all.every(([at, isNew]) => told.some((each) => each[0] === at && each[1] === isNew));
      }),
  };
}

/** An artifact by our own store. */
async function push(layout: string, tag: string): Promise<void> {
  const store = new LayoutStore(layout);
  const content = Buffer.from('{}');
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(content), size: 2 };
  await store.push(config, bodyOf(content));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config,
    layers: [],
    annotations: { tag },
  });
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag });
}

describe('a folder of layouts that is watched', () => {
  it('tells of a first push into a folder that is not there yet, and of each later one', async (t) => {
    const { folder, told, tells } = await watched(t, 'not/there/local');
    await push(path.join(folder, 'team/app'), 'v1');
    await tells(['team/app', true]);
    told.length = 0;
    await push(path.join(folder, 'team/app'), 'v2');
    await tells(['team/app', false]);
    assert.ok(!told.some(([, isNew]) => isNew));
    await push(path.join(folder, 'team/deep/er/web'), 'v1');
    await tells(['team/deep/er/web', true]);
    told.length = 0;
    await push(path.join(folder, 'team/deep/er/web'), 'v2');
    await tells(['team/deep/er/web', false]);
    assert.ok(told.every(([at]) => at === 'team/deep/er/web'));
  });

  it('tells of what oras writes, and of what goes', async (t) => {
    const { folder, told, tells } = await watched(t, '.', (root) => push(path.join(root, 'app'), 'v1'));
    const source = path.join(folder, 'Source');
    await mkdir(source);
    await writeFile(path.join(source, 'a.txt'), 'a');
    const layout = path.join(folder, 'other');
    await runPeer('oras', ['push', '--oci-layout', `${layout}:1`, 'a.txt'], { cwd: source });
    await tells(['other', true]);
    told.length = 0;
    await runPeer('oras', ['tag', '--oci-layout', `${layout}:1`, '2']);
    await tells(['other', false]);
    await rename(layout, path.join(folder, 'moved'));
    await tells(['other', true], ['moved', true]);
    // The same name once more is another folder.
    await rm(path.join(folder, 'app'), { recursive: true });
    await cp(path.join(folder, 'moved'), path.join(folder, 'app'), { recursive: true });
    told.length = 0;
    await eventually(async () => {
      await runPeer('oras', ['tag', '--oci-layout', `${folder}/app:1`, `x${told.length}`]);
      return tells().then(() => told.some(([at, isNew]) => at === 'app' && !isNew));
    });
    await rm(path.join(folder, 'app'), { recursive: true });
    told.length = 0;
    await tells(['app', true]);
  });

  it('tells once of many writes, of one layout by itself, and of nothing when it has ended', async (t) => {
    const { folder, told, pauses, pass, watch } = await watched(t, 'layout', (root) => push(root, 'v1'));
    for (let at = 0; at < 20; at++) {
      await push(folder, `v${at}`);
    }
    await eventually(() => pauses.length > 0);
    assert.equal(pauses.length, 1);
    pass();
    await eventually(() => told.length > 0);
    assert.deepEqual(told[0], ['', false]);
    assert.ok(told.length <= 2, String(told.length));
    watch.dispose();
    told.length = 0;
    await push(folder, 'late');
    pass();
    await push(folder, 'later');
    pass();
    assert.deepEqual([told, pauses], [[], []]);
  });
});
