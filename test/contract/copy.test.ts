import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf, collect } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { isOciError, OciError } from '../../src/oci/errors.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { parseManifest, successors } from '../../src/oci/manifest.ts';
import { isManifestType, MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import type { Body, FetchedManifest, Op, PushOp } from '../../src/oci/store.ts';
import { content, manifestOf, type Content } from './content.ts';

/** Numbers below `limit` that look random and are the same on every run. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

interface Graph {
  readonly store: MemoryStore;
  readonly root: Content;
}

/** Indexes in indexes, with blobs and manifests that several share, and subjects that are there and that are not. */
async function randomGraph(seed: number): Promise<Graph> {
  const random = randomOf(seed);
  const store = new MemoryStore();
  const push = async (made: Content): Promise<Content> => {
    await store.push(made.descriptor, bodyOf(made.bytes));
    return made;
  };
  const blobs: Content[] = [];
  for (let at = 0; at < 3 + random(4); at++) {
    blobs.push(await push(content(MediaType.octetStream, `blob ${seed} ${at} ${'x'.repeat(random(200))}`)));
  }
  const some = <T>(all: readonly T[], count: number): T[] =>
    [...Array(count).keys()].flatMap(() => all[random(all.length)] ?? []);
  const nodes: Content[] = [];
  for (let at = 0; at < 3 + random(4); at++) {
    const [config = blobs[0]] = some(blobs, 1);
    const missing = content(MediaType.manifest, 'not there').descriptor;
    const subject = random(3) === 0 ? (some(nodes, 1)[0]?.descriptor ?? missing) : undefined;
    assert.ok(config);
    nodes.push(
      await push(manifestOf(config, some(blobs, random(4)), { annotations: { at: String(at) }, subject })),
    );
    if (random(2) === 0) {
      nodes.push(await push(indexOf(some(nodes, 1 + random(3)), at)));
    }
  }
  const root = await push(indexOf([...some(nodes, 2), ...nodes.slice(-2)], 99));
  await store.tag(root.descriptor, 'root');
  return { store, root };
}

function indexOf(children: readonly Content[], at: number): Content {
  return content(
    MediaType.index,
    encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: children.map(({ descriptor }) => descriptor),
      annotations: { at: String(at) },
    }),
  );
}

/** Everything below is in the store, bytes and all. */
async function assertWhole(store: MemoryStore, descriptor: Descriptor): Promise<void> {
  const bytes = await collect(store.fetch(descriptor), 1e7);
  assert.equal(bytes.byteLength, descriptor.size);
  if (isManifestType(descriptor.mediaType)) {
    for (const child of successors(parseManifest(bytes, descriptor.mediaType))) {
      await assertWhole(store, child);
    }
  }
}

/** Counts what is done, calls `onStep` before and after each wait, and knows what is under way. */
class Steps {
  count = 0;
  running = 0;
  onStep: (step: number) => void = () => undefined;

  async wait(): Promise<void> {
    const step = ++this.count;
    this.running++;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      this.onStep(step);
    } finally {
      this.running--;
    }
  }
}

class SlowStore extends MemoryStore {
  readonly #steps: Steps;
  readonly #inner: MemoryStore;

  constructor(inner: MemoryStore, steps: Steps) {
    super();
    this.#inner = inner;
    this.#steps = steps;
  }

  override async manifest(ref: string, op: Op = {}): Promise<FetchedManifest> {
    op.signal?.throwIfAborted();
    await this.#steps.wait();
    return this.#inner.manifest(ref);
  }

  override async *fetch(descriptor: Descriptor, op: Op = {}): AsyncGenerator<Uint8Array> {
    op.signal?.throwIfAborted();
    await this.#steps.wait();
    for await (const chunk of this.#inner.fetch(descriptor, op)) {
      const middle = chunk.byteLength >> 1;
      yield chunk.subarray(0, middle);
      await this.#steps.wait();
      op.signal?.throwIfAborted();
      yield chunk.subarray(middle);
    }
  }

