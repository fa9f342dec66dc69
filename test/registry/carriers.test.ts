import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { statementsOf } from '../../src/artifacts/layerName.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { referrersTag } from '../../src/oci/referrersTag.ts';
import type { Repository } from '../../src/oci/store.ts';
import { anonymous, browsing, eventually, named } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

describe('what is told from what it carries, in a real registry', () => {
  let registry: RunningRegistry;
  let proxy: CountingProxy;
  let remote: ReturnType<typeof anonymous>;
  let store: Repository;
  let image: Descriptor;

  const blob = async (text: string, mediaType: string): Promise<Descriptor> => {
    const bytes = Buffer.from(text);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await store.push(descriptor, bodyOf(bytes));
    return descriptor;
  };
  const push = async (document: object, tag?: string): Promise<Descriptor> => {
    const made = { schemaVersion: 2 as const, mediaType: MediaType.manifest, ...document };
    const bytes = encodeManifest(made);
    const descriptor = { mediaType: made.mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await store.push(descriptor, bodyOf(bytes), { tag });
    return descriptor;
  };
  const asked = async <T>(work: () => Promise<T>): Promise<readonly [T, readonly string[]]> => {
    proxy.forget();
    const got = await work();
    return [got, proxy.exchanges.map(({ method, path }) => `${method} ${path.replace(/^.*?\/app\//, '')}`)];
  };
  const repositoryOf = (browser: Browser): Node & { readonly kind: 'repository' } => {
    const found = browser.find('p', 'app');
    assert.ok(found);
    return found;
  };
  const tagsOf = (nodes: readonly Node[]): readonly string[] =>
    nodes.flatMap((node) => (node.kind === 'tag' ? [node.tag] : []));
  const below = async (browser: Browser, node: Node | undefined, kind: Node['kind']): Promise<Node> => {
    const found = node && (await browser.children(node)).find((child) => child.kind === kind);
    assert.ok(found);
    return found;
  };

  before(async () => {
    registry = await startRegistry('distribution');
    proxy = await startCountingProxy(registry.host);
    remote = anonymous(proxy.host);
    store = remote.registry.repository('app');
    const layer = await blob('layer', MediaType.layerTarGzip);
    const config = await blob('{"created":"2026-01-01T00:00:00Z"}', MediaType.imageConfig);
    image = await push({ config, layers: [layer] }, '1.0.0');
    const labels = { 'dev.carvel.imgpkg.bundle': 'true' };
    const labelled = await blob(
      JSON.stringify({ created: '2026-02-01T00:00:00Z', config: { Labels: labels } }),
      MediaType.imageConfig,
    );
    await push({ config: labelled, layers: [layer] }, 'bundle');
    const payload = await blob('{}', 'application/vnd.dev.cosign.simplesigning.v1+json');
    await push({ config, layers: [payload] }, `${referrersTag(image.digest)}.sig`);
    await push({ config, layers: [payload, payload] }, `sha256-${'0'.repeat(64)}.sig`);
    const statement = await blob('{"in-toto":1}', 'application/vnd.in-toto+json');
    const states = (predicate: string): object => ({
      ...statement,
      annotations: { 'in-toto.io/predicate-type': predicate },
    });
    const attestation = await push({
      config,
      layers: [states('https://slsa.dev/provenance/v1'), states('https://spdx.dev/Document')],
    });
    const about = (digest: string): object => ({
      ...attestation,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': digest,
      },
    });
    const platform = { os: 'linux', architecture: 'amd64' };
    const manifests = [{ ...image, platform }, about(image.digest), about(`sha256:${'1'.repeat(64)}`)];
    await push({ mediaType: MediaType.index, manifests }, 'multi');
  });

  after(async () => {
    await remote.stop();
    await proxy.stop();
    await registry.stop();
  });

  it('reads configs of images alone, behind the first names, once', async () => {
    const browser = browsing(remote.registry);
    const repository = repositoryOf(browser);
    const typeOf = (tag: string): string | undefined => {
      const node = browser.locate('p', 'app', tag);
      const found = node && browser.named(node);
      return found && 'type' in found && !found.type.refinable ? found.type.name : undefined;
    };
    const look = async (): Promise<readonly Node[]> => {
      const children = await browser.children(repository);
      await named(browser, children);
      await eventually(() => typeOf('bundle') !== undefined && typeOf('1.0.0') !== undefined);
      return children;
    };
    const [children, requests] = await asked(look);
    assert.deepEqual(tagsOf(children), ['1.0.0', 'bundle', 'multi']);
    assert.equal(requests.length, 1 + 3 + 2, requests.join('\n'));
    assert.ok(requests.slice(4).every((request) => request.startsWith('GET blobs/')));
    assert.match(typeOf('bundle') ?? '', /imgpkg/i);
    browser.setOrder(repository, 'newest');
    assert.deepEqual(tagsOf(await browser.children(repository)), ['bundle', '1.0.0', 'multi']);
    browser.refresh(repository);
    const [, again] = await asked(look);
    assert.equal(again.length, 1 + 3, again.join('\n'));
    assert.ok(!again.some((request) => request.includes('blobs/')));
    browser.dispose();
  });

  it('folds tags of signatures under what they sign, says how many, and shows them when asked', async () => {
    const browser = browsing(remote.registry);
    const repository = repositoryOf(browser);
    const children = await browser.children(repository);
    const note = children.at(-1);
    assert.ok(note?.kind === 'note' && note.note === 'folded');
    assert.equal(note.count, 2);
    const referrers = await below(browser, children[0], 'referrers');
    const [found, requests] = await asked(() => browser.children(referrers));
    assert.deepEqual(tagsOf(found), [`${referrersTag(image.digest)}.sig`]);
    const [signature] = found;
    const name = signature && browser.named(signature);
    assert.ok(name && 'type' in name);
    assert.equal(name.type.name, 'Cosign signature');
    // A list that is whole says which there are: nothing is asked but the one there is.
    assert.deepEqual(
      requests.filter((request) => /\.(?:sig|att|sbom)$/.test(request)),
      [`GET manifests/${referrersTag(image.digest)}.sig`],
    );
    const [, second] = await asked(() => browser.children(referrers));
    assert.deepEqual(second, []);
    browser.setFolds(repository, false);
    assert.equal(tagsOf(await browser.children(repository)).length, 5);
    browser.setFolds(repository, true);
    const gone = browser.locate('p', 'app', `sha256-${'0'.repeat(64)}.sig`);
    assert.ok(gone);
    assert.ok((await browser.children(repository)).includes(gone), 'What is gone to is shown');
    browser.dispose();
  });

  it('asks for the three tags of cosign where the list is not whole, and once', async () => {
    const browser = browsing(remote.registry, { pageSize: 1 });
    const [tag] = await browser.children(repositoryOf(browser));
    const referrers = await below(browser, tag, 'referrers');
    const [found, requests] = await asked(() => browser.children(referrers));
    assert.equal(tagsOf(found).length, 1);
    assert.equal(requests.filter((request) => /\.(?:sig|att|sbom)$/.test(request)).length, 3);
    const [, second] = await asked(() => browser.children(referrers));
    assert.deepEqual(second, []);
    browser.dispose();
  });

  it('shows an attestation of BuildKit below its platform, and one of nothing in the index', async () => {
    const browser = browsing(remote.registry);
    const children = await browser.children(repositoryOf(browser));
    await named(browser, children);
    const index = children.find((node) => node.kind === 'tag' && node.tag === 'multi');
    assert.ok(index);
    const listed = (await browser.children(index)).filter((node) => node.kind === 'manifest');
    assert.deepEqual(
      listed.map(({ descriptor }) => descriptor.platform?.os),
      ['linux', 'unknown'],
    );
    const [platform] = listed;
    assert.ok(platform);
    const [attestation, requests] = await asked(async () => {
      const found = await below(browser, platform, 'manifest');
      await eventually(() => {
        const known = browser.named(found);
        return known !== undefined && 'manifest' in known;
      });
      return found;
    });
    assert.ok(attestation.kind === 'manifest' && attestation.role === 'attestation');
    const reads = requests.filter((request) => request.includes('manifests/'));
    assert.deepEqual(reads, [`GET manifests/${attestation.descriptor.digest}`]);
    const read = await browser.read(attestation);
    assert.ok(read?.manifest?.kind === 'manifest');
    assert.deepEqual(statementsOf(read.manifest.layers), ['SLSA provenance', 'SPDX attestation']);
    browser.dispose();
  });

  it('shows what is attached by the fallback tag alone where there is the API too', async () => {
    const modern = await startRegistry('olareg');
    const counted = await startCountingProxy(modern.host);
    const other = anonymous(counted.host);
    const target = other.registry.repository('app');
    try {
      const send = async (document: object, ref?: string): Promise<Descriptor> => {
        const bytes = encodeManifest({ schemaVersion: 2, mediaType: MediaType.manifest, ...document });
        const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType: string };
        const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
        await target.push(descriptor, bodyOf(bytes), { tag: ref });
        return descriptor;
      };
      const bytes = Buffer.from('{}');
      const config = { mediaType: MediaType.imageConfig, digest: digestOf(bytes), size: bytes.byteLength };
      await target.push(config, bodyOf(bytes));
      const subject = await send({ config, layers: [config] }, '1.0.0');
      const empty = { ...config, mediaType: MediaType.empty };
      const artifact = { config: empty, layers: [empty] };
      const byApi = await send({ artifactType: 'application/spdx+json', ...artifact, subject });
      // Pushed when there was no API, by who knew of no subject.
      const old = await send({ artifactType: 'application/sarif+json', ...artifact });
      const manifests = [byApi, { ...old, artifactType: 'application/sarif+json' }];
      await send({ mediaType: MediaType.index, manifests }, referrersTag(subject.digest));
      const browser = browsing(other.registry);
      const children = await browser.children(repositoryOf(browser));
      assert.deepEqual(tagsOf(children), ['1.0.0']);
      const note = children.at(-1);
      assert.ok(note?.kind === 'note' && note.note === 'folded' && note.count === 1);
      const referrers = await below(browser, children[0], 'referrers');
      counted.forget();
      // The tag may still be named behind its row.
      const listed = (): number =>
        counted.exchanges.filter(({ path }) => /\/referrers\/|\/manifests\/sha256-/.test(path)).length;
      const found = await browser.children(referrers);
      assert.deepEqual(
        found.map((node) => node.kind === 'manifest' && node.descriptor.digest),
        [byApi.digest, old.digest],
      );
      assert.equal(listed(), 2);
      await browser.children(referrers);
      assert.equal(listed(), 2);
      browser.dispose();
    } finally {
      await other.stop();
      await counted.stop();
      await modern.stop();
    }
  });

  it('asks of a page of 100 tags the manifests, of plain images the configs, and nothing at a second look', async () => {
    const page = remote.registry.repository('page');
    const pushed = async (bytes: Uint8Array, mediaType: string, ref?: string): Promise<Descriptor> => {
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
      await page.push(descriptor, bodyOf(bytes), { tag: ref });
      return descriptor;
    };
    const layer = await pushed(Buffer.from('layer'), MediaType.layerTarGzip);
    for (let at = 0; at < 100; at++) {
      // Every other one is a chart, whose config tells nothing more.
      const mediaType = at % 2 === 0 ? MediaType.imageConfig : 'application/vnd.cncf.helm.config.v1+json';
      const config = await pushed(Buffer.from(JSON.stringify({ at })), mediaType);
      const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [layer] } as const;
      await pushed(encodeManifest(manifest), MediaType.manifest, `t${at}`);
    }
    const browser = browsing(remote.registry);
    const repository = browser.find('p', 'page');
    assert.ok(repository);
    proxy.forget();
    // The registry says that there may be more behind a full page.
    const children = (await browser.children(repository)).filter(({ kind }) => kind === 'tag');
    assert.equal(children.length, 100);
    const isFinal = (node: Node): boolean => {
      const found = browser.named(node);
      return found !== undefined && 'type' in found && !found.type.refinable;
    };
    await eventually(() => children.every(isFinal));
    const paths = proxy.exchanges.map(({ method, path }) => `${method} ${path.split('/').at(-2) ?? ''}`);
    const count = (of: string): number => paths.filter((path) => path === of).length;
    assert.deepEqual(
      [count('GET tags'), count('GET manifests'), count('GET blobs'), paths.length],
      [1, 100, 50, 151],
    );
    const lastName = paths.lastIndexOf('GET manifests');
    const firstConfig = paths.indexOf('GET blobs');
    assert.ok(lastName < firstConfig, 'Configs come behind the first answer');
    proxy.forget();
    await browser.children(repository);
    for (const child of children) {
      await browser.complete(child);
      assert.ok((await browser.children(child)).length > 0);
    }
    assert.deepEqual(proxy.exchanges, []);
    browser.dispose();
  });

  it('ends reads of configs when it is collapsed, and goes on when it is expanded', async () => {
    const browser = browsing(remote.registry);
    const repository = repositoryOf(browser);
    proxy.forget();
    proxy.hold(/\/blobs\//);
    const children = await browser.children(repository);
    await eventually(() => proxy.exchanges.filter(({ path }) => path.includes('/blobs/')).length === 2);
    const tag = children.find((node) => node.kind === 'tag' && node.tag === 'bundle');
    const nameOf = (): string => {
      const found = tag && browser.named(tag);
      return found && 'type' in found ? found.type.name : '';
    };
    assert.equal(nameOf(), 'OCI image');
    browser.collapse(repository);
    await eventually(() => proxy.open === 0);
    proxy.release();
    assert.equal(nameOf(), 'OCI image');
    proxy.forget();
    await browser.children(repository);
    await eventually(() => nameOf() === 'imgpkg bundle');
    assert.deepEqual(
      proxy.exchanges.map(({ path }) => path.split('/').at(-2)),
      ['blobs', 'blobs'],
    );
    browser.dispose();
  });
});
