import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { peer } from './peers.ts';
import { endWithProcess, run, stopChild } from './run.ts';

/** `distribution` is v3, `distribution2` Debian's 2.8; `olareg` has the referrers API; `crane` keeps all in memory. */
export type RegistryKind = 'distribution' | 'distribution2' | 'olareg' | 'crane';

export interface RegistryOptions {
  /** Basic authentication; distribution only. */
  readonly htpasswd?: { readonly user: string; readonly password: string };
  /** Paths of PEM files; distribution and olareg. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where it listens, default `127.0.0.1`, with brackets where it is IPv6; distribution and olareg. */
  readonly address?: string;
  /** By default one that the system chooses. */
  readonly port?: number;
  /** Default true. */
  readonly deletes?: boolean;
  /** Of its content, kept at the end; by default a new one that goes with it. */
  readonly dir?: string;
  /** Distribution and olareg. */
  readonly readOnly?: boolean;
  /** More settings: for distribution `REGISTRY_…`, see its documentation. */
  readonly env?: Readonly<Record<string, string>>;
  /** More arguments, for olareg. */
  readonly args?: readonly string[];
}

export interface RunningRegistry {
  /** `127.0.0.1:port`, or with the address that was asked for. */
  readonly host: string;
  readonly dir: string;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A real registry on a free port of loopback, which answers when this returns. */
export async function startRegistry(
  kind: RegistryKind,
  options: RegistryOptions = {},
): Promise<RunningRegistry> {
  const work = await mkdtemp(path.join(tmpdir(), `oci-${kind}-`));
  const dir = options.dir ?? path.join(work, 'content');
  mkdirSync(dir, { recursive: true });
  const { address = '127.0.0.1' } = options;
  let failure: unknown;
  // A free port may be taken between the look and the start; then the next is tried.
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = options.port ?? (await freePort());
    const launch = await launches[kind](options, { work, dir, port });
    try {
      const { pid, stop } = await start(launch, `${address}:${port}`, options.tls !== undefined);
      return {
        host: `${address}:${port}`,
        dir,
        pid,
        stop: async () => {
          await stop();
          await rm(work, { recursive: true, force: true });
        },
      };
    } catch (error) {
      failure = error;
    }
  }
  await rm(work, { recursive: true, force: true });
  throw failure;
}

interface Where {
  /** For configuration; goes when the registry stops. */
  readonly work: string;
  readonly dir: string;
  readonly port: number;
}

const launches: Readonly<Record<RegistryKind, (options: RegistryOptions, where: Where) => Promise<Launch>>> =
  {
    distribution: (options, where) => distribution('registry', options, where),
    distribution2: (options, where) => distribution('docker-registry', options, where),
    olareg: async (options, { dir, port }) => ({
      program: await peer('olareg'),
      args: [
        ...['serve', '--addr', options.address ?? '127.0.0.1', '--port', String(port), '--dir', dir],
        ...(options.deletes === false ? [] : ['--api-delete', '--api-blob-delete']),
        ...(options.readOnly ? ['--store-ro'] : []),
        ...(options.tls ? ['--tls-cert', options.tls.cert, '--tls-key', options.tls.key] : []),
        ...(options.args ?? []),
      ],
    }),
    crane: async (_options, { port }) => ({
      program: await peer('crane'),
      args: ['registry', 'serve', '--address', `127.0.0.1:${port}`],
    }),
  };

async function distribution(
  program: 'registry' | 'docker-registry',
  options: RegistryOptions,
  { work, dir, port }: Where,
): Promise<Launch> {
  const config: Record<string, unknown> = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: dir },
      delete: { enabled: options.deletes !== false },
      maintenance: { readonly: { enabled: options.readOnly === true } },
    },
    http: {
      addr: `${options.address ?? '127.0.0.1'}:${port}`,
      ...(options.tls ? { tls: { certificate: options.tls.cert, key: options.tls.key } } : {}),
    },
  };
  if (options.htpasswd) {
    const file = path.join(work, 'htpasswd');
    const { stdout } = await run(await peer('htpasswd'), [options.htpasswd.user, options.htpasswd.password]);
    writeFileSync(file, stdout);
    config['auth'] = { htpasswd: { realm: 'test', path: file } };
  }
  const file = path.join(work, 'config.json');
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML.
  return {
    program: await peer(program),
    args: ['serve', file],
    env: { OTEL_TRACES_EXPORTER: 'none', ...options.env },
  };
}

async function start(
  launch: Launch,
  host: string,
  tls: boolean,
): Promise<{ pid: number; stop: () => Promise<void> }> {
  const child = spawn(launch.program, launch.args, {
    env: { ...process.env, ...launch.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endWithProcess(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-10_000);
  });
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  await spawned;
  const deadline = Date.now() + 30_000;
  while (!(await answers(host, tls))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stopChild(child);
      throw new Error(`${launch.program} did not start:\n${log}`);
    }
    await sleep(20);
  }
  // Another process may have taken the port and be the one that answers.
  await sleep(20);
  if (child.exitCode !== null || child.pid === undefined) {
    throw new Error(`${launch.program} ended:\n${log}`);
  }
  return { pid: child.pid, stop: () => stopChild(child) };
}

function answers(at: string, tls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const url = `${tls ? 'https' : 'http'}://${at}/v2/`;
    const options = { agent: false, rejectUnauthorized: false };
    const asked = (tls ? requestTls : request)(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200 || response.statusCode === 401);
    });
    asked.on('error', () => resolve(false));
    asked.setTimeout(2_000, () => asked.destroy());
    asked.end();
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
