import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import '../support/vscodeStub.ts';
import manifest from '../../package.json' with { type: 'json' };
import { builtInTable } from '../../src/artifacts/table.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { Command, taskType } from '../../src/contributions.ts';
import { isOciError } from '../../src/oci/errors.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import type { Registry } from '../../src/oci/store.ts';
import type { PushRecipe } from '../../src/packaging/pushRecipe.ts';
import { content, manifestOf } from '../contract/content.ts';
import { commandServices, placeOf, type CommandServices } from '../support/commandServices.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { scriptedWindow } from '../support/scriptedWindow.ts';

interface Terminal {
  onDidWrite(listener: (text: string) => void): unknown;
  onDidClose(listener: (code: number) => void): unknown;
  open(): void;
  handleInput(keys: string): void;
}

interface PushTask {
  readonly name: string;
  readonly definition: object;
  readonly execution: { readonly callback: (definition: object) => Promise<Terminal> };
}

interface Provider {
  provideTasks(): Promise<readonly PushTask[]>;
  resolveTask(task: object): PushTask | undefined;
}

const vscode = (await import('vscode')) as unknown as Parameters<typeof scriptedWindow>[0] & {
  readonly tasks: object;
  readonly Uri: object;
  readonly window: { readonly showWarningMessage: (...args: readonly unknown[]) => Promise<unknown> };
};
const window = scriptedWindow(vscode);
const properties: Readonly<Record<string, { readonly default: unknown }>> =
  manifest.contributes.configuration.properties;
/** What a person set. */
const settings = new Map<string, unknown>();
const defaultOf = (name: string): unknown => properties[`ociExplorer.${name}`]?.default;
Object.assign(vscode.workspace, {
  isTrusted: true,
  asRelativePath: (file: string) => path.basename(file),
  getConfiguration: () => ({
    get: (name: string) => settings.get(name) ?? defaultOf(name),
    inspect: (name: string) => ({ defaultValue: defaultOf(name) }),
  }),
});
Object.assign(vscode.Uri, { file: (fsPath: string) => ({ scheme: 'file', fsPath }) });
let provider: Provider | undefined;
Object.assign(vscode.tasks, {
  registerTaskProvider: (type: string, given: Provider) => {
    assert.equal(type, taskType);
    provider = given;
  },
});

const { pushDialogs, registerPush } = await import('../../src/commands/push.ts');
const { registerPushFromRecipe } = await import('../../src/commands/pushFromRecipe.ts');
const { registerPushTask } = await import('../../src/commands/pushTask.ts');
const { registerSaveRecipe } = await import('../../src/commands/saveRecipe.ts');

