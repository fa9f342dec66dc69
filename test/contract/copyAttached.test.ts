import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { blobPath } from '../../src/oci/layout/layoutReader.ts';
import { LayoutStore } from '../../src/oci/layout/layoutStore.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { attachedTags } from '../../src/oci/referrersTag.ts';
import type { Op, Page, Store } from '../../src/oci/store.ts';
import { content, manifestOf, type Content } from './content.ts';

const empty = content(MediaType.empty, '{}');

async function push(store: Store, made: Content, tag?: string): Promise<Content> {
  await store.push(made.descriptor, bodyOf(made.bytes), { tag });
  return made;
}

/** A manifest of one layer, pushed with it. */
async function pushOne(store: Store, text: string, more: object = {}, tag?: string): Promise<Content> {
  const layer = await push(store, content('text/plain', text));
  await push(store, empty);
  return push(store, manifestOf(empty, [layer], more), tag);
}

function about({ descriptor }: Content): object {
  const { mediaType, digest, size } = descriptor;
  return { artifactType: 'text/about', subject: { mediaType, digest, size } };
}

const platforms = ['amd64', 'arm64', 's390x'] as const;

interface Sample {
  readonly root: Content;
  readonly children: readonly Content[];
  readonly attestation: Content;
  /** About the index, about that, and about a child. */
  readonly signature: Content;
  readonly signed: Content;
  readonly sbom: Content;
  readonly cosign: string;
}

/** An index of three platforms with an attestation of the first, a referrer of a referrer, and a signature of cosign. */
async function fill(store: Store): Promise<Sample> {
  const children = [];
  for (const name of platforms) {
    children.push(await pushOne(store, name));
  }
  const [first, second] = children;
  assert.ok(first && second);
  const attestation = await pushOne(store, 'attestation');
  const entries: Descriptor[] = children.map(({ descriptor }, at) => ({
    ...descriptor,
    platform: { os: 'linux', architecture: platforms[at] ?? '' },
  }));
  entries.push({
    ...attestation.descriptor,
    annotations: {
      [Annotation.attestationType]: 'attestation-manifest',
      [Annotation.attestationSubject]: first.descriptor.digest,
    },
  });
  const root = await push(
    store,
    content(
      MediaType.index,
      encodeManifest({
        schemaVersion: 2,
        mediaType: MediaType.index,
        manifests: entries,
        annotations: { kept: '1' },
      }),
    ),
    'v1',
  );
  const signature = await pushOne(store, 'signature', about(root));
  const signed = await pushOne(store, 'about the signature', about(signature));
  const sbom = await pushOne(store, 'sbom', about(second));
  const [cosign = ''] = attachedTags(first.descriptor.digest);
  await pushOne(store, 'cosign', {}, cosign);
  return { root, children, attestation, signature, signed, sbom, cosign };
}

async function referrers(store: Store, { descriptor }: Content): Promise<readonly string[]> {
  return (await store.referrers(descriptor)).items.map(({ digest }) => digest);
}

const stores: Readonly<Record<string, (t: TestContext) => Promise<Store>>> = {
  memory: () => Promise.resolve(new MemoryStore()),
  layout: async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'oci-copy-'));
    t.after(() => rm(folder, { recursive: true }));
    return new LayoutStore(folder);
  },
};

