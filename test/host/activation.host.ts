import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { commands, extensions, workspace, type ExtensionContext } from 'vscode';
import { Command, View } from '../../src/contributions.ts';
import { test } from './harness.ts';

interface Module {
  activate(context: ExtensionContext): unknown;
}

function extension(): NonNullable<ReturnType<typeof extensions.getExtension>> {
  const found = extensions.getExtension('oci-explorer.oci-explorer');
  assert.ok(found, 'The extension is not installed');
  return found;
}

test('activate is synchronous, and timed', async () => {
  const { extensionPath, isActive } = extension();
  assert.equal(isActive, false, 'Something activated the extension before it was needed');
  const file = path.join(extensionPath, 'dist/extension.cjs');
  // VS Code then loads the same module from Node's cache and calls this activate.
  const require = createRequire(__filename);
  const module = require(file) as Module;
  const cached = require.cache[file];
  assert.ok(cached);
  let ms = Number.NaN;
  let returned: unknown;
  cached.exports = {
    ...module,
    activate: (context: ExtensionContext) => {
      const start = performance.now();
      returned = module.activate(context);
      ms = performance.now() - start;
      return returned;
    },
  };
  await extension().activate();
  assert.ok(!Number.isNaN(ms), 'VS Code called another activate');
  assert.equal(returned instanceof Promise, false, 'activate is not synchronous');
  appendFileSync(process.env['OCI_EXPLORER_TIMINGS']!, `${ms.toFixed(1)}\n`);
});

test('every command is registered', async () => {
  const registered = new Set(await commands.getCommands(true));
  const missing = Object.values(Command).filter((id) => !registered.has(id));
  assert.deepEqual(missing, []);
});

test('every contributed command has a handler', async () => {
  const registered = new Set(await commands.getCommands(true));
  const { contributes } = extension().packageJSON as {
    contributes: { commands: { command: string }[]; views: Record<string, { id: string }[]> };
  };
  assert.deepEqual(
    contributes.commands.map(({ command }) => command).filter((id) => !registered.has(id)),
    [],
  );
  assert.ok(contributes.views[View.container]?.some(({ id }) => id === View.registries));
});

test('every setting has a default', () => {
  const settings = workspace.getConfiguration('ociExplorer');
  for (const name of ['registries', 'localFolder', 'pageSize', 'tagOrder']) {
    assert.notEqual(settings.inspect(name)?.defaultValue, undefined, name);
  }
});
