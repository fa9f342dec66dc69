import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cacheFolder, root } from '../cache.ts';
import { buildExtension } from '../extension.ts';
import { neighbour, runActivation, runHost, type Launch } from '../../host/run.ts';

// The same suites as `npm test` runs in the web-server workbench, in a desktop VS Code that is downloaded once.
const { DISPLAY, WAYLAND_DISPLAY, OCI_EXPLORER_VSCODE } = process.env;
const executable = OCI_EXPLORER_VSCODE ?? (await download());
if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) {
  fail('A desktop VS Code needs a screen: set DISPLAY, or run it below xvfb-run.');
}
await buildExtension();
const launch: Launch = async (bundle, folders, localFolder) => {
  for (const folder of folders) {
    const user = mkdtempSync(path.join(tmpdir(), 'oci-desktop-'));
    mkdirSync(path.join(user, 'User'));
    writeFileSync(
      path.join(user, 'User/settings.json'),
      JSON.stringify({ 'ociExplorer.localFolder': localFolder, 'chat.disableAIFeatures': true }),
    );
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: [root, neighbour],
      extensionTestsPath: bundle,
      launchArgs: [folder, `--user-data-dir=${user}`, '--disable-extensions'],
      // Failed tests end it with 1, and are in the results all the same.
    }).catch((error: unknown) => {
      console.error(String(error));
    });
    await rm(user, { recursive: true, force: true, maxRetries: 5 });
  }
};
const suites = await runHost(launch);
const activation = await runActivation(launch);
const passed = suites.passed + activation.passed;
const failed = suites.failed + activation.failed;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

async function download(): Promise<string> {
  try {
    return await downloadAndUnzipVSCode({ cachePath: path.join(cacheFolder, 'desktop') });
  } catch (error) {
    return fail(`VS Code cannot be downloaded: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fail(cause: string): never {
  console.error(`${cause}
Set OCI_EXPLORER_VSCODE to the executable of an installed VS Code (not its command line launcher), or run the same suites
without a desktop: npm test -- host`);
  process.exit(1);
}
