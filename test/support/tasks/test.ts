import { timed, say } from '../cache.ts';
import { packExtension } from '../extension.ts';
import { installPeers } from '../peers.ts';
import { runStage, type Counts } from '../stage.ts';
import { installWorkbench } from '../workbench.ts';
import { runHostInWorkbench } from '../../host/run.ts';

interface Stage {
  readonly name: string;
  readonly run: () => Promise<Counts>;
}

/** `npm test -- unit e2e` runs only these. */
const chosen = process.argv.slice(2);

const peers = lazy(installPeers);
const workbench = lazy(async () => {
  // Packing builds dist/extension.cjs as people get it, which is what the host suites run.
  const [, vsix] = await Promise.all([installWorkbench(), packExtension()]);
  process.env['OCI_EXPLORER_VSIX'] = vsix;
});

const stages: readonly Stage[] = [
  { name: 'unit', run: () => runStage('test/unit/**/*.test.ts', { limit: 120 }) },
  {
    name: 'contract',
    run: async () => {
      await peers();
      return runStage('test/contract/**/*.test.ts', { limit: 120 });
    },
  },
  {
    name: 'registry',
    run: async () => {
      await peers();
      return runStage('test/registry/**/*.test.ts', { limit: 180 });
    },
  },
  {
    // What is measured runs when nothing is built any more, and alone.
    name: 'speed',
    run: async () => {
      await Promise.all([peers(), workbench()]);
      return runStage('test/speed/**/*.test.ts', { limit: 60, concurrency: 1 });
    },
  },
  {
    name: 'host',
    run: async () => {
      await Promise.all([peers(), workbench()]);
      return runHostInWorkbench();
    },
  },
  {
    name: 'e2e',
    run: async () => {
      await Promise.all([peers(), workbench()]);
      return runStage('test/e2e/*.e2e.ts', { limit: 300, concurrency: 1 });
    },
  },
].filter(({ name }) => chosen.length === 0 || chosen.includes(name));

// Downloads and builds go on while the first stages run.
if (stages.some(({ name }) => name !== 'unit')) {
  void peers().catch(() => undefined);
}
if (stages.some(({ name }) => name === 'host' || name === 'e2e')) {
  void workbench().catch(() => undefined);
}

let passed = 0;
let failed = 0;
for (const { name, run } of stages) {
  const counts = await timed(name, run).catch((error: unknown): Counts => {
    say(`✖ ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { passed: 0, failed: 1 };
  });
  say(`${name}: ${counts.passed} passed, ${counts.failed} failed`);
  if (counts.passed + counts.failed === 0) {
    say(`✖ ${name}: no test ran`);
    failed++;
  }
  passed += counts.passed;
  failed += counts.failed;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function lazy(job: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => (started ??= job());
}
