import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'esbuild';
import { isOciError } from '../../src/oci/errors.ts';
import { parseManifest, successors } from '../../src/oci/manifest.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { FetchedManifest, Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { sendArtifact } from '../../src/packaging/sendArtifact.ts';
import { anonymousBy } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { killedSizes, type Killed } from '../support/killedAlone.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { endWithProcess } from '../support/run.ts';
import { snapshot } from '../support/snapshot.ts';

/** Steps that something is killed at. */
const points = 50;
/** At once. */
const width = 2;

let work: string;
let registry: RunningRegistry;
let proxy: CountingProxy;
const dispatcher = createDispatcher();

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-killed-'));
  registry = await startRegistry('distribution');
  proxy = await startCountingProxy(registry.host);
  // One file: it is started a hundred times.
  await build({
    entryPoints: [join(import.meta.dirname, '../support/killedAlone.ts')],
    outfile: join(work, 'killed.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    logLevel: 'error',
  });
  const site = join(work, 'site');
  await mkdir(join(site, 'deep/empty'), { recursive: true });
  for (let at = 0; at < 8; at++) {
    await writeFile(join(site, at % 2 === 0 ? 'deep' : '.', `file-${at}`), `content of ${at}`);
  }
  await symlink('file-1', join(site, 'link'));
  await writeFile(join(site, 'noise'), randomBytes(900_000));
  await mkdir(join(work, 'many/deep'), { recursive: true });
  for (let at = 0; at < 30; at++) {
    await writeFile(join(work, 'many', at % 10 === 0 ? 'deep' : '.', `file-${at}`), `content ${at}`);
  }
  await writeFile(join(work, 'many/noise'), randomBytes(1_500_000));
  await writeFile(join(work, 'large.bin'), randomBytes(700_000));
  await writeFile(join(work, 'small.txt'), 'small');
});
after(async () => {
  await dispatcher.destroy();
  await proxy.stop();
  await registry.stop();
  await rm(work, { recursive: true });
});

function open(host: string, name: string): Repository {
  return anonymousBy(dispatcher, host).repository(name);
}

/** @returns what it said in the end; nothing where it was killed before */
async function runKilled(job: Killed): Promise<string> {
  const child = spawn(process.execPath, [join(work, 'killed.cjs'), JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(work, 'compiled') },
  });
  endWithProcess(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  assert.ok(said !== '' || child.signalCode === 'SIGKILL', 'It failed by itself');
  return said;
}

/** The same steps on every run. */
function somePoints(total: number): readonly number[] {
  let state = 20_240_229;
  const found = new Set<number>();
  while (found.size < Math.min(points, total)) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    found.add(1 + Math.floor((state / 2 ** 32) * total));
  }
  return [...found];
}

async function atEach(total: number, check: (at: number) => Promise<void>): Promise<void> {
  const left = [...somePoints(total)];
  assert.ok(left.length === points, `Only ${total} steps`);
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let at = left.pop(); at !== undefined; at = left.pop()) {
        await check(at);
      }
    }),
  );
}

const common = { tag: '1', call: undefined, temporary: '' };

