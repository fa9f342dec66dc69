import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { bodyOf } from '../../../src/base/bytes.ts';
import { Command } from '../../../src/contributions.ts';
import type { Services } from '../../../src/host/services.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { localRegistry } from '../../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import type { Registry } from '../../../src/oci/store.ts';
import { browsing } from '../../support/browsing.ts';
import { onFailingDisk } from '../../support/failingDisk.ts';
import { remoteOf, serve } from '../../support/remoteHarness.ts';
import { json, type Script } from '../../support/scriptedServer.ts';
import { snapshot } from '../../support/snapshot.ts';

const vscode = (await import('vscode')) as unknown as Readonly<
  Record<'window' | 'commands' | 'env' | 'workspace' | 'Uri', object>
>;
const { registerGo } = await import('../../../src/commands/go.ts');
const { registerPull } = await import('../../../src/commands/pull.ts');
const { transfers } = await import('../../../src/host/withTransfer.ts');
const { registerTag } = await import('../../../src/commands/tag.ts');

/** What a person was told, and what else was done. */
let told: { readonly message: string; readonly buttons: readonly string[] }[] = [];
let done: string[] = [];
const handlers = new Map<string, (...args: readonly unknown[]) => Promise<unknown>>();
/** What is typed into the next box, and the folder that is chosen. */
let typed = '';
let folder = '';

const nothing = (): void => undefined;
Object.assign(vscode.commands, {
  registerCommand: (id: string, run: (...args: readonly unknown[]) => Promise<unknown>) => {
    handlers.set(id, run);
    return { dispose: nothing };
  },
  executeCommand: (id: string) => Promise.resolve(void done.push(id)),
});
Object.assign(vscode.Uri, { file: (fsPath: string) => ({ fsPath }) });
Object.assign(vscode.workspace, { getWorkspaceFolder: () => undefined });
Object.assign(vscode.window, {
  createOutputChannel: () => ({ error: nothing, warn: nothing, info: nothing, dispose: nothing }),
  showErrorMessage: (message: string, ...buttons: readonly { readonly title: string }[]) => {
    told.push({ message, buttons: buttons.map(({ title }) => title) });
    return Promise.resolve(undefined);
  },
  showInformationMessage: (message: string) => {
    done.push(message);
    return Promise.resolve(undefined);
  },
  showOpenDialog: () => Promise.resolve([{ scheme: 'file', fsPath: folder }]),
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
        this.value = typed;
        queueMicrotask(() => accept());
      },
      dispose: nothing,
    };
  },
});

const layer = Buffer.from('content');
const config = Buffer.from('{}');
const blob = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
});
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: 'application/vnd.example.thing',
    config: blob(config, MediaType.empty),
    layers: [
      {
        ...blob(layer, 'text/plain'),
        annotations: { 'org.opencontainers.image.title': 'a.txt' },
      },
    ],
  }),
);

/** The commands over one place. */
function commandsOver(t: TestContext, registry: Registry, host: string): Services {
  const browser = browsing(registry, { id: host, name: host, host });
  t.after(() => browser.dispose());
  const places = browser.roots().map(({ place }) => place);
  const services = {
    browser,
    places: { all: () => places, get: (id: string) => places.find((place) => place.id === id) },
    events: {
      changed: { fire: () => done.push('changed') },
      reveal: { fire: () => done.push('reveal') },
    },
    selection: { get: () => [] },
    signal: new AbortController().signal,
  } as unknown as Services;
  registerGo(services);
  registerPull(services);
  registerTag(services);
  return services;
}

const run = async (id: string, ...args: readonly unknown[]): Promise<void> => {
  const handler = handlers.get(id);
  assert.ok(handler);
  await handler(...args);
};

/** One message, with these buttons, and nothing was done. */
function assertToldOnce(text: RegExp, buttons: readonly string[]): void {
  assert.equal(told.length, 1, JSON.stringify(told));
  const [{ message, buttons: shown } = { message: '', buttons: [] }] = told;
  assert.match(message, text);
  assert.deepEqual(shown, buttons);
  assert.deepEqual(done, []);
}

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Script =>
  (_, response) =>
    json(response, code, { errors: [{ code: 'SAID', message: 'so it is' }] }, headers);
const served =
  (bytes: Buffer | string, headers: Readonly<Record<string, string>> = {}): Script =>
  (_, response) => {
    response.writeHead(200, { 'content-type': MediaType.manifest, ...headers }).end(bytes);
  };

const faults: readonly (readonly [string, Script, RegExp, readonly string[]])[] = [
  ['401', status(401), /^HOST asks who you are\. Sign in to go on\./, ['Sign In']],
  ['403', status(403), /^HOST does not let you do this\./, ['Sign In', 'Show Log']],
  ['404', status(404), /^HOST does not have it/, ['Sign In']],
  ['405', status(405), /^HOST cannot do this/, ['Show Log']],
  ['429', status(429, { 'retry-after': '60' }), /^HOST was asked too often\. Try again in 60 s/, ['Sign In']],
  ['500', status(500), /^HOST failed with status 500\. Try again later\./, ['Show Log']],
  [
    'HTML',
    served('<!DOCTYPE html>', { 'content-type': 'text/html' }),
    /^HOST answers, but not as an OCI registry/,
    ['Diagnose', 'Show Log'],
  ],
  [
    'a broken connection',
    (_, response) => response.destroy(),
    /^The connection to HOST broke/,
    ['Diagnose', 'Show Log'],
  ],
  ['not JSON', served('no'), /^The manifest is not valid: Not JSON\. It was not used\.$/, ['Show Log']],
  [
    'more than 4 MiB',
    served(Buffer.alloc(4 * 1024 * 1024 + 1, 32)),
    /^Too large to read safely/,
    ['Show Log'],
  ],
  [
    'a digest that lies',
    served(manifest, { 'docker-content-digest': digestOf(layer) }),
    /^The content is not what its digest names: .* It was not used\.$/,
    ['Show Log'],
  ],
];

