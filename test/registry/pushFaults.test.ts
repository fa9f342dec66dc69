import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copy } from '../../src/oci/copy.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import type { Repository } from '../../src/oci/store.ts';
import { buildArtifact, type BuiltArtifact } from '../../src/packaging/artifact.ts';
import { planPush, type PushPlan } from '../../src/packaging/plan.ts';
import { streamArtifact } from '../../src/packaging/streamArtifact.ts';
import { anonymousBy } from '../support/browsing.ts';
import { startCountingProxy } from '../support/countingProxy.ts';
import { startCuttingProxy } from '../support/cuttingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';

const mebibyte = 1024 * 1024;

describe('a push that does not end well', () => {
  let work: string;
  let running: RunningRegistry;
  const dispatcher = createDispatcher();
  let repository: Repository;
  let plan: PushPlan;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'oci-push-faults-'));
    await mkdir(join(work, 'site'));
    await writeFile(join(work, 'site/large'), randomBytes(24 * mebibyte));
    await writeFile(join(work, 'small.txt'), 'small');
    running = await startRegistry('distribution');
    repository = repositoryAt(running.host, 'team/site');
    plan = await planPush(
      ['site', 'small.txt'].map((title) => ({ title, path: join(work, title) })),
      { largeFile: 1e9 },
    );
  });
  after(async () => {
    await dispatcher.destroy();
    await running.stop();
    await rm(work, { recursive: true });
  });

  function build(signal?: AbortSignal, onBytes?: () => void): Promise<BuiltArtifact> {
    return buildArtifact(plan, {
      artifactType: 'application/vnd.example.site.v1',
      annotations: {},
      keepFileTimes: false,
      temporary: work,
      signal,
      onBytes,
    });
  }

  function repositoryAt(host: string, name: string): Repository {
    return anonymousBy(dispatcher, host).repository(name);
  }

  /** Packs and sends at once. */
  async function stream(
    target: Repository,
    op: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void } = {},
  ): Promise<BuiltArtifact> {
    const options = {
      artifactType: 'application/vnd.example.site.v1',
      annotations: {},
      keepFileTimes: false,
      temporary: work,
      ...(op.signal ? { signal: op.signal } : {}),
    };
    const send = { ...op, existing: undefined, wasSent: () => false };
    const built = await streamArtifact(plan, options, target, '1.0', send);
    await built.dispose();
    return built;
  }

  const leftBehind = async (): Promise<readonly string[]> =>
    (await readdir(work)).filter((name) => name.startsWith('push-'));

  it('leaves no tag when it is cancelled at any moment, and sends the rest the next time', async () => {
    const built = await build();
    for (const moment of [0, mebibyte, 12 * mebibyte]) {
      const cancel = new AbortController();
      let sent = 0;
      const push = copy(built.store, built.root.digest, repository, '1.0', {
        signal: cancel.signal,
        onBytes: (bytes) => {
          sent += bytes;
          if (sent >= moment) {
            cancel.abort();
          }
        },
      });
      await assert.rejects(push, { name: 'AbortError' });
      await assert.rejects(repository.resolve('1.0'), { code: 'not-found' });
    }
    const outcomes = new Map<string, string>();
    const push = (tag: string): Promise<unknown> =>
      copy(built.store, built.root.digest, repository, tag, {
        onDone: ({ digest }, how) => outcomes.set(digest, how),
      });
    await push('1.0');
    assert.equal((await repository.resolve('1.0')).digest, built.root.digest);
    await push('2.0');
    assert.deepEqual(
      built.layers.map(({ digest }) => outcomes.get(digest)),
      ['present', 'present'],
    );
    await built.dispose();
  });

  it('leaves no tag and no session when it is cancelled while it is packed and sent', async (t) => {
    const proxy = await startCountingProxy(running.host);
    t.after(() => proxy.stop());
    for (const moment of [mebibyte, 12 * mebibyte]) {
      const cancel = new AbortController();
      let sent = 0;
      const push = stream(repositoryAt(proxy.host, 'team/cancelled'), {
        signal: cancel.signal,
        onBytes: (bytes) => {
          sent += bytes;
          if (sent >= moment) {
            cancel.abort();
          }
        },
      });
      await assert.rejects(push, { name: 'AbortError' });
    }
    const asked = proxy.exchanges.map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);
    const begun = asked.filter((line) => line.startsWith('PATCH '));
    assert.equal(begun.length, 2);
    assert.ok(begun.every((line) => asked.includes(line.replace('PATCH', 'DELETE'))));
    const uploads = join(running.dir, 'docker/registry/v2/repositories/team/cancelled/_uploads');
    const left = await readdir(uploads, { recursive: true }).catch(() => []);
    assert.deepEqual(
      left.filter((name) => basename(name) === 'data'),
      [],
    );
    await assert.rejects(repositoryAt(running.host, 'team/cancelled').resolve('1.0'), { code: 'not-found' });
    assert.deepEqual(await leftBehind(), []);
  });

  for (const kind of ['distribution', 'olareg'] as const) {
    it(`is right in ${kind} when the connection is cut while it is packed and sent`, async (t) => {
      const other = kind === 'distribution' ? undefined : await startRegistry(kind);
      t.after(() => other?.stop());
      const target = (other ?? running).host;
      // Cut once in the one long request, and once in what comes behind.
      const proxy = await startCuttingProxy(target, [5 * mebibyte, 2 * mebibyte]);
      t.after(() => proxy.stop());
      let sent = 0;
      const built = await stream(repositoryAt(proxy.host, 'team/cut'), {
        onBytes: (bytes) => (sent += bytes),
      });
      assert.equal(proxy.cuts, 2);
      const whole = await build();
      assert.equal(built.root.digest, whole.root.digest);
      await whole.dispose();
      const size = [...built.layers, built.root].reduce((sum, each) => sum + each.size, 0);
      assert.ok(sent >= size && sent < size + 1000, `${sent} of ${size}: each byte is counted once`);
      const out = join(work, `pulled-${kind}`);
      await runPeer('oras', ['pull', '--plain-http', '-o', out, `${target}/team/cut:1.0`]);
      assert.equal(
        Buffer.compare(await readFile(join(out, 'site/large')), await readFile(join(work, 'site/large'))),
        0,
      );
    });
  }

  it('leaves nothing behind on the disk when packing is cancelled', async () => {
    const cancel = new AbortController();
    await assert.rejects(
      build(cancel.signal, () => cancel.abort()),
      { name: 'AbortError' },
    );
    assert.deepEqual(await leftBehind(), []);
  });

  it('says so when a file grew since it was looked at', async () => {
    await appendFile(join(work, 'small.txt'), ' and more');
    await assert.rejects(build(), { code: 'file-changed' });
    await assert.rejects(stream(repository), { code: 'file-changed' });
    await appendFile(join(work, 'site/large'), ' and more');
    await assert.rejects(stream(repository), { code: 'file-changed' });
    await assert.rejects(repository.resolve('grown'), { code: 'not-found' });
    await rm(join(work, 'small.txt'));
    await assert.rejects(build(), { code: 'file-missing' });
  });
});
