import { readdirSync } from 'node:fs';
import fsPromises, { open } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import type { Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { sendArtifact } from '../../src/packaging/sendArtifact.ts';

/** What a process of its own does until it kills itself. */
export interface Killed {
  readonly kind: 'pull' | 'push';
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
  /** Of a pull the target; of a push the folder of what is pushed. */
  readonly path: string;
  /** Of a push. */
  readonly temporary: string;
  /** The step that is its last, from 1: a call that changes the disk, or a request. More than there are: it ends well. */
  readonly at: number;
  /** In place of the step: the first call of this name. */
  readonly call?: string | undefined;
}

/** Small enough to be many, and large enough to come in parts. */
export const killedSizes = { keptFrom: 100_000, rangesFrom: 600_000, part: 200_000 };

let steps = 0;
const job = JSON.parse(process.argv[2] ?? '{}') as Killed;

function step(name: string): void {
  steps++;
  if (steps === job.at || name === job.call) {
    process.kill(process.pid, 'SIGKILL');
  }
}

function count(on: object, names: readonly string[]): void {
  const calls = on as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const call = calls[name];
    calls[name] = function (this: unknown, ...args: unknown[]) {
      step(name);
      return call?.apply(this, args);
    };
  }
}

function repositoryOf({ host, repository }: Killed): Repository {
  return remoteRegistry({
    host,
    scheme: 'http',
    dispatcher,
    credentials: () => Promise.resolve(undefined),
    userAgent: 'oci-explorer-test',
    log: ({ method }) => step(method),
  }).repository(repository);
}

const dispatcher = createDispatcher();

async function pull(): Promise<void> {
  const store = repositoryOf(job);
  const { manifest } = await manifestToPull(store, job.tag, () => Promise.reject(new Error('Asked')));
  const staged = await stagePull(store, planPull(manifest), job.path, { sizes: killedSizes });
  await staged.commit();
  await staged.dispose();
}

async function push(): Promise<void> {
  const sources = readdirSync(job.path).map((title) => ({ path: join(job.path, title), title }));
  const plan = await planPush(sources, { largeFile: 1e9 });
  const { temporary } = job;
  const options = {
    artifactType: 'application/vnd.acme.site',
    annotations: {},
    keepFileTimes: false,
    temporary,
  };
  const built = await buildArtifact(plan, options);
  await sendArtifact(built, repositoryOf(job), job.tag, { existing: undefined, wasSent: () => false });
  await built.dispose();
}

async function main(): Promise<void> {
  const file = await open(process.execPath);
  count(Object.getPrototypeOf(file) as object, ['write', 'writev', 'writeFile', 'utimes', 'sync']);
  await file.close();
  count(fsPromises, [
    'open',
    'mkdir',
    'mkdtemp',
    'rename',
    'rm',
    'copyFile',
    'link',
    'symlink',
    'chmod',
    'utimes',
  ]);
  await (job.kind === 'pull' ? pull() : push());
  await dispatcher.destroy();
  console.log(steps);
}

// Imported, it only names what it takes.
if (process.argv[2] !== undefined && process.argv[1]?.endsWith('killed.cjs')) {
  void main();
}
