import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Node } from '../../../src/browse/node.ts';
import { Command } from '../../../src/contributions.ts';
import { layoutRegistry } from '../../../src/oci/layout/layoutRegistry.ts';
import { LayoutStore } from '../../../src/oci/layout/layoutStore.ts';
import { localRegistry } from '../../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import type { Registry, Repository, Store } from '../../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../../contract/content.ts';
import { eventually } from '../../support/browsing.ts';
import { commandServices, placeOf } from '../../support/commandServices.ts';
import { scriptedWindow } from '../../support/scriptedWindow.ts';
import { rawTar } from '../../support/tars.ts';

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0];
const { Uri } = (await import('vscode')) as unknown as { readonly Uri: object };
Object.assign(Uri, { file: (fsPath: string) => ({ scheme: 'file', fsPath }) });
const { registerExport } = await import('../../../src/commands/export.ts');
const { registerImport } = await import('../../../src/commands/import.ts');
const { transfers } = await import('../../../src/host/withTransfer.ts');
const window = scriptedWindow(vscode);

const config = content(MediaType.empty, '{}');

async function push(store: Store, made: Content, tag?: string): Promise<Content> {
  await store.push(made.descriptor, bodyOf(made.bytes), { tag });
  return made;
}

async function pushOne(store: Store, text: string, tag?: string, subject?: Content): Promise<Content> {
  const layer = await push(store, content('text/plain', text));
  await push(store, config);
  const more = subject ? { subject: subject.descriptor, artifactType: 'text/about' } : {};
  return push(store, manifestOf(config, [layer], more), tag);
}

const uri = (fsPath: string): object => ({ scheme: 'file', fsPath });

async function only(path: string): Promise<Repository> {
  const registry = await layoutRegistry(path);
  const [name = ''] = (await registry.repositories()).items;
  return registry.repository(name);
}

let work: string;
let count = 0;
before(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-archives-'));
});
after(() => rm(work, { recursive: true }));

interface Fixture {
  readonly folder: string;
  readonly here: Registry;
  readonly node: (repository: string, ref?: string) => Node;
}

async function fixture(t: TestContext): Promise<Fixture> {
  const folder = join(work, String(count++));
  await mkdir(folder);
  const here = localRegistry(join(folder, 'here'));
  const made = commandServices([placeOf(here, 'Here', join(folder, 'here'))]);
  t.after(() => made.dispose());
  registerExport(made.services);
  registerImport(made.services);
  const node = (repository: string, ref?: string): Node => {
    const found = made.services.browser.locate('Here', repository, ref);
    assert.ok(found);
    return found;
  };
  return { folder, here, node };
}

