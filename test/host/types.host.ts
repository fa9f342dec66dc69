import assert from 'node:assert/strict';
import { ConfigurationTarget, extensions, workspace } from 'vscode';
import type { OciExplorerApi } from '../../src/api.ts';
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
