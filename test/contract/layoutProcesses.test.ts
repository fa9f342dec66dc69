import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bodyOf } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { locked } from '../../src/oci/layout/lock.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import type { Repository } from '../../src/oci/store.ts';
import { endWithProcess, run } from '../support/run.ts';
import { content, manifestOf, type Content } from './content.ts';

const url = (path: string): string => pathToFileURL(join(import.meta.dirname, '../..', path)).href;

/** What each process begins with; it does the rest with the folder and its own name. */
const prelude = `
import { bodyOf } from '${url('src/base/bytes.ts')}';
import { localRegistry } from '${url('src/oci/layout/localRegistry.ts')}';
import { locked } from '${url('src/oci/layout/lock.ts')}';
import { content, manifestOf } from '${url('test/contract/content.ts')}';
const [folder, me] = process.argv.slice(1);
const store = localRegistry(folder).repository('team/app');
`;
const flags = ['--no-warnings', '--input-type=module', '-e'];

/** Starts a process that goes on until it is killed, and waits for its first word. */
async function hanging(script: string, folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...flags, prelude + script, folder, 'killed'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithProcess(child);
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('one layout and several processes', () => {
  let folder: string;
  let store: Repository;
  let image: Content;
  const memory = new MemoryStore();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oci-processes-'));
    store = localRegistry(folder).repository('team/app');
    const config = content(MediaType.empty, '{}');
    const layer = content(MediaType.octetStream, Buffer.alloc(3_000_000, 'layer '));
    image = manifestOf(config, [layer], { artifactType: 'application/x.big' });
    for (const each of [config, layer, image]) {
      await memory.push(each.descriptor, bodyOf(each.bytes), { tag: 'v1' });
    }
  });
  after(() => rm(folder, { recursive: true }));

  it('loses no tag and no referrer of three that push at once', async () => {
    await copy(memory, 'v1', store, 'subject');
    const script = `
const config = content('application/vnd.oci.empty.v1+json', '{}');
await store.push(config.descriptor, bodyOf(config.bytes));
const subject = await store.resolve('subject');
for (let at = 0; at < 15; at++) {
  const annotations = { me, at: String(at) };
  const one = manifestOf(config, [config], { artifactType: 'application/x.note', subject, annotations });
  await store.push(one.descriptor, bodyOf(one.bytes), { tag: me + at });
}`;
    await Promise.all(
      ['a', 'b', 'c'].map((me) => run(process.execPath, [...flags, prelude + script, folder, me])),
    );
    const { items } = await store.tags({ limit: 1000 });
    assert.equal(items.filter((tag) => /^[abc]\d+$/.test(tag)).length, 45);
    assert.equal((await store.referrers(image.descriptor, { limit: 1000 })).items.length, 45);
    // What tools see that look for the list and not for subjects.
    const list = await store.manifest(image.descriptor.digest.replace(':', '-'));
    const { manifests } = JSON.parse(Buffer.from(list.bytes).toString()) as { manifests: unknown[] };
    assert.equal(manifests.length, 45);
  });

  it('is whole when a process is killed in the middle of a blob, and takes the same push again', async () => {
    const child = await hanging(
      `const blob = content('application/octet-stream', 'half of it is all');
const half = blob.bytes.subarray(0, 8);
await store.push(blob.descriptor, async function* () {
  yield half;
  yield new Uint8Array();
  console.log('half');
  await new Promise(() => setInterval(() => {}, 1000));
}, {});`,
      folder,
    );
    await kill(child);
    const blob = content(MediaType.octetStream, 'half of it is all');
    assert.equal(await store.has(blob.descriptor), false);
    await store.push(blob.descriptor, bodyOf(blob.bytes));
    assert.equal(await store.has(blob.descriptor), true);
  });

  it('takes over the lock of a process that was killed with it in hand', async () => {
    const lock = join(folder, 'team/app/.index.lock');
    const child = await hanging(
      `import { join } from 'node:path';
await locked(join(folder, 'team/app/.index.lock'), async () => {
  console.log('held');
  await new Promise(() => setInterval(() => {}, 1000));
});`,
      folder,
    );
    const held = await readFile(lock, 'utf8');
    await kill(child);
    assert.equal(await readFile(lock, 'utf8'), held);
    await store.tag(image.descriptor, 'after-the-kill');
    assert.equal((await store.resolve('after-the-kill')).digest, image.descriptor.digest);
    await assert.rejects(readFile(lock), { code: 'ENOENT' });
  });

  it('takes over a lock nobody renews, though another process has the number of its owner', async () => {
    const lock = join(folder, 'old.lock');
    const owner = await locked(lock, () => readFile(lock, 'utf8'));
    await writeFile(lock, owner);
    const long = new Date(Date.now() - 3_600_000);
    await utimes(lock, long, long);
    assert.equal(await locked(lock, () => Promise.resolve('mine')), 'mine');
  });

  it('leaves the lock alone when another process took it over meanwhile', async () => {
    const lock = join(folder, 'stolen.lock');
    await locked(lock, () => writeFile(lock, '1@elsewhere thief'));
    assert.equal(await readFile(lock, 'utf8'), '1@elsewhere thief');
  });

  it('stops waiting for a lock when it is told to', async () => {
    const lock = join(folder, 'waited.lock');
    const ending = new AbortController();
    await locked(lock, async () => {
      const waiting = locked(lock, () => Promise.resolve(), ending.signal);
      ending.abort();
      await assert.rejects(waiting, { name: 'AbortError' });
    });
  });
});