describe('Export…', () => {
  beforeEach(() => window.script());

  it('writes a tar, with what is attached when told so, and opens it', async (t) => {
    const { folder, here, node } = await fixture(t);
    const store = here.repository('team/app');
    const root = await pushOne(store, 'content', 'v1');
    const sbom = await pushOne(store, 'sbom', undefined, root);
    for (const [wish, expected] of [
      ['Without Referrers', []],
      ['With Referrers', [sbom.descriptor.digest]],
    ] as const) {
      const file = join(folder, `${wish}.tar`);
      window.script('Tar of an OCI Layout', wish, { uris: uri(file) }, 'Open Layout');
      await window.run(Command.exportLayout, node('team/app', 'v1'));
      await eventually(() => window.executed.length > 0);
      assert.deepEqual(window.executed, [[Command.openLayout, uri(file)]]);
      assert.equal(window.shown.at(-1)?.title, `Exported Here/team/app:v1 to ${wish}.tar`);
      const written = await only(file);
      assert.equal((await written.resolve('v1')).digest, root.descriptor.digest);
      const { items } = await written.referrers(root.descriptor);
      assert.deepEqual(
        items.map(({ digest }) => digest),
        expected,
      );
    }
  });

  it('writes several tags to one layout, those of one name by their repository, too', async (t) => {
    const { folder, here, node } = await fixture(t);
    const roots = [
      await pushOne(here.repository('team/app'), 'app', 'v1'),
      await pushOne(here.repository('team/web'), 'web', 'v1'),
      await pushOne(here.repository('team/web'), 'web 2', 'v2'),
    ];
    const nodes = [node('team/app', 'v1'), node('team/web', 'v1'), node('team/web', 'v2')];
    for (const path of [join(folder, 'all.tar'), join(folder, 'all')]) {
      await window.run(Command.exportLayout, nodes[0], nodes, uri(path));
      const written = await only(path);
      for (const [at, tag] of ['app-v1', 'web-v1', 'v2'].entries()) {
        assert.equal((await written.resolve(tag)).digest, roots[at]?.descriptor.digest);
      }
    }
  });

  it('adds to the layout that is there, and asks before a tag of it points elsewhere', async (t) => {
    const { folder, here, node } = await fixture(t);
    const root = await pushOne(here.repository('app'), 'content', 'v1');
    const layout = new LayoutStore(join(folder, 'layout'));
    const other = await pushOne(layout, 'other', 'v1');
    await pushOne(layout, 'kept', 'v0');
    const answers = ['Folder with an OCI Layout', 'Without Referrers'];
    const chosen = { uris: [uri(join(folder, 'layout'))] };
    window.script(...answers, chosen, 'Escape');
    await window.run(Command.exportLayout, node('app', 'v1'));
    assert.match(window.shown.at(-1)?.detail ?? '', new RegExp(other.descriptor.digest));
    assert.equal((await layout.resolve('v1')).digest, other.descriptor.digest);
    window.script(...answers, chosen, 'Overwrite');
    await window.run(Command.exportLayout, node('app', 'v1'));
    assert.equal((await layout.resolve('v1')).digest, root.descriptor.digest);
    assert.deepEqual((await layout.tags()).items, ['v0', 'v1']);
  });

  it('makes a folder of its own in one that holds other things', async (t) => {
    const { folder, here, node } = await fixture(t);
    const root = await pushOne(here.repository('team/app'), 'content', 'v1');
    const target = join(folder, 'documents');
    await mkdir(target);
    await writeFile(join(target, 'mine.txt'), 'mine');
    window.script('Folder with an OCI Layout', 'Without Referrers', { uris: [uri(target)] });
    await window.run(Command.exportLayout, node('team/app', 'v1'));
    assert.deepEqual((await readdir(target)).sort(), ['app-v1', 'mine.txt']);
    assert.equal((await (await only(join(target, 'app-v1'))).resolve('v1')).digest, root.descriptor.digest);
  });

  it('leaves nothing, and what was there, when content is missing', async (t) => {
    const { folder, here, node } = await fixture(t);
    const layer = content('text/plain', 'missing');
    const store = here.repository('app');
    await push(store, layer);
    await push(store, config);
    await push(store, manifestOf(config, [layer]), 'v1');
    await rm(join(folder, 'here/app/blobs/sha256', layer.descriptor.digest.slice(7)));
    const file = join(folder, 'old.tar');
    await writeFile(file, 'old');
    await window.run(Command.exportLayout, node('app', 'v1'), undefined, uri(file));
    await eventually(() => window.shown.at(-1)?.kind === 'message');
    assert.match(window.shown.at(-1)?.title ?? '', /does not have it/);
    assert.equal(await readFile(file, 'utf8'), 'old');
    assert.deepEqual((await readdir(folder)).sort(), ['here', 'old.tar']);
    const [failed] = transfers.all();
    assert.deepEqual(
      [failed?.kind, failed?.state, failed?.label, failed?.where],
      ['export', 'failed', 'app:v1', file],
    );
    await push(store, layer);
    await failed?.retry?.();
    assert.equal(transfers.all()[0]?.state, 'done');
    assert.ok(await only(file));
  });
});