describe('a push that is repeated', () => {
  const dispatcher = createDispatcher();
  let server: RunningRegistry;
  let registry: Registry;
  let made: CommandServices;
  let proxy: CountingProxy;
  let work: string;
  let folder: string;
  let decide: (text: string) => Promise<void> = () => Promise.reject(new Error('Nobody looks'));

  before(async () => {
    server = await startRegistry('distribution');
    work = await mkdtemp(path.join(tmpdir(), 'oci-recipe-'));
    folder = path.join(work, 'project');
    await mkdir(path.join(folder, 'docs'), { recursive: true });
    await writeFile(path.join(folder, 'package.json'), '{"name":"project","version":"1.0.0"}');
    await writeFile(path.join(folder, 'docs/index.md'), '# Docs\n');
    registry = remoteRegistry({
      host: server.host,
      scheme: 'http',
      dispatcher,
      credentials: () => Promise.resolve(undefined),
      userAgent: 'oci-explorer-test',
    });
    proxy = await startCountingProxy(server.host);
    const proxied = remoteRegistry({
      host: proxy.host,
      scheme: 'http',
      dispatcher,
      credentials: () => Promise.resolve(undefined),
      userAgent: 'oci-explorer-test',
    });
    made = commandServices([placeOf(registry, 'Work', server.host), placeOf(proxied, 'Counted', proxy.host)]);
    const state = new Map<string, unknown>();
    Object.assign(made.services, {
      types: { table: () => builtInTable },
      context: {
        globalStorageUri: { fsPath: path.join(work, 'storage') },
        workspaceState: {
          get: (key: string) => state.get(key),
          update: (key: string, value: unknown) => Promise.resolve(void state.set(key, value)),
        },
      },
    });
    const uri = { scheme: 'file', fsPath: folder };
    Object.assign(vscode.workspace, { workspaceFolders: [{ uri, name: 'project', index: 0 }] });
    const preview = { decide: (_where: string, text: string) => decide(text) };
    registerPush(made.services, preview);
    registerSaveRecipe(made.services);
    registerPushFromRecipe(made.services, pushDialogs(made.services, preview));
    registerPushTask(made.services);
  });
  after(async () => {
    made.dispose();
    await dispatcher.destroy();
    await proxy.stop();
    await server.stop();
    await rm(work, { recursive: true, force: true });
  });

  async function digestAt(tag: string): Promise<string | undefined> {
    try {
      return (await registry.repository('team/docs').manifest(tag)).descriptor.digest;
    } catch (error) {
      assert.ok(isOciError(error, 'not-found'), String(error));
      return undefined;
    }
  }

  const file = (): string => path.join(folder, '.oci/push.json');

  /** The recipe with something else in it. */
  async function change(differs: Partial<PushRecipe>): Promise<void> {
    const { recipes } = JSON.parse(await readFile(file(), 'utf8')) as { recipes: readonly PushRecipe[] };
    await writeFile(file(), JSON.stringify({ recipes: recipes.map((each) => ({ ...each, ...differs })) }));
  }

  async function runTask(task: PushTask): Promise<{ readonly code: number; readonly text: string }> {
    const terminal = await task.execution.callback(task.definition);
    let text = '';
    terminal.onDidWrite((more) => (text += more));
    const code = await new Promise<number>((resolve) => {
      terminal.onDidClose(resolve);
      terminal.open();
    });
    return { code, text };
  }

  it('is saved with what a person said, and without what the files say', async () => {
    window.script();
    await window.run(Command.savePushRecipe);
    assert.match(window.shown[0]?.title ?? '', /Nothing was pushed/);
    window.script(
      'Work',
      { typed: 'team/docs' },
      { typed: '1' },
      'Files',
      { typed: 'note=mine' },
      'Continue',
      'Push',
      'Save Recipe…',
    );
    await window.run(Command.pushWorkspace);
    await window.settled();
    assert.deepEqual(window.executed.at(-1), [Command.savePushRecipe]);
    window.script({ typed: 'docs' });
    await window.run(Command.savePushRecipe);
    assert.deepEqual(window.executed.at(-1), ['vscode.open', { scheme: 'file', fsPath: file() }]);
    assert.deepEqual(JSON.parse(await readFile(file(), 'utf8')), {
      recipes: [
        {
          name: 'docs',
          target: `${server.host}/team/docs:1`,
          type: 'application/vnd.oci-explorer.files.v1',
          annotations: { note: 'mine' },
          files: ['.'],
          keepFileTimes: false,
        },
      ],
    });
    // The same name again is asked about, and left as it is without an answer.
    const before = await readFile(file(), 'utf8');
    window.script({ typed: 'docs' }, 'Escape');
    await window.run(Command.savePushRecipe);
    assert.equal(await readFile(file(), 'utf8'), before);
  });

  it('has the same digest, and sends nothing before it is confirmed', async () => {
    const pushed = await digestAt('1');
    await change({ target: `${server.host}/team/docs:first` });
    window.script('Push');
    await window.run(Command.pushFromRecipe);
    const first = await digestAt('first');
    assert.ok(first);
    assert.equal(first, pushed, 'the recipe is no part of what it pushes');
    await change({ target: `${server.host}/team/docs:second` });
    window.script('Escape');
    await window.run(Command.pushFromRecipe);
    assert.equal(await digestAt('second'), undefined);
    window.script('Push');
    await window.run(Command.pushFromRecipe);
    assert.equal(window.shown[0]?.title, 'Push to Work/team/docs:second?');
    assert.equal(await digestAt('second'), first);
    const { stdout } = await runPeer('oras', [
      'manifest',
      'fetch',
      '--plain-http',
      `${server.host}/team/docs:second`,
    ]);
    const { annotations } = JSON.parse(stdout) as { annotations: Record<string, string> };
    assert.equal(annotations['note'], 'mine');
    assert.equal(annotations['org.opencontainers.image.version'], '1.0.0');
  });

  it('is packed before it is sent for who looks at it first, and sent as it was shown', async () => {
    await change({ target: `${server.host}/team/docs:looked` });
    const shown: string[] = [];
    decide = async (text) => {
      assert.equal(await digestAt('looked'), undefined, 'nothing is sent yet');
      shown.push((JSON.parse(text) as { digest: string }).digest);
      if (shown.length === 1) {
        throw new DOMException('Not now', 'AbortError');
      }
    };
    for (const expected of [undefined, await digestAt('first')]) {
      window.script('Show Preview');
      await window.run(Command.pushFromRecipe);
      await window.settled();
      assert.equal(await digestAt('looked'), expected);
    }
    assert.deepEqual(shown, Array(2).fill(await digestAt('first')));
    const left = await readdir(path.join(work, 'storage'));
    assert.ok(
      left.every((name) => !name.startsWith('push-')),
      String(left),
    );
  });

  it('is a task that asks nothing, prints the digest and ends with 0', async () => {
    await change({ target: `${server.host}/team/docs:task` });
    const [task] = (await provider?.provideTasks()) ?? [];
    assert.deepEqual(task?.definition, { type: taskType, task: 'push', recipe: 'docs' });
    window.script();
    const { code, text } = await runTask(task);
    assert.equal(code, 0, text);
    assert.equal(await digestAt('task'), await digestAt('first'));
    assert.ok(text.includes(`${await digestAt('first')}\r\n`), text);
    assert.match(text, /Layers: 1, there already: 1, \d+ B, sent: /);
    assert.deepEqual(window.shown, []);
    assert.equal(provider?.resolveTask({ definition: { type: taskType, task: 'pull' } }), undefined);
  });

  it('is refused as a task where nobody trusts the workspace, of a name that is none, and when it is given up', async () => {
    await change({ target: `${server.host}/team/docs:refused` });
    const task = (recipe: string): PushTask => {
      const found = provider?.resolveTask({ definition: { type: taskType, task: 'push', recipe } });
      assert.ok(found);
      return found;
    };
    Object.assign(vscode.workspace, { isTrusted: false });
    assert.deepEqual((await runTask(task('docs'))).code, 1);
    Object.assign(vscode.workspace, { isTrusted: true });
    const unknown = await runTask(task('gone\u001b[2J'));
    assert.equal(unknown.code, 1);
    assert.ok(!unknown.text.includes('\u001b'));
    const terminal = await task('docs').execution.callback({});
    const code = new Promise<number>((resolve) => terminal.onDidClose(resolve));
    terminal.open();
    terminal.handleInput('\u0003');
    assert.equal(await code, 1);
    assert.equal(await digestAt('refused'), undefined);
  });

  it('is saved with how its folders are packed, which is chosen behind the annotations, and repeats that', async () => {
    for (const part of ['one', 'two']) {
      await mkdir(path.join(folder, `parts/${part}`), { recursive: true });
      await writeFile(path.join(folder, `parts/${part}/text.txt`), part);
      await writeFile(path.join(folder, `parts/${part}/text.map`), part);
    }
    const target = ['Work', { typed: 'team/docs' }, { typed: 'parts' }] as const;
    window.script(
      ...target,
      'Files',
      'Split into Layers…',
      'by folder',
      'Compression…',
      'zstd',
      'Leave Out…',
      { typed: '*.map, /two/*.bin' },
      'Continue',
      'Push',
      'Save Recipe…',
    );
    await window.run(Command.pushWorkspace);
    await window.settled();
    const asked = window.shown.find(({ kind }) => kind === 'modal');
    assert.match(asked?.detail ?? '', /Files: 4, layers: 3/);
    assert.match(asked?.detail ?? '', /oras does not unpack its folders/);
    assert.match(asked?.detail ?? '', /Left out: 3, by .*your patterns/);
    window.script({ typed: 'parts' });
    await window.run(Command.savePushRecipe);
    const { recipes } = JSON.parse(await readFile(file(), 'utf8')) as { recipes: readonly PushRecipe[] };
    const saved = recipes.find(({ name }) => name === 'parts');
    assert.deepEqual(saved, {
      name: 'parts',
      target: `${server.host}/team/docs:parts`,
      type: 'application/vnd.oci-explorer.files.v1',
      files: ['.'],
      keepFileTimes: false,
      split: 'folders',
      compression: 'zstd',
      ignore: ['*.map', '/two/*.bin'],
    });
    const { bytes, descriptor } = await registry.repository('team/docs').manifest('parts');
    const { layers } = JSON.parse(Buffer.from(bytes).toString()) as {
      layers: readonly { mediaType: string; annotations: Record<string, string> }[];
    };
    assert.deepEqual(
      layers.map(({ mediaType, annotations }) => [annotations['org.opencontainers.image.title'], mediaType]),
      ['project', 'project/docs', 'project/parts'].map((title) => [
        title,
        'application/vnd.oci.image.layer.v1.tar+zstd',
      ]),
    );
    const other = { ...saved, target: `${server.host}/team/docs:again` };
    await writeFile(file(), JSON.stringify({ recipes: [other] }));
    window.script('Push');
    await window.run(Command.pushFromRecipe);
    assert.equal(await digestAt('again'), descriptor.digest);
    // The next push of the folder begins as this one was; a type that says what its layers are leaves nothing to choose.
    window.script(...target, 'Helm chart', 'Escape');
    await window.run(Command.pushWorkspace);
    const labels = window.shown.at(-1)?.choices ?? [];
    assert.ok(labels.some((label) => label.includes('Leave Out')));
    assert.ok(!labels.some((label) => /Split|Compression/.test(label)), labels.join('\n'));
    window.script(...target, 'Files', 'Compression…', 'gzip', 'Continue', 'Escape');
    await window.run(Command.pushWorkspace);
    assert.match(window.shown.at(-1)?.detail ?? '', /Files: 4, layers: 3/);
    assert.doesNotMatch(window.shown.at(-1)?.detail ?? '', /oras does not/);
    await writeFile(file(), JSON.stringify({ recipes: [{ ...other, type: 'helm-chart' }] }));
    window.script();
    await window.run(Command.pushFromRecipe);
    await window.settled();
    assert.match(window.shown.at(-1)?.title ?? '', /push\.json cannot be used/);
  });

  it('packs as the settings say where nothing else was chosen for the folder; one that says nonsense is none', async () => {
    const parts = path.join(folder, 'parts');
    const uri = { scheme: 'file', fsPath: parts };
    const { workspaceFolders } = vscode.workspace as { workspaceFolders?: unknown };
    Object.assign(vscode.workspace, { workspaceFolders: [{ uri, name: 'parts', index: 0 }] });
    try {
      for (const [split, compression, said] of [
        ['folders', 'none', /layers: 3[^]*oras does not unpack/],
        ['everything', 'brotli', /layers: 1, (?:(?!oras)[^])*$/],
      ] as const) {
        settings.set('push.split', split).set('push.compression', compression);
        window.script('Work', { typed: 'team/docs' }, { typed: 'set' }, 'Files', 'Continue', 'Escape');
        await window.run(Command.pushWorkspace);
        assert.match(window.shown.at(-1)?.detail ?? '', said);
      }
    } finally {
      settings.clear();
      Object.assign(vscode.workspace, { workspaceFolders });
    }
  });

  describe('to a tag that somebody else moves meanwhile', () => {
    const index = (): string => path.join(folder, 'docs/index.md');
    const question = (at: number): string =>
      window.shown.filter(({ kind }) => kind === 'modal')[at]?.title ?? '';

    /** Something else under a tag, as another person pushes it. */
    async function moved(tag: string): Promise<string> {
      const other = manifestOf(content(MediaType.empty, '{}'), [], { annotations: { at: tag } });
      await registry
        .repository('team/docs')
        .push(content(MediaType.empty, '{}').descriptor, bodyOf(Buffer.from('{}')));
      await registry.repository('team/docs').push(other.descriptor, bodyOf(other.bytes), { tag });
      return other.descriptor.digest;
    }

    async function order(tag: string): Promise<void> {
      const differs = { type: 'application/vnd.oci-explorer.files.v1', split: 'none', ignore: [] } as const;
      await change({ ...differs, target: `${proxy.host}/team/docs:${tag}` });
    }

    /** Pushes by the recipe; while the first question is open, `meanwhile` happens. */
    async function push(meanwhile: () => Promise<unknown>, ...answers: readonly string[]): Promise<void> {
      window.script(...answers);
      const ask = vscode.window.showWarningMessage;
      let isOpen = true;
      Object.assign(vscode.window, {
        showWarningMessage: async (...args: readonly unknown[]) => {
          if (isOpen) {
            isOpen = false;
            await meanwhile();
          }
          return ask(...args);
        },
      });
      try {
        proxy.forget();
        await window.run(Command.pushFromRecipe);
      } finally {
        Object.assign(vscode.window, { showWarningMessage: ask });
      }
    }

    it('is asked again where it would overwrite, was there already, or was not there at all', async () => {
      const ours = async (tag: string): Promise<string | undefined> => {
        await order(tag);
        await push(() => Promise.resolve(), 'Push');
        return digestAt(tag);
      };
      const first = await ours('race');
      for (const before of [async () => writeFile(index(), '# Other\n'), () => Promise.resolve(undefined)]) {
        await before();
        let theirs: string | undefined;
        await push(async () => (theirs = await moved('race')), 'Push', 'Escape');
        assert.match(question(1), /team\/docs:race was moved meanwhile/);
        assert.equal(await digestAt('race'), theirs);
        assert.ok(window.shown.at(-1)?.detail.includes(theirs ?? '-'));
        await push(() => Promise.resolve(undefined), 'Push');
        assert.notEqual(await digestAt('race'), theirs);
      }
      assert.notEqual(await digestAt('race'), first);
      await order('fresh');
      let theirs: string | undefined;
      await push(async () => (theirs = await moved('fresh')), 'Push', 'Escape');
      assert.equal(await digestAt('fresh'), theirs);
      await push(() => moved('fresh'), 'Push', 'Push');
      assert.equal(await digestAt('fresh'), await digestAt('race'));
    });

    it('costs one request more where a person was asked, and none for a task that overwrites nothing', async () => {
      const heads = (): number =>
        proxy.exchanges.filter(({ method, path: url }) => method === 'HEAD' && url.includes('/manifests/'))
          .length;
      await order('counted');
      await push(() => Promise.resolve(), 'Push');
      assert.equal(heads(), 1);
      await push(() => Promise.resolve(), 'Push');
      assert.deepEqual(
        proxy.exchanges.map(({ method }) => method),
        ['GET', 'HEAD'],
      );
      const [task] = (await provider?.provideTasks()) ?? [];
      assert.ok(task);
      proxy.forget();
      assert.equal((await runTask(task)).code, 0);
      assert.deepEqual(
        proxy.exchanges.map(({ method }) => method),
        ['GET'],
      );
      await order('counted-task');
      proxy.forget();
      assert.equal((await runTask(task)).code, 0);
      assert.equal(heads(), 0);
    });

    it('fails as a task, and leaves the tag as it is', async () => {
      await order('held');
      const [task] = (await provider?.provideTasks()) ?? [];
      assert.ok(task);
      assert.equal((await runTask(task)).code, 0);
      await writeFile(index(), '# Held\n');
      proxy.forget();
      proxy.hold(/\/blobs\//);
      const running = runTask(task);
      while (proxy.open === 0 || !proxy.exchanges.some(({ path: url }) => url.includes('/blobs/'))) {
        await delay(5);
      }
      const theirs = await moved('held');
      proxy.release();
      const { code, text } = await running;
      assert.equal(code, 1);
      assert.match(text, new RegExp(`team/docs:held was moved meanwhile, to ${theirs}`));
      assert.equal(await digestAt('held'), theirs);
      // Without anybody in the way it overwrites, after one more look.
      proxy.forget();
      assert.equal((await runTask(task)).code, 0);
      assert.notEqual(await digestAt('held'), theirs);
    });
  });

  it('is refused when it names another registry than those of the tree, or what is not in the folder', async () => {
    window.script();
    for (const differs of [
      { target: 'registry.example.com/team/docs:1' },
      { target: `${server.host}/team/docs:out`, files: ['../storage'] },
    ]) {
      await change(differs);
      await window.run(Command.pushFromRecipe);
      await window.settled();
      assert.match(window.shown.at(-1)?.title ?? '', /push\.json cannot be used/);
    }
    assert.equal(await digestAt('out'), undefined);
  });
});