for (const [name, make] of Object.entries(stores)) {
  describe(`copy with what is attached, to a ${name}`, () => {
    it('takes referrers of the index, of its manifests and of referrers along, and what cosign tags', async (t) => {
      const src = new MemoryStore();
      const { root, children, signature, signed, sbom, cosign } = await fill(src);
      const dst = await make(t);
      await copy(src, 'v1', dst, 'there', { referrers: true });
      const [, second] = children;
      assert.ok(second);
      assert.equal((await dst.resolve('there')).digest, root.descriptor.digest);
      assert.deepEqual(await referrers(dst, root), [signature.descriptor.digest]);
      assert.deepEqual(await referrers(dst, signature), [signed.descriptor.digest]);
      assert.deepEqual(await referrers(dst, second), [sbom.descriptor.digest]);
      assert.equal((await dst.resolve(cosign)).digest, (await src.resolve(cosign)).digest);
    });

    it('leaves them where they are unless told to', async (t) => {
      const src = new MemoryStore();
      const { root, cosign } = await fill(src);
      const dst = await make(t);
      await copy(src, 'v1', dst, 'there');
      assert.deepEqual(await referrers(dst, root), []);
      await assert.rejects(dst.resolve(cosign), (error) => isOciError(error, 'not-found'));
    });

    it('adds what is new to what the target has attached', async (t) => {
      const src = new MemoryStore();
      const { root, signature } = await fill(src);
      const dst = await make(t);
      await copy(src, 'v1', dst, 'there');
      const own = await pushOne(dst, 'of the target', about(root));
      const done: string[] = [];
      await copy(src, 'v1', dst, 'there', { referrers: true });
      await copy(src, 'v1', dst, 'there', {
        referrers: true,
        onDone: ({ digest }, how) => {
          if (how === 'copied') {
            done.push(digest);
          }
        },
      });
      assert.deepEqual(
        new Set(await referrers(dst, root)),
        new Set([own.descriptor.digest, signature.descriptor.digest]),
      );
      // The second time there is nothing left to copy but the index, which is looked below.
      assert.deepEqual(done, [root.descriptor.digest]);
    });

    it('makes a new index of chosen platforms, with what is attested of them', async (t) => {
      const src = new MemoryStore();
      const { root, children, attestation, sbom } = await fill(src);
      const [first, second, third] = children.map(({ descriptor }) => descriptor);
      assert.ok(first && second && third);
      const dst = await make(t);
      const made = await copy(src, 'v1', dst, 'some', {
        platforms: [second.digest, first.digest],
        referrers: true,
      });
      assert.notEqual(made.digest, root.descriptor.digest);
      const { bytes, descriptor } = await dst.manifest('some');
      assert.equal(descriptor.digest, made.digest);
      const whole = JSON.parse(Buffer.from(root.bytes).toString()) as { manifests: { digest: string }[] };
      const kept = [first.digest, second.digest, attestation.descriptor.digest] as readonly string[];
      assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), {
        ...whole,
        manifests: whole.manifests.filter(({ digest }) => kept.includes(digest)),
      });
      assert.equal(await dst.has(third), false);
      assert.deepEqual(await referrers(dst, children[1] ?? root), [sbom.descriptor.digest]);
      // What is about the whole index is not about this one.
      assert.deepEqual((await dst.referrers(made)).items, []);
      const all = await copy(src, 'v1', dst, 'all', {
        platforms: [first.digest, second.digest, third.digest],
      });
      assert.equal(all.digest, root.descriptor.digest);
      await assert.rejects(
        copy(src, 'v1', dst, 'none', { platforms: [digestOf(Buffer.from('other'))] }),
        (error) => isOciError(error, 'manifest-invalid'),
      );
    });

    it('needs the tag alone where it is there already', async (t) => {
      const src = new MemoryStore();
      const { descriptor } = await pushOne(src, 'content', {}, 'v1');
      const dst = await make(t);
      const how: string[] = [];
      const options = { mayBeThere: true, onDone: (_: Descriptor, done: string) => how.push(done) };
      await copy(src, 'v1', dst, 'one', options);
      assert.deepEqual(how.splice(0).sort(), ['copied', 'copied', 'copied']);
      await copy(src, 'v1', dst, 'two', options);
      assert.deepEqual(how, ['present']);
      assert.equal((await dst.resolve('two')).digest, descriptor.digest);
    });
  });
}

describe('copy of what is there in part', () => {
  it('brings what is missing below a manifest that is there', async (t) => {
    const src = new MemoryStore();
    const { descriptor } = await pushOne(src, 'content', {}, 'v1');
    const folder = await mkdtemp(join(tmpdir(), 'oci-copy-'));
    t.after(() => rm(folder, { recursive: true }));
    const dst = new LayoutStore(folder);
    await copy(src, 'v1', dst, 'one');
    const layer = content('text/plain', 'content').descriptor;
    await rm(join(folder, blobPath(layer.digest)));
    await copy(src, 'v1', dst, 'two', { mayBeThere: true });
    assert.equal(await dst.has(layer), true);
    assert.equal((await dst.resolve('two')).digest, descriptor.digest);
  });
});

/** A source that says of everything that these are its referrers. */
class Liar extends MemoryStore {
  listed: readonly Descriptor[] = [];

  override referrers(): Promise<Page<Descriptor>> {
    return Promise.resolve({ items: this.listed });
  }
}

describe('copy with what a source says is attached', () => {
  it('believes only what names its subject, and ends', async () => {
    const src = new Liar();
    const root = await pushOne(src, 'root', {}, 'v1');
    const other = await pushOne(src, 'about nothing here');
    const right = await pushOne(src, 'about the root', about(root));
    const gone = manifestOf(empty, []);
    src.listed = [root, other, right, gone].map(({ descriptor }) => descriptor);
    const dst = new MemoryStore();
    await copy(src, 'v1', dst, 'v1', { referrers: true });
    assert.deepEqual(await referrers(dst, root), [right.descriptor.digest]);
    assert.equal(await dst.has(other.descriptor), false);
  });

  it('ends where an index lists what it is attached to', async () => {
    const src = new MemoryStore();
    const inner = await pushOne(src, 'inner', {}, 'v1');
    const { mediaType, digest, size } = inner.descriptor;
    const outer = await push(
      src,
      content(
        MediaType.index,
        encodeManifest({
          schemaVersion: 2,
          mediaType: MediaType.index,
          manifests: [inner.descriptor],
          subject: { mediaType, digest, size },
        }),
      ),
    );
    const dst = new MemoryStore();
    await copy(src, 'v1', dst, 'v1', { referrers: true });
    assert.deepEqual(await referrers(dst, inner), [outer.descriptor.digest]);
  });

  it('leaves no tag when something attached cannot be had', async () => {
    class Broken extends MemoryStore {
      override async *fetch(descriptor: Descriptor, op: Op = {}): AsyncGenerator<Uint8Array> {
        if (descriptor.mediaType === 'text/broken') {
          throw new Error('broken');
        }
        yield* super.fetch(descriptor, op);
      }
    }
    const src = new Broken();
    const root = await pushOne(src, 'root', {}, 'v1');
    const layer = await push(src, content('text/broken', 'x'));
    await push(src, manifestOf(empty, [layer], about(root)));
    const dst = new MemoryStore();
    await assert.rejects(copy(src, 'v1', dst, 'v1', { referrers: true }), { message: 'broken' });
    assert.deepEqual((await dst.tags()).items, []);
  });
});
