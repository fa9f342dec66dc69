import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { commands, languages, tasks, Uri, workspace, type CompletionList, type Task } from 'vscode';
import { taskType } from '../../src/contributions.ts';
import { layoutRegistry } from '../../src/oci/layout/layoutRegistry.ts';
import { filesType } from '../../src/packaging/pushTypes.ts';
import { test, until } from './harness.ts';

const folder = (): string => workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
const file = (): string => path.join(folder(), '.oci/push.json');

async function write(content: unknown): Promise<void> {
  await mkdir(path.dirname(file()), { recursive: true });
  await writeFile(file(), JSON.stringify(content));
}

const remove = (): Promise<void> => rm(path.dirname(file()), { recursive: true });

/** The exit code of a task. */
async function run(task: Task): Promise<number | undefined> {
  let code: number | undefined;
  let isOver = false;
  const subscription = tasks.onDidEndTaskProcess((event) => {
    if (event.execution.task.name === task.name) {
      isOver = true;
      code = event.exitCode;
    }
  });
  try {
    await tasks.executeTask(task);
    await until('the task to end', () => isOver);
    return code;
  } finally {
    subscription.dispose();
  }
}

test('a recipe is a task that pushes without a question, and its exit code tells how it ended', async () => {
  const recipe = { target: 'local/recipes/host:1', type: filesType.id, files: ['readme.txt'] };
  await write({
    recipes: [
      { ...recipe, name: 'readme' },
      { ...recipe, name: 'nowhere', target: 'registry.invalid/team/x:1' },
    ],
  });
  try {
    const found = await tasks.fetchTasks({ type: taskType });
    assert.deepEqual(
      found.map(({ definition }) => definition['recipe'] as unknown),
      ['readme', 'nowhere'],
    );
    const [readme, nowhere] = found;
    assert.ok(readme && nowhere);
    assert.equal(await run(readme), 0);
    const local = workspace.getConfiguration('ociExplorer').get<string>('localFolder', '');
    const layout = path.join(local, 'recipes/host');
    const registry = await layoutRegistry(layout);
    const [name = ''] = (await registry.repositories()).items;
    assert.deepEqual((await registry.repository(name).tags()).items, ['1']);
    await rm(path.join(local, 'recipes'), { recursive: true });
    assert.equal(await run(nowhere), 1);
  } finally {
    await remove();
  }
}, 40_000);

test('the file of recipes is checked and completed by its schema', async () => {
  await write({ recipes: [{ name: 'readme', files: ['../up'] }] });
  try {
    const uri = Uri.file(file());
    const document = await workspace.openTextDocument(uri);
    await commands.executeCommand('vscode.open', uri);
    const messages = await until('the problems to be told', () => {
      const found = languages.getDiagnostics(uri).map(({ message }) => message);
      return found.length >= 3 ? found : undefined;
    });
    assert.ok(
      messages.some((message) => message.includes('"target"')),
      messages.join('\n'),
    );
    assert.ok(
      messages.some((message) => message.includes('"type"')),
      messages.join('\n'),
    );
    const position = document.positionAt(document.getText().indexOf('"name"'));
    const { items } = await commands.executeCommand<CompletionList>(
      'vscode.executeCompletionItemProvider',
      uri,
      position,
    );
    const labels = items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    for (const field of ['annotations', 'keepFileTimes', 'split', 'compression', 'ignore']) {
      assert.ok(labels.includes(field), labels.join(', '));
    }
    await commands.executeCommand('workbench.action.closeAllEditors');
  } finally {
    await remove();
  }
}, 40_000);
