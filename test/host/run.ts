import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { exists, root, say } from '../support/cache.ts';
import type { Counts } from '../support/stage.ts';
import { newPage, startBrowser, startWorkbench } from '../support/workbench.ts';
import { bundleHostSuites } from './bundle.ts';
import type { HostResult } from './harness.ts';

/** Another extension, which contributes a type. */
export const neighbour = path.join(root, 'test/fixtures/oci-explorer-test.neighbour-0.0.1');

/** Starts of the extension host that `activate` is timed in. */
const activations = 5;

/** Milliseconds `activate` may take (median). */
const activationLimit = 30;

/** How a host is started on a bundle of suites, once with each folder open; rejects when one could not run at all. */
export type Launch = (bundle: string, folders: readonly string[], localFolder: string) => Promise<void>;

/** Every suite inside the extension host of the web-server workbench. */
export async function runHostInWorkbench(): Promise<Counts> {
  return withBrowser((launch) => runHost(launch));
}

/** How long `activate` takes in fresh hosts of the web-server workbench. */
export async function runActivationInWorkbench(): Promise<Counts> {
  return withBrowser((launch) => runActivation(launch));
}

/** Every suite once. Prints failures. */
export async function runHost(launch: Launch): Promise<Counts> {
  return inOwnFolder(async (work) => {
    const results = path.join(work, 'results.jsonl');
    const bundle = path.join(bundles(), 'suites.cjs');
    await bundleHostSuites('**/*.host.ts', bundle, results);
    process.env['OCI_EXPLORER_TIMINGS'] = path.join(work, 'activate-ms');
    await launch(bundle, makeFolders(work, 1), path.join(work, 'local'));
    return count(read(results));
  });
}

/** The timing of `activate`. */
export async function runActivation(launch: Launch): Promise<Counts> {
  return inOwnFolder(async (work) => {
    const results = path.join(work, 'results.jsonl');
    const bundle = path.join(bundles(), 'activation.cjs');
    await bundleHostSuites('activation.host.ts', bundle, results);
    const timings = path.join(work, 'activate-ms');
    process.env['OCI_EXPLORER_TIMINGS'] = timings;
    await launch(bundle, makeFolders(work, activations), path.join(work, 'local'));
    return count([...read(results).filter(({ error }) => error !== undefined), judgeActivation(timings)]);
  });
}

async function withBrowser(job: (launch: Launch) => Promise<Counts>): Promise<Counts> {
  const browser = await startBrowser();
  try {
    return await job((bundle, folders, localFolder) => inWorkbench(browser, bundle, folders, localFolder));
  } finally {
    await browser.close();
  }
}

async function inOwnFolder(job: (work: string) => Promise<Counts>): Promise<Counts> {
  const work = mkdtempSync(path.join(tmpdir(), 'oci-host-'));
  try {
    return await job(work);
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Node resolves a bundle's source map and, in development, VS Code its extension by this place. */
function bundles(): string {
  const out = path.join(root, '.cache/host');
  mkdirSync(out, { recursive: true });
  return out;
}

/** Folders for the editor to open. */
function makeFolders(work: string, length: number): string[] {
  return Array.from({ length }, (_, at) => {
    const folder = path.join(work, `workspace-${at}`);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'readme.txt'), 'A workspace of the tests.\n');
    return folder;
  });
}

function read(results: string): HostResult[] {
  if (!exists(results)) {
    return [{ name: 'the extension host runs the suites', ms: 0, error: 'It wrote no result' }];
  }
  return readFileSync(results, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as HostResult);
}

function judgeActivation(timings: string): HostResult {
  const times = exists(timings) ? readFileSync(timings, 'utf8').trim().split('\n').map(Number) : [];
  const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Infinity;
  const text = `activate took ${times.join(', ')} ms; median ${median} ms`;
  say(text);
  const good = times.length === activations && median < activationLimit;
  return { name: 'activate is quick', ms: median, ...(good ? {} : { error: text }) };
}

function count(results: readonly HostResult[]): Counts {
  const failures = results.filter(({ error }) => error !== undefined);
  for (const { name, error } of failures) {
    say(`✖ host: ${name}\n  ${error?.replaceAll('\n', '\n  ') ?? ''}`);
  }
  return { passed: results.length - failures.length, failed: failures.length };
}

async function inWorkbench(
  browser: Browser,
  bundle: string,
  folders: readonly string[],
  localFolder: string,
): Promise<void> {
  const workbench = await startWorkbench({
    folder: folders[0] ?? localFolder,
    extension: { path: root },
    others: [neighbour],
    settings: { 'ociExplorer.localFolder': localFolder },
    tests: bundle,
  });
  try {
    for (const folder of folders) {
      const url = new URL(workbench.url);
      url.searchParams.set('folder', folder);
      await runPage(browser, url.href);
    }
  } finally {
    await workbench.stop();
  }
}

/** One window, whose extension host runs its tests and is gone with it. */
async function runPage(browser: Browser, url: string): Promise<void> {
  const page = await newPage(browser);
  let timer: NodeJS.Timeout | undefined;
  try {
    const ended = new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error('The extension host did not end its tests within 180 s')),
        180_000,
      );
      void page.exposeFunction('codeAutomationExit', () => resolve());
    });
    await page.exposeFunction('codeAutomationLog', () => undefined);
    await page.goto(url);
    await ended;
  } finally {
    clearTimeout(timer);
    await page.context().close();
  }
}
