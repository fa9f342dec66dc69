import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, exists, root, timed } from '../cache.ts';
import { buildExtension, packExtension } from '../extension.ts';
import { stopChild } from '../run.ts';
import { fillSamples } from '../samples.ts';
import { startWorkbench } from '../workbench.ts';

/** What is kept from one start to the next: Local, and a folder to push. */
const home = path.join(cacheFolder, 'start');
const localFolder = path.join(home, 'local');
const workspace = path.join(home, 'workspace');
const settings = { 'ociExplorer.localFolder': localFolder };

mkdirSync(home, { recursive: true });
if (!exists(localFolder)) {
  await timed('Filling Local with samples', () => fillSamples(localFolder));
}
if (!exists(workspace)) {
  cpSync(path.join(root, 'test/fixtures/workspace'), workspace, { recursive: true });
}

const stop = desktopEditor() === undefined ? await inBrowser() : await onDesktop(desktopEditor()!);
console.log(`2. Click the OCI Explorer icon at the left; below Local open any group, repository and tag, down to its layers, and click a tag.
3. In the Explorer, right-click the folder "site" and choose Push as OCI Artifact…
(Ctrl-C ends it.)`);

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopping) {
      stopping = true;
      void stop().then(() => process.exit(0));
    }
  });
}

/** The `code` of a machine with a screen. */
function desktopEditor(): string | undefined {
  const { PATH = '', DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) {
    return undefined;
  }
  const name = process.platform === 'win32' ? 'code.cmd' : 'code';
  return PATH.split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
}

async function inBrowser(): Promise<() => Promise<void>> {
  const vsix = await packExtension();
  const workbench = await startWorkbench({ folder: workspace, extension: { vsix }, settings });
  console.log(`\n1. Open ${workbench.url} in a browser.`);
  return () => workbench.stop();
}

async function onDesktop(code: string): Promise<() => Promise<void>> {
  await buildExtension();
  // Its own profile: nobody's settings are touched, and no other extension is in the way.
  const user = path.join(home, 'desktop');
  mkdirSync(path.join(user, 'User'), { recursive: true });
  writeFileSync(path.join(user, 'User/settings.json'), JSON.stringify(settings));
  const args = [
    `--extensionDevelopmentPath=${root}`,
    '--user-data-dir',
    user,
    '--new-window',
    '--wait',
    workspace,
  ];
  const child: ChildProcess = spawn(code, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  child.once('exit', () => process.exit(0));
  console.log('\n1. A VS Code window opens.');
  return () => stopChild(child);
}
