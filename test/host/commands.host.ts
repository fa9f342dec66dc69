import assert from 'node:assert/strict';
import path from 'node:path';
import { CancellationTokenSource, commands, DataTransfer, DataTransferItem, Uri, workspace } from 'vscode';
import type { Node } from '../../src/browse/node.ts';
import { Command } from '../../src/contributions.ts';
import { dragAndDrop } from '../../src/views/dragAndDrop.ts';
import { test, until } from './harness.ts';

interface Pushed {
  readonly paths: readonly string[];
  readonly target: Node | undefined;
}

/** What is pushed when this is dropped. */
async function drop(mimeType: string, text: string, target?: Node): Promise<readonly Pushed[]> {
  const pushed: Pushed[] = [];
  const controller = dragAndDrop((uris, on) => {
    pushed.push({ paths: uris.map((uri) => uri.toString()), target: on });
    return Promise.resolve();
  });
  const data = new DataTransfer();
  data.set(mimeType, new DataTransferItem(text));
  await controller.handleDrop?.(target, data, new CancellationTokenSource().token);
  return pushed;
}

const row = { kind: 'repository', id: 'local/repository:app' } as unknown as Node;

test('what is dropped on a row of the tree is pushed there', async () => {
  const text = '# from the Explorer\r\nfile:///home/ann/site\r\n\r\nfile:///home/ann/a%20b.txt\r\n';
  assert.deepEqual(await drop('text/uri-list', text, row), [
    { paths: ['file:///home/ann/site', 'file:///home/ann/a%20b.txt'], target: row },
  ]);
});

test('a drop without files pushes nothing', async () => {
  assert.deepEqual(await drop('text/plain', 'file:///home/ann/site', row), []);
  assert.deepEqual(await drop('text/uri-list', '', row), []);
  assert.deepEqual(await drop('text/uri-list', 'no uri\n', row), []);
});

test('a drop begins the steps of a push', async () => {
  const folder = workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder);
  const file = Uri.file(path.join(folder.fsPath, 'readme.txt'));
  const data = new DataTransfer();
  data.set('text/uri-list', new DataTransferItem(file.toString()));
  let isDone = false;
  const dropped = Promise.resolve(
    dragAndDrop().handleDrop?.(undefined, data, new CancellationTokenSource().token),
  ).finally(() => {
    isDone = true;
  });
  // The first question waits for an answer; leaving it ends the push without a word.
  await until('the push to end', async () => {
    await commands.executeCommand('workbench.action.closeQuickOpen');
    return isDone;
  });
  await dropped;
});

test('a push of nothing, or of what is not on a disk, ends with a message', async () => {
  await commands.executeCommand(Command.pushFiles);
  await commands.executeCommand(Command.pushFiles, Uri.parse('untitled:a'), [Uri.parse('untitled:a')]);
});
