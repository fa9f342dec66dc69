import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { builtInTable } from '../../../src/artifacts/table.ts';
import { Command } from '../../../src/contributions.ts';
import type { Services } from '../../../src/host/services.ts';
import { manifestForms, MediaType } from '../../../src/oci/mediaTypes.ts';
import { browsing } from '../../support/browsing.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const vscode = (await import('vscode')) as unknown as Readonly<Record<'window' | 'commands' | 'Uri', object>>;
const { registerOpenAs } = await import('../../../src/commands/openAs.ts');

interface Row {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

/** The question as it was asked, the row that is chosen, and what was told of it. */
let rows: readonly Row[] = [];
let wanted = '';
let told: string[] = [];
let openAs: (...args: readonly unknown[]) => Promise<unknown> = () => Promise.resolve();

const nothing = (): void => undefined;
const tells =
  (kind: string) =>
  (message: string, ...buttons: readonly { readonly title: string }[]): Promise<undefined> => {
    told.push([kind, message, ...buttons.map(({ title }) => title)].join(' | '));
    return Promise.resolve(undefined);
  };
Object.assign(vscode.commands, {
  registerCommand: (_: string, run: typeof openAs) => {
    openAs = run;
    return { dispose: nothing };
  },
  executeCommand: (id: string) => Promise.resolve(void told.push(id)),
});
Object.assign(vscode.Uri, { from: (parts: object) => parts });
Object.assign(vscode.window, {
  createOutputChannel: () => ({ error: nothing, warn: nothing, info: nothing, dispose: nothing }),
  showErrorMessage: tells('error'),
  showInformationMessage: tells('information'),
  withProgress: (_: object, task: (bar: object, token: object) => Promise<unknown>) =>
    task({ report: nothing }, { onCancellationRequested: () => ({ dispose: nothing }) }),
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
      show() {
        rows = this.items;
        this.selectedItems = rows.filter(({ label }) => label.endsWith(wanted));
        queueMicrotask(() => accept());
      },
      dispose: nothing,
    };
  },
});

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: MediaType.manifest,
  config: { mediaType: MediaType.empty, digest: `sha256:${'0'.repeat(64)}`, size: 2 },
  layers: [],
});

/** Chooses a form of `app:1`, which the registry has as an OCI manifest and answers with `status` for all else. */
async function choose(t: TestContext, form: string, status: number): Promise<string> {
  const server = await serve(t, ({ headers }, response) => {
    const { accept = '' } = headers;
    if (accept.includes(MediaType.manifest)) {
      response.writeHead(200, { 'content-type': MediaType.manifest }).end(manifest);
    } else {
      json(response, status, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'OCI manifest found' }] });
    }
  });
  const { registry } = remoteOf(t, server);
  const browser = browsing(registry, { id: server.host, name: server.host, host: server.host });
  t.after(() => browser.dispose());
  registerOpenAs({
    browser,
    selection: { get: () => [] },
    manifests: { set: nothing },
    types: { table: () => builtInTable },
    signal: new AbortController().signal,
  } as unknown as Services);
  wanted = form;
  told = [];
  await openAs(browser.locate(server.host, 'app', '1'));
  await new Promise(setImmediate);
  return told.join('\n').replaceAll(server.host, 'HOST');
}

describe('Open As… of a form that the registry has not', () => {
  for (const status of [404, 406, 400]) {
    it(`says so, with its own words: ${status}`, async (t) => {
      assert.equal(
        await choose(t, 'Docker schema 1', status),
        'information | The registry has no Docker schema 1 of HOST/app:1. MANIFEST_UNKNOWN: OCI manifest found',
      );
      assert.deepEqual(
        rows.map(({ label, detail }) => [label, /no such form of this tag/.test(detail)]),
        manifestForms.map(({ name }) =>
          name === 'OCI manifest' ? ['$(json) OCI manifest', false] : [`$(circle-slash) ${name}`, true],
        ),
      );
    });
  }

  it('tells what else went wrong as what it is', async (t) => {
    assert.equal(
      await choose(t, 'Docker schema 1', 403),
      'error | HOST does not let you do this. Sign in as someone who may, or ask its owner. It says: MANIFEST_UNKNOWN: OCI manifest found | Sign In | Show Log',
    );
  });

  it('opens the one that it has', async (t) => {
    assert.equal(await choose(t, 'OCI manifest', 404), Command.openDescriptor);
  });
});
