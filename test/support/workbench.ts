import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Browser, type Page } from 'playwright-core';
import { cacheFolder, once, timed } from './cache.ts';
import { peer } from './peers.ts';
import { freePort } from './registries.ts';
import { endWithProcess, run, stopChild } from './run.ts';

/** Carries VS Code 1.139.1; only the editor's own server in its `lib/vscode` is used. */
const version = '4.139.1';

/** Folder of VS Code's server, installed and its native modules built first where they are missing. */
export async function installWorkbench(): Promise<string> {
  const home = await once(path.join(cacheFolder, `workbench-${version}`), () =>
    timed(`Installing the VS Code workbench (code-server ${version})`, install),
  );
  return serverFolder(home);
}

function serverFolder(home: string): string {
  return path.join(home, 'node_modules/code-server/lib/vscode');
}

async function install(): Promise<void> {
  const home = path.join(cacheFolder, `workbench-${version}`);
  const fresh = `${home}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  writeFileSync(path.join(fresh, 'package.json'), '{ "private": true }');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', '--ignore-scripts', ...quiet, `code-server@${version}`], { cwd: fresh });
  const server = serverFolder(fresh);
  const inner = ['install', '--omit=dev', '--ignore-scripts', ...quiet];
  await Promise.all([
    run('npm', inner, { cwd: server }).then(() =>
      // N-API modules: the headers of any Node do, so none are downloaded where the system has some.
      run('npm', ['rebuild', ...quiet, '@vscode/spdlog', '@vscode/native-watchdog'], {
        cwd: server,
        env: existsSync('/usr/include/node') ? { npm_config_nodedir: '/usr' } : {},
      }),
    ),
    run('npm', inner, { cwd: path.join(server, 'extensions') }),
  ]);
  renameSync(fresh, home);
}

export interface WorkbenchOptions {
  /** What the editor opens. */
  readonly folder: string;
  /** Sources of an extension, or a packed one. */
  readonly extension: { readonly path: string } | { readonly vsix: string };
  /** Folders of other extensions that are there too. */
  readonly others?: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Bundle that exports `run()`, run inside the extension host. */
  readonly tests?: string;
  /** By default one that the system chooses. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** True: its folder is trusted only when a person says so. Else every folder is. */
  readonly asksForTrust?: boolean;
}

export interface Workbench {
  readonly url: string;
  /** Logs of the server and its extension hosts. */
  readonly logs: string;
  /** Replaces settings; the workbench sees them within a second. */
  configure(settings: Readonly<Record<string, unknown>>): void;
  stop(): Promise<void>;
}

/** What makes a workbench quiet: nothing that appears by itself. */
const quietSettings = {
  'chat.disableAIFeatures': true,
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.commandCenter': false,
  'workbench.layoutControl.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
};

/** VS Code's own server with the extension, listening when this returns. */
export async function startWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const server = await installWorkbench();
  const home = await mkdtemp(path.join(tmpdir(), 'oci-workbench-'));
  const [data, user, extensions] = ['data', 'user', 'extensions'].map((name) => path.join(home, name)) as [
    string,
    string,
    string,
  ];
  const settingsFile = path.join(user, 'Machine/settings.json');
  mkdirSync(path.dirname(settingsFile), { recursive: true });
  mkdirSync(extensions, { recursive: true });
  for (const other of options.others ?? []) {
    // An address can name one extension in development; others stand where installed ones do.
    cpSync(other, path.join(extensions, path.basename(other)), { recursive: true });
  }
  const configure = (settings: Readonly<Record<string, unknown>>): void => {
    writeFileSync(`${settingsFile}.new`, JSON.stringify({ ...quietSettings, ...settings }, null, 2));
    renameSync(`${settingsFile}.new`, settingsFile);
  };
  configure(options.settings ?? {});
  const folders = ['--server-data-dir', data, '--user-data-dir', user, '--extensions-dir', extensions];
  const main = [path.join(server, 'out/server-main.js'), '--accept-server-license-terms', ...folders];
  if ('vsix' in options.extension) {
    await run(process.execPath, [...main, '--install-extension', options.extension.vsix], { cwd: server });
  }
  const port = options.port ?? (await freePort());
  const child = spawn(
    process.execPath,
    [
      ...main,
      ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token'],
      ...['--telemetry-level', 'off'],
      ...(options.asksForTrust === true ? [] : ['--disable-workspace-trust']),
      // What makes the editor take extensions and tests from the address. It also hides notifications and dialogs, which
      // is why people and clicks get the packed extension.
      ...('path' in options.extension ? ['--enable-smoke-test-driver'] : []),
    ],
    { cwd: server, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  );
  endWithProcess(child);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000);
    });
  }
  const stop = async (): Promise<void> => {
    await stopChild(child);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  const deadline = Date.now() + 60_000;
  while (!(await answers(`http://127.0.0.1:${port}/version`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`The workbench did not start:\n${log}`);
    }
    await sleep(100);
  }
  return { url: address(port, options), logs: path.join(data, 'logs'), configure, stop };
}

function address(port: number, { folder, extension, tests }: WorkbenchOptions): string {
  const remote = (file: string): string => `vscode-remote://localhost:${port}${file}`;
  const payload = [
    ...('path' in extension ? [['extensionDevelopmentPath', remote(extension.path)]] : []),
    ...(tests === undefined ? [] : [['extensionTestsPath', remote(tests)]]),
  ];
  const url = new URL(`http://localhost:${port}/`);
  url.searchParams.set('folder', folder);
  if (payload.length > 0) {
    url.searchParams.set('payload', JSON.stringify(payload));
  }
  return url.href;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

const browserArguments = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
];

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await peer('chromium'), args: browserArguments });
}

export async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  return context.newPage();
}

/** Opens the workbench and waits until it can be used. */
export async function openWorkbench(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator('.monaco-workbench .part.activitybar').waitFor({ timeout: 60_000 });
  await page.locator('.monaco-workbench .part.statusbar #status\\.host').waitFor({ timeout: 60_000 });
}
