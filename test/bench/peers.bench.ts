import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compare, type Contender, type Result } from '../support/bench.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { seedTags } from '../support/seed.ts';

// The common jobs beside the peers, against distribution on loopback: seconds, ratios, and our peak of memory.
const MiB = 1024 * 1024;
const ours = path.join(import.meta.dirname, 'ours.ts');

/** Bytes that do not compress, the same on every run. */
function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed + 1;
  for (let at = 0; at + 4 <= size; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return bytes;
}

const words =
  noise(6000, 3)
    .toString('hex')
    .match(/.{3,9}/g) ?? [];

/** Text, about a fifth of it left by gzip. */
function text(size: number, seed: number): Buffer {
  const picks = noise(size, seed);
  const parts: string[] = [];
  for (let at = 0, length = 0; length < size; at += 2) {
    const word = words[picks.readUInt16LE(at) % 600] ?? '';
    parts.push(word);
    length += word.length + 1;
  }
  return Buffer.from(parts.join(' ')).subarray(0, size);
}

/** 6,000 files of 400 MB in 300 folders, every other one text. */
async function makeFolder(folder: string): Promise<void> {
  for (let at = 0; at < 6000; at++) {
    const inner = path.join(folder, `part-${at % 300}`);
    await mkdir(inner, { recursive: true });
    const size = 1_000 + ((at * 7919) % 132_000);
    await writeFile(path.join(inner, `file-${at}.dat`), at % 2 === 0 ? text(size, at) : noise(size, at));
  }
}

async function makeFile(file: string, size: number): Promise<void> {
  const handle = await open(file, 'w');
  for (let at = 0; at < size; at += MiB) {
    await handle.write(noise(MiB, at / MiB));
  }
  await handle.close();
}

const work = await mkdtemp(path.join(tmpdir(), 'oci-bench-'));
const [from, to] = await Promise.all([startRegistry('distribution'), startRegistry('distribution')]);
let count = 0;
/** A repository nobody pushed to. */
const fresh = (host = from.host): string => `${host}/bench/fresh-${++count}:v1`;

const us = (...args: readonly (string | (() => string))[]): Contender => ({
  name: 'ours',
  run: async () => {
    const { stdout } = await run(process.execPath, [
      ours,
      ...args.map((arg) => (typeof arg === 'string' ? arg : arg())),
    ]);
    return JSON.parse(stdout) as Result;
  },
});
const them = (
  name: 'oras' | 'crane' | 'regctl',
  ...args: readonly (string | (() => string))[]
): Contender => ({
  name,
  run: async () => {
    const hosts = [from, to].flatMap(({ host }) => ['--host', `reg=${host},tls=disabled`]);
    const all = [
      ...(name === 'regctl' ? hosts : []),
      ...args.map((arg) => (typeof arg === 'string' ? arg : arg())),
    ];
    await runPeer(name, all, { cwd: work, env: { REGCTL_CONFIG: '' } });
    return undefined;
  },
});

try {
  await makeFolder(path.join(work, 'folder'));
  await makeFile(path.join(work, 'big'), 512 * MiB);
  await makeFile(path.join(work, 'small'), 128 * MiB);

  const folder = path.join(work, 'folder');
  const put = ['artifact', 'put', '--artifact-type', 'a/b', '-f', 'folder'];
  await compare('push a folder of 6,000 files, 400 MB', [
    {
      ...us('push', fresh, folder),
      // What is known of the run before would make it a push again.
      before: () => rm(path.join(work, 'layers.json'), { force: true }),
    },
    them('oras', 'push', '--plain-http', fresh, 'folder'),
    them('regctl', ...put, fresh),
  ]);
  const again = (): string => `${from.host}/bench/again:v1`;
  await compare('push it again unchanged', [
    us('push', again, folder),
    them('oras', 'push', '--plain-http', again, 'folder'),
    them('regctl', ...put, again),
  ]);
  await compare('push one file of 128 MiB', [us('push', fresh, path.join(work, 'small'))], 1);
  await compare('push one file of 512 MiB', [
    us('push', fresh, path.join(work, 'big')),
    them('oras', 'push', '--plain-http', fresh, 'big'),
    them('regctl', 'artifact', 'put', '--artifact-type', 'a/b', '-f', 'big', fresh),
  ]);
  const small = `${from.host}/bench/small:v1`;
  const big = `${from.host}/bench/big:v1`;
  await runPeer('oras', ['push', '--plain-http', small, 'small'], { cwd: work });
  await runPeer('oras', ['push', '--plain-http', big, 'big'], { cwd: work });
  await compare('pull one file of 128 MiB', [us('pull', small, path.join(work, 'pulled'))], 1);
  await compare('pull one file of 512 MiB', [
    us('pull', big, path.join(work, 'pulled')),
    them('oras', 'pull', '--plain-http', big, '-o', 'pulled-oras'),
    them('regctl', 'artifact', 'get', '-o', work, big),
  ]);

  const parts = [];
  for (let at = 0; at < 12; at++) {
    parts.push(`part-${at}`);
    await writeFile(path.join(work, `part-${at}`), noise(32 * MiB, 1000 + at));
  }
  const many = `${from.host}/bench/many:v1`;
  await runPeer('oras', ['push', '--plain-http', many, ...parts], { cwd: work });
  const target = (): string => fresh(to.host);
  await compare('copy 12 blobs of 32 MiB to another registry', [
    us('copy', many, target),
    them('oras', 'cp', '--from-plain-http', '--to-plain-http', many, target),
    them('crane', 'copy', '--insecure', many, target),
    them('regctl', 'image', 'copy', many, target),
  ]);

  const tags = [...Array(10_000).keys()].map((at) => `v${at}`);
  await seedTags(from, 'bench/tags', tags);
  const repository = `${from.host}/bench/tags`;
  await compare('list 10,000 tags', [
    us('tags', repository),
    them('oras', 'repo', 'tags', '--plain-http', repository),
    them('crane', 'ls', '--insecure', repository),
    them('regctl', 'tag', 'ls', repository),
  ]);
} finally {
  await Promise.all([from.stop(), to.stop()]);
  await rm(work, { recursive: true, force: true });
}
