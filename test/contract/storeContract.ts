import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { isOciError, OciError } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { allItems } from '../../src/oci/pages.ts';
import { canDelete, canMount, canStream, type Repository } from '../../src/oci/store.ts';
import { content, manifestOf, type Content } from './content.ts';

export interface Subject {
  readonly store: Repository;
  /** Another repository of the same place, where it has several. */
  readonly other?: Repository;
  readonly stop?: () => Promise<void>;
}

export interface Capabilities {
  /** Removes a tag alone. Default true. */
  readonly untag?: boolean;
  /** Gives tags page by page. Default true. */
  readonly pages?: boolean;
}

async function push(store: Repository, { descriptor, bytes }: Content, tag?: string): Promise<void> {
  await store.push(descriptor, bodyOf(bytes), { tag });
}

/** One image of two layers, all of it pushed. */
async function pushImage(store: Repository, tag: string, salt: string): Promise<Content> {
  const config = content(MediaType.imageConfig, `{"salt":"${salt}"}`);
  const layers = [content(MediaType.layerTar, `one ${salt}`), content(MediaType.layerTar, `two ${salt}`)];
  for (const blob of [config, ...layers]) {
    await push(store, blob);
  }
  const manifest = manifestOf(config, layers);
  await push(store, manifest, tag);
  return manifest;
}

async function read(store: Repository, descriptor: Descriptor, range = {}): Promise<string> {
  return Buffer.from(await collect(store.fetch(descriptor, range), 1 << 26)).toString();
}

