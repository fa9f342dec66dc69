import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Node } from '../../../src/browse/node.ts';
import type { Place } from '../../../src/browse/place.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { pageOf } from '../../../src/oci/pages.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { browsing, named } from '../../support/browsing.ts';

const { errorTitle, errorTitles } = await import('../../../src/host/errorTitle.ts');
const { treeItem } = await import('../../../src/views/treeItem.ts');
const { tooltipOf } = await import('../../../src/views/tooltip.ts');

type Item = ReturnType<typeof treeItem>;

async function pushed(
  store: MemoryStore,
  bytes: Uint8Array,
  mediaType: string,
  tag?: string,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

/** A chart, a signature of it, and an index of an image for two platforms with its attestation. */
async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const document = (more: object, tag?: string): Promise<Descriptor> => {
    const made = { schemaVersion: 2 as const, mediaType: MediaType.manifest, ...more };
    return pushed(store, encodeManifest(made), made.mediaType, tag);
  };
  const config = await pushed(store, Buffer.from('{}'), 'application/vnd.cncf.helm.config.v1+json');
  const layer = await pushed(
    store,
    Buffer.from('chart'),
    'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
  );
  const annotations = {
    'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
    'a](command:evil)': '[x](command:evil)',
  };
  const chart = await document({ config, layers: [layer], annotations }, '1.0.0');
  await document({
    config,
    layers: [],
    artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
    subject: chart,
  });
  const imageConfig = await pushed(store, Buffer.from('{"os":"linux"}'), MediaType.imageConfig);
  const image = await document({ config: imageConfig, layers: [] });
  const statement = await pushed(store, Buffer.from('{"in-toto":1}'), 'application/vnd.in-toto+json');
  const attestation = await document({ config: imageConfig, layers: [statement] });
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: [
      { ...image, platform: { os: 'linux', architecture: 'amd64' } },
      { ...image, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      {
        ...attestation,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': image.digest,
        },
      },
    ],
  });
  await pushed(store, index, MediaType.index, 'image');
  return store;
}

