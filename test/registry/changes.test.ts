import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import '../support/vscodeStub.ts';
import { builtInTable } from '../../src/artifacts/table.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import { Command } from '../../src/contributions.ts';
import type { Services } from '../../src/host/services.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Registry, Repository } from '../../src/oci/store.ts';
import { content, manifestOf } from '../contract/content.ts';
import { anonymous, browsing, eventually } from '../support/browsing.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';

const vscode = (await import('vscode')) as unknown as Readonly<
  Record<'window' | 'commands' | 'workspace', object>
>;
const { registerAnnotate } = await import('../../src/commands/annotate.ts');
const { registerAttach } = await import('../../src/commands/attach.ts');
const { registerCreateIndex } = await import('../../src/commands/createIndex.ts');
const { registerDelete } = await import('../../src/commands/delete.ts');
const { registerDetach } = await import('../../src/commands/detach.ts');
const { registerUndo } = await import('../../src/commands/undo.ts');
const { registerUntag } = await import('../../src/commands/untag.ts');

/** What a person does next: chooses a row, types, presses a button. */
type Answer =
  | { readonly pick: RegExp }
  | { readonly type: string }
  | { readonly press: string }
  | { readonly open: readonly string[] };

let answers: Answer[] = [];
/** Everything that was said, dialogs with their details. */
let said: string[] = [];
/** Repositories that were told to have changed. */
let changed: string[] = [];
const handlers = new Map<string, (...args: readonly unknown[]) => Promise<unknown>>();

function next<K extends string>(kind: K, where: string): Extract<Answer, Readonly<Record<K, unknown>>> {
  const answer = answers.shift();
  assert.ok(answer && kind in answer, `${where}: wanted ${kind}, got ${JSON.stringify(answer)}`);
  return answer as Extract<Answer, Readonly<Record<K, unknown>>>;
}

const nothing = (): void => undefined;
const message = (text: string, ...rest: readonly unknown[]): Promise<unknown> => {
  const [options] = rest;
  const detail = (options as { readonly detail?: string } | undefined)?.detail;
  said.push(detail === undefined ? text : `${text}\n${detail}`);
  const buttons = rest.filter((each) => typeof each === 'string');
  const [first] = answers;
  // What is only told is not answered.
  if (!first || !('press' in first) || !buttons.includes(first.press)) {
    return Promise.resolve(undefined);
  }
  answers.shift();
  return Promise.resolve(first.press);
};
interface Row {
  readonly label: string;
  readonly value?: unknown;
}
Object.assign(vscode.commands, {
  registerCommand: (id: string, run: (...args: readonly unknown[]) => Promise<unknown>) => {
    handlers.set(id, run);
    return { dispose: nothing };
  },
  executeCommand: () => Promise.resolve(undefined),
});
Object.assign(vscode.workspace, {
  getConfiguration: () => ({ get: () => 10, inspect: () => ({ defaultValue: 10 }) }),
});
Object.assign(vscode.window, {
  createOutputChannel: () => ({ error: nothing, warn: nothing, info: nothing, dispose: nothing }),
  showErrorMessage: message,
  showInformationMessage: message,
  showWarningMessage: message,
  showOpenDialog: () =>
    Promise.resolve(next('open', 'a dialog').open.map((fsPath) => ({ scheme: 'file', fsPath }))),
  withProgress: (_: object, task: (bar: object, token: object) => Promise<unknown>) =>
    task({ report: nothing }, { onCancellationRequested: () => ({ dispose: nothing }) }),
  createInputBox: () => {
    let accept = nothing;
    return {
      value: '',
      onDidChangeValue: nothing,
      onDidTriggerButton: nothing,
      onDidHide: nothing,
      onDidAccept: (listener: () => void) => (accept = listener),
      show(this: { value: string }) {
        this.value = next('type', 'a box').type;
        queueMicrotask(() => accept());
      },
      dispose: nothing,
    };
  },
  createQuickPick: () => {
    let accept = nothing;
    return {
      value: '',
      items: [] as readonly Row[],
      selectedItems: [] as readonly Row[],
      onDidChangeValue: nothing,
      onDidTriggerButton: nothing,
      onDidTriggerItemButton: nothing,
      onDidHide: nothing,
      onDidAccept: (listener: () => void) => (accept = listener),
      show(this: { items: readonly Row[]; selectedItems: readonly Row[]; value: string }) {
        const [first] = answers;
        if (first && 'type' in first) {
          this.value = next('type', 'a list').type;
        } else {
          const { pick } = next('pick', 'a list');
          const row = this.items.find(({ label }) => pick.test(label));
          assert.ok(row, `no ${String(pick)} among ${this.items.map(({ label }) => label).join(', ')}`);
          this.selectedItems = [row];
        }
        queueMicrotask(() => accept());
      },
      dispose: nothing,
    };
  },
});

