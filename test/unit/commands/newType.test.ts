import assert from 'node:assert/strict';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { identify } from '../../../src/artifacts/identify.ts';
import { readTypeRows } from '../../../src/artifacts/readTypeRows.ts';
import { builtInTable, createTable } from '../../../src/artifacts/table.ts';
import type { Services } from '../../../src/host/services.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { browsing } from '../../support/browsing.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';

const vscode = (await import('vscode')) as unknown as Readonly<
  Record<'window' | 'commands' | 'workspace', object>
>;
const { registerNewType } = await import('../../../src/commands/newType.ts');

/** What is typed into the box, where the row is kept, what the settings hold, and what was told. */
let typed: string | undefined;
let kept = '';
let settings: Record<string, unknown> = {};
let told: string[] = [];
let refused: string | undefined;
let newType: (...args: readonly unknown[]) => Promise<unknown> = () => Promise.resolve();

const nothing = (): void => undefined;
const tell = (message: string): Promise<undefined> => Promise.resolve(void told.push(message));
Object.assign(vscode.commands, {
  registerCommand: (_: string, run: typeof newType) => {
    newType = run;
    return { dispose: nothing };
  },
  executeCommand: (id: string) => Promise.resolve(void told.push(id)),
});
Object.assign(vscode.workspace, {
  workspaceFolders: [{}],
  getConfiguration: () => ({
    inspect: (name: string) => ({
      globalValue: settings[`1.${name}`],
      workspaceValue: settings[`2.${name}`],
    }),
    update: (name: string, value: unknown, target: number) => {
      settings[`${target}.${name}`] = value;
      return Promise.resolve();
    },
  }),
});
Object.assign(vscode.window, {
  createOutputChannel: () => ({ error: nothing, warn: nothing, info: nothing, dispose: nothing }),
  showErrorMessage: tell,
  showInformationMessage: tell,
  createInputBox: () => {
    let accept = nothing;
    let hide = nothing;
    return {
      value: '',
      validationMessage: undefined as string | undefined,
      onDidChangeValue: nothing,
      onDidTriggerButton: nothing,
      onDidHide: (listener: () => void) => (hide = listener),
      onDidAccept: (listener: () => void) => (accept = listener),
      show() {
        this.value = typed ?? this.value;
        queueMicrotask(() => {
          accept();
          refused = this.validationMessage;
          // Who is told that it will not do leaves.
          hide();
        });
      },
      dispose: nothing,
    };
  },
  createQuickPick: () => {
    let accept = nothing;
    return {
      value: '',
      items: [] as readonly { readonly label: string }[],
      selectedItems: [] as readonly { readonly label: string }[],
      onDidChangeValue: nothing,
      onDidTriggerButton: nothing,
      onDidTriggerItemButton: nothing,
      onDidHide: nothing,
      onDidAccept: (listener: () => void) => (accept = listener),
      show() {
        this.selectedItems = this.items.filter(({ label }) => label === kept);
        queueMicrotask(() => accept());
      },
      dispose: nothing,
    };
  },
});

const config = { mediaType: MediaType.empty, digest: `sha256:${'0'.repeat(64)}`, size: 2 };

/** The command on a tag with this manifest. */
async function run(t: TestContext, more: object): Promise<object> {
  const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [], ...more };
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-type': MediaType.manifest }).end(JSON.stringify(manifest));
  });
  const { registry } = remoteOf(t, server);
  const browser = browsing(registry, { id: server.host, name: server.host, host: server.host });
  t.after(() => browser.dispose());
  registerNewType({
    browser,
    selection: { get: () => [] },
    types: { table: () => builtInTable },
    signal: new AbortController().signal,
  } as unknown as Services);
  await newType(browser.locate(server.host, 'app', '1'));
  return manifest;
}

describe('New Artifact Type…', () => {
  beforeEach(() => {
    typed = undefined;
    kept = 'User settings';
    settings = {};
    told = [];
    refused = undefined;
  });

  it('writes a row of the settings by which the manifest is called as was typed', async (t) => {
    const before = { id: 'my-rocket', name: 'Not right yet' };
    settings = { '1.artifactTypes': [before] };
    typed = 'Rocket ';
    const manifest = await run(t, { artifactType: 'application/vnd.acme.rocket.v1' });
    const [first, row] = settings['1.artifactTypes'] as readonly object[];
    assert.equal(first, before);
    const { rows, problems } = readTypeRows([row]);
    assert.deepEqual(problems, []);
    // An id of a row that is wrong is taken too.
    assert.deepEqual(rows[0]?.id, 'my-rocket-2');
    assert.equal(identify(manifest, {}, {}, createTable(rows)).name, 'Rocket');
    assert.deepEqual(told, ['workbench.action.openSettingsJson']);
  });

  it('begins with a name made of the media type, and keeps it where it is told to', async (t) => {
    kept = 'Workspace settings';
    const manifest = await run(t, { config: { ...config, mediaType: 'application/vnd.acme.probe.v2+json' } });
    const { rows } = readTypeRows(settings['2.artifactTypes']);
    assert.equal(identify(manifest, {}, {}, createTable(rows)).name, 'acme probe');
    assert.deepEqual(told, ['workbench.action.openWorkspaceSettingsFile']);
  });

  it('wins over a built-in type', async (t) => {
    typed = 'My chart';
    const helm = 'application/vnd.cncf.helm.config.v1+json';
    const manifest = await run(t, { config: { ...config, mediaType: helm } });
    const { rows } = readTypeRows(settings['1.artifactTypes']);
    assert.equal(identify(manifest, {}, {}, createTable(rows)).name, 'My chart');
  });

  it('says so where nothing in the manifest tells a type, and writes nothing', async (t) => {
    for (const more of [{}, { artifactType: 'application/*' }, { artifactType: 'application/é' }]) {
      told = [];
      await run(t, more);
      assert.match(told.join(), /^Nothing in this manifest says what it is/);
      assert.deepEqual(settings, {});
    }
  });

  it('takes no name that a row cannot have', async (t) => {
    for (const name of ['', ' ', 'unknown', 'x'.repeat(41), 'a\u202eb', 'a\nb']) {
      typed = name;
      await run(t, { artifactType: 'application/vnd.acme.rocket.v1' });
      assert.match(refused ?? '', /name/, JSON.stringify(name));
      assert.deepEqual(settings, {});
    }
  });
});
