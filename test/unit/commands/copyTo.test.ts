import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import type { Node } from '../../../src/browse/node.ts';
import { Command } from '../../../src/contributions.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { encodeManifest } from '../../../src/oci/goJson.ts';
import { localRegistry } from '../../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../src/oci/memory.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import type { Registry, Store } from '../../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../../contract/content.ts';
import { eventually } from '../../support/browsing.ts';
import { commandServices, placeOf, type CommandServices } from '../../support/commandServices.ts';
import { scriptedWindow } from '../../support/scriptedWindow.ts';

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0];
const { transfers } = await import('../../../src/host/withTransfer.ts');
const { registerCopyTo } = await import('../../../src/commands/copyTo.ts');
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

interface Fixture extends CommandServices {
  readonly here: Registry;
  readonly there: Registry;
  readonly node: (repository: string, ref?: string) => Node;
}

async function fixture(t: TestContext, from?: Registry, to?: Registry): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'oci-copy-to-'));
  t.after(() => rm(folder, { recursive: true }));
  const here = from ?? localRegistry(join(folder, 'here'));
  const there = to ?? localRegistry(join(folder, 'there'));
  const made = commandServices([
    placeOf(here, 'Here', join(folder, 'here')),
    placeOf(there, 'There', join(folder, 'there')),
  ]);
  t.after(() => made.dispose());
  registerCopyTo(made.services);
  const node = (repository: string, ref?: string): Node => {
    const found = made.services.browser.locate('Here', repository, ref);
    assert.ok(found);
    return found;
  };
  return { ...made, here, there, node };
}

