import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commands, Uri } from 'vscode';
import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Node } from '../../src/browse/node.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { Command, type CommandId } from '../../src/contributions.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { content, manifestOf } from '../contract/content.ts';
import { placeOf } from '../support/commandServices.ts';
import { test, until } from './harness.ts';

/** A folder with one tag, as a row of a tree, for as long as `work` takes. */
async function withTag(work: (node: Node, digest: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'oci-host-archives-'));
  const registry = localRegistry(path.join(folder, 'local'));
  const store = registry.repository('app');
  const config = content(MediaType.empty, '{}');
  await store.push(config.descriptor, bodyOf(config.bytes));
  const { descriptor, bytes } = manifestOf(config, []);
  await store.push(descriptor, bodyOf(bytes), { tag: 'v1' });
  const place = placeOf(registry, 'x', folder);
  const browser = createBrowser({
    places: { all: () => [place], get: () => place },
    cache: createManifestCache(),
    settings: () => ({ pageSize: 10, tagOrder: 'name', foldTags: true }),
  });
  try {
    const node = browser.locate('x', 'app', 'v1');
    assert.ok(node);
    await work(node, descriptor.digest, folder);
  } finally {
    browser.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a command and leaves its first question: it ends, without a word. */
async function leave(command: CommandId, ...args: readonly unknown[]): Promise<void> {
  let isDone = false;
  const ended = Promise.resolve(commands.executeCommand(command, ...args)).finally(() => {
    isDone = true;
  });
  await until(`${command} to end`, async () => {
    await commands.executeCommand('workbench.action.closeQuickOpen');
    return isDone;
  });
  await ended;
}

test('Export… writes a tag as a tar and as a folder, and Import… begins with what is in it', () =>
  withTag(async (node, digest, folder) => {
    for (const name of ['x.tar', 'x']) {
      const file = path.join(folder, name);
      await commands.executeCommand(Command.exportLayout, node, undefined, Uri.file(file));
      const written = (await layoutRegistry(file)).repository('x');
      assert.equal((await written.resolve('v1')).digest, digest);
      await leave(Command.importLayout, Uri.file(file));
    }
    await commands.executeCommand('notifications.clearAll');
  }));

test('Copy To…, Mirror Repository…, Export… and Import… ask, with a row and without one, and end when left', () =>
  withTag(async (node) => {
    for (const command of [Command.copyTo, Command.mirror, Command.exportLayout, Command.importLayout]) {
      await leave(command, node);
      await leave(command);
    }
  }));
