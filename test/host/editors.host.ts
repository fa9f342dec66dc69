import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  commands,
  ConfigurationTarget,
  FilePermission,
  MarkdownString,
  Range,
  TabInputText,
  TabInputTextDiff,
  Uri,
  window,
  workspace,
  type DocumentLink,
  type DocumentSymbol,
  type FoldingRange,
  type Hover,
  type InlayHint,
} from 'vscode';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Location } from '../../src/browse/location.ts';
import { Command, type CommandId } from '../../src/contributions.ts';
import { fromUri, toUri } from '../../src/host/ociUri.ts';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { manifestAccept, MediaType } from '../../src/oci/mediaTypes.ts';
import { peer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { fillSamples } from '../support/samples.ts';
import { test, until } from './harness.ts';

const localFolder = (): string => workspace.getConfiguration('ociExplorer').get<string>('localFolder', '');

/** Where the samples are: its name in the tree, its id in documents, and its bytes by digest. */
interface Source {
  readonly name: string;
  readonly place: string;
  readonly bytes: (repository: string, digest: string) => Promise<Uint8Array>;
}

const local: Source = {
  name: 'Local',
  place: 'local',
  bytes: (repository, digest) =>
    Promise.resolve(readFileSync(path.join(localFolder(), repository, 'blobs', digest.replace(':', '/')))),
};

function remote({ host }: RunningRegistry): Source {
  return {
    name: host,
    place: host,
    bytes: async (repository, digest) => {
      for (const kind of ['manifests', 'blobs']) {
        const response = await fetch(`http://${host}/v2/${repository}/${kind}/${digest}`, {
          headers: { accept: manifestAccept },
        });
        if (response.ok) {
          return new Uint8Array(await response.arrayBuffer());
        }
      }
      throw new Error(`${host} has no ${digest}`);
    },
  };
}

let registry: RunningRegistry | undefined;

/** A tab as people see it: `app:1.4.2 › index`, and the document in it. */
async function shown(
  label: string,
  limit = 10_000,
): Promise<{ readonly uri: Uri; readonly location: Location }> {
  return until(
    `the tab ${label}`,
    () => {
      for (const { activeTab } of window.tabGroups.all) {
        const location = activeTab?.input instanceof TabInputText ? fromUri(activeTab.input.uri) : undefined;
        if (location && activeTab?.label === label) {
          return { uri: (activeTab.input as TabInputText).uri, location };
        }
      }
      return undefined;
    },
    limit,
  );
}

/** Goes to a reference, which opens its manifest. */
async function goTo(reference: string, label: string): Promise<void> {
  await commands.executeCommand(Command.goToReference, reference);
  await shown(label);
}

/** What is selected follows the tree, a little later. */
async function openUntil(command: CommandId, label: string): ReturnType<typeof shown> {
  return until(`the tab ${label} by ${command}`, async () => {
    await commands.executeCommand(command);
    return shown(label, 500).catch(() => undefined);
  });
}

async function closeAll(): Promise<void> {
  await commands.executeCommand('workbench.action.closeAllEditors');
}

/** The links that are ours: the editor makes its own of URLs. @param resolved how many get their target */
async function links(uri: Uri, resolved = 10): Promise<readonly DocumentLink[]> {
  const all = await commands.executeCommand<DocumentLink[]>('vscode.executeLinkProvider', uri, resolved);
  return all.filter(({ target }) => target?.scheme !== 'https');
}

function targetOf({ target }: DocumentLink): string {
  const [uri] = JSON.parse(target?.query ?? '[]') as readonly unknown[];
  return typeof uri === 'string' ? uri : '';
}

function textOf(hovers: readonly Hover[]): string {
  const parts = hovers.flatMap(({ contents }) => contents);
  return parts.map((part) => (part instanceof MarkdownString ? part.value : JSON.stringify(part))).join('\n');
}

/** The bytes of the document are those of the registry, and named by its digest. */
async function assertIsTrue(source: Source, uri: Uri, location: Location): Promise<void> {
  const bytes = await workspace.fs.readFile(uri);
  assert.equal(digestOf(bytes), location.digest);
  assert.deepEqual(Buffer.from(bytes), Buffer.from(await source.bytes(location.repository, location.digest)));
  const document = await workspace.openTextDocument(uri);
  assert.equal(document.languageId, 'json');
  assert.equal(document.getText(), new TextDecoder().decode(bytes));
  const { size, permissions } = await workspace.fs.stat(uri);
  assert.equal(size, bytes.byteLength);
  assert.equal(permissions, FilePermission.Readonly);
}

test('Local and a registry hold the samples', async () => {
  await fillSamples(localFolder());
  registry = await startRegistry('distribution');
  for (const reference of ['shop/app:1.4.2', 'charts/lighthouse:1.0.0']) {
    await promisify(execFile)(await peer('oras'), [
      ...['cp', '--recursive', '--from-oci-layout', path.join(localFolder(), reference)],
      ...['--to-plain-http', `${registry.host}/${reference}`],
    ]);
  }
  await workspace
    .getConfiguration('ociExplorer')
    .update('registries', [{ host: registry.host }], ConfigurationTarget.Global);
}, 60_000);

for (const which of ['Local', 'a registry']) {
  const source = (): Source => {
    assert.ok(registry);
    return which === 'Local' ? local : remote(registry);
  };

  test(`${which}: an index and its referrers open as documents, with every digest a link`, async () => {
    await closeAll();
    await goTo(`${source().name}/shop/app:1.4.2`, 'app:1.4.2 › index');
    const { uri, location } = await shown('app:1.4.2 › index');
    await assertIsTrue(source(), uri, location);
    await shown('app:1.4.2 › index (formatted)');
    assert.equal(window.tabGroups.all.length, 2);

    const [first, second, ...more] = await links(uri);
    assert.ok(first && second);
    assert.deepEqual(more, []);
    await commands.executeCommand(Command.openDescriptor, targetOf(first));
    const platform = fromUri(Uri.parse(targetOf(first), true));
    assert.ok(platform);
    const opened = await shown(`app@${platform.digest.slice(7, 19)} › manifest`);
    await assertIsTrue(source(), opened.uri, opened.location);

    const referrers = await openUntil(Command.openReferrers, 'app:1.4.2 › referrers');
    const list = JSON.parse(new TextDecoder().decode(await workspace.fs.readFile(referrers.uri))) as {
      manifests: { artifactType: string; digest: Digest }[];
    };
    assert.equal(list.manifests.length, 3);
    const named = (await links(referrers.uri)).map((link) => fromUri(Uri.parse(targetOf(link), true)));
    assert.deepEqual(
      named.map((each) => [each?.kind, each?.digest]),
      list.manifests.map(({ digest }) => ['manifest', digest]),
    );
    assert.equal(window.tabGroups.all.length, 2, 'documents make more columns');
  });

  test(`${which}: a manifest and its config open as documents, and a link of it opens`, async () => {
    await closeAll();
    await goTo(`${source().name}/charts/lighthouse:1.0.0`, 'lighthouse:1.0.0 › manifest');
    const { uri, location } = await shown('lighthouse:1.0.0 › manifest');
    await assertIsTrue(source(), uri, location);

    const [link] = await links(uri);
    const config = await openUntil(Command.openConfig, 'lighthouse:1.0.0 › config');
    await assertIsTrue(source(), config.uri, config.location);
    assert.deepEqual(await links(config.uri), []);

    assert.equal(targetOf(link!), config.uri.toString(), 'the link and the command name two documents');
  });
}

test('no document can be written', async () => {
  const { uri } = await shown('lighthouse:1.0.0 › config');
  assert.equal(workspace.fs.isWritableFileSystem('oci'), false);
  await assert.rejects(async () => workspace.fs.writeFile(uri, new Uint8Array()));
  await assert.rejects(async () => workspace.fs.delete(uri));
  await assert.rejects(async () => workspace.fs.stat(Uri.parse('oci:/local/shop')));
  await assert.rejects(async () => workspace.fs.readFile(uri.with({ query: '' })));
});

test('hovers and hints say the short type and the human size', async () => {
  await goTo('Local/charts/lighthouse:1.0.0', 'lighthouse:1.0.0 › manifest');
  const { uri } = await shown('lighthouse:1.0.0 › manifest');
  const document = await workspace.openTextDocument(uri);
  const whole = new Range(0, 0, document.lineCount, 0);
  const hints = await commands.executeCommand<InlayHint[]>('vscode.executeInlayHintProvider', uri, whole);
  assert.deepEqual(
    hints.map(({ label }) =>
      (typeof label === 'string' ? label : '').replace(/ · \d+(?:\.\d+)? (?:B|KiB)$/, ' · size'),
    ),
    ['Helm chart config · size', 'Chart archive · size'],
  );
  const [, layer] = await links(uri);
  const hovers = await commands.executeCommand<Hover[]>(
    'vscode.executeHoverProvider',
    uri,
    layer!.range.start.translate(0, 10),
  );
  const text = textOf(hovers);
  assert.match(text, /Chart(?:&nbsp;| )archive(?:&nbsp;| )·/);
});

test('the formatted view has an outline and can be folded', async () => {
  const { uri } = await shown('lighthouse:1.0.0 › manifest (formatted)');
  const symbols = await until('an outline', async () => {
    const found = await commands.executeCommand<DocumentSymbol[] | undefined>(
      'vscode.executeDocumentSymbolProvider',
      uri,
    );
    return found && found.length > 0 ? found : undefined;
  });
  assert.deepEqual(
    symbols.map(({ name }) => name),
    ['schemaVersion', 'mediaType', 'config', 'layers', 'annotations'],
  );
  const folds = await commands.executeCommand<FoldingRange[]>('vscode.executeFoldingRangeProvider', uri);
  assert.ok(folds.length > 3, `${folds.length} folds`);
});

test('a tampered manifest is not shown', async () => {
  const repository = localRegistry(localFolder()).repository('shop/compose');
  const { digest, size, mediaType } = await repository.resolve('1.4.2');
  const file = path.join(localFolder(), 'shop/compose/blobs', digest.replace(':', '/'));
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.toString().replace('compose.yaml', 'evil__.yaml'));
  const uri = toUri({
    place: 'local',
    repository: 'shop/compose',
    kind: 'manifest',
    digest,
    size,
    mediaType,
    tag: '1.4.2',
    form: 'original',
  });
  await assert.rejects(async () => workspace.openTextDocument(uri), /not what its digest names/);
  writeFileSync(file, bytes);
  assert.match((await workspace.openTextDocument(uri)).getText(), /compose\.yaml/);
});

