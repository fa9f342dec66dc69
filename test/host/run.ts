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

/** How one host is started on a bundle of suites; rejects when it could not run at all. */
type Launch = (bundle: string, folder: string, localFolder: string) => Promise<void>;

/** The suites inside the extension host of the web-server workbench. */
export async function runHostInWorkbench(): Promise<Counts> {
  const browser = await startBrowser();
  try {
    return await runHost((bundle, folder, localFolder) => inWorkbench(browser, bundle, folder, localFolder));
  } finally {
    await browser.close();
  }
}

/** Every suite once, and the timing of `activate` in fresh hosts. Prints failures. */
export async function runHost(launch: Launch): Promise<Counts> {
  const work = mkdtempSync(path.join(tmpdir(), 'oci-host-'));
  // Node resolves the bundle's source map and, in development, VS Code its extension by this place.
  const out = path.join(root, '.cache/host');
  mkdirSync(out, { recursive: true });
  try {
    const results = path.join(work, 'results.jsonl');
    await bundleHostSuites('**/*.host.ts', path.join(out, 'suites.cjs'), results);
    await bundleHostSuites('activation.host.ts', path.join(out, 'activation.cjs'), results);
    const timings = path.join(work, 'activate-ms');
    process.env['OCI_EXPLORER_TIMINGS'] = timings;
    for (let start = 0; start < activations; start++) {
      const folder = path.join(work, `workspace-${start}`);
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'readme.txt'), 'A workspace of the tests.\n');
      const bundle = path.join(out, start === 0 ? 'suites.cjs' : 'activation.cjs');
      await launch(bundle, folder, path.join(work, `local-${start}`));
    }
    return count([...read(results), judgeActivation(timings)]);
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
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
  folder: string,
  localFolder: string,
): Promise<void> {
  const workbench = await startWorkbench({
    folder,
    extension: { path: root },
    others: [neighbour],
    settings: { 'ociExplorer.localFolder': localFolder },
    tests: bundle,
  });
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
    await page.goto(workbench.url);
    await ended;
  } finally {
    clearTimeout(timer);
    await page.context().close();
    await workbench.stop();
  }
}
