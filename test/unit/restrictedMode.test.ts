import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };

const { untrustedWorkspaces } = manifest.capabilities;
const restricted: readonly string[] = untrustedWorkspaces.restrictedConfigurations;
const properties: Readonly<Record<string, { readonly scope: string }>> =
  manifest.contributes.configuration.properties;

/** What only changes how things look or how much is shown; a workspace that nobody trusts may set these. */
const harmless = [
  'ociExplorer.pageSize',
  'ociExplorer.tagOrder',
  'ociExplorer.foldTags',
  // Names and icons only: pull commands of its rows are left out.
  'ociExplorer.artifactTypes',
  'ociExplorer.manifestView',
  'ociExplorer.inlayHints',
  'ociExplorer.push.keepFileTimes',
  'ociExplorer.push.split',
  'ociExplorer.push.compression',
  'ociExplorer.push.largeFile',
  'ociExplorer.push.largeTotal',
];

describe('in Restricted Mode', () => {
  it('every setting that says where something is, or whom to trust, is not the workspace’s to set', () => {
    for (const [name, { scope }] of Object.entries(properties)) {
      assert.ok(
        harmless.includes(name) ||
          (restricted.includes(name) && ['application', 'machine', 'window'].includes(scope)),
        `${name} has to be restricted, or harmless`,
      );
    }
  });

  it('what relaxes or replaces TLS is no workspace’s to set, trusted or not', () => {
    for (const name of ['ociExplorer.plainHttpHosts', 'ociExplorer.certificates']) {
      assert.equal(properties[name]?.scope, 'application', name);
    }
  });

  it('browsing still works: the extension is there, and restricts only settings it has', () => {
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.deepEqual(
      restricted.filter((name) => !(name in properties)),
      [],
    );
  });
});
