import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createManifestCache } from '../../../src/browse/manifestCache.ts';
import { createManifestFiles } from '../../../src/host/manifestFiles.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import type { FetchedManifest } from '../../../src/oci/store.ts';
import { eventually } from '../../support/browsing.ts';

function manifest(text: string, algorithm: 'sha256' | 'sha512' = 'sha256'): FetchedManifest {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes, algorithm);
  return { descriptor: { mediaType: MediaType.manifest, digest, size: bytes.byteLength }, bytes };
}

describe('manifests in files', () => {
  let work: string;
  let folder: string;

  beforeEach(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'oci-manifests-'));
    folder = path.join(work, 'manifests');
  });

  afterEach(() => rm(work, { recursive: true, force: true }));

  const names = async (): Promise<readonly string[]> => readdir(folder).catch(() => []);
  const write = async (...manifests: readonly FetchedManifest[]): Promise<void> => {
    const cache = createManifestCache(createManifestFiles(folder));
    for (const each of manifests) {
      cache.set(each);
    }
    await eventually(async () => {
      const found = await names();
      return found.length >= manifests.length && found.every((name) => name.startsWith('sha'));
    });
  };

  it('are there in the next session, byte for byte', async () => {
    const made = [manifest('{"a":"\\n"}'), manifest('line\nline'), manifest('{}', 'sha512')];
    await write(...made);
    const cache = createManifestCache(createManifestFiles(folder));
    for (const { descriptor, bytes } of made) {
      const found = await cache.get(descriptor.digest);
      assert.deepEqual(found?.descriptor, descriptor);
      assert.deepEqual(Buffer.from(found.bytes), bytes);
      assert.equal(await cache.get(descriptor.digest), found, 'The second time it is in memory');
    }
    assert.equal(await cache.get(manifest('other').descriptor.digest), undefined);
  });

  it('are no more than missing when they were cut or changed', async () => {
    for (const change of [
      (text: string) => text.slice(0, -1),
      (text: string) => `${text} `,
      () => '',
      () => '\n',
    ]) {
      const made = manifest('{"schemaVersion":2}');
      await write(made);
      const [name = ''] = await names();
      const file = path.join(folder, name);
      await writeFile(file, change(await readFile(file, 'utf8')));
      assert.equal(await createManifestFiles(folder).read(made.descriptor.digest), undefined);
      assert.deepEqual(await names(), []);
    }
  });

  it('stay below their limit, the oldest going first', async () => {
    const old = manifest('x'.repeat(400));
    await write(old);
    const [name = ''] = await names();
    await utimes(path.join(folder, name), 1, 1);
    const files = createManifestFiles(folder, 1000);
    const [second, third] = [manifest('y'.repeat(400)), manifest('z'.repeat(400))];
    files.write(second);
    files.write(third);
    await eventually(async () => (await files.read(third.descriptor.digest)) !== undefined);
    await eventually(async () => (await files.read(old.descriptor.digest)) === undefined);
    assert.ok(await files.read(second.descriptor.digest));
    const sizes = await Promise.all(
      (await names()).map(async (each) => (await stat(path.join(folder, each))).size),
    );
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 1000);
  });

  it('do not fail where there is no room for them', async () => {
    await writeFile(folder, 'a file where the folder would be');
    const files = createManifestFiles(folder);
    const made = manifest('{}');
    files.write(made);
    assert.equal(await files.read(made.descriptor.digest), undefined);
    const cache = createManifestCache(files);
    cache.set(made);
    assert.equal(await cache.get(made.descriptor.digest), made);
  });

  it('are not made of what is not named by its own bytes', async () => {
    const made = manifest('{}');
    const other = {
      ...made,
      descriptor: { ...made.descriptor, digest: manifest('other').descriptor.digest },
    };
    const files = createManifestFiles(folder);
    files.write(other);
    files.write(made);
    await eventually(async () => (await names()).length > 0);
    assert.equal(await files.read(other.descriptor.digest), undefined);
  });
});
