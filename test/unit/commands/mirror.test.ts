import assert from 'node:assert/strict';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Node } from '../../../src/browse/node.ts';
import { Command } from '../../../src/contributions.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import type { Registry, Store } from '../../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../../contract/content.ts';
import { eventually } from '../../support/browsing.ts';
import { commandServices, placeOf } from '../../support/commandServices.ts';
import { scriptedWindow } from '../../support/scriptedWindow.ts';

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0];
const { registerMirror } = await import('../../../src/commands/mirror.ts');
const window = scriptedWindow(vscode);

const config = content(MediaType.empty, '{}');

async function push(store: Store, made: Content, tag?: string): Promise<Content> {
  await store.push(made.descriptor, bodyOf(made.bytes), { tag });
  return made;
}

async function pushOne(
  store: Store,
  text: string,
  tag?: string,
  { subject, type = 'text/plain' }: { readonly subject?: Content; readonly type?: string } = {},
): Promise<Content> {
  const layer = await push(store, content(type, text));
  await push(store, config);
  const more = subject ? { subject: subject.descriptor, artifactType: 'text/about' } : {};
  return push(store, manifestOf(config, [layer], more), tag);
}

/** Breaks until it is mended. */
class Flaky extends MemoryStore {
  isBroken = true;

  override async *fetch(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    if (descriptor.mediaType === 'text/flaky' && this.isBroken) {
      this.isBroken = false;
      throw new OciError('connection-lost', 'broken', { host: 'here.example' });
    }
    yield* super.fetch(descriptor);
  }
}

interface Fixture {
  readonly src: Flaky;
  readonly dst: MemoryStore;
  readonly node: Node;
}

function fixture(t: TestContext): Fixture {
  const [src, dst] = [new Flaky(), new MemoryStore()];
  const registry = (store: Store): Registry => ({
    kind: 'local',
    repository: () => store,
    repositories: () => Promise.resolve({ items: ['app'] }),
  });
  const made = commandServices([
    placeOf(registry(src), 'Here', 'here.example'),
    placeOf(registry(dst), 'There', 'there.example'),
  ]);
  t.after(() => made.dispose());
  registerMirror(made.services);
  const node = made.services.browser.locate('Here', 'app');
  assert.ok(node);
  return { src, dst, node };
}

async function tagsOf(store: Store): Promise<readonly string[]> {
  return (await store.tags({ limit: 1000 })).items;
}

describe('Mirror Repository…', () => {
  beforeEach(() => window.script());

  it('says how many tags are new, there, and overwritten, and leaves alone what is there', async (t) => {
    const { src, dst, node } = fixture(t);
    for (const tag of ['1', '2', '3', '4']) {
      await pushOne(src, tag, tag);
    }
    await pushOne(dst, '1', '1');
    await pushOne(dst, 'other', '2');
    const before = await dst.resolve('1');
    window.script('All Tags', 'There', 'app', 'Mirror');
    await window.run(Command.mirror, node);
    const question = window.shown.find(({ kind }) => kind === 'modal');
    assert.equal(question?.title, 'Mirror Here/app to There/app? Tags to copy: 3');
    for (const line of [
      'Chosen: 4 of 4 tags',
      'New there: 2',
      'There already with the same content, and skipped: 1',
      'There with other content, and overwritten: 1\n• 2',
    ]) {
      assert.ok(question.detail.includes(line), `${line} of ${question.detail}`);
    }
    for (const tag of ['1', '2', '3', '4']) {
      assert.equal((await dst.resolve(tag)).digest, (await src.resolve(tag)).digest);
    }
    assert.deepEqual(await dst.resolve('1'), before);
    assert.equal(window.shown.at(-1)?.title, 'Mirrored Here/app to There/app. Tags copied: 3');
  });

  it('takes the tags that fit a pattern, or the newest versions', async (t) => {
    const { src, dst, node } = fixture(t);
    for (const tag of ['1.0.0', '1.1.0', '1.2.0', 'edge', 'edge-alpine']) {
      await pushOne(src, tag, tag);
    }
    window.script('Newest Versions…', { typed: '2' }, 'There', 'app', 'Mirror');
    await window.run(Command.mirror, node);
    assert.deepEqual(await tagsOf(dst), ['1.1.0', '1.2.0']);
    window.script('Tags by Name…', { typed: 'edge*' }, 'There', 'app', 'Mirror');
    await window.run(Command.mirror, node);
    assert.deepEqual(await tagsOf(dst), ['1.1.0', '1.2.0', 'edge', 'edge-alpine']);
  });

  it('brings what was attached meanwhile to tags that are there', async (t) => {
    const { src, dst, node } = fixture(t);
    const root = await pushOne(src, 'content', '1');
    window.script('All Tags', 'There', 'app', 'Mirror with Referrers');
    await window.run(Command.mirror, node);
    const sbom = await pushOne(src, 'sbom', undefined, { subject: root });
    window.script('All Tags', 'There', 'app', 'Mirror with Referrers');
    await window.run(Command.mirror, node);
    const question = window.shown.find(({ kind }) => kind === 'modal');
    assert.match(question?.title ?? '', /^All chosen tags of Here\/app are in There\/app already\./);
    assert.deepEqual(question?.choices, ['Mirror with Referrers']);
    assert.deepEqual(
      (await dst.referrers(root.descriptor)).items.map(({ digest }) => digest),
      [sbom.descriptor.digest],
    );
  });

  it('goes on after a tag that fails, says which, and does only that one again', async (t) => {
    const { src, dst, node } = fixture(t);
    await pushOne(src, 'a', 'a');
    const { descriptor } = await pushOne(src, 'b', 'b', { type: 'text/flaky' });
    await pushOne(src, 'c', 'c');
    window.script('All Tags', 'There', 'app', 'Mirror', 'Retry Failed');
    await window.run(Command.mirror, node);
    const failure = window.shown.find(({ choices }) => choices.includes('Retry Failed'));
    assert.match(failure?.title ?? '', /^Copied 2 of 3\. Failed: b\. /);
    await eventually(() => window.shown.at(-1) !== failure);
    assert.equal(window.shown.at(-1)?.title, 'Mirrored Here/app to There/app. Tags copied: 1');
    assert.equal((await dst.resolve('b')).digest, descriptor.digest);
  });

  it('asks for the repository where no row is given, and writes nothing when left', async (t) => {
    const { src, dst } = fixture(t);
    await pushOne(src, 'a', 'a');
    window.script('Here', 'app', 'All Tags', 'There', 'app', 'Escape');
    await window.run(Command.mirror);
    assert.equal(window.shown.at(-1)?.kind, 'modal');
    assert.deepEqual(await tagsOf(dst), []);
  });
});
