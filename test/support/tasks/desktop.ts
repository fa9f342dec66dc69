import { runTests } from '@vscode/test-electron';
import { root } from '../cache.ts';
import { buildExtension } from '../extension.ts';
import { runHost } from '../../host/run.ts';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// The same suites as `npm test` runs in the web-server workbench, in a desktop VS Code that is downloaded once.
await buildExtension();
const counts = await runHost(async (bundle, folder, localFolder) => {
  const user = mkdtempSync(path.join(tmpdir(), 'oci-desktop-'));
  mkdirSync(path.join(user, 'User'));
  writeFileSync(
    path.join(user, 'User/settings.json'),
    JSON.stringify({ 'ociExplorer.localFolder': localFolder, 'chat.disableAIFeatures': true }),
  );
  await runTests({
    extensionDevelopmentPath: root,
    extensionTestsPath: bundle,
    launchArgs: [folder, '--user-data-dir', user, '--disable-extensions', '--disable-workspace-trust'],
    // Failed tests end it with 1, and are in the results all the same.
  }).catch((error: unknown) => {
    console.error(String(error));
  });
});
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
