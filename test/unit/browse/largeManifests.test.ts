import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from '../../../src/base/bytes.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { browsing, named } from '../../support/browsing.ts';

describe('a page of tags with manifests of 4 MiB', () => {
  it('is named with one request a tag, and keeps no more of them parsed than there is room for', async () => {
    const store = new MemoryStore();
    const config = Buffer.from('{}');
    const descriptor = {
      mediaType: 'application/vnd.cncf.helm.config.v1+json',
      digest: digestOf(config),
      size: 2,
    };
    await store.push(descriptor, bodyOf(config));
    const count = 9;
    for (let at = 0; at < count; at++) {
      const annotations = { at: String(at), padding: ' '.repeat(4_100_000) };
      const document = {
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        config: descriptor,
        layers: [],
        annotations,
      };
      const bytes = Buffer.from(JSON.stringify(document));
      const manifest = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
      await store.push(manifest, bodyOf(bytes), { tag: `v${at}` });
    }
    let requests = 0;
    const read = store.manifest.bind(store);
    Object.assign(store, {
      manifest: (...args: Parameters<typeof read>) => {
        requests++;
        return read(...args);
      },
    });
    const browser = browsing({
      kind: 'remote',
      repository: () => store,
      repositories: () => Promise.resolve({ items: ['app'] }),
    });
    const repository = browser.find('p', 'app');
    assert.ok(repository);
    const rows = await browser.children(repository);
    assert.equal(rows.length, count);
    await named(browser, rows);
    const look = () =>
      rows.map((row) => {
        const known = browser.named(row);
        assert.ok(known && !(known instanceof OciError));
        assert.equal(known.type.name, 'Helm chart');
        assert.equal(known.size, 2);
        assert.equal(known.partial, false);
        return known;
      });
    const held = look().filter(({ manifest }) => manifest !== undefined).length;
    assert.ok(held > 0 && held <= 8, `${held} are held`);
    await browser.children(repository);
    browser.rename();
    look();
    assert.equal(requests, count, 'What was named is not read again to be shown');
    for (const row of rows.slice(0, 2)) {
      assert.ok((await browser.children(row)).some(({ kind }) => kind === 'blob'));
      assert.equal((await browser.complete(row))?.manifest?.kind, 'manifest');
    }
    assert.ok(look().filter(({ manifest }) => manifest !== undefined).length <= 8);
    browser.refresh();
    await named(browser, await browser.children(repository));
    assert.ok(look().filter(({ manifest }) => manifest !== undefined).length <= 8);
    browser.dispose();
  });
});
