import assert from 'node:assert/strict';
import path from 'node:path';
import { CancellationTokenSource, commands, DataTransfer, DataTransferItem, Uri, workspace } from 'vscode';
import type { Node } from '../../src/browse/node.ts';
import { Command } from '../../src/contributions.ts';
import { dragAndDrop } from '../../src/views/dragAndDrop.ts';
import { test, until } from './harness.ts';

interface Dropped {
  readonly paths: readonly string[];
  readonly target: Node | undefined;
}

/** What is pushed when this is dropped. */
async function drop(mimeType: string, text: string, target?: Node): Promise<readonly Dropped[]> {
  const pushed: Dropped[] = [];
  const controller = dragAndDrop({
    push: (uris, on) => {
      pushed.push({ paths: uris.map((uri) => uri.toString()), target: on });
      return Promise.resolve();
    },
    copy: () => Promise.reject(new Error('Nothing of the tree was dropped')),
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

/** What of the tree is copied when these rows are dragged to that one. */
async function dragRows(source: readonly Node[], target: Node | undefined): Promise<readonly string[]> {
  const copied: string[] = [];
  const controller = dragAndDrop({
    push: () => Promise.reject(new Error('No file was dropped')),
    copy: (nodes, on) => {
      copied.push(...nodes.map(({ id }) => `${id} to ${on.id}`));
      return Promise.resolve();
    },
  });
  const data = new DataTransfer();
  const { token } = new CancellationTokenSource();
  await controller.handleDrag?.(source, data, token);
  const mimeTypes = [...data].map(([mimeType]) => mimeType);
  assert.ok(mimeTypes.every((mimeType) => controller.dropMimeTypes.includes(mimeType)));
  await controller.handleDrop?.(target, data, token);
  return copied;
}

test('tags and manifests that are dragged to a repository are copied there, but not to their own', async () => {
  const place = { id: 'local' };
  const node = (kind: string, id: string, repository: string): Node =>
    ({ kind, id, repository, place }) as unknown as Node;
  const [tag, manifest, blob] = [
    node('tag', 'tag', 'app'),
    node('manifest', 'manifest', 'other'),
    node('blob', 'blob', 'app'),
  ];
  const target = node('repository', 'there', 'other');
  assert.deepEqual(await dragRows([tag, manifest, blob], target), ['tag to there']);
  assert.deepEqual(await dragRows([manifest], target), []);
  assert.deepEqual(await dragRows([blob], target), []);
  assert.deepEqual(await dragRows([tag], undefined), []);
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