describe('a pull that is killed', () => {
  const source = { ...common, kind: 'pull', repository: 'team/pulled' } as const;
  let expected: Readonly<Record<string, string>>;

  before(async () => {
    const reference = `${registry.host}/${source.repository}:1`;
    await runPeer('oras', ['push', '--plain-http', reference, 'site', 'large.bin', 'small.txt'], {
      cwd: work,
    });
  });

  async function pull(host: string, target: string): Promise<void> {
    const store = open(host, source.repository);
    const { manifest } = await manifestToPull(store, '1', () => Promise.reject(new Error('Asked')));
    const staged = await stagePull(store, planPull(manifest), target, { sizes: killedSizes });
    try {
      await staged.commit();
    } finally {
      await staged.dispose();
    }
  }

  async function isComplete(target: string): Promise<void> {
    assert.deepEqual(await snapshot(target, { times: false }), expected);
  }

  it('at any of 50 steps leaves no target or all of it, and the next makes all good', async () => {
    const whole = join(work, 'whole');
    const steps = Number(
      await runKilled({ ...source, host: registry.host, path: join(whole, 'out'), at: -1 }).catch(String),
    );
    assert.ok(steps > 0);
    expected = await snapshot(join(whole, 'out'), { times: false });
    assert.ok(expected['./site/link'] !== undefined && expected['./large.bin'] !== undefined);
    let killed = 0;
    await atEach(steps, async (at) => {
      const folder = join(work, `pull-${at}`);
      const target = join(folder, 'out');
      await mkdir(folder);
      const said = await runKilled({ ...source, host: registry.host, path: target, at });
      killed += said === '' ? 1 : 0;
      if ((await readdir(folder)).includes('out')) {
        await isComplete(target);
      }
      await pull(registry.host, target);
      await isComplete(target);
      assert.deepEqual(await readdir(folder), ['out'], `left of step ${at}`);
      await rm(folder, { recursive: true });
    });
    assert.ok(killed > points / 2, `${killed} were killed`);
  });

  it('when all was fetched costs the next one request', async () => {
    const folder = join(work, 'fetched');
    await mkdir(folder);
    const path = join(folder, 'out');
    await runKilled({ ...source, host: registry.host, path, at: -1, call: 'rename' });
    assert.deepEqual((await readdir(folder)).length, 1);
    proxy.forget();
    await pull(proxy.host, path);
    await isComplete(path);
    assert.deepEqual(
      proxy.exchanges.map(({ path: asked }) => asked.replace(/.*\/manifests/, 'manifests')),
      ['manifests/1'],
    );
    assert.deepEqual(await readdir(folder), ['out']);
  });

  it('leaves alone what another window pulls to the same folder', async () => {
    const folder = join(work, 'two');
    await mkdir(folder);
    const path = join(folder, 'out');
    await runKilled({ ...source, host: registry.host, path, at: -1, call: 'rename' });
    // Both find what was left, and each takes what it gets.
    const results = await Promise.allSettled([pull(registry.host, path), pull(registry.host, path)]);
    assert.ok(results.some(({ status }) => status === 'fulfilled'));
    for (const result of results) {
      assert.ok(
        result.status === 'fulfilled' || isOciError(result.reason, 'path-taken'),
        'It failed otherwise',
      );
    }
    await isComplete(path);
    assert.deepEqual(await readdir(folder), ['out']);
  });
});

describe('a push that is killed', () => {
  it('at any of 50 steps leaves no tag or all of it, and the next makes all good', async () => {
    const path = join(work, 'many');
    const sources = (await readdir(path)).map((title) => ({ path: join(path, title), title }));
    const steps = Number(
      await runKilled({
        ...common,
        kind: 'push',
        host: registry.host,
        repository: 'team/counted',
        path,
        temporary: work,
        at: -1,
      }),
    );
    assert.ok(steps > 0);
    let killed = 0;
    await atEach(steps, async (at) => {
      const temporary = join(work, `push-${at}`);
      await mkdir(temporary);
      const repository = `team/pushed-${at}`;
      const said = await runKilled({
        ...common,
        kind: 'push',
        host: registry.host,
        repository,
        path,
        temporary,
        at,
      });
      killed += said === '' ? 1 : 0;
      const store = open(registry.host, repository);
      const isWhole = async (existing: FetchedManifest): Promise<void> => {
        for (const each of successors(parseManifest(existing.bytes, existing.descriptor.mediaType))) {
          assert.ok(await store.has(each), `step ${at}: ${each.digest} is missing`);
        }
      };
      const existing = await store.manifest('1').catch((error: unknown) => {
        assert.ok(isOciError(error, 'not-found'));
        return undefined;
      });
      if (existing) {
        await isWhole(existing);
      }
      const plan = await planPush(sources, { largeFile: 1e9 });
      const built = await buildArtifact(plan, {
        artifactType: 'application/vnd.acme.site',
        annotations: {},
        keepFileTimes: false,
        temporary,
      });
      await sendArtifact(built, store, '1', { existing, wasSent: () => false });
      await built.dispose();
      if (at % 5 === 0) {
        await isWhole(await store.manifest('1'));
      }
      assert.deepEqual(await readdir(temporary), [], `left of step ${at}`);
      if (at % 10 === 0) {
        const out = join(work, `out-${at}`);
        await runPeer('oras', ['pull', '--plain-http', '-o', out, `${registry.host}/${repository}:1`]);
        assert.deepEqual(await snapshot(out, { times: false }), await snapshot(path, { times: false }));
      }
    });
    assert.ok(killed > points / 2, `${killed} were killed`);
  });
});
