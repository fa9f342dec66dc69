import assert from 'node:assert/strict';
import path from 'node:path';
import { commands, Uri, workspace } from 'vscode';
import { bodyOf } from '../../src/base/bytes.ts';
import { Command, type CommandId } from '../../src/contributions.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Repository } from '../../src/oci/store.ts';
import { test, until } from './harness.ts';

const repository = 'acme/changes';
const target = { place: 'local', repository, ref: '1' };

/** One artifact in Local, selected in the tree. */
async function selected(): Promise<Repository> {
  const folder = workspace.getConfiguration('ociExplorer').get<string>('localFolder', '');
  const store = localRegistry(folder).repository(repository);
  const empty = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(empty), size: empty.byteLength };
  await store.push(config, bodyOf(empty));
  const artifactType = 'application/vnd.acme.changes.v1';
  const parts = { artifactType, config, layers: [config] };
  const bytes = encodeManifest({ schemaVersion: 2, mediaType: MediaType.manifest, ...parts });
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag: '1' });
  await commands.executeCommand(Command.refresh);
  await commands.executeCommand(Command.showInTree, target);
  return store;
}

/** Runs a command, leaves whatever it asks, and waits for its end. */
async function leave(id: CommandId, ...args: readonly unknown[]): Promise<void> {
  let isDone = false;
  const run = Promise.resolve(commands.executeCommand(id, ...args)).finally(() => {
    isDone = true;
  });
  await until(`${id} to end`, async () => {
    await commands.executeCommand('workbench.action.closeQuickOpen');
    return isDone;
  });
  await run;
}

const file = (): Uri => Uri.file(path.join(workspace.workspaceFolders?.[0]?.uri.fsPath ?? '', 'readme.txt'));

const left: Readonly<Partial<Record<CommandId, () => readonly unknown[]>>> = {
  [Command.attach]: () => [undefined, undefined, [file()]],
  [Command.annotate]: () => [],
  [Command.createIndex]: () => [],
  [Command.detach]: () => [],
  [Command.undoDelete]: () => [],
};

for (const [id, args] of Object.entries(left)) {
  test(`${id} changes nothing when it is left, or has nothing to do`, async () => {
    const store = await selected();
    const before = await store.resolve('1');
    await leave(id as CommandId, ...args());
    assert.equal((await store.resolve('1')).digest, before.digest);
    assert.deepEqual((await store.tags()).items, ['1']);
    assert.deepEqual((await store.referrers(before)).items, []);
  });
}