/** What every place that holds artifacts must do; each implementation runs it. */
export function storeContract(name: string, make: () => Promise<Subject>, can: Capabilities = {}): void {
  describe(`store contract: ${name}`, () => {
    let subject: Subject;
    let store: Repository;
    before(async () => {
      subject = await make();
      ({ store } = subject);
    });
    after(() => subject.stop?.());

    it('gives back a blob, whole and in parts', async () => {
      const blob = content(MediaType.octetStream, '0123456789');
      assert.equal(await store.has(blob.descriptor), false);
      await push(store, blob);
      assert.equal(await store.has(blob.descriptor), true);
      assert.equal(await read(store, blob.descriptor), '0123456789');
      assert.equal(await read(store, blob.descriptor, { start: 2, end: 5 }), '234');
      assert.equal(await read(store, blob.descriptor, { start: 7 }), '789');
    });

    it('takes a blob that is there already, and one of no bytes', async () => {
      const empty = content(MediaType.octetStream, '');
      await push(store, empty);
      await push(store, empty);
      assert.equal(await read(store, empty.descriptor), '');
    });

    it('takes a blob of several megabytes and says how many bytes went', async () => {
      const big = content(MediaType.octetStream, Buffer.alloc(18 * 1024 * 1024, 'oci '));
      let sent = 0;
      await store.push(big.descriptor, bodyOf(big.bytes), { onBytes: (bytes) => (sent += bytes) });
      assert.equal(sent, big.bytes.byteLength);
      let size = 0;
      for await (const chunk of store.fetch(big.descriptor)) {
        size += chunk.byteLength;
      }
      assert.equal(size, big.bytes.byteLength);
    });

    it('takes a blob while it is made, where it can, and keeps nothing of one that is not made to its end', async () => {
      if (!canStream(store)) {
        return;
      }
      const made = content(
        MediaType.octetStream,
        Buffer.alloc(3 * 1024 * 1024 + 7, 'made while it is sent '),
      );
      const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for (let at = 0; at < made.bytes.byteLength; at += 100_000) {
          yield await Promise.resolve(made.bytes.subarray(at, at + 100_000));
        }
      };
      const broken = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        yield* body();
        throw new OciError('file-changed', 'It grew');
      };
      let sent = 0;
      const onBytes = (bytes: number): void => void (sent += bytes);
      await assert.rejects(store.pushStream(broken, { onBytes }), { code: 'file-changed' });
      assert.deepEqual([sent, await store.has(made.descriptor)], [0, false]);
      const { digest, size } = made.descriptor;
      // The second time it is there.
      for (const times of [1, 2]) {
        assert.deepEqual(await store.pushStream(body, { onBytes }), { digest, size });
        assert.equal(sent, times * size);
      }
      assert.equal((await read(store, made.descriptor)).length, size);
      const signal = AbortSignal.abort();
      await assert.rejects(store.pushStream(body, { signal }), { name: 'AbortError' });
    });

    it('refuses bytes that are not what the descriptor says, and keeps nothing of them', async () => {
      const right = content(MediaType.octetStream, 'what was promised');
      const body = bodyOf(Buffer.from('something of the s'.slice(0, right.bytes.byteLength)));
      await assert.rejects(store.push(right.descriptor, body));
      assert.equal(await store.has(right.descriptor), false);
    });

    it('names the missing', async () => {
      const missing = content(MediaType.octetStream, 'nobody pushed this');
      await assert.rejects(read(store, missing.descriptor), (error) => isOciError(error, 'not-found'));
      await assert.rejects(store.resolve('no-such-tag'), (error) => isOciError(error, 'not-found'));
      await assert.rejects(store.manifest('no-such-tag'), (error) => isOciError(error, 'not-found'));
      await assert.rejects(store.manifest(missing.descriptor.digest), (error) =>
        isOciError(error, 'not-found'),
      );
    });

    it('resolves a tag and a digest to the same manifest, byte for byte', async () => {
      const manifest = await pushImage(store, 'v1', 'v1');
      for (const ref of ['v1', manifest.descriptor.digest]) {
        assert.deepEqual({ ...(await store.resolve(ref)) }, { ...manifest.descriptor });
        const found = await store.manifest(ref);
        assert.deepEqual({ ...found.descriptor }, { ...manifest.descriptor });
        assert.equal(Buffer.compare(found.bytes, manifest.bytes), 0);
        const cached = await store.manifest(ref, { cached: found });
        assert.equal(cached.descriptor.digest, manifest.descriptor.digest);
      }
    });

    it('moves a tag, and reads the new manifest though the old one is cached', async () => {
      const first = await pushImage(store, 'moving', 'first');
      const cached = await store.manifest('moving');
      const second = await pushImage(store, 'moving', 'second');
      assert.equal((await store.resolve('moving')).digest, second.descriptor.digest);
      assert.equal((await store.manifest('moving', { cached })).descriptor.digest, second.descriptor.digest);
      assert.equal(
        (await store.manifest(first.descriptor.digest)).descriptor.digest,
        first.descriptor.digest,
      );
      await store.tag(first.descriptor, 'moving');
      assert.equal((await store.resolve('moving')).digest, first.descriptor.digest);
    });

    it('lists tags page by page, each once', async () => {
      const manifest = await pushImage(store, 'p0', 'pages');
      for (let at = 1; at < 7; at++) {
        await store.tag(manifest.descriptor, `p${at}`);
      }
      const first = await store.tags({ limit: 3 });
      assert.ok(can.pages === false || first.items.length === 3);
      const names = await Array.fromAsync(allItems((op) => store.tags(op), { limit: 3 }));
      const ours = names.filter((tag) => /^p\d$/.test(tag)).sort();
      assert.deepEqual(ours, ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
    });

    it('keeps an index and its manifests', async () => {
      const children = [await pushImage(store, 'amd', 'amd'), await pushImage(store, 'arm', 'arm')];
      const manifests = children.map(({ descriptor }, at) => ({
        ...descriptor,
        platform: { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' },
      }));
      const index = content(
        MediaType.index,
        encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests }),
      );
      await push(store, index, 'both');
      assert.equal((await store.resolve('both')).mediaType, MediaType.index);
      assert.equal(Buffer.compare((await store.manifest('both')).bytes, index.bytes), 0);
    });

    it('finds referrers by their subject, whether that exists or not', async () => {
      const subjectManifest = await pushImage(store, 'subject', 'subject');
      const absent = content(MediaType.manifest, 'not there');
      for (const target of [subjectManifest.descriptor, absent.descriptor]) {
        assert.deepEqual((await store.referrers(target)).items, []);
        const config = content(MediaType.empty, '{}');
        await push(store, config);
        for (const artifactType of ['application/vnd.example.sbom', 'application/vnd.example.signature']) {
          const annotations = { 'com.example.kind': artifactType };
          await push(store, manifestOf(config, [config], { artifactType, subject: target, annotations }));
        }
        const found = await Array.fromAsync(
          allItems(
            (op) => store.referrers(target, op),
            {},
            ({ digest }) => digest,
          ),
        );
        assert.deepEqual(found.map(({ artifactType }) => artifactType).sort(), [
          'application/vnd.example.sbom',
          'application/vnd.example.signature',
        ]);
        assert.equal(found[0]?.annotations?.['com.example.kind'], found[0]?.artifactType);
        const some = await store.referrers(target, { artifactType: 'application/vnd.example.sbom' });
        assert.equal(some.items.length, 1);
      }
    });

    it('keeps all referrers of ten that come at once', async () => {
      const of = (await pushImage(store, 'busy', 'busy')).descriptor;
      const config = content(MediaType.empty, '{}');
      await push(store, config);
      await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          push(
            store,
            manifestOf(config, [config], {
              artifactType: 'application/vnd.example.note',
              subject: of,
              annotations: { at: String(at) },
            }),
          ),
        ),
      );
      const found = await Array.fromAsync(
        allItems(
          (op) => store.referrers(of, op),
          {},
          ({ digest }) => digest,
        ),
      );
      assert.equal(found.length, 10);
    });

    it('takes sha512', async () => {
      const blob = content(MediaType.octetStream, 'sha512 content', 'sha512');
      await push(store, blob);
      assert.equal(await read(store, blob.descriptor), 'sha512 content');
    });

    it('ends when it is told to', async () => {
      const signal = AbortSignal.abort();
      const blob = content(MediaType.octetStream, 'never sent');
      await assert.rejects(store.push(blob.descriptor, bodyOf(blob.bytes), { signal }), {
        name: 'AbortError',
      });
    });

    it('removes a tag alone, and a manifest with all its tags', async () => {
      if (!canDelete(store)) {
        return;
      }
      const manifest = await pushImage(store, 'gone', 'gone');
      await store.tag(manifest.descriptor, 'gone-too');
      if (can.untag !== false) {
        await store.untag('gone');
        await assert.rejects(store.resolve('gone'), (error) => isOciError(error, 'not-found'));
      }
      assert.equal((await store.resolve('gone-too')).digest, manifest.descriptor.digest);
      await store.delete(manifest.descriptor);
      await assert.rejects(store.resolve('gone-too'), (error) => isOciError(error, 'not-found'));
      await assert.rejects(store.manifest(manifest.descriptor.digest), (error) =>
        isOciError(error, 'not-found'),
      );
    });

    it('forgets a referrer that is deleted', async () => {
      if (!canDelete(store)) {
        return;
      }
      const of = (await pushImage(store, 'left', 'left')).descriptor;
      const config = content(MediaType.empty, '{}');
      await push(store, config);
      const referrer = manifestOf(config, [config], {
        artifactType: 'application/vnd.example.gone',
        subject: of,
      });
      await push(store, referrer);
      assert.equal((await store.referrers(of)).items.length, 1);
      await store.delete(referrer.descriptor);
      assert.deepEqual((await store.referrers(of)).items, []);
    });

    it('is copied from and to, the second time without a byte', async () => {
      const memory = new MemoryStore();
      const manifest = await pushImage(store, 'copied', 'copied');
      await copy(store, 'copied', memory, 'here');
      assert.equal((await memory.resolve('here')).digest, manifest.descriptor.digest);
      const made = await pushImage(memory, 'made', `made for ${name}`);
      const how: string[] = [];
      await copy(memory, 'made', store, 'back', { onDone: (_, what) => how.push(what) });
      assert.equal((await store.resolve('back')).digest, made.descriptor.digest);
      await copy(memory, 'made', store, 'back', { onDone: (_, what) => how.push(what) });
      assert.deepEqual(how.slice(4, 7), ['present', 'present', 'present']);
    });

    it('mounts from another repository', async () => {
      const { other } = subject;
      if (!other || !canMount(store) || !canMount(other)) {
        return;
      }
      const manifest = await pushImage(store, 'mounted', 'mounted');
      const how: string[] = [];
      await copy(store, 'mounted', other, 'mounted', { onDone: (_, what) => how.push(what) });
      assert.deepEqual(how, ['mounted', 'mounted', 'mounted', 'copied']);
      assert.equal((await other.resolve('mounted')).digest, manifest.descriptor.digest);
    });
  });
}