for (const kind of ['distribution', 'distribution2', 'olareg'] as const satisfies readonly RegistryKind[]) {
  describe(`commands that change a registry (${kind})`, () => {
    let running: RunningRegistry;
    let remote: { readonly registry: Registry; stop(): Promise<void> };
    let store: Repository;
    let browser: Browser;
    let work: string;

    before(async () => {
      running = await startRegistry(kind);
      remote = anonymous(running.host);
      store = remote.registry.repository('team/app');
      work = await mkdtemp(join(tmpdir(), 'oci-changes-'));
      await writeFile(join(work, 'app.spdx.json'), '{"spdxVersion":"SPDX-2.3"}');
      await writeFile(join(work, 'README.md'), '# App');
      browser = browsing(remote.registry, { id: running.host, name: 'Reg', host: running.host });
      const places = browser.roots().map(({ place }) => place);
      const services = {
        browser,
        places: { all: () => places, get: (id: string) => places.find((place) => place.id === id) },
        events: { changed: { fire: ({ repository }: { repository: string }) => changed.push(repository) } },
        selection: { get: () => [] },
        types: { table: () => builtInTable },
        signal: new AbortController().signal,
      } as unknown as Services;
      for (const register of [
        registerAnnotate,
        registerAttach,
        registerCreateIndex,
        registerDelete,
        registerDetach,
        registerUndo,
        registerUntag,
      ]) {
        register(services);
      }
    });
    after(async () => {
      browser.dispose();
      await remote.stop();
      await running.stop();
      await rm(work, { recursive: true });
    });
    beforeEach(() => {
      said = [];
      changed = [];
    });
    afterEach(() => {
      assert.deepEqual(answers, []);
    });

    async function push(tag: string | undefined, platform: object, more: object = {}): Promise<Descriptor> {
      const config = content(MediaType.imageConfig, JSON.stringify(platform));
      await store.push(config.descriptor, bodyOf(config.bytes));
      const manifest = manifestOf(config, [config], more);
      await store.push(manifest.descriptor, bodyOf(manifest.bytes), { tag });
      return manifest.descriptor;
    }

    const row = (ref: string): Node => {
      const node = browser.locate(running.host, 'team/app', ref);
      assert.ok(node);
      return node;
    };

    /** The command on these rows, as the tree calls it. */
    async function run(id: string, refs: readonly string[], ...given: readonly Answer[]): Promise<void> {
      answers = [...given];
      const rows = refs.map(row);
      await handlers.get(id)?.(rows[0], rows);
      // What a message leads to goes on behind the command.
      await eventually(
        () => answers.length === 0 || said.some((text) => /cannot do this|went wrong/.test(text)),
      );
    }

    const isGone = async (ref: string): Promise<boolean> =>
      store.resolve(ref).then(
        () => false,
        (error: unknown) => isOciError(error, 'not-found'),
      );

    it('Attach File… attaches with the type that fits, Detach… takes off, and Undo puts back', async () => {
      const subject = await push('attached', { os: 'linux', architecture: 'amd64' });
      await run(
        Command.attach,
        ['attached'],
        { open: [join(work, 'app.spdx.json'), join(work, 'README.md')] },
        { pick: /^SPDX SBOM$/ },
        { type: 'note=ours' },
        { pick: /Continue/ },
        { press: 'Attach' },
      );
      assert.match(
        said[0] ?? '',
        /^Attach to Reg\/team\/app:attached\?\n• app\.spdx\.json .*\n• README\.md /,
      );
      assert.match(said[1] ?? '', /^Attached app\.spdx\.json, README\.md to Reg/);
      assert.deepEqual(changed, ['team/app']);
      const [referrer] = (await store.referrers(subject)).items;
      assert.ok(referrer);
      assert.equal(referrer.artifactType, 'application/spdx+json');
      assert.equal(referrer.annotations?.['note'], 'ours');
      const manifest = parseManifest((await store.manifest(referrer.digest)).bytes, MediaType.manifest);
      assert.deepEqual(manifest.kind === 'manifest' && manifest.layers.map(({ mediaType }) => mediaType), [
        'application/spdx+json',
        'text/markdown',
      ]);
      said = [];
      await run(Command.detach, [referrer.digest], { press: 'Detach' });
      assert.ok(said[0]?.includes(subject.digest), 'the dialog names the subject');
      await eventually(() => said.length > 1);
      assert.deepEqual((await store.referrers(subject)).items, []);
      assert.equal((await store.resolve('attached')).digest, subject.digest);
      await run(Command.undoDelete, []);
      assert.deepEqual(
        (await store.referrers(subject)).items.map(({ digest }) => digest),
        [referrer.digest],
      );
    });

    it('Detach… says of what is attached to nothing that it is', async () => {
      await push('alone', { os: 'linux', architecture: 'arm' });
      await run(Command.detach, ['alone']);
      assert.match(said.join(), /alone is attached to nothing/);
    });

    it('Untag… removes tags alone, or says that the registry does not; Undo gives them back', async () => {
      const { digest } = await push('one', { os: 'linux', architecture: 'one' });
      await store.tag(await store.resolve('one'), 'two');
      await store.tag(await store.resolve('one'), 'three');
      if (kind === 'distribution2') {
        await run(Command.untag, ['one', 'two'], { press: 'Delete Tags' });
        assert.match(said.at(-1) ?? '', /^Reg does not delete a tag alone/);
        assert.equal((await store.resolve('one')).digest, digest);
        return;
      }
      await run(Command.untag, ['one', 'two'], { press: 'Delete Tags' });
      assert.match(said[0] ?? '', /• one\n• two/);
      assert.deepEqual(
        [await isGone('one'), await isGone('two'), await isGone('three')],
        [true, true, false],
      );
      await run(Command.undoDelete, []);
      assert.match(said.at(-1) ?? '', /^Put back: one, two|^Put back: two, one/);
      assert.equal((await store.resolve('one')).digest, digest);
      assert.equal((await store.resolve('two')).digest, digest);
    });

    it('Delete… of several asks once, names what goes along, and Undo of the message puts all of it back', async () => {
      const first = await push('a', { os: 'linux', architecture: 'a' });
      await store.tag(first, 'a-too');
      const second = await push('b', { os: 'linux', architecture: 'b' });
      const given: Answer[] = [{ press: 'Delete' }, { press: 'Undo' }];
      // The one by its digest: then there is nothing to ask about tags alone.
      await run(Command.delete, [first.digest, 'b'], ...given);
      await eventually(() => said.some((text) => text.startsWith('Put back')));
      const [dialog = ''] = said;
      for (const named of [first.digest, second.digest, '• a\n', '• a-too', 'Undo']) {
        assert.ok(dialog.includes(named), named);
      }
      for (const [tag, { digest }] of Object.entries({ a: first, 'a-too': first, b: second })) {
        assert.equal((await store.resolve(tag)).digest, digest);
      }
    });

    it('Delete… of rows of two repositories asks once, and Undo puts an index and its manifest back', async () => {
      const inner = await push('inner', { os: 'linux', architecture: 'inner' });
      await run(
        Command.createIndex,
        ['inner'],
        { pick: /Continue/ },
        { pick: /Continue/ },
        { type: 'outer' },
      );
      await eventually(() => said.length > 0);
      said = [];
      const outer = await store.resolve('outer');
      const other = remote.registry.repository('team/other');
      const config = content(MediaType.imageConfig, '{"os":"linux","architecture":"other"}');
      await other.push(config.descriptor, bodyOf(config.bytes));
      const far = manifestOf(config, [config]);
      await other.push(far.descriptor, bodyOf(far.bytes), { tag: 'far' });
      const node = browser.locate(running.host, 'team/other', 'far');
      const rows = [row(inner.digest), row(outer.digest), node];
      answers = [{ press: 'Delete' }];
      await handlers.get(Command.delete)?.(rows[0], rows);
      await eventually(() => said.length > 2);
      for (const named of [inner.digest, outer.digest, far.descriptor.digest, 'Reg/team/other', '• outer']) {
        assert.ok(said[0]?.includes(named), named);
      }
      assert.deepEqual(await Promise.all([isGone('inner'), isGone('outer'), isGone(inner.digest)]), [
        true,
        true,
        true,
      ]);
      await assert.rejects(other.resolve('far'), (error) => isOciError(error, 'not-found'));
      // One repository after the other, the last first.
      await run(Command.undoDelete, []);
      await run(Command.undoDelete, []);
      assert.equal((await other.resolve('far')).digest, far.descriptor.digest);
      assert.equal((await store.resolve('outer')).digest, outer.digest);
      assert.equal((await store.resolve('inner')).digest, inner.digest);
    });

    it('Undo does not move a tag that is another by now', async () => {
      const first = await push('moved', { os: 'linux', architecture: 'first' });
      await run(Command.delete, [first.digest], { press: 'Delete' });
      await eventually(() => said.length > 1);
      const second = await push('moved', { os: 'linux', architecture: 'second' });
      await run(Command.undoDelete, []);
      assert.match(said.join(), /moved points to sha256:/);
      assert.equal((await store.resolve('moved')).digest, second.digest);
    });

    it('Undo says so when the registry has removed what was below', async () => {
      const lost = await push('lost', { os: 'linux', architecture: 'lost' });
      const { bytes } = await store.manifest('lost');
      const manifest = parseManifest(bytes, MediaType.manifest);
      assert.ok(manifest.kind === 'manifest' && manifest.config);
      await run(Command.delete, [lost.digest], { press: 'Delete' });
      await eventually(() => said.length > 1);
      const blob = `http://${running.host}/v2/team/app/blobs/${manifest.config.digest}`;
      assert.equal((await fetch(blob, { method: 'DELETE' })).status, 202);
      await run(Command.undoDelete, []);
      assert.match(said.join(), /cannot do this: the content below sha256:[0-9a-f]{64} is gone/);
      assert.equal(await isGone('lost'), true);
    });

    it('Create Index… makes one of the rows, with platforms that were edited', async () => {
      const amd64 = await push('amd64', { os: 'linux', architecture: 'amd64', 'x-salt': kind });
      const other = await push('other', { 'x-salt': kind });
      await run(
        Command.createIndex,
        ['amd64', 'other'],
        { pick: /no platform/ },
        { type: 'linux/arm64/v8' },
        { pick: /Continue/ },
        { pick: /Continue/ },
        { type: 'multi' },
      );
      await eventually(() => said.length > 0);
      const { descriptor, bytes } = await store.manifest('multi');
      const index = parseManifest(bytes, descriptor.mediaType);
      assert.deepEqual(
        index.kind === 'index' && index.manifests.map(({ digest, platform }) => [digest, { ...platform }]),
        [
          [amd64.digest, { architecture: 'amd64', os: 'linux' }],
          [other.digest, { architecture: 'arm64', os: 'linux', variant: 'v8' }],
        ],
      );
      assert.deepEqual(changed, ['team/app']);
    });

    it('Annotate… pushes a new manifest, and moves the tag when that is said', async () => {
      const before = await push('noted', { os: 'linux', architecture: 'noted' }, { annotations: { a: '1' } });
      const give = (move: RegExp): Answer[] => [{ type: 'b=2' }, { pick: /Continue/ }, { pick: move }];
      await run(Command.annotate, ['noted'], ...give(/by digest only/));
      await eventually(() => said.length > 0);
      assert.equal((await store.resolve('noted')).digest, before.digest);
      await run(Command.annotate, ['noted'], ...give(/Move the tag/));
      await eventually(() => said.length > 1);
      const { bytes, descriptor } = await store.manifest('noted');
      assert.notEqual(descriptor.digest, before.digest);
      assert.deepEqual({ ...parseManifest(bytes, descriptor.mediaType).annotations }, { a: '1', b: '2' });
      assert.equal(await isGone(before.digest), false);
    });
  });
}