  override async has(descriptor: Descriptor, op: Op = {}): Promise<boolean> {
    op.signal?.throwIfAborted();
    await this.#steps.wait();
    return this.#inner.has(descriptor);
  }

  override async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
    op.signal?.throwIfAborted();
    await this.#steps.wait();
    await this.#inner.push(descriptor, body, op);
    await this.#steps.wait();
  }
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

describe('copy', () => {
  for (const seed of seeds) {
    it(`moves the whole graph ${seed}, each content once`, async () => {
      const { store, root } = await randomGraph(seed);
      const to = new MemoryStore();
      const done: string[] = [];
      await copy(store, 'root', to, 'copied', { onDone: ({ digest }, how) => done.push(`${digest} ${how}`) });
      assert.equal((await to.resolve('copied')).digest, root.descriptor.digest);
      await assertWhole(to, root.descriptor);
      assert.equal(new Set(done).size, done.length);
    });

    it(`leaves no tag after a fault anywhere in graph ${seed}, and goes on from there`, async () => {
      const { store, root } = await randomGraph(seed);
      const { count: last } = await faultAt(store, new MemoryStore(), Infinity);
      assert.ok(last > 20);
      for (let at = 1; at <= last; at++) {
        const to = new MemoryStore();
        const { error, tags, steps } = await faultAt(store, to, at);
        assert.equal(error?.message, `fault ${at}`);
        assert.equal(steps.running, 0);
        // Only behind the last step, when all had been written, is there a tag.
        assert.deepEqual(tags, at === last ? ['copied'] : []);
        await copy(store, 'root', to, 'copied');
        await assertWhole(to, root.descriptor);
      }
    });

    it(`ends at once when told to anywhere in graph ${seed}, and nothing runs on`, async () => {
      const { store } = await randomGraph(seed);
      const { count: last } = await faultAt(store, new MemoryStore(), Infinity);
      for (let at = 1; at < last; at++) {
        const to = new MemoryStore();
        const steps = new Steps();
        const ending = new AbortController();
        let running = 0;
        steps.onStep = (step) => {
          if (step === at) {
            running = steps.running;
            ending.abort();
          }
        };
        const { signal } = ending;
        await assert.rejects(
          copy(new SlowStore(store, steps), 'root', new SlowStore(to, steps), 'copied', { signal }),
          { name: 'AbortError' },
        );
        // What was under way takes note at its next step, nothing else begins.
        assert.ok(steps.count <= at + 2 * running, `${steps.count - at} steps after the end`);
        const { count } = steps;
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([steps.running, steps.count], [0, count]);
        assert.deepEqual((await to.tags()).items, []);
      }
    });
  }

  it('takes the same digest as a blob and as a manifest', async () => {
    const store = new MemoryStore();
    const config = content(MediaType.empty, '{}');
    const inner = manifestOf(config, [config]);
    const asLayer = { bytes: inner.bytes, descriptor: { ...inner.descriptor, mediaType: 'text/x' } };
    const outer = manifestOf(config, [asLayer]);
    const root = indexOf([outer, inner], 0);
    for (const each of [config, inner, outer, root]) {
      await store.push(each.descriptor, bodyOf(each.bytes));
    }
    const planned: string[] = [];
    await copy(store, root.descriptor.digest, new MemoryStore(), 'v1', {
      onPlan: ({ digest, mediaType }) => planned.push(`${digest} ${mediaType}`),
    });
    for (const mediaType of ['text/x', MediaType.manifest]) {
      assert.ok(planned.includes(`${inner.descriptor.digest} ${mediaType}`));
    }
  });

  it('asks where the tag points when all else is there, moves it from there, and else not at all', async () => {
    const { store } = await randomGraph(7);
    const rival = manifestOf(content(MediaType.empty, '{}'), []);
    /** Compares as a registry that knows `If-Match`, or refuses whatever it is told. */
    class Comparing extends MemoryStore {
      readonly froms: (string | undefined)[] = [];
      readonly compares: boolean;
      constructor(compares: boolean) {
        super();
        this.compares = compares;
      }
      override async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
        if (op.tag !== undefined) {
          this.froms.push(op.from);
          const now = await this.resolve(op.tag);
          if (op.from !== undefined && (!this.compares || now.digest !== op.from)) {
            throw new OciError('tag-exists', 'moved');
          }
        }
        await super.push(descriptor, body, op);
      }
    }
    const seen = manifestOf(content(MediaType.empty, '{}'), [], { annotations: { seen: 'yes' } });
    for (const compares of [true, false]) {
      const to = new Comparing(compares);
      for (const each of [rival, seen]) {
        await to.push(each.descriptor, bodyOf(each.bytes));
      }
      await to.tag(seen.descriptor, 'v1');
      const root = await store.resolve('root');
      // Who does not agree leaves the tag as it is.
      const refused = copy(store, 'root', to, 'v1', { beforeTag: () => Promise.reject(new Error('no')) });
      await assert.rejects(refused, /no/);
      assert.equal((await to.resolve('v1')).digest, seen.descriptor.digest);
      // Moved between the look and the write, which only who compares can tell.
      let asked = 0;
      await copy(store, 'root', to, 'v1', {
        beforeTag: async () => {
          const { digest } = await to.resolve('v1');
          if (++asked === 1) {
            assert.ok(await to.has(successorOf(await store.manifest('root'))));
            await to.tag(rival.descriptor, 'v1');
          }
          return asked === 1 && !compares ? rival.descriptor.digest : digest;
        },
      });
      assert.equal((await to.resolve('v1')).digest, root.digest);
      assert.deepEqual(
        to.froms,
        compares ? [seen.descriptor.digest, rival.descriptor.digest] : [rival.descriptor.digest, undefined],
      );
    }
  });

  it('refuses what is missing, what is nested without end, and what has too many parts', async () => {
    const store = new MemoryStore();
    const config = content(MediaType.empty, '{}');
    await store.push(config.descriptor, bodyOf(config.bytes));
    const gone = content(MediaType.octetStream, 'gone');
    let nested = manifestOf(config, [gone]);
    await store.push(nested.descriptor, bodyOf(nested.bytes), { tag: 'missing' });
    for (let depth = 0; depth < 10; depth++) {
      nested = indexOf([nested], depth);
      await store.push(nested.descriptor, bodyOf(nested.bytes), { tag: 'nested' });
    }
    const layers = [...Array(10_001).keys()].map((at) => content(MediaType.octetStream, String(at)));
    const many = manifestOf(config, layers);
    await store.push(many.descriptor, bodyOf(many.bytes), { tag: 'many' });
    for (const [tag, code] of [
      ['missing', 'not-found'],
      ['nested', 'manifest-invalid'],
      ['many', 'manifest-invalid'],
    ] as const) {
      const to = new MemoryStore();
      await assert.rejects(copy(store, tag, to, tag), (error) => isOciError(error, code));
      assert.deepEqual((await to.tags()).items, []);
    }
  });
});

function successorOf({ bytes, descriptor }: FetchedManifest): Descriptor {
  const [first] = successors(parseManifest(bytes, descriptor.mediaType));
  assert.ok(first);
  return first;
}

async function faultAt(
  store: MemoryStore,
  to: MemoryStore,
  at: number,
): Promise<{ error?: Error; tags: readonly string[]; count: number; steps: Steps }> {
  const steps = new Steps();
  steps.onStep = (step) => {
    if (step === at) {
      throw new Error(`fault ${at}`);
    }
  };
  const error = await copy(new SlowStore(store, steps), 'root', new SlowStore(to, steps), 'copied').then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  const { items: tags } = await to.tags();
  return { ...(error ? { error } : {}), tags, count: steps.count, steps };
}
