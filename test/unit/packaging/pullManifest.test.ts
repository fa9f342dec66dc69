import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { manifestToPull } from '../../../src/packaging/pullManifest.ts';

const store = new MemoryStore();

async function push(document: object, mediaType: string, tag?: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

const nobody = (): Promise<never> => Promise.reject(new Error('Asked'));

describe('the manifest to pull', () => {
  it('is the only one of an index, and has the size that says', async () => {
    const image = await push({ layers: [] }, MediaType.manifest);
    await push({ manifests: [image] }, MediaType.index, 'right');
    assert.equal((await manifestToPull(store, 'right', nobody)).descriptor.digest, image.digest);
    for (const size of [image.size - 1, image.size + 1]) {
      await push({ manifests: [{ ...image, size }] }, MediaType.index, 'wrong');
      await assert.rejects(manifestToPull(store, 'wrong', nobody), (error) =>
        isOciError(error, 'size-mismatch'),
      );
    }
  });

  it('is not looked for without end', async () => {
    let inner = await push({ layers: [] }, MediaType.manifest);
    for (let depth = 0; depth < 9; depth++) {
      inner = await push({ manifests: [inner] }, MediaType.index, 'deep');
    }
    await assert.rejects(manifestToPull(store, 'deep', nobody), (error) =>
      isOciError(error, 'manifest-invalid'),
    );
    await push({ manifests: [] }, MediaType.index, 'empty');
    await assert.rejects(manifestToPull(store, 'empty', nobody), (error) =>
      isOciError(error, 'manifest-invalid'),
    );
  });
});
