import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Node } from '../../../src/browse/node.ts';
import { Command } from '../../../src/contributions.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../../contract/content.ts';
import { commandServices, placeOf } from '../../support/commandServices.ts';
import { scriptedWindow } from '../../support/scriptedWindow.ts';

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0];
const { registerShowTags } = await import('../../../src/commands/showTags.ts');
const window = scriptedWindow(vscode);

class Asked extends MemoryStore {
  readonly asked: string[] = [];
  broken = (tag: string): boolean => tag === '';

  override resolve(ref: string): ReturnType<MemoryStore['resolve']> {
    this.asked.push(ref);
    return this.broken(ref)
      ? Promise.reject(new OciError('connection-lost', 'broken', { host: 'here.example' }))
      : super.resolve(ref);
  }
}

const config = content(MediaType.empty, '{}');

async function push(store: MemoryStore, text: string, ...tags: readonly string[]): Promise<Content> {
  const layer = content('text/plain', text);
  const manifest = manifestOf(config, [layer]);
  for (const { descriptor, bytes } of [config, layer, manifest]) {
    await store.push(descriptor, bodyOf(bytes));
  }
  for (const tag of tags) {
    await store.tag(manifest.descriptor, tag);
  }
  return manifest;
}

interface Fixture {
  readonly store: Asked;
  readonly revealed: unknown[];
  readonly node: (ref?: string) => Node;
  readonly refresh: (node: Node) => void;
}

function fixture(t: TestContext): Fixture {
  const store = new Asked();
  const registry: Registry = {
    kind: 'local',
    repository: () => store,
    repositories: () => Promise.resolve({ items: ['app'] }),
  };
  const made = commandServices([placeOf(registry, 'Here', 'here.example')]);
  const { services } = made;
  t.after(() => made.dispose());
  const revealed: unknown[] = [];
  Object.assign(services.events.reveal, { fire: (target: unknown) => revealed.push(target) });
  registerShowTags(services);
  return {
    store,
    revealed,
    node: (ref) => {
      const node = services.browser.locate('Here', 'app', ref);
      assert.ok(node);
      return node;
    },
    refresh: (node) => services.browser.refresh(node),
  };
}

const firstShown = () => {
  const [shown] = window.shown;
  assert.ok(shown);
  return shown;
};

describe('Show Tags of Manifest', () => {
  it('lists the tags of one digest in the order of versions, and goes to the one that is chosen', async (t) => {
    const { store, node, revealed } = fixture(t);
    await push(store, 'a', '1.10.0', '1.9.0', 'latest');
    await push(store, 'b', '2.0.0');
    window.script('1.9.0');
    await window.run(Command.showTags, node('latest'));
    await window.settled();
    const { choices, detail, title } = firstShown();
    assert.deepEqual([...choices].sort(), ['1.10.0', '1.9.0', 'latest']);
    assert.ok(choices.indexOf('1.10.0') < choices.indexOf('1.9.0'), choices.join(' '));
    assert.match(detail, /^3 of 4 tags point to [0-9a-f]{12}$/);
    assert.equal(title, 'Tags of Here/app:latest');
    assert.deepEqual(revealed, [{ place: 'Here', repository: 'app', ref: '1.9.0' }]);
  });

  it('asks nothing the second time, not for another digest either, until a row there is refreshed', async (t) => {
    const { store, node, refresh } = fixture(t);
    const first = await push(store, 'a', '1', 'latest');
    const second = await push(store, 'b', '2');
    const run = async (ref: string): Promise<readonly string[]> => {
      store.asked.length = 0;
      window.script('Escape');
      await window.run(Command.showTags, node(ref));
      await window.settled();
      return firstShown().choices.filter((label) => !label.includes('Look Again'));
    };
    assert.deepEqual([...(await run('latest'))].sort(), ['1', 'latest']);
    assert.equal(store.asked.length, 3);
    for (const [ref, tags] of [
      [first.descriptor.digest, ['1', 'latest']],
      [second.descriptor.digest, ['2']],
      ['2', ['2']],
    ] as const) {
      assert.deepEqual([...(await run(ref))].sort(), tags);
      assert.deepEqual(store.asked, []);
    }
    await store.tag(second.descriptor, 'latest');
    refresh(node('latest'));
    assert.deepEqual([...(await run('2'))].sort(), ['2', 'latest']);
    assert.equal(store.asked.length, 3);
    refresh(node());
    await run('2');
    assert.equal(store.asked.length, 3);
  });

  it('looks again where it is told to', async (t) => {
    const { store, node, revealed } = fixture(t);
    const first = await push(store, 'a', '1');
    window.script('Escape');
    await window.run(Command.showTags, node('1'));
    assert.ok(!firstShown().choices.some((label) => label.includes('Look Again')));
    await store.tag(first.descriptor, 'late');
    window.script('Look Again', 'late');
    await window.run(Command.showTags, node('1'));
    await window.settled();
    assert.deepEqual(
      window.shown.map(({ choices }) => choices),
      [
        ['1', '$(refresh) Look Again'],
        ['1', 'late'],
      ],
    );
    assert.deepEqual(revealed, [{ place: 'Here', repository: 'app', ref: 'late' }]);
  });

  it('says so where there is none, and where not all could be asked', async (t) => {
    const { store, node } = fixture(t);
    const untagged = await push(store, 'a');
    await push(store, 'b', '1', '2');
    window.script();
    await window.run(Command.showTags, node(untagged.descriptor.digest));
    assert.match(firstShown().title, /^No tag of Here\/app points to [0-9a-f]{12}; 2 were looked at\.$/);
    store.broken = (tag) => tag === '2';
    window.script('Look Again', 'Escape');
    await window.run(Command.showTags, node('1'));
    await window.settled();
    assert.match(window.shown[1]?.detail ?? '', /Not all tags could be looked at\.$/);
    // What could not be asked is asked the next time.
    store.broken = () => false;
    window.script('2');
    await window.run(Command.showTags, node('1'));
    assert.match(firstShown().detail, /^2 of 2/);
  });

  it('fails as the registry does where nothing can be asked', async (t) => {
    const { store, node } = fixture(t);
    await push(store, 'a', '1');
    store.broken = () => true;
    window.script();
    await window.run(Command.showTags, node('1'));
    assert.match(firstShown().title, /connection|Connection/);
  });
});