test('two manifests are compared by the editor itself', async () => {
  await closeAll();
  const repository = localRegistry(localFolder()).repository('charts/lighthouse');
  const [before, after] = await Promise.all(
    ['0.9.0', '1.0.0'].map(async (tag) => {
      const { digest, size, mediaType } = await repository.resolve(tag);
      return toUri({
        place: 'local',
        repository: 'charts/lighthouse',
        kind: 'manifest',
        digest,
        size,
        mediaType,
        tag,
        form: 'formatted',
      });
    }),
  );
  await commands.executeCommand('vscode.diff', before, after);
  await until(
    'the comparison',
    () => window.tabGroups.activeTabGroup.activeTab?.input instanceof TabInputTextDiff,
  );
  assert.equal(window.visibleTextEditors.filter(({ document }) => document.uri.scheme === 'oci').length, 2);
});

/** A blob of Local as a document. */
async function blob(text: string | Uint8Array, mediaType: string): Promise<Uri> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await localRegistry(localFolder()).repository('hostile/app').push(descriptor, bodyOf(bytes));
  return toUri({ place: 'local', repository: 'hostile/app', kind: 'blob', ...descriptor, form: 'original' });
}

test('documents of 5,000 layers have all their links soon', async () => {
  const layers = Array.from({ length: 5000 }, (_, index) => ({
    mediaType: MediaType.layerTarGzip,
    digest: digestOf(new TextEncoder().encode(String(index))),
    size: index,
  }));
  const uri = await blob(JSON.stringify({ layers }), 'application/json');
  await workspace.openTextDocument(uri);
  assert.equal((await links(uri, 0)).length, 5000);
});