describe('a fault, as a dialog tells of it', () => {
  beforeEach(() => {
    told = [];
    done = [];
    typed = 'v9';
  });

  for (const [name, script, text, buttons] of faults) {
    it(`of a registry: ${name}`, async (t) => {
      const server = await serve(t, script);
      const { registry } = remoteOf(t, server);
      const { browser } = commandsOver(t, registry, server.host);
      const node = browser.locate(server.host, 'app', 'v1');
      const wanted = new RegExp(text.source.replace('HOST', server.host.replaceAll('.', '\\.')));
      folder = await mkdtemp(join(tmpdir(), 'oci-dialogs-'));
      t.after(() => rm(folder, { recursive: true }));
      const before = await snapshot(folder);
      for (const [id, argument] of [
        [Command.goToReference, `${server.host}/app:v1`],
        [Command.tag, node],
        [Command.pull, node],
      ] as const) {
        told = [];
        await run(id, argument);
        assertToldOnce(wanted, buttons);
      }
      assert.deepEqual(await snapshot(folder), before);
      assert.ok(server.seen.every(({ method }) => method === 'GET' || method === 'HEAD'));
    });
  }

  it('of what is no reference', async (t) => {
    commandsOver(t, localRegistry(tmpdir()), 'local.example');
    for (const text of ['a//b:c', 'UPPER/x:y:z', 'host.example/app@sha256:1', '\u0000', 'https://']) {
      told = [];
      await run(Command.goToReference, text);
      assertToldOnce(/A reference looks like host\/repository:tag or host\/repository@sha256:…\.$/, []);
    }
  });

  it('of nobody there, of an unknown name, of another protocol', async (t) => {
    const server = await serve(t, status(500));
    for (const [host, scheme, text, buttons] of [
      [server.host, 'https', /speaks plain HTTP, not HTTPS/, ['Use HTTP']],
      ['registry.invalid', 'https', /^There is no host named registry\.invalid\./, ['Diagnose']],
      [undefined, 'http', /cannot be reached\. Check that it runs/, ['Diagnose', 'Show Log']],
    ] as const) {
      const gone = await serve(t, status(500));
      await gone.stop();
      const at = { host: host ?? gone.host, origin: `${scheme}://x` };
      commandsOver(t, remoteOf(t, at).registry, at.host);
      told = [];
      await run(Command.goToReference, `${at.host}/app:v1`);
      assertToldOnce(text, [...buttons]);
    }
  });

  for (const [code, text] of [
    ['ENOSPC', /^The disk is full: .*\. Nothing was changed\. Make room and try again\.$/],
    ['EDQUOT', /^The disk is full: /],
    ['EROFS', /may not be read or written\. Change its permissions or choose another one\.$/],
    ['EACCES', /may not be read or written\./],
  ] as const) {
    it(`of a disk that says ${code}: nothing there is another`, async (t) => {
      const work = await mkdtemp(join(tmpdir(), 'oci-dialogs-'));
      t.after(() => rm(work, { recursive: true }));
      const registry = localRegistry(join(work, 'local'));
      const repository = registry.repository('app');
      for (const [bytes, type] of [
        [layer, 'text/plain'],
        [config, MediaType.empty],
        [manifest, MediaType.manifest],
      ] as const) {
        await repository.push(blob(bytes, type), bodyOf(bytes), { tag: 'v1' });
      }
      folder = join(work, 'target');
      await mkdir(folder);
      await writeFile(join(folder, 'mine.txt'), 'mine');
      const { browser } = commandsOver(t, registry, 'local.example');
      const node = browser.locate('local.example', 'app', 'v1');
      const before = await snapshot(work, { times: false });
      for (const id of [Command.tag, Command.pull]) {
        told = [];
        const fault = { at: 1, code, isLasting: true };
        const { calls, outcome } = await onFailingDisk(fault, () => run(id, node));
        assert.equal(outcome.status, 'fulfilled');
        assert.ok(calls > 0);
        assertToldOnce(text, ['Show Log']);
        assert.deepEqual(await snapshot(work, { times: false }), before);
      }
      // From the list of transfers it is done again, with what was answered.
      const [failed] = transfers.all();
      assert.deepEqual(
        [failed?.kind, failed?.state, failed?.label, failed?.where],
        ['pull', 'failed', 'app:v1', folder],
      );
      await failed?.retry?.();
      const [again] = transfers.all();
      assert.deepEqual([again?.state, again?.bytes, again?.total], ['done', layer.length, layer.length]);
      assert.equal(await readFile(join(folder, 'a.txt'), 'utf8'), layer.toString());
    });
  }
});
