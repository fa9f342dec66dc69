import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import '../support/vscodeStub.ts';
import type { Node } from '../../src/browse/node.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError, OciError } from '../../src/oci/errors.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Registry } from '../../src/oci/store.ts';
import { browsing, named } from '../support/browsing.ts';
import { pax, rawTar, type RawEntry } from '../support/tars.ts';

const { treeItem } = await import('../../src/views/treeItem.ts');

const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.manifest, layers: [] });
const digest = digestOf(Buffer.from(manifest));
const path = `blobs/${digest.replace(':', '/')}`;
const entry = (more: object = {}): object => ({
  mediaType: MediaType.manifest,
  digest,
  size: manifest.length,
  annotations: { 'org.opencontainers.image.ref.name': 'v1' },
  ...more,
});
const indexOf = (...manifests: readonly unknown[]): string => JSON.stringify({ schemaVersion: 2, manifests });
const marker = '{"imageLayoutVersion":"1.0.0"}';
const good: Readonly<Record<string, string>> = {
  'oci-layout': marker,
  'index.json': indexOf(entry()),
  [path]: manifest,
};

/** What the tree shows of a place, two levels down: labels, then what is said behind them. */
async function shown(registry: Registry): Promise<readonly string[]> {
  const browser = browsing(registry, { host: '/some/where' });
  const rows: string[] = [];
  const look = async (node: Node, depth: number): Promise<void> => {
    const children = await browser.children(node);
    assert.ok(children.length <= 1000);
    await named(browser, children);
    for (const child of children) {
      const { label, description } = treeItem(child, browser);
      const text = `${JSON.stringify(label)} ${String(description)}`;
      assert.ok(text.length < 1000, text);
      assert.doesNotMatch(text, /Something went wrong that should not/);
      rows.push(text);
      if (depth > 1) {
        await look(child, depth - 1);
      }
    }
  };
  for (const root of browser.roots()) {
    await look(root, 3);
  }
  browser.dispose();
  return rows;
}

