import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Contender, Result } from '../support/bench.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { peer, runPeer } from '../support/peers.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';
import { endWithProcess, run } from '../support/run.ts';
import { makeFile, makeFiles, makeFolder } from './content.ts';
import { startDelayLine } from './delayLine.ts';

const ours = path.join(import.meta.dirname, 'ours.ts');
const MiB = 1024 * 1024;

type Tool = 'oras' | 'crane' | 'regctl' | 'skopeo';
/** What is only known when a run begins is a function. */
type Args = readonly (string | (() => string))[];

/** Of files and blobs in bytes; the rest are numbers of them. */
export interface Size {
  readonly files: number;
  readonly file: number;
  readonly small: number;
  readonly layers: number;
  readonly layer: number;
  readonly platforms: number;
  readonly tags: number;
}

/** How large everything is: as the issue says it, or so small that the harness can be tried in seconds. */
const sizes: Readonly<Record<'full' | 'quick', Size>> = {
  full: {
    files: 6000,
    file: 2048 * MiB,
    small: 2000,
    layers: 12,
    layer: 85 * MiB,
    platforms: 5,
    tags: 10_000,
  },
  quick: { files: 60, file: 8 * MiB, small: 40, layers: 3, layer: MiB, platforms: 2, tags: 100 },
};

/** Where one case takes place; everything it starts and writes goes with it. */
export interface Site {
  readonly size: Size;
  /** Of this case alone. */
  readonly work: string;
  readonly idleMb: number;
  /** Paths of content that is made once a run. */
  folder(): Promise<string>;
  file(): Promise<string>;
  smallFiles(count?: number): Promise<string>;
  start(kind: RegistryKind): Promise<RunningRegistry>;
  /** Adds 50 ms to each request, and counts. */
  counted(registry: RunningRegistry): Promise<CountingProxy>;
  /** Adds 20 ms to each packet. @returns its host */
  delayed(registry: RunningRegistry): Promise<string>;
  us(...args: Args): Contender;
  /** @param cwd default `work` */
  them(tool: Tool, args: Args, cwd?: string): Contender;
}

export interface Content {
  readonly quick: boolean;
  readonly folder: string;
  readonly idleMb: number;
}

/** Runs `job` at a place of its own. */
export async function withSite<T>(content: Content, job: (site: Site) => Promise<T>): Promise<T> {
  const work = await mkdtemp(path.join(tmpdir(), 'oci-bench-'));
  const stops: (() => Promise<void>)[] = [];
  const hosts: string[] = [];
  const size = sizes[content.quick ? 'quick' : 'full'];
  const made = async (name: string, make: (at: string) => Promise<void>): Promise<string> => {
    const at = path.join(content.folder, name);
    await once(at, make);
    return at;
  };
  const site: Site = {
    size,
    work,
    idleMb: content.idleMb,
    folder: () => made('folder/folder', (at) => makeFolder(at, size.files)),
    file: () => made('file/big', (at) => makeFile(at, size.file)),
    smallFiles: (count = size.small) => made(`small/${count}`, (at) => makeFiles(at, count, 4096)),
    start: async (kind) => {
      const registry = await startRegistry(kind);
      stops.push(() => registry.stop());
      hosts.push(registry.host);
      return registry;
    },
    counted: async ({ host }) => {
      const proxy = await startCountingProxy(host, 50);
      stops.unshift(() => proxy.stop());
      hosts.push(proxy.host);
      return proxy;
    },
    delayed: async ({ host }) => {
      const line = await startDelayLine(host, 20);
      stops.unshift(() => line.stop());
      hosts.push(line.host);
      return line.host;
    },
    us: (...args) => ({
      name: 'ours',
      run: () => runOurs(given(args), content.idleMb),
    }),
    them: (tool, args, cwd = work) => ({
      name: tool,
      run: async () => {
        const known = hosts.flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
        const env = { REGCTL_CONFIG: '', DOCKER_CONFIG: path.join(work, 'no-account') };
        return watched(await peer(tool), [...(tool === 'regctl' ? known : []), ...given(args)], cwd, env);
      },
    }),
  };
  try {
    await mkdir(path.join(work, 'no-account'));
    return await job(site);
  } finally {
    for (const stop of stops) {
      await stop();
    }
    await rm(work, { recursive: true, force: true });
  }
}

const making = new Map<string, Promise<void>>();

function once(at: string, make: (at: string) => Promise<void>): Promise<void> {
  const known = making.get(at) ?? mkdir(path.dirname(at), { recursive: true }).then(() => make(at));
  making.set(at, known);
  return known;
}

function given(args: Args): readonly string[] {
  return args.map((arg) => (typeof arg === 'string' ? arg : arg()));
}

/** A job of `ours.ts`. */
export async function runOurs(args: readonly string[], idleMb: number): Promise<Result> {
  const { stdout } = await run(process.execPath, [ours, ...args]);
  const { seconds, mb } = JSON.parse(stdout) as { readonly seconds: number; readonly mb: number };
  return { seconds, mb: Math.max(0, mb - idleMb) };
}

/** Runs a program; its peak of memory is what it had when it was last looked at. */
export async function watched(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const start = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endWithProcess(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  let mb = 0;
  const look = (): void => {
    mb = Math.max(mb, peakOf(child.pid));
  };
  const timer = setInterval(look, 20);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const seconds = (performance.now() - start) / 1000;
    if (code !== 0) {
      throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}\n${said}`);
    }
    return { seconds, ...(mb > 0 ? { mb } : {}) };
  } finally {
    clearInterval(timer);
  }
}

function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Counts the requests of each run. */
export function counting(proxy: CountingProxy, contender: Contender): Contender {
  return {
    ...contender,
    run: async () => {
      proxy.forget();
      return { ...(await contender.run()), count: proxy.exchanges.length };
    },
  };
}

/** Repositories nobody pushed to; what was pushed to the last of them goes after the run, where it takes room. */
export function freshIn({ host, dir }: RunningRegistry, through = host) {
  let last = '';
  let count = 0;
  return {
    reference: (): string => `${through}/${(last = `bench/fresh-${++count}`)}:v1`,
    clear: (): Promise<void> => rm(path.join(dir, last), { recursive: true, force: true }),
  };
}

export async function orasPush(reference: string, files: readonly string[], cwd: string): Promise<void> {
  await runPeer('oras', ['push', '--plain-http', reference, ...files], { cwd });
}