describe('Copy To…', () => {
  beforeEach(() => window.script());

  it('copies a tag to a new repository of another place, and says so', async (t) => {
    const { here, there, node, changed } = await fixture(t);
    const { descriptor } = await pushOne(here.repository('team/app'), 'content', 'v1');
    window.script('There', { typed: 'copied/app' }, { typed: 'v2' }, 'Copy', 'Copy Reference');
    await window.run(Command.copyTo, node('team/app', 'v1'));
    await window.settled();
    assert.equal((await there.repository('copied/app').resolve('v2')).digest, descriptor.digest);
    const [where, repository, tag, question, done] = window.shown;
    assert.deepEqual(
      where?.choices.map((label) => label.replace(/^\S+ /, '')),
      ['Here', 'There'],
    );
    assert.equal(repository?.choices[0], 'team/app');
    assert.deepEqual(tag?.choices, ['v1']);
    assert.equal(question?.title, 'Copy Here/team/app:v1 to There/copied/app:v2?');
    assert.match(question.detail, new RegExp(descriptor.digest));
    assert.doesNotMatch(question.detail, /exists/);
    assert.match(
      done?.title ?? '',
      /^Copied Here\/team\/app:v1 to There\/copied\/app:v2, digest [0-9a-f]{12}$/,
    );
    assert.match(window.clipboard, /\/there\/copied\/app:v2$/);
    assert.deepEqual(changed, [{ place: 'There', repository: 'copied/app' }]);
  });

  it('names what would be overwritten, and leaves it when told so', async (t) => {
    const { here, there, node } = await fixture(t);
    await pushOne(here.repository('app'), 'new', 'v1');
    const old = await pushOne(there.repository('app'), 'old', 'v1');
    window.script('There', 'app', 'v1', 'Escape');
    await window.run(Command.copyTo, node('app', 'v1'));
    const question = window.shown.at(-1);
    assert.equal(question?.title, 'Overwrite There/app:v1 with Here/app:v1?');
    assert.match(question.detail, new RegExp(`no more to ${old.descriptor.digest}`));
    assert.equal((await there.repository('app').resolve('v1')).digest, old.descriptor.digest);
  });

  it('takes what is attached along only when told so', async (t) => {
    const { here, there, node } = await fixture(t);
    const root = await pushOne(here.repository('app'), 'content', 'v1');
    const sbom = await pushOne(here.repository('app'), 'sbom', undefined, root);
    for (const [button, expected] of [
      ['Copy', []],
      ['Copy with Referrers', [sbom.descriptor.digest]],
    ] as const) {
      window.script('There', { typed: 'app' }, 'v1', button);
      await window.run(Command.copyTo, node('app', 'v1'));
      const { items } = await there.repository('app').referrers(root.descriptor);
      assert.deepEqual(
        items.map(({ digest }) => digest),
        expected,
      );
    }
  });

  it('makes a new index of the platforms that stay marked, and says what its digest is', async (t) => {
    const { here, there, node } = await fixture(t);
    const store = here.repository('app');
    const children = [];
    for (const architecture of ['amd64', 'arm64', 's390x']) {
      const { descriptor } = await pushOne(store, architecture);
      children.push({ ...descriptor, platform: { os: 'linux', architecture } });
    }
    const index = content(
      MediaType.index,
      encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: children }),
    );
    await push(store, index, 'v1');
    window.script('There', { typed: 'app' }, 'v1', ['linux/amd64', 'linux/s390x'], 'Copy');
    await window.run(Command.copyTo, node('app', 'v1'));
    const { descriptor, bytes } = await there.repository('app').manifest('v1');
    const copied = parseManifest(bytes, descriptor.mediaType);
    assert.deepEqual(
      copied.kind === 'index' && copied.manifests.map(({ platform }) => platform?.architecture),
      ['amd64', 's390x'],
    );
    const question = window.shown.find(({ kind }) => kind === 'modal');
    assert.match(question?.detail ?? '', /Only linux\/amd64, linux\/s390x/);
    assert.match(
      question?.detail ?? '',
      new RegExp(`its digest is ${descriptor.digest} and not ${index.descriptor.digest}`),
    );
    // All of them are the index itself.
    window.script('There', 'app', 'v1', ['linux/amd64', 'linux/arm64', 'linux/s390x'], 'Copy');
    await window.run(Command.copyTo, node('app', 'v1'));
    assert.equal((await there.repository('app').resolve('v1')).digest, index.descriptor.digest);
  });

  it('copies all selected tags under their names, and tells how many it overwrites', async (t) => {
    const { here, there, node } = await fixture(t);
    const tags = ['v1', 'v2', 'v3'];
    for (const tag of tags) {
      await pushOne(here.repository('app'), tag, tag);
    }
    await pushOne(there.repository('app'), 'other', 'v2');
    const nodes = tags.map((tag) => node('app', tag));
    window.script('There', 'app', 'Copy');
    await window.run(Command.copyTo, nodes[0], nodes);
    for (const tag of tags) {
      assert.equal(
        (await there.repository('app').resolve(tag)).digest,
        (await here.repository('app').resolve(tag)).digest,
      );
    }
    assert.match(
      window.shown[2]?.title ?? '',
      /^Copy 3 items of Here\/app to There\/app and overwrite 1 tags\?$/,
    );
    assert.match(window.shown[2]?.detail ?? '', /^v2 exists/m);
  });

  it('asks for everything where no row is given, and takes a typed reference as the target', async (t) => {
    const { here, there } = await fixture(t);
    const { descriptor } = await pushOne(here.repository('app'), 'content', 'v1');
    window.script('Here', 'app', 'v1', { typed: 'There/typed/app:v7' }, 'v7', 'Copy');
    await window.run(Command.copyTo);
    assert.equal((await there.repository('typed/app').resolve('v7')).digest, descriptor.digest);
  });

  it('keeps the name of a tag that is dropped on a repository, and asks once', async (t) => {
    const { here, there, node, services } = await fixture(t);
    const { descriptor } = await pushOne(here.repository('app'), 'content', 'v1');
    const over = services.browser.locate('There', 'other');
    const source = node('app', 'v1');
    window.script('Copy');
    await window.run(Command.copyTo, source, [source], over);
    assert.equal((await there.repository('other').resolve('v1')).digest, descriptor.digest);
    assert.deepEqual(
      window.shown.map(({ kind }) => kind),
      ['modal', 'message'],
    );
  });

  it('goes on after one that fails, says which, and does that one again', async (t) => {
    const flaky = new Flaky();
    const { there, node } = await fixture(t, { kind: 'local', repository: () => flaky, repositories });
    await pushOne(flaky, 'good', 'v1');
    const layer = await push(flaky, content('text/flaky', 'content'));
    const { descriptor } = await push(flaky, manifestOf(config, [layer]), 'v2');
    const nodes = [node('app', 'v1'), node('app', 'v2')];
    window.script('There', { typed: 'app' }, 'Copy', 'Retry Failed');
    await window.run(Command.copyTo, nodes[0], nodes);
    const failure = window.shown.at(-1);
    assert.match(
      failure?.title ?? '',
      /^Copied 1 of 2\. Failed: Here\/app:v2\. The connection to .* broke\./,
    );
    assert.deepEqual(failure?.choices, ['Retry Failed', 'Show Log']);
    await eventually(() => window.shown.at(-1) !== failure);
    assert.match(window.shown.at(-1)?.title ?? '', /^Copied /);
    assert.equal((await there.repository('app').resolve('v2')).digest, descriptor.digest);
  });

  it('is in the list of transfers with its bytes, and from there what failed, and no more, is done again', async (t) => {
    const flaky = new Flaky();
    const { there, node } = await fixture(t, { kind: 'local', repository: () => flaky, repositories });
    await pushOne(flaky, 'good', 'v1');
    const layer = await push(flaky, content('text/flaky', 'content'));
    const { descriptor } = await push(flaky, manifestOf(config, [layer]), 'v2');
    const nodes = [node('app', 'v1'), node('app', 'v2')];
    window.script('There', { typed: 'again' }, 'Copy');
    await window.run(Command.copyTo, nodes[0], nodes);
    const [failed] = transfers.all();
    assert.deepEqual(
      [failed?.kind, failed?.state, failed?.what, failed?.where],
      ['copy', 'failed', '2 items of Here/app', 'There/again'],
    );
    assert.ok(failed && failed.bytes > 0 && failed.bytes < failed.total);
    await failed.retry?.();
    const [done, next] = transfers.all();
    assert.equal(done?.state, 'done');
    assert.equal(done.bytes, done.total);
    // v1 is not looked at again: the config that both have, and the layer that failed.
    assert.equal(done.blobs, 2);
    assert.notEqual(next, failed);
    assert.equal((await there.repository('again').resolve('v2')).digest, descriptor.digest);
  });

  it('ends when it is cancelled in the list of transfers, and leaves no tag', async (t) => {
    const { here, node, there } = await fixture(t, undefined, {
      kind: 'local',
      repository: () => stuck,
      repositories,
    });
    const stuck = new (class extends MemoryStore {
      override has(_: Descriptor, op: { readonly signal?: AbortSignal | undefined } = {}): Promise<boolean> {
        return new Promise((_resolve, reject) => {
          op.signal?.addEventListener('abort', () => reject(op.signal?.reason as Error));
          transfers.all()[0]?.cancel();
        });
      }
    })();
    await pushOne(here.repository('app'), 'content', 'v1');
    window.script('There', { typed: 'stuck' }, { typed: 'v1' }, 'Copy');
    await window.run(Command.copyTo, node('app', 'v1'));
    assert.equal(transfers.all()[0]?.state, 'cancelled');
    assert.deepEqual((await there.repository('stuck').tags()).items, []);
  });

  it('copies what was agreed to, and asks no more of what is there than whether it is', async (t) => {
    const src = new Counting();
    const dst = new Counting();
    const of = (store: Counting): Registry => ({ kind: 'local', repository: () => store, repositories });
    const { node } = await fixture(t, of(src), of(dst));
    const { descriptor } = await pushOne(src, 'content', 'v1');
    for (const expected of [
      ['dst has', 'dst push', 'dst resolve', 'src manifest'],
      ['dst resolve', 'src manifest'],
    ]) {
      src.calls = [];
      dst.calls = [];
      window.script('There', 'app', { typed: 'v1' }, 'Copy');
      await window.run(Command.copyTo, node('app', 'v1'));
      const calls = [...src.calls.map((name) => `src ${name}`), ...dst.calls.map((name) => `dst ${name}`)];
      // The box of the tag may ask for it, too, a moment after it opened.
      assert.deepEqual([...new Set(calls)].sort(), expected);
      assert.equal(src.calls.length, 1);
      assert.equal((await dst.resolve('v1')).digest, descriptor.digest);
    }
  });

  it('offers what helps where a single one fails', async (t) => {
    const flaky = new Flaky();
    const { node } = await fixture(t, { kind: 'local', repository: () => flaky, repositories });
    const layer = await push(flaky, content('text/flaky', 'content'));
    await push(flaky, config);
    await push(flaky, manifestOf(config, [layer]), 'v2');
    window.script('There', { typed: 'app' }, 'v2', 'Copy');
    await window.run(Command.copyTo, node('app', 'v2'));
    await eventually(() => window.shown.at(-1)?.kind === 'message');
    assert.deepEqual(window.shown.at(-1)?.choices, ['Diagnose', 'Show Log']);
  });
});

const repositories = (): ReturnType<Registry['repositories']> => Promise.resolve({ items: ['app'] });

class Counting extends MemoryStore {
  calls: string[] = [];

  override resolve(ref: string): ReturnType<MemoryStore['resolve']> {
    this.calls.push('resolve');
    return super.resolve(ref);
  }

  override manifest(ref: string): ReturnType<MemoryStore['manifest']> {
    this.calls.push('manifest');
    return super.manifest(ref);
  }

  override has(descriptor: Descriptor): Promise<boolean> {
    this.calls.push('has');
    return super.has(descriptor);
  }

  override push(...args: Parameters<MemoryStore['push']>): Promise<void> {
    this.calls.push('push');
    return super.push(...args);
  }
}

/** Breaks once. */
class Flaky extends MemoryStore {
  #isBroken = false;

  override async *fetch(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    if (descriptor.mediaType === 'text/flaky' && !this.#isBroken) {
      this.#isBroken = true;
      throw new OciError('connection-lost', 'broken', { host: 'here.example' });
    }
    yield* super.fetch(descriptor);
  }
}