describe('Import…', () => {
  beforeEach(() => window.script());

  it('brings what was exported, to where the row that was clicked is', async (t) => {
    const { folder, here, node } = await fixture(t);
    const root = await pushOne(here.repository('app'), 'content', 'v1');
    const sbom = await pushOne(here.repository('app'), 'sbom', undefined, root);
    for (const [at, path] of [join(folder, 'x.tar'), join(folder, 'x')].entries()) {
      await window.run(Command.exportLayout, node('app', 'v1'), undefined, uri(path));
      const kind = at === 0 ? 'Tar of an OCI Layout, or Docker Archive…' : 'Folder with an OCI Layout…';
      const repository = `imported/${at}`;
      window.script(kind, { uris: [uri(path)] }, 'v1', 'Import');
      await window.run(Command.importLayout, node(repository));
      const store = here.repository(repository);
      assert.equal((await store.resolve('v1')).digest, root.descriptor.digest);
      assert.deepEqual(
        (await store.referrers(root.descriptor)).items.map(({ digest }) => digest),
        [sbom.descriptor.digest],
      );
      assert.match(window.shown.at(-2)?.detail ?? '', /An OCI layout: everything keeps its digest/);
      assert.match(
        window.shown.at(-1)?.title ?? '',
        /^Imported x(?:\.tar)? to Here\/imported\/\d:v1, digest /,
      );
      assert.deepEqual(
        transfers
          .all()
          .slice(0, 2)
          .map(({ kind, state, label, where, bytes, total }) => [
            kind,
            state,
            label,
            where,
            bytes > 0,
            bytes >= total,
          ]),
        [
          ['import', 'done', basename(path), `Here/${repository}:v1`, true, true],
          ['export', 'done', 'app:v1', path, true, true],
        ],
      );
    }
  });

  it('says what becomes of an archive of docker, and suggests the repository it was of', async (t) => {
    const { folder, here } = await fixture(t);
    const layer = content(MediaType.layerTar, 'layer');
    const image = JSON.stringify({ rootfs: { type: 'layers', diff_ids: [layer.descriptor.digest] } });
    const images = ['1', '2'].map((tag) => ({
      Config: 'c',
      RepoTags: [`registry.example/team/app:${tag}`],
      Layers: ['l'],
    }));
    const file = join(folder, 'docker.tar');
    await writeFile(
      file,
      rawTar([
        { name: 'c', content: image },
        { name: 'l', content: 'layer' },
        { name: 'manifest.json', content: JSON.stringify(images) },
      ]),
    );
    window.script(['1'], 'Here', { typed: 'team/app' }, { typed: 'one' }, 'Import');
    await window.run(Command.importLayout, uri(file));
    const [, , repository, , question] = window.shown;
    assert.equal(repository?.choices[0], 'team/app');
    assert.match(question?.detail ?? '', /^An archive of docker save: .* an OCI manifest is made of them\./);
    const { bytes, descriptor } = await here.repository('team/app').manifest('one');
    assert.equal(descriptor.mediaType, MediaType.manifest);
    assert.ok(question?.detail.includes(`one: ${descriptor.digest}`));
    assert.ok(Buffer.from(bytes).includes(layer.descriptor.digest));
    assert.deepEqual((await here.repository('team/app').tags()).items, ['one']);
  });

  it('names what it overwrites, and what it cannot read', async (t) => {
    const { folder, here, node } = await fixture(t);
    await pushOne(here.repository('app'), 'new', 'v1');
    const old = await pushOne(here.repository('other'), 'old', 'v1');
    const file = join(folder, 'x.tar');
    await window.run(Command.exportLayout, node('app', 'v1'), undefined, uri(file));
    window.script('Here', 'other', 'v1', 'Escape');
    await window.run(Command.importLayout, uri(file));
    assert.equal(window.shown.at(-1)?.title, 'Import x.tar to Here/other:v1 and overwrite what is there?');
    assert.match(window.shown.at(-1)?.detail ?? '', new RegExp(`no more to ${old.descriptor.digest}`));
    assert.equal((await here.repository('other').resolve('v1')).digest, old.descriptor.digest);
    for (const [name, bytes, text] of [
      ['text.tar', Buffer.from('no tar'.padEnd(2048)), /^The archive is damaged/],
      ['else.tar', rawTar([{ name: 'readme', content: 'x' }]), /has no index\.json/],
      ['gone.tar', undefined, /is not there any more/],
    ] as const) {
      if (bytes) {
        await writeFile(join(folder, name), bytes);
      }
      window.script();
      await window.run(Command.importLayout, uri(join(folder, name)));
      await eventually(() => window.shown.at(-1)?.kind === 'message');
      assert.match(window.shown.at(-1)?.title ?? '', text);
    }
  });

  it('leaves no tag of what was tampered with, or is there in part', async (t) => {
    const { folder, here, node } = await fixture(t);
    await pushOne(here.repository('app'), 'content', 'v1');
    const file = join(folder, 'x.tar');
    await window.run(Command.exportLayout, node('app', 'v1'), undefined, uri(file));
    const whole = await readFile(file, 'latin1');
    const name = content('text/plain', 'content').descriptor.digest.slice(7);
    for (const [at, [from, to, text]] of [
      ['content\0', 'CONTENT\0', /is not what its digest names/],
      [`blobs/sha256/${name}`, `blobs/sha256/${'0'.repeat(64)}`, /does not have it/],
    ].entries() as Iterable<[number, readonly [string, string, RegExp]]>) {
      assert.ok(whole.includes(from));
      const bad = join(folder, `bad${at}.tar`);
      await writeFile(bad, whole.replace(from, to), 'latin1');
      window.script('Here', { typed: 'bad' }, 'v1', 'Import');
      await window.run(Command.importLayout, uri(bad));
      await eventually(() => window.shown.at(-1)?.kind === 'message');
      assert.match(window.shown.at(-1)?.title ?? '', text);
      assert.deepEqual((await here.repository('bad').tags()).items, []);
    }
  });
});
