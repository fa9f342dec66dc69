import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../src/base/bytes.ts';
import { impactOf } from '../../../src/commands/impact.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';

async function pushManifest(store: MemoryStore, title: string, subject?: Descriptor): Promise<Descriptor> {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType: 'application/vnd.example.thing.v1',
      config: { mediaType: MediaType.empty, digest: digestOf(Buffer.from('{}')), size: 2 },
      layers: [],
      ...(subject ? { subject } : {}),
      annotations: { title },
    }),
  );
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes));
  return descriptor;
}

describe('what a deletion by digest takes along', () => {
  it('is every tag of the digest and every referrer, and nothing else', async () => {
    const store = new MemoryStore();
    const doomed = await pushManifest(store, 'a');
    const other = await pushManifest(store, 'b');
    for (const tag of ['latest', '1.0', '1']) {
      await store.tag(doomed, tag);
    }
    await store.tag(other, '2.0');
    const signature = await pushManifest(store, 'signature', doomed);
    await pushManifest(store, 'other signature', other);
    const impact = await impactOf(store, [doomed]);
    assert.deepEqual(impact.tags, ['1', '1.0', 'latest']);
    assert.deepEqual(
      impact.referrers.map(({ digest }) => digest),
      [signature.digest],
    );
    assert.equal(impact.looked, 4);
    assert.equal(impact.isComplete, true);
  });

  it('does not name a referrer that is itself among what goes', async () => {
    const store = new MemoryStore();
    const subject = await pushManifest(store, 'a');
    const signature = await pushManifest(store, 'signature', subject);
    assert.deepEqual((await impactOf(store, [subject, signature])).referrers, []);
  });

  it('says so when not all could be looked at', async () => {
    const store = new MemoryStore();
    const doomed = await pushManifest(store, 'a');
    for (const tag of ['1', '2', '3']) {
      await store.tag(doomed, tag);
    }
    const cut = await impactOf(store, [doomed], { maxTags: 2 });
    assert.deepEqual([cut.tags.length, cut.isComplete], [2, false]);
    const resolve = store.resolve.bind(store);
    store.resolve = (ref) => (ref === '2' ? Promise.reject(new Error('broken')) : resolve(ref));
    assert.equal((await impactOf(store, [doomed])).isComplete, false);
  });

  it('ends when it is aborted', async () => {
    const store = new MemoryStore();
    const doomed = await pushManifest(store, 'a');
    await store.tag(doomed, '1');
    await assert.rejects(impactOf(store, [doomed], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});