test('hostile documents are harmless', async () => {
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  const mediaType = `[x](command:workbench.action.quit)\u202e\u0007`;
  const digest = digestOf(new Uint8Array());
  const tricks = JSON.stringify({ layers: [{ mediaType, digest, size: 0 }] });
  for (const text of [deep, tricks, `{"a":"${'x'.repeat(2_000_000)}"}`]) {
    const uri = await blob(text, 'application/json');
    const document = await workspace.openTextDocument(uri);
    assert.equal(document.getText(), text);
    const location = fromUri(uri);
    assert.ok(location);
    await workspace.openTextDocument(toUri({ ...location, form: 'formatted' }));
    for (const { range } of await links(uri)) {
      const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', uri, range.start);
      const shownText = textOf(hovers);
      assert.doesNotMatch(shownText, /\]\(command:/);
      assert.doesNotMatch(shownText, /[\u202e\u0007]/);
    }
  }
});

test('a blob that is no text is not opened, and one that is opens', async () => {
  await closeAll();
  const binary = await blob(new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0]), MediaType.layerTarGzip);
  await commands.executeCommand(Command.openDescriptor, binary.toString());
  assert.equal(window.tabGroups.activeTabGroup.activeTab, undefined);
  // What oras calls a file by default.
  const text = await blob('listen: 8080\n', MediaType.layerTar);
  await commands.executeCommand(Command.openDescriptor, text.toString());
  await until('the text', () => window.activeTextEditor?.document.getText() === 'listen: 8080\n');
  assert.equal(window.tabGroups.all.length, 1, 'a formatted view of what is no JSON');
});

test('editors and the registry are put away', async () => {
  await closeAll();
  await workspace.getConfiguration('ociExplorer').update('registries', undefined, ConfigurationTarget.Global);
  await registry?.stop();
});
