import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import '../support/vscodeStub.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Repository } from '../../src/oci/store.ts';
import { anonymous, browsing, eventually } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const { window } = await import('vscode');
const { filterByType } = await import('../../src/views/filterByType.ts');

/** Far more than a page of the tree. */
const size = 250;
const signatureTag = `sha256-${'0'.repeat(64)}.sig`;

describe('a repository filtered by type', () => {
  let registry: RunningRegistry;
  let proxy: CountingProxy;
  let remote: ReturnType<typeof anonymous>;
  let browser: Browser;

  const repositoryOf = (): Node & { readonly kind: 'repository' } => {
    const found = browser.find('p', 'app');
    assert.ok(found);
    return found;
  };
  const start = (): Node & { readonly kind: 'repository' } => {
    browser = browsing(remote.registry, { pageSize: 20 });
    proxy.forget();
    return repositoryOf();
  };
  const shown = async (): Promise<readonly string[]> =>
    (await browser.children(repositoryOf())).map((node) =>
      node.kind === 'tag' ? node.tag : node.kind === 'note' ? node.note : node.kind,
    );
  const ended = (): Promise<void> => eventually(() => browser.searching(repositoryOf()) === undefined);

  before(async () => {
    registry = await startRegistry('distribution');
    proxy = await startCountingProxy(registry.host);
    remote = anonymous(proxy.host);
    const store: Repository = remote.registry.repository('app');
    const push = async (document: object, tag?: string): Promise<Descriptor> => {
      const bytes = encodeManifest({
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        ...document,
      });
      const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
      await store.push(descriptor, bodyOf(bytes), { tag });
      return descriptor;
    };
    const blob = async (text: string, mediaType: string): Promise<Descriptor> => {
      const bytes = Buffer.from(text);
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
      await store.push(descriptor, bodyOf(bytes));
      return descriptor;
    };
    const config = await blob('{}', MediaType.imageConfig);
    const layer = await blob('layer', MediaType.layerTarGzip);
    const image = await push({ config, layers: [layer] });
    for (let at = 0; at < size; at++) {
      await store.tag(image, `v${String(at).padStart(3, '0')}`);
    }
    const helm = await blob('{"name":"a"}', 'application/vnd.cncf.helm.config.v1+json');
    await push({ config: helm, layers: [layer] }, 'v100');
    await push({ config: helm, layers: [layer] }, 'v240');
    const empty = await blob('{}', MediaType.empty);
    await push({ artifactType: 'application/spdx+json', config: empty, layers: [layer] }, 'v241');
    const labels = { 'dev.carvel.imgpkg.bundle': 'true' };
    const labelled = await blob(JSON.stringify({ config: { Labels: labels } }), MediaType.imageConfig);
    await push({ config: labelled, layers: [layer] }, 'v242');
    const payload = await blob('{}', 'application/vnd.dev.cosign.simplesigning.v1+json');
    await push({ config, layers: [payload] }, signatureTag);
  });

  after(async () => {
    await remote.stop();
    await proxy.stop();
    await registry.stop();
  });

  it('shows the tags of that type, of pages that were not loaded too', async () => {
    const repository = start();
    await browser.children(repository);
    browser.setFilter(repository, 'type:helm');
    assert.ok((await shown()).includes('searching'));
    await ended();
    assert.deepEqual(await shown(), ['v240', 'v100']);
    browser.setFilter(repository, 'type:helm v24');
    await ended();
    assert.deepEqual(await shown(), ['v240']);
    browser.setFilter(repository, 'category:sbom');
    await ended();
    assert.deepEqual(await shown(), ['v241']);
    // Told by a label of the config alone; and found though it is folded.
    browser.setFilter(repository, 'type:imgpkg');
    await ended();
    assert.deepEqual(await shown(), ['v242']);
    browser.setFilter(repository, 'type:"Cosign signature"');
    await ended();
    assert.deepEqual(await shown(), [signatureTag]);
    browser.setFilter(repository, 'type:nonsense');
    await ended();
    assert.deepEqual(await shown(), ['no-match']);
    assert.ok(proxy.mostOpen <= 7, String(proxy.mostOpen));
    const reads = proxy.exchanges.filter(({ path }) => path.includes('/manifests/'));
    assert.equal(reads.length, size + 1, 'each tag is asked for once, whatever is looked for');
    browser.dispose();
  });

  it('is stopped, and goes on', async () => {
    const repository = start();
    browser.setFilter(repository, 'type:helm');
    await eventually(() => (browser.searching(repository) ?? 0) > 0);
    browser.stopSearch(repository);
    assert.equal(browser.searching(repository), undefined);
    assert.equal((await shown()).at(-1), 'more');
    await eventually(() => proxy.open === 0);
    assert.ok(proxy.exchanges.length < size, String(proxy.exchanges.length));
    await browser.loadMore(repository);
    await ended();
    assert.deepEqual(await shown(), ['v240', 'v100']);
    browser.dispose();
  });

  it('offers the types found so far, with counts', async () => {
    const repository = start();
    const counted = async (): Promise<readonly string[]> =>
      (await browser.types(repository)).map(({ type, count }) => `${count} ${type.name}`);
    // Nothing was looked at yet: the first page is.
    assert.deepEqual(await counted(), ['19 OCI image', '1 Cosign signature']);
    browser.setFilter(repository, 'category:chart');
    await ended();
    assert.deepEqual(await counted(), [
      `${size - 4} OCI image`,
      '2 Helm chart',
      '1 Cosign signature',
      '1 imgpkg bundle',
      '1 SPDX SBOM',
    ]);
    browser.dispose();
  });

  it('is chosen in the command from what was found, and filled in for the whole list', async () => {
    const repository = start();
    const offered: string[] = [];
    const showQuickPick = (items: readonly { label: string; description?: string }[]): unknown => {
      offered.push(...items.map(({ label, description = '' }) => `${label} ${description}`.trim()));
      return Promise.resolve(items.find(({ label }) => label === 'Cosign signature'));
    };
    // What takes its time is shown; how long it takes here is the machine's affair.
    const withProgress = (_: unknown, task: (...args: readonly unknown[]) => unknown): unknown =>
      task({ report: () => undefined }, { onCancellationRequested: () => ({ dispose: () => undefined }) });
    Object.assign(window, { showQuickPick, withProgress });
    await filterByType(repository, browser, new AbortController().signal);
    assert.deepEqual(offered, [
      'OCI image 19 tags',
      'Cosign signature 1 tag',
      'Categories',
      'image 19 tags',
      'signature 1 tag',
    ]);
    assert.equal(browser.filter(repository), 'type:"Cosign signature"');
    assert.equal(browser.searching(repository), undefined);
    assert.deepEqual(await shown(), [signatureTag]);
    browser.dispose();
  });

  it('says that types are not known where reads are counted, and reads nothing', async () => {
    browser = browsing(remote.registry, { pageSize: 20, countsReads: true });
    const repository = repositoryOf();
    proxy.forget();
    browser.setFilter(repository, 'type:helm');
    await ended();
    assert.deepEqual(await shown(), ['no-match', 'types-unread']);
    const tag = browser.locate('p', 'app', 'v240');
    assert.ok(tag);
    await browser.complete(tag);
    browser.setFilter(repository, 'type:helm');
    await ended();
    assert.deepEqual(await shown(), ['v240', 'types-unread']);
    const reads = proxy.exchanges.filter(
      ({ method, path }) => method === 'GET' && path.includes('/manifests/'),
    );
    assert.equal(reads.length, 1, 'The one that was opened');
    browser.dispose();
  });

  it('ends when the registry can no longer be asked, and says why', async () => {
    const own = await startRegistry('distribution', { dir: registry.dir });
    const other = anonymous(own.host);
    browser = browsing(other.registry, { pageSize: 20 });
    const repository = repositoryOf();
    await browser.types(repository);
    await own.stop();
    browser.setFilter(repository, 'type:helm');
    await ended();
    assert.equal((await shown()).filter((row) => row === 'failure').length, 1);
    browser.dispose();
    await other.stop();
  });
});
