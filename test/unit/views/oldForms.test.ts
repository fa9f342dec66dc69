import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import { browsing, named } from '../../support/browsing.ts';

const { treeItem } = await import('../../../src/views/treeItem.ts');
const { tooltipOf } = await import('../../../src/views/tooltip.ts');

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** What stood in registries before the image specification, and beside it. */
const documents = {
  schema1: {
    schemaVersion: 1,
    name: 'old',
    tag: '1',
    architecture: 'amd64',
    fsLayers: [{ blobSum: digest('b') }, { blobSum: digest('a') }],
    history: [
      { v1Compatibility: '{"created":"2016-02-01T00:00:00Z","container_config":{"Cmd":["make"]}}' },
      { v1Compatibility: '{"created":"2016-01-01T00:00:00Z","container_config":{"Cmd":["ADD","base"]}}' },
    ],
  },
  plugin: {
    schemaVersion: 2,
    mediaType: MediaType.dockerManifest,
    config: { mediaType: 'application/vnd.docker.plugin.v1+json', digest: digest('c'), size: 20 },
    layers: [
      { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', digest: digest('d'), size: 30 },
    ],
  },
  artifact: {
    mediaType: MediaType.artifactManifest,
    artifactType: 'application/vnd.example.sbom.v1',
    blobs: [
      { mediaType: 'application/spdx+json', digest: digest('e'), size: 40 },
      {
        mediaType: 'text/plain',
        digest: digest('f'),
        size: 50,
        annotations: { 'org.opencontainers.image.title': 'readme.txt' },
      },
    ],
    subject: { mediaType: MediaType.manifest, digest: digest('0'), size: 60 },
  },
};

async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const types = [MediaType.dockerSchema1, MediaType.dockerManifest, MediaType.artifactManifest];
  for (const [index, [tag, document]] of Object.entries(documents).entries()) {
    const bytes = Buffer.from(JSON.stringify(document));
    const descriptor = { mediaType: types[index] ?? '', digest: digestOf(bytes), size: bytes.byteLength };
    await store.push(descriptor, bodyOf(bytes), { tag });
  }
  return store;
}

describe('a row of a manifest of another age', () => {
  const start = async (): Promise<Browser> => {
    const store = await filled();
    return browsing({
      kind: 'remote',
      repository: () => store,
      repositories: (op = {}) => Promise.resolve(pageOf(['old'], op)),
    });
  };
  const below = async (browser: Browser, tag: string): Promise<readonly Node[]> => {
    const node = browser.locate('p', 'old', tag);
    assert.ok(node);
    await browser.children(node);
    await named(browser, [node]);
    return [node, ...(await browser.children(node))];
  };
  const rows = (browser: Browser, nodes: readonly Node[]): readonly string[] =>
    nodes.map((node) => {
      const { label, description } = treeItem(node, browser);
      return `${typeof label === 'string' ? label : ''} | ${String(description).replace(/ · \d+ y$/, '')}`;
    });
  const hover = async (browser: Browser, node: Node | undefined): Promise<string> => {
    assert.ok(node);
    const services = { browser } as unknown as Parameters<typeof tooltipOf>[1];
    return (await tooltipOf(node, services, new AbortController().signal))?.value ?? '';
  };

  it('shows the layers of docker schema 1 from the lowest up, and what made them', async () => {
    const browser = await start();
    const nodes = await below(browser, 'schema1');
    assert.deepEqual(rows(browser, nodes), [
      'schema1 | Docker v1 image',
      'layer 1 | Filesystem layer',
      'layer 2 | Filesystem layer',
      'referrers | list',
    ]);
    const [tag, base, top] = nodes;
    assert.match(await hover(browser, tag), /\*\*Layers\*\* 2[^]*2016-02-01T00:00:00/);
    const text = await hover(browser, base);
    assert.match(text, new RegExp(digest('a')));
    assert.match(text, /\*\*Created by\*\* ADD base/);
    assert.match(text, /2016-01-01T00:00:00/);
    assert.match(text, /fsLayers\[1\]\.blobSum/);
    assert.doesNotMatch(text, /\*\*Size\*\*/);
    assert.match(await hover(browser, top), /\*\*Created by\*\* make[^]*fsLayers\[0\]\.blobSum/);
    browser.dispose();
  });

  it('names a docker plugin and what is in it', async () => {
    const browser = await start();
    assert.deepEqual(rows(browser, await below(browser, 'plugin')), [
      'plugin | Docker plugin · 50 B',
      'config | Docker plugin config · 20 B',
      'layer 1 | Plugin rootfs · 30 B',
      'referrers | list',
    ]);
    browser.dispose();
  });

  it('calls the blobs of an OCI artifact manifest blobs', async () => {
    const browser = await start();
    const nodes = await below(browser, 'artifact');
    assert.deepEqual(rows(browser, nodes), [
      'artifact | SPDX SBOM · 90 B',
      'blob 1 | SPDX JSON · 40 B',
      'readme.txt | Text · 50 B',
      'referrers | list',
    ]);
    const text = await hover(browser, nodes[0]);
    assert.match(text, /\*\*Blobs\*\* 2/);
    assert.match(text, new RegExp(`Attached to\\*\\* ${digest('0')}`));
    assert.match(await hover(browser, nodes[1]), /blobs\[0\]\.mediaType/);
    browser.dispose();
  });
});
