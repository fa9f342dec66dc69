import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Location } from '../../../src/browse/location.ts';
import { createManifestCache } from '../../../src/browse/manifestCache.ts';
import type { Place } from '../../../src/browse/place.ts';
import { createDocumentReader, looksBinary, maxBlob } from '../../../src/editors/readDocument.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** Counts what is fetched, and may send something else than what it was asked for. */
class CountingStore extends MemoryStore {
  fetches = 0;
  lie: Uint8Array | undefined;

  override async *fetch(...args: Parameters<MemoryStore['fetch']>): AsyncIterable<Uint8Array> {
    this.fetches++;
    if (this.lie) {
      yield this.lie;
    } else {
      yield* super.fetch(...args);
    }
  }
}

async function setUp(content: Uint8Array) {
  const store = new CountingStore();
  const digest = digestOf(content);
  const size = content.byteLength;
  await store.push({ mediaType: 'text/plain', digest, size }, bodyOf(content));
  const place: Place = {
    id: 'p',
    name: 'p',
    kind: 'remote',
    host: 'p',
    registry: {
      kind: 'remote',
      repository: () => store,
      repositories: () => Promise.resolve({ items: ['app'] }),
    },
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
  };
  const unsized: Location = {
    place: 'p',
    repository: 'app',
    kind: 'blob',
    digest,
    mediaType: 'text/plain',
    form: 'original',
  };
  const location = { ...unsized, size };
  return { place, location, unsized, store, reader: createDocumentReader(createManifestCache()) };
}

describe('createDocumentReader', () => {
  it('asks once for a blob, for its size, its bytes and its indented form', async () => {
    const { reader, place, location, store } = await setUp(bytes('{"a":1}'));
    assert.equal(new TextDecoder().decode(await reader.read(place, location)), '{"a":1}');
    const formatted = await reader.read(place, { ...location, form: 'formatted' });
    assert.equal(new TextDecoder().decode(formatted), '{\n  "a": 1\n}');
    await reader.start(place, location);
    assert.equal(store.fetches, 1);
  });

  it('reads and checks a blob whose size nobody said', async () => {
    const { reader, place, unsized, store } = await setUp(bytes('hello'));
    store.lie = bytes('jello');
    await assert.rejects(reader.read(place, unsized), (error) => isOciError(error, 'digest-mismatch'));
    store.lie = undefined;
    assert.equal(new TextDecoder().decode(await reader.read(place, unsized)), 'hello');
  });

  it('reads no blob beyond what is opened', async () => {
    const { reader, place, location, unsized, store } = await setUp(bytes('hello'));
    const isTooLarge = (error: unknown) => isOciError(error, 'too-large');
    await assert.rejects(reader.read(place, { ...location, size: maxBlob + 1 }), isTooLarge);
    assert.equal(store.fetches, 0);
    store.lie = new Uint8Array(maxBlob + 1);
    await assert.rejects(reader.read(place, unsized), isTooLarge);
  });

  it('shows no manifest of another size than its descriptor says', async () => {
    const document = bytes('{"schemaVersion":2,"layers":[]}');
    const { reader, place, unsized, store } = await setUp(document);
    await store.push(
      { mediaType: MediaType.manifest, digest: unsized.digest, size: document.byteLength },
      bodyOf(document),
    );
    const manifest = { ...unsized, kind: 'manifest', mediaType: MediaType.manifest } as const;
    for (const size of [document.byteLength - 1, document.byteLength + 1]) {
      await assert.rejects(reader.read(place, { ...manifest, size }), (error) =>
        isOciError(error, 'size-mismatch'),
      );
    }
    for (const right of [manifest, { ...manifest, size: document.byteLength }]) {
      assert.deepEqual(Buffer.from(await reader.read(place, right)), Buffer.from(document));
    }
  });

  it('reads only the start of a blob to see what it is', async () => {
    const { reader, place, location } = await setUp(new Uint8Array(100_000).fill(0x61));
    assert.equal((await reader.start(place, location)).byteLength, 8192);
  });
});

describe('looksBinary', () => {
  it('tells text from other bytes, also when a character is cut', () => {
    assert.equal(looksBinary(bytes('')), false);
    assert.equal(looksBinary(bytes('zwölf ☃')), false);
    assert.equal(looksBinary(bytes('zwölf ☃').subarray(0, -1)), false);
    assert.equal(looksBinary(new Uint8Array([0x1f, 0x8b, 8, 0])), true);
    assert.equal(looksBinary(new Uint8Array([0xff, 0xfe, 0x41])), true);
  });
});
