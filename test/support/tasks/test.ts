import { timed, say } from '../cache.ts';
import { packExtension } from '../extension.ts';
import { installPeers } from '../peers.ts';
import { runStage, type Counts } from '../stage.ts';
import { installWorkbench } from '../workbench.ts';
import { runActivationInWorkbench, runHostInWorkbench } from '../../host/run.ts';

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

const unit: Stage = { name: 'unit', run: () => runStage('test/unit/**/*.test.ts', { limit: 300 }) };
const contract: Stage = {
  name: 'contract',
  run: async () => {
    await peers();
    return runStage('test/contract/**/*.test.ts', { limit: 300 });
  },
};
const registry: Stage = {
  name: 'registry',
  run: async () => {
    await peers();
    return runStage('test/registry/**/*.test.ts', { limit: 420 });
  },
};
const host: Stage = {
  name: 'host',
  run: async () => {
    await Promise.all([peers(), workbench()]);
    return runHostInWorkbench();
  },
};
const speed: Stage = {
  // What is measured runs when nothing is built any more, and alone.
  name: 'speed',
  run: async () => {
    await Promise.all([peers(), workbench()]);
    const measured = await runStage('test/speed/**/*.test.ts', { limit: 60, concurrency: 1 });
    const activation = await runActivationInWorkbench();
    return {
      passed: measured.passed + activation.passed,
      failed: measured.failed + activation.failed,
    };
  },
};
const e2e: Stage = {
  name: 'e2e',
  run: async () => {
    await Promise.all([peers(), workbench()]);
    return runStage('test/e2e/*.e2e.ts', { limit: 700, concurrency: 2 });
  },
};

/** Rounds one after the other; in a round, lanes beside each other, whose stages take turns. */
const rounds = [[[unit, contract, registry], [host]], [[speed]], [[e2e]]].map((lanes) =>
  lanes.map((lane) => lane.filter(({ name }) => chosen.length === 0 || chosen.includes(name))),
);
const isNeeded = (...stages: readonly Stage[]): boolean =>
  rounds.flat(2).some((stage) => stages.includes(stage));

// Downloads and builds go on while the first stages run.
if (isNeeded(contract, registry, host, speed, e2e)) {
  void peers().catch(() => undefined);
}
if (isNeeded(host, speed, e2e)) {
  void workbench().catch(() => undefined);
}

let passed = 0;
let failed = 0;
for (const lanes of rounds) {
  await Promise.all(
    lanes.map(async (lane) => {
      for (const stage of lane) {
        await runOne(stage);
      }
    }),
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

async function runOne({ name, run }: Stage): Promise<void> {
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

function lazy(job: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | undefined;
  return () => (started ??= job());
}
