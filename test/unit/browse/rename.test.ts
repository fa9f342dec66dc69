import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { builtInTable, createTable } from '../../../src/artifacts/table.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { browsing, named } from '../../support/browsing.ts';

/** Counts what is asked of it. */
class CountingStore extends MemoryStore {
  asked = 0;

  override manifest(...args: Parameters<MemoryStore['manifest']>): ReturnType<MemoryStore['manifest']> {
    this.asked++;
    return super.manifest(...args);
  }

  override fetch(...args: Parameters<MemoryStore['fetch']>): ReturnType<MemoryStore['fetch']> {
    this.asked++;
    return super.fetch(...args);
  }
}

describe('another table of types', () => {
  it('renames the rows that are there at once, without a request, and back', async () => {
    const store = new CountingStore();
    const push = async (bytes: Uint8Array, mediaType: string, tag?: string): Promise<Descriptor> => {
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
      await store.push(descriptor, bodyOf(bytes), { tag });
      return descriptor;
    };
    const config = await push(
      Buffer.from('{"config":{"Labels":{"com.acme.rocket":"1"}}}'),
      MediaType.imageConfig,
    );
    const engine = await push(Buffer.from('engine'), 'application/vnd.acme.rocket.engine.v1');
    const document = { schemaVersion: 2, mediaType: MediaType.manifest } as const;
    const rocketType = 'application/vnd.acme.rocket.v1';
    const bytes = (more: object): Uint8Array => encodeManifest({ ...document, config, ...more });
    await push(bytes({ artifactType: rocketType, layers: [engine] }), MediaType.manifest, 'rocket');
    await push(bytes({ layers: [] }), MediaType.manifest, 'labelled');
    const registry: Registry = {
      kind: 'remote',
      repository: () => store,
      repositories: (op) => Promise.resolve(pageOf(['app'], op ?? {})),
    };
    let table = builtInTable;
    const browser = browsing(registry, { types: () => table });
    const [root] = browser.roots();
    assert.ok(root);
    const [repository] = await browser.children(root);
    assert.ok(repository?.kind === 'repository');
    const [labelled, rocket] = await browser.children(repository);
    assert.ok(labelled?.kind === 'tag' && rocket?.kind === 'tag');
    await named(browser, [labelled, rocket]);
    await browser.complete(labelled);
    const layer = (await browser.children(rocket)).find(
      (node) => node.kind === 'blob' && node.role === 'layer',
    );
    assert.ok(layer);
    const names = (): readonly (string | undefined)[] =>
      [labelled, rocket, layer].map((node) => {
        const known = browser.named(node);
        return known instanceof OciError ? known.code : known?.type.name;
      });
    const before = names();
    assert.deepEqual(before, ['OCI image', 'acme rocket', 'rocket engine']);
    const { asked } = store;
    let changes = 0;
    browser.onDidChange((nodes) => {
      changes += nodes === undefined ? 1 : 0;
    });

    table = createTable([
      {
        id: 'acme-rocket',
        name: 'Acme rocket',
        match: { artifactType: rocketType },
        layers: [{ mediaType: 'application/vnd.acme.rocket.engine.v1', name: 'Engine' }],
      },
      { id: 'acme-image', name: 'Acme image', match: { configLabels: { 'com.acme.rocket': '*' } } },
    ]);
    browser.rename();
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(changes, 1);
    await browser.children(root);
    await browser.children(repository);
    assert.deepEqual(names(), ['Acme image', 'Acme rocket', 'Engine']);
    assert.ok(['Acme image', 'Acme rocket'].includes(browser.holds(repository) ?? ''));

    table = builtInTable;
    browser.rename();
    assert.deepEqual(names(), before);
    assert.equal(store.asked, asked);
    browser.dispose();
  });
});
