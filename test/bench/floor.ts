import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import type { Work } from '../support/bench.ts';
import type { RunningRegistry } from '../support/registries.ts';
import { noise, text } from './content.ts';

/** What this machine does a second, one core each: bytes, files, and seconds of one request. */
export interface Rates {
  readonly hash: number;
  readonly gzip: number;
  /** Into a file, until it is on the disk. */
  readonly disk: number;
  readonly loopback: number;
  /** Opened and read, from the memory of the system. */
  readonly files: number;
  readonly trip: number;
}

const MiB = 1024 * 1024;

/** The best of some tries: everything else only adds time. @returns seconds */
async function best(job: () => unknown): Promise<number> {
  let seconds = Infinity;
  for (let time = 0; time < 3; time++) {
    const start = performance.now();
    await job();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return seconds;
}

/** @param scale bytes of each measurement */
export async function measureRates(registry: RunningRegistry, work: string, scale: number): Promise<Rates> {
  const bytes = noise(scale, 1);
  const words = text(Math.min(scale, 32 * MiB), 2);
  const many = path.join(work, 'many');
  await mkdir(many);
  for (let at = 0; at < 500; at++) {
    await writeFile(path.join(many, String(at)), noise(4096, at));
  }
  return {
    hash: scale / (await best(() => createHash('sha256').update(bytes).digest())),
    gzip: words.byteLength / (await best(() => gzipSync(words, { level: 6 }))),
    disk: scale / (await best(() => writeThrough(path.join(work, 'written'), bytes))),
    loopback: (4 * scale) / (await best(() => overLoopback(bytes, 4))),
    files:
      500 /
      (await best(async () =>
        Promise.all((await readdir(many)).map((each) => readFile(path.join(many, each)))),
      )),
    trip: (await best(() => requests(registry.host, 100))) / 100,
  };
}

async function writeThrough(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'w');
  await handle.write(bytes);
  await handle.sync();
  await handle.close();
  await rm(file);
}

/** From a thread to this one. */
async function overLoopback(bytes: Buffer, times: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('data', () => undefined);
    socket.on('end', () => server.close());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const closed = new Promise((resolve) => server.once('close', resolve));
  const worker = new Worker(
    `const { connect } = require('node:net');
    const { workerData: { port, bytes, times } } = require('node:worker_threads');
    const socket = connect(port, '127.0.0.1');
    for (let time = 0; time < times; time++) socket.write(bytes);
    socket.end();`,
    { eval: true, workerData: { port, bytes, times } },
  );
  await closed;
  await worker.terminate();
}

async function requests(host: string, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let at = 0; at < count; at++) {
    await new Promise<void>((resolve, reject) => {
      get(`http://${host}/v2/`, { agent }, (response) => {
        response.resume().once('end', resolve);
      }).once('error', reject);
    });
  }
  agent.destroy();
}

/** What takes longest of a floor. */
export interface Floor {
  readonly seconds: number;
  readonly bound: 'cores' | 'disk' | 'round trips';
}

/** Seconds below which nobody can do the work on this machine, its cores all busy and nothing waiting for another. */
export function floorOf(work: Work, rates: Rates): Floor {
  const { hashed = 0, compressed = 0, sent = 0, written = 0, files = 0, trips = 0, delay = 0 } = work;
  const busy = hashed / rates.hash + compressed / rates.gzip + sent / rates.loopback + files / rates.files;
  const cores = busy / cpus().length;
  // What fits into the memory of the system is written behind the end of the job.
  const disk = Math.max(0, written - 1024 * MiB) / rates.disk;
  const waiting = trips * (rates.trip + delay);
  const most = Math.max(cores, disk, waiting);
  return {
    seconds: Math.max(cores, disk) + waiting,
    bound: most === cores ? 'cores' : most === disk ? 'disk' : 'round trips',
  };
}