describe('a layout that is not what it should be', () => {
  let work: string;
  let count = 0;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-hostile-'));
  });
  after(() => rm(work, { recursive: true }));

  async function layout(files: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(work, `layout${count++}`);
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    return folder;
  }

  async function tar(entries: readonly RawEntry[], end?: Uint8Array): Promise<string> {
    const file = join(work, `layout${count++}.tar`);
    await writeFile(file, rawTar(entries, end));
    return file;
  }

  const isGood = (rows: readonly string[]): boolean =>
    rows.some((row) => row.startsWith('"v1" Untyped artifact'));

  it('is shown where it is one', async () => {
    assert.ok(isGood(await shown(await layoutRegistry(await layout(good)))));
    const entries = Object.entries(good).map(([name, content]) => ({ name, content }));
    assert.ok(isGood(await shown(await layoutRegistry(await tar(entries)))));
  });

  for (const [name, text, told] of [
    ['not JSON', '{', /index\.json is not JSON/],
    ['empty', '', /index\.json is not JSON/],
    ['null', 'null', /index\.json is not an index/],
    ['a list', '[]', /index\.json is not an index/],
    ['a list of nothing', '{"manifests":{"0":1}}', /index\.json has no list of manifests/],
    [
      'nested without end',
      `{"manifests":${'['.repeat(1_000_000)}`,
      /index\.json is (?:not JSON|not an index)/,
    ],
  ] as const) {
    it(`says what is wrong with an index.json that is ${name}, once`, async () => {
      const folder = await layout({ ...good, 'index.json': text });
      const rows = await shown(await layoutRegistry(folder));
      const wrong = rows.filter((row) => row.includes('index.json'));
      assert.equal(wrong.length, 1, rows.join('\n'));
      assert.match(wrong[0] ?? '', told);
      assert.match(wrong[0] ?? '', /Choose a folder or tar with an oci-layout and an index\.json\./);
    });
  }

  it('shows what can be read beside what cannot', async () => {
    const odd: readonly unknown[] = [
      null,
      1,
      'x',
      [],
      {},
      entry({ digest: 'sha256:1' }),
      entry({ size: -1 }),
      entry({ size: 'many' }),
      entry({ annotations: [] }),
      entry({ mediaType: 7, annotations: { 'org.opencontainers.image.ref.name': '../../etc/passwd' } }),
      entry({ annotations: { 'org.opencontainers.image.ref.name': '\u202e$(zap)](command:x)' } }),
      entry({
        digest: digestOf(Buffer.from('missing')),
        annotations: { 'org.opencontainers.image.ref.name': 'gone' },
      }),
      entry({ size: manifest.length + 1, annotations: { 'org.opencontainers.image.ref.name': 'lies' } }),
    ];
    const folder = await layout({ ...good, 'index.json': indexOf(entry(), ...odd) });
    const rows = await shown(await layoutRegistry(folder));
    assert.ok(isGood(rows), rows.join('\n'));
    assert.ok(
      rows.some((row) => /^"gone" unreadable · .* does not have it/.test(row)),
      rows.join('\n'),
    );
  });

  it('does not trust a manifest of another size than its entry says', async () => {
    for (const size of [manifest.length - 1, manifest.length + 1]) {
      const folder = await layout({ ...good, 'index.json': indexOf(entry({ size })) });
      const rows = await shown(await layoutRegistry(folder));
      assert.ok(
        rows.some((row) => /^"v1" unreadable · Wrong size · The content is not as long/.test(row)),
        rows.join('\n'),
      );
    }
  });

  it('does not read an index.json, a manifest or a marker without end', async () => {
    const folder = await layout(good);
    await truncate(join(folder, 'index.json'), 10 * 1024 ** 3);
    const rows = await shown(await layoutRegistry(folder));
    assert.ok(
      rows.some((row) => /index\.json has 10737418240 bytes/.test(row)),
      rows.join('\n'),
    );
    const other = await layout(good);
    await truncate(join(other, path), 10 * 1024 ** 3);
    const told = await shown(await layoutRegistry(other));
    assert.ok(
      told.some((row) => /^"v1" unreadable · Too large · Too large to read safely/.test(row)),
      told.join('\n'),
    );
  });

  it('shows nothing through links: a list, a marker, a blob, a repository', async () => {
    const secret = await layout(good);
    for (const name of ['index.json', 'oci-layout']) {
      const folder = await layout(Object.fromEntries(Object.entries(good).filter(([each]) => each !== name)));
      await symlink(join(secret, name), join(folder, name));
      await assert.rejects(layoutRegistry(folder), (error) => isOciError(error, 'layout-invalid'));
    }
    const local = join(work, 'local');
    await mkdir(join(local, 'team'), { recursive: true });
    await symlink(secret, join(local, 'linked'));
    await symlink('..', join(local, 'team/round'));
    await symlink(local, join(local, 'team/self'));
    assert.deepEqual((await localRegistry(local).repositories()).items, []);
    for (const name of ['../layout0', '..', 'a/../../b', '/etc', 'a//b', 'A', 'a\\b', '']) {
      assert.throws(
        () => localRegistry(local).repository(name),
        (error) => isOciError(error, 'reference-invalid'),
      );
    }
  });

  const files = Object.entries(good).map(([name, content]): RawEntry => ({ name, content }));
  const [first, list, blob] = files as [RawEntry, RawEntry, RawEntry];
  const long = 'x'.repeat(5000);
  const tars: readonly (readonly [
    name: string,
    entries: readonly RawEntry[],
    isShown: boolean,
    end?: Uint8Array,
  ])[] = [
    ['of nothing', [], false],
    ['with an entry that goes on behind its end', [first, list, { ...blob, size: 2 ** 33 }], false],
    ['with a size below nothing', [first, { ...list, size: '\xff'.repeat(12) }, blob], false],
    ['with a size of everything', [first, { ...list, size: '777777777777' }, blob], false],
    ['with a size that is no number', [first, { ...list, size: 'many' }, blob], false],
    ['with an extended size that lies', [first, pax({ size: '1e99' }), list, blob], false],
    ['with an extended size below nothing', [first, pax({ size: '-512' }), list, blob], false],
    [
      'with an extended header that makes no sense',
      [{ name: 'x', flag: 'x', content: '0 a=b\n' }, ...files],
      false,
    ],
    ['with an extended header that lies', [{ name: 'x', flag: 'x', content: '99 a=b\n' }, ...files], true],
    [
      'with an extended header of 2 MB',
      [{ name: 'x', flag: 'x', content: ' '.repeat(2 ** 21) }, ...files],
      false,
    ],
    [
      'with names that lead out',
      [...files, { name: '../../etc/passwd', content: 'x' }, { name: '/etc/x' }],
      true,
    ],
    ['with a name of 5,000 letters', [pax({ path: long }), { name: 'x' }, ...files], true],
    ['that ends before its end', files, true, Buffer.alloc(0)],
    [
      'with something behind its end',
      files,
      true,
      Buffer.concat([Buffer.alloc(1024), Buffer.alloc(3000, 1)]),
    ],
    [
      'with links in the place of its files',
      [first, list, { ...blob, content: '', flag: '2', target: '/etc/passwd' }],
      false,
    ],
    ['with a list that is there twice', [first, { name: 'index.json', content: '{' }, list, blob], true],
    [
      'with two layouts in it',
      files.flatMap((each) => [
        { ...each, name: `a/${each.name}` },
        { ...each, name: `b/${each.name}` },
      ]),
      false,
    ],
  ];
  for (const [name, entries, isShown, end] of tars) {
    it(`is a tar ${name}: ${isShown ? 'its layout is shown' : 'it is told what is wrong'}`, async () => {
      const file = await tar(entries, end);
      try {
        assert.equal(isGood(await shown(await layoutRegistry(file))), isShown);
      } catch (error) {
        assert.ok(error instanceof OciError, String(error));
        assert.ok(['archive-invalid', 'layout-invalid', 'unsupported'].includes(error.code), String(error));
        assert.equal(isShown, false, String(error));
      }
    });
  }
});
