import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runInThisContext } from 'node:vm';
import * as vscode from 'vscode';
import { commands, ConfigurationTarget, extensions, window, workspace } from 'vscode';
import type { OciExplorerApi } from '../../src/api.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { Command } from '../../src/contributions.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { test, until } from './harness.ts';

const artifactType = 'application/vnd.acme.rocket.v1';
const row = (id: string, name: string) => ({ id, name, match: { artifactType } });

test('a type is added by contribution, by API and by setting, which win in this order', async () => {
  const extension = extensions.getExtension<OciExplorerApi>('oci-explorer.oci-explorer');
  assert.ok(extension);
  const explorer = await extension.activate();
  const name = (): string => explorer.identify({ artifactType, layers: [] }).name;
  const settings = workspace.getConfiguration('ociExplorer');
  assert.equal(explorer.version, 1);
  assert.equal(name(), 'Acme contributed');
  const registered = explorer.registerArtifactType({ ...row('acme-api', 'Acme API'), rank: 1 });
  try {
    assert.equal(name(), 'Acme API');
    const rows = [row('acme-mine', 'Acme mine'), { id: 'wrong' }];
    await settings.update('artifactTypes', rows, ConfigurationTarget.Global);
    await until('the row of the setting', () => name() === 'Acme mine');
  } finally {
    registered.dispose();
    await settings.update('artifactTypes', undefined, ConfigurationTarget.Global);
  }
  await until('the contributed row again', () => name() === 'Acme contributed');
  assert.throws(() => explorer.registerArtifactType({ id: 'a' } as never), /name is missing/);
  await assert.rejects(explorer.open(''), TypeError);
}, 60_000);

/** An artifact of the type in Local. */
async function pushRocket(): Promise<void> {
  const folder = workspace.getConfiguration('ociExplorer').get<string>('localFolder', '');
  const store = localRegistry(folder).repository('acme/rocket');
  const empty = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(empty), size: empty.byteLength };
  await store.push(config, bodyOf(empty));
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType,
    config,
    layers: [config],
  });
  const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag: '1' });
  await commands.executeCommand(Command.refresh);
}

/** What the row is called: the title of what explains it. With nothing selected it would ask which one. */
async function isExplainedAs(name: string): Promise<void> {
  const target = { place: 'local', repository: 'acme/rocket', ref: '1' };
  await until(
    `the row ${name}`,
    async () => {
      await commands.executeCommand('workbench.action.closeQuickOpen');
      await commands.executeCommand(Command.showInTree, target);
      await new Promise((resolve) => setTimeout(resolve, 250));
      void commands.executeCommand(Command.explainType);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
      return tabs.some(({ label }) => label.includes(`${name}.md`));
    },
    20_000,
  );
}

test('a row of the tree is renamed when a type comes by contribution, by API and by setting', async () => {
  const extension = extensions.getExtension<OciExplorerApi>('oci-explorer.oci-explorer');
  assert.ok(extension);
  const explorer = await extension.activate();
  const settings = workspace.getConfiguration('ociExplorer');
  await pushRocket();
  await isExplainedAs('Acme contributed');
  const registered = explorer.registerArtifactType({ ...row('acme-api', 'Acme API'), rank: 1 });
  try {
    await isExplainedAs('Acme API');
    await settings.update('artifactTypes', [row('acme-mine', 'Acme mine')], ConfigurationTarget.Global);
    await isExplainedAs('Acme mine');
  } finally {
    registered.dispose();
    await settings.update('artifactTypes', undefined, ConfigurationTarget.Global);
    await commands.executeCommand('workbench.action.closeQuickOpen');
    await commands.executeCommand('workbench.action.closeAllEditors');
  }
}, 70_000);

/** The examples of a language below a heading of the README. */
function examples(heading: string, language: string): readonly string[] {
  const readme = readFileSync(path.join(import.meta.dirname, '../../README.md'), 'utf8');
  const [section = ''] = (readme.split(`\n## ${heading}\n`)[1] ?? '').split('\n## ');
  return [...section.matchAll(new RegExp(`\n\`\`\`${language}\n([^]*?)\n\`\`\``, 'g'))].map(
    ([, text = '']) => text,
  );
}

test('the examples of the README do what they say', async () => {
  const [setting = ''] = examples('Add an artifact type', 'json');
  const [code = ''] = examples('Add an artifact type', 'js');
  const extension = extensions.getExtension<OciExplorerApi>('oci-explorer.oci-explorer');
  const explorer = await extension?.activate();
  assert.ok(explorer);
  const settings = workspace.getConfiguration();
  const rows = JSON.parse(setting) as Readonly<Record<string, unknown>>;
  const rocket = { artifactType: 'application/vnd.example.rocket.v1', layers: [] };
  await pushRocket();
  try {
    await settings.update(
      'ociExplorer.artifactTypes',
      rows['ociExplorer.artifactTypes'],
      ConfigurationTarget.Global,
    );
    await until('the row of the setting', () => explorer.identify(rocket).name === 'Example rocket');
    // The registry of the example is not there; the rest is run as it stands.
    const body = code.replace('localhost:5000/team/comet:1', 'Local/acme/rocket:1');
    assert.notEqual(body, code);
    const run = runInThisContext(`(async (vscode) => { ${body}\n return [name, evidence]; })`) as (
      api: typeof vscode,
    ) => Promise<unknown>;
    assert.deepEqual(await run(vscode), [
      'Example comet',
      [{ field: 'artifactType', value: 'application/vnd.example.comet.v1' }],
    ]);
    await until('the manifest', () =>
      window.tabGroups.all.some(({ tabs }) =>
        tabs.some(({ label }) => label.startsWith('rocket:1 › manifest')),
      ),
    );
    const comet = { artifactType: 'application/vnd.example.comet.v1', layers: [] };
    assert.equal(explorer.identify(comet).id, 'unknown');
  } finally {
    await settings.update('ociExplorer.artifactTypes', undefined, ConfigurationTarget.Global);
    await commands.executeCommand('workbench.action.closeAllEditors');
  }
}, 60_000);
