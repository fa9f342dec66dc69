import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commands, ConfigurationTarget, TabInputText, window, workspace, type Uri } from 'vscode';
import { Command } from '../../src/contributions.ts';
import { fromUri } from '../../src/host/ociUri.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry } from '../support/registries.ts';
import { test, until } from './harness.ts';

function tab(label: string): Uri | undefined {
  const inputs = window.tabGroups.all.flatMap(({ tabs }) => tabs);
  const found = inputs.find((each) => each.label === label)?.input;
  return found instanceof TabInputText ? found.uri : undefined;
}

test('Open As… opens what an old client gets, which a tab can show again', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'oci-open-as-'));
  const registry = await startRegistry('distribution2');
  const settings = workspace.getConfiguration('ociExplorer');
  const at = `${registry.host}/old/app:1`;
  try {
    writeFileSync(path.join(folder, 'hello.txt'), 'hello\n');
    await runPeer('crane', ['--insecure', 'append', '-f', 'hello.txt', '-t', at], { cwd: folder });
    await settings.update('registries', [{ host: registry.host }], ConfigurationTarget.Global);
    await settings.update('manifestView', 'original', ConfigurationTarget.Global);
    await commands.executeCommand(Command.goToReference, at);
    const label = 'app:1 › manifest as Docker schema 1';
    // One question at a time; what is chosen of it before it is there chooses nothing, and is chosen again.
    let question: Promise<unknown> | undefined;
    const uri = await until(
      label,
      async () => {
        question ??= Promise.resolve(commands.executeCommand(Command.openAs)).finally(() => {
          question = undefined;
        });
        await commands.executeCommand('quickInput.last');
        await commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
        return tab(label);
      },
      40_000,
    );
    const location = fromUri(uri);
    assert.equal(location?.accept, MediaType.dockerSchema1Signed);
    assert.equal(location.tag, '1');
    const document = await workspace.openTextDocument(uri);
    assert.equal(document.languageId, 'json');
    const manifest = JSON.parse(document.getText()) as { schemaVersion: number; fsLayers: unknown[] };
    assert.deepEqual([manifest.schemaVersion, manifest.fsLayers.length], [1, 1]);
  } finally {
    await commands.executeCommand('workbench.action.closeAllEditors');
    await settings.update('manifestView', undefined, ConfigurationTarget.Global);
    await settings.update('registries', undefined, ConfigurationTarget.Global);
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
