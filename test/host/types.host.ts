import assert from 'node:assert/strict';
import { commands, ConfigurationTarget, env, extensions, workspace } from 'vscode';
import type { OciExplorerApi } from '../../src/api.ts';
import { bodyOf } from '../../src/base/bytes.ts';
import { Command, View } from '../../src/contributions.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { test, until } from './harness.ts';

const artifactType = 'application/vnd.acme.rocket.v1';
const row = (id: string, name: string, pull: string) => ({ id, name, match: { artifactType }, pull });

async function api(): Promise<OciExplorerApi> {
  const extension = extensions.getExtension<OciExplorerApi>('oci-explorer.oci-explorer');
  assert.ok(extension);
  return extension.activate();
}

/** Until the row of the tree that is selected is of a type whose pull command begins like this. */
async function pulledBy(start: string): Promise<void> {
  await until(start, async () => {
    await commands.executeCommand(Command.showInTree, {
      place: 'local',
      repository: 'acme/rocket',
      ref: '1.0.0',
    });
    // The selection comes by an event of its own.
    await new Promise((resolve) => setTimeout(resolve, 250));
    await env.clipboard.writeText('');
    await commands.executeCommand(Command.copyPullCommand);
    return (await env.clipboard.readText()).startsWith(start);
  });
}

test('a type is added by contribution, by API and by setting, and the row of the tree follows at once', async () => {
  const folder = workspace.getConfiguration('ociExplorer').get<string>('localFolder') ?? '';
  const store = localRegistry(folder).repository('acme/rocket');
  const config = { mediaType: MediaType.empty, digest: digestOf(Buffer.from('{}')), size: 2 };
  await store.push(config, bodyOf(Buffer.from('{}')));
  const manifest = {
    schemaVersion: 2 as const,
    mediaType: MediaType.manifest,
    artifactType,
    config,
    layers: [config],
  };
  const bytes = encodeManifest(manifest);
  const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(root, bodyOf(bytes), { tag: '1.0.0' });

  const explorer = await api();
  const name = (): string => explorer.identify({ artifactType, layers: [] }).name;
  const settings = workspace.getConfiguration('ociExplorer');
  assert.equal(explorer.version, 1);
  await commands.executeCommand(`${View.registries}.focus`);
  await commands.executeCommand(Command.refresh);
  await explorer.open('Local/acme/rocket:1.0.0');
  assert.equal(name(), 'Acme contributed');
  await pulledBy('contributed pull ');

  const registered = explorer.registerArtifactType({
    ...row('acme-api', 'Acme API', 'api pull {ref}'),
    rank: 1,
  });
  try {
    assert.equal(name(), 'Acme API');
    await pulledBy('api pull ');
    const rows = [row('acme-mine', 'Acme mine', 'mine pull {ref}'), { id: 'wrong' }];
    await settings.update('artifactTypes', rows, ConfigurationTarget.Global);
    await until('the row of the setting', () => name() === 'Acme mine');
    await pulledBy('mine pull ');
  } finally {
    registered.dispose();
    await settings.update('artifactTypes', undefined, ConfigurationTarget.Global);
  }
  await until('the contributed row again', () => name() === 'Acme contributed');
  assert.throws(() => explorer.registerArtifactType({ id: 'a' } as never), /name is missing/);
  await assert.rejects(explorer.open(''), TypeError);
}, 60_000);
