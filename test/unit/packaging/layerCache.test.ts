import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { collect } from '../../../src/base/bytes.ts';
import { buildArtifact, type BuiltArtifact } from '../../../src/packaging/artifact.ts';
import { fileLayerCache, type LayerCache } from '../../../src/packaging/layerCache.ts';
import { planPush } from '../../../src/packaging/plan.ts';

describe('layers that were packed before', () => {
  let work: string;
  let site: string;
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-cache-'));
    site = join(work, 'site');
    await mkdir(site);
    await writeFile(join(site, 'index.html'), 'the first page\n'.repeat(5_000));
    await setTimes(join(site, 'index.html'), 60);
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  /** Seconds ago; the time of the last change of its inode is always now. */
  async function setTimes(path: string, ago: number): Promise<void> {
    const time = Date.now() / 1000 - ago;
    await utimes(path, time, time);
  }

  const cacheFile = (): string => join(work, 'layers.json');

  async function build(cache?: LayerCache): Promise<BuiltArtifact> {
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
    return buildArtifact(plan, { annotations: {}, keepFileTimes: false, temporary: work, cache });
  }

  /** As if what is there had been read that many seconds later. */
  function later(seconds: number): LayerCache {
    const cache = fileLayerCache(cacheFile());
    return {
      find: (...of) => cache.find(...of),
      keep: (layer, times, packed, began) => cache.keep(layer, times, packed, began + 1000 * seconds),
      save: () => cache.save(),
    };
  }

  it('are known in another window, and the same artifact comes of them without a byte read', async () => {
    const first = await build(later(10));
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
    // Nothing can be read any more, and nothing needs to be.
    await rm(site, { recursive: true });
    const again = await buildArtifact(plan, {
      annotations: {},
      keepFileTimes: false,
      temporary: work,
      cache: fileLayerCache(cacheFile()),
    });
    assert.equal(again.root.digest, first.root.digest);
    assert.deepEqual(again.layers, first.layers);
  });

  it('are packed again, to the same bytes, where they have to be sent', async () => {
    await build(later(10));
    const again = await build(fileLayerCache(cacheFile()));
    const [layer] = again.layers;
    assert.ok(layer);
    const bytes = await collect(again.store.fetch(layer), 1 << 24);
    assert.equal(bytes.byteLength, layer.size);
  });

  it('are read where a change of the last moments could hide behind the times of the file system', async () => {
    const first = await build(fileLayerCache(cacheFile()));
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
    const [layer] = plan.layers;
    assert.ok(layer);
    assert.equal((await fileLayerCache(cacheFile()).find(layer, false))?.isCertain, false);
    const same = await build(fileLayerCache(cacheFile()));
    assert.equal(same.root.digest, first.root.digest);
    // As a file system with coarse times would show it: other content, the same state.
    const { stamp } = layer.entries[1] ?? {};
    await writeFile(join(site, 'index.html'), 'the other page\n'.repeat(5_000));
    const changed = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
    const hidden = changed.layers.map((each) => ({
      ...each,
      entries: each.entries.map((entry) => ({
        ...entry,
        ...(entry.kind === 'file' && stamp ? { stamp } : {}),
      })),
    }));
    const built = await buildArtifact(
      { ...changed, layers: hidden },
      { annotations: {}, keepFileTimes: false, temporary: work, cache: fileLayerCache(cacheFile()) },
    );
    assert.notEqual(built.root.digest, first.root.digest);
  });

  it('are not taken for those of files that changed, of other names or of kept times', async () => {
    const first = await build(later(10));
    await writeFile(join(site, 'more.html'), 'more');
    const more = await build(fileLayerCache(cacheFile()));
    assert.notEqual(more.root.digest, first.root.digest);
    const plan = await planPush([{ path: site, title: 'page' }], { largeFile: Infinity });
    const [renamed] = plan.layers;
    assert.ok(renamed);
    assert.equal(await fileLayerCache(cacheFile()).find(renamed, false), undefined);
  });

  it('are not taken for those of another compression', async () => {
    await build(later(10));
    const plan = await planPush([{ path: site, title: 'site' }], { largeFile: Infinity });
    const [layer] = plan.layers;
    assert.ok(layer);
    const cache = fileLayerCache(cacheFile());
    assert.ok(await cache.find(layer, false));
    for (const compression of ['zstd', 'none'] as const) {
      assert.equal(await cache.find({ ...layer, compression }, false), undefined);
    }
  });

  it('are none where the file of them is broken, and that breaks no push', async () => {
    for (const text of ['', '{', 'null', '[1, {"key": 3}]', '[{"key":"a","digest":"sha256:zz"}]']) {
      await writeFile(cacheFile(), text);
      assert.ok((await build(fileLayerCache(cacheFile()))).root);
    }
    await rm(cacheFile());
    await mkdir(cacheFile());
    assert.ok((await build(fileLayerCache(cacheFile()))).root);
  });
});