describe('a row of the tree', () => {
  let store: MemoryStore;

  before(async () => {
    store = await filled();
  });

  const tree = (more: Partial<Place> & Partial<Registry> = {}): Browser =>
    browsing(
      {
        kind: more.kind ?? 'remote',
        repository: () => store,
        repositories: more.repositories ?? ((op = {}) => Promise.resolve(pageOf(['team/app'], op))),
      },
      more,
    );

  /** Every node with its row, names come. */
  async function rows(browser: Browser, node: Node): Promise<(readonly [Node, Item])[]> {
    const children = await browser.children(node);
    await named(browser, children);
    const all: (readonly [Node, Item])[] = [];
    for (const child of children) {
      all.push([child, treeItem(child, browser)], ...(await rows(browser, child)));
    }
    return all;
  }

  const labelOf = ({ label }: Item): string => (typeof label === 'string' ? label : '');
  const flags = (item: Item | undefined): readonly string[] => (item?.contextValue ?? '').split(';');

  it('says its type first, has an icon, an id of its own and a whole spoken label', async () => {
    const browser = tree();
    const [root] = browser.roots();
    assert.ok(root);
    const all = [[root, treeItem(root, browser)] as const, ...(await rows(browser, root))];
    const kinds = new Set(all.map(([{ kind }]) => kind));
    for (const kind of ['place', 'group', 'repository', 'tag', 'manifest', 'blob', 'referrers'] as const) {
      assert.ok(kinds.has(kind), kind);
    }
    for (const [node, item] of all) {
      const said = `${node.id}: ${String(item.description)}`;
      assert.match(String(item.description), /^\p{L}/u, said);
      assert.ok(item.iconPath, said);
      if (node.kind !== 'note') {
        assert.equal(item.tooltip, undefined, 'It is found out when it is hovered');
      }
      const spoken = item.accessibilityInformation?.label ?? '';
      assert.ok(spoken.startsWith(labelOf(item)), said);
      assert.ok(spoken.length > labelOf(item).length, said);
    }
    assert.equal(new Set(all.map(([, { id }]) => id)).size, all.length);
    const texts = all.map(([, item]) => `${labelOf(item)} | ${String(item.description)}`);
    for (const [label, description] of [
      ['P', 'registry · p.example'],
      ['team', 'group'],
      ['app', 'repository'],
      ['1.0.0', 'Helm chart · 7 B · '],
      ['config', 'Helm chart config · 2 B'],
      ['layer 1', 'Chart archive · 5 B'],
      ['referrers', 'list'],
      ['image', 'Image index · 2 platforms'],
      ['linux/amd64', 'OCI image · '],
      ['linux/arm64/v8', 'OCI image · '],
      ['attestation', 'Build attestation'],
    ] as const) {
      assert.ok(
        texts.some((text) => text.startsWith(`${label} | ${description}`)),
        `${label} | ${description}\n${texts.join('\n')}`,
      );
    }
    assert.ok(!texts.some((text) => text.startsWith('unknown')));
    // What a repository holds is known only behind its tags; then it takes the place of the word.
    const repository = all.map(([node]) => node).find(({ kind }) => kind === 'repository');
    assert.ok(repository);
    const { description, accessibilityInformation } = treeItem(repository, browser);
    assert.equal(description, 'Helm chart');
    assert.equal(accessibilityInformation?.label, 'app, repository, Helm chart');
    browser.dispose();
  });

  it('says that it was not read where reads are counted, until it is', async () => {
    const browser = tree({ countsReads: true });
    const repository = browser.find('p', 'team/app');
    assert.ok(repository);
    const [tag] = await browser.children(repository);
    assert.ok(tag?.kind === 'tag');
    await named(browser, [tag]);
    const item = treeItem(tag, browser);
    assert.match(String(item.description), /^\S.* · not read yet/);
    assert.ok(flags(item).includes('unread'));
    const [root] = browser.roots();
    assert.match(String(root && treeItem(root, browser).description), /counts reads/);
    await browser.complete(tag);
    assert.match(String(treeItem(tag, browser).description), /^Helm chart · 7 B/);
    browser.dispose();
  });

  it('offers the remedies of a failure, and a click asks again', async () => {
    for (const [code, facts, remedies] of [
      ['unauthorized', { host: 'p.example' }, ['signIn']],
      ['plain-http-server', { host: 'p.example' }, ['useHttp']],
      ['tls-untrusted', { host: 'p.example' }, ['trustCertificate', 'diagnose', 'showLog']],
      ['unreachable', { host: 'p.example' }, ['refresh', 'diagnose', 'showLog']],
    ] as const) {
      const browser = tree({ repositories: () => Promise.reject(new OciError(code, 'No', facts)) });
      const [root] = browser.roots();
      const [failure] = root ? await browser.children(root) : [];
      assert.ok(failure?.kind === 'failure');
      const item = treeItem(failure, browser);
      assert.deepEqual(
        flags(item).filter((flag) => flag !== 'failure'),
        [...remedies].sort(),
      );
      assert.equal(item.command?.command, 'ociExplorer.refresh');
      assert.deepEqual(item.command.arguments, [failure]);
      assert.match(String(item.description), /^failure · .* · .*p\.example/);
      // What happened has room where a side bar has its usual width.
      assert.ok(labelOf(item).length < 24, labelOf(item));
      assert.match(item.accessibilityInformation?.label ?? '', /, failure, .*p\.example/);
      browser.dispose();
    }
  });

  it('says how many tags are folded, and a click shows them among the others', async () => {
    const { digest } = await store.resolve('1.0.0');
    const browser = tree();
    const repository = browser.find('p', 'team/app');
    assert.ok(repository);
    for (const [tags, text] of [
      [[`${digest.replace(':', '-')}.sig`], '1 tag folded'],
      [[digest.replace(':', '-')], '2 tags folded'],
    ] as const) {
      for (const tag of tags) {
        await store.tag(await store.resolve('1.0.0'), tag);
      }
      browser.refresh(repository);
      const note = (await browser.children(repository)).at(-1);
      assert.ok(note?.kind === 'note');
      const item = treeItem(note, browser);
      assert.equal(labelOf(item), text);
      assert.equal(item.command?.command, 'ociExplorer.toggleFoldedTags');
      assert.deepEqual(item.command.arguments, [repository]);
    }
    browser.setFolds(repository, !browser.folds(repository));
    const children = await browser.children(repository);
    assert.equal(children.filter(({ kind }) => kind === 'tag').length, 4);
    assert.ok(!children.some(({ kind }) => kind === 'note'));
    await store.untag(`${digest.replace(':', '-')}.sig`);
    await store.untag(digest.replace(':', '-'));
    browser.dispose();
  });

  it('says of every error what happened in a few words', () => {
    const codes = Object.keys(errorTitles) as (keyof typeof errorTitles)[];
    const said = codes.map((code) => errorTitle(new OciError(code, 'No', { status: 503 })));
    assert.deepEqual(
      said.filter((text) => text === '' || text.length > 24),
      [],
    );
  });

  it('says what to do where Local is empty', async () => {
    const browser = tree({ kind: 'local', repositories: (op = {}) => Promise.resolve(pageOf([], op)) });
    const [root] = browser.roots();
    assert.ok(root);
    const items = (await browser.children(root)).map((node) => treeItem(node, browser));
    assert.deepEqual(
      items.map(({ command }) => command?.command),
      ['ociExplorer.pushWorkspace'],
    );
    assert.deepEqual(items[0]?.command?.arguments, [root]);
    browser.dispose();
  });

  it('tells everything else when it is hovered, and nothing of a registry becomes a link', async () => {
    const browser = tree();
    const services = {
      browser,
      network: {
        scheme: () => 'https',
        trusted: () => undefined,
        rules: () => [],
        insecureBy: () => undefined,
        isEverInsecure: () => false,
      },
      accounts: { answered: () => undefined, isSignedIn: () => Promise.resolve(true) },
    } as unknown as Parameters<typeof tooltipOf>[1];
    const hover = async (node: Node | undefined): Promise<string> => {
      assert.ok(node);
      return (await tooltipOf(node, services, new AbortController().signal))?.value ?? '';
    };
    const [root] = browser.roots();
    const place = await hover(root);
    assert.match(place, /p\.example/);
    assert.match(place, /HTTPS/);
    assert.match(place, /signed in here/);
    const repository = browser.find('p', 'team/app');
    assert.match(await hover(repository), /p\.example\/team\/app/);
    const tag = browser.locate('p', 'team/app', '1.0.0');
    const text = await hover(tag);
    for (const part of [
      /^Helm chart/,
      /sha256:[0-9a-f]{64}/,
      /2026-01-01T00:00:00/,
      /config-media-type/,
      /\*\*Size\*\* 7 B\n/,
    ]) {
      assert.match(text, part);
    }
    assert.ok(!text.includes('](command:'), text);
    assert.ok(tag);
    const children = await browser.children(tag);
    for (const child of children) {
      assert.match(await hover(child), /sha256:[0-9a-f]{64}/);
    }
    browser.dispose();
  });

  it('counts a hundred thousand annotations and shows a few, of 3,000 manifests those there is room for', async () => {
    const many = new MemoryStore();
    const config = await pushed(many, Buffer.from('{}'), MediaType.empty);
    const document = { schemaVersion: 2 as const, mediaType: MediaType.manifest, config, layers: [] };
    const annotations = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`key-${at}`, 'own']));
    const image = await pushed(many, encodeManifest({ ...document, annotations }), MediaType.manifest, 'a');
    const listed = { ...image, annotations: { 'key-0': 'listed', other: 'listed' } };
    const manifests = Array.from({ length: 3000 }, () => listed);
    const index = encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests });
    await pushed(many, index, MediaType.index, 'many');
    const browser = tree({
      registry: {
        kind: 'remote',
        repository: () => many,
        repositories: () => Promise.resolve({ items: [] }),
      },
    });
    const tag = browser.locate('p', 'team/app', 'many');
    const children = tag ? await browser.children(tag) : [];
    assert.ok(children.length > 900 && children.length <= 1000);
    const more = children.find(({ kind }) => kind === 'more');
    assert.match(JSON.stringify(more && treeItem(more, browser).label), /open the document to see all/);
    const [child] = children;
    assert.ok(child);
    const services = { browser } as unknown as Parameters<typeof tooltipOf>[1];
    const text = (await tooltipOf(child, services, new AbortController().signal))?.value ?? '';
    assert.ok(text.length < 5000, String(text.length));
    assert.match(text, /\*\*Annotations\*\* 100001 in all/);
    assert.equal(text.match(/\*\*key-\d+\*\* own/g)?.length, 11, text);
    assert.match(text, /\*\*key-0\*\* own/);
    assert.match(text, /\*\*other\*\* listed/);
    browser.dispose();
  });
});
