import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copy } from '../../src/oci/copy.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import type { Repository } from '../../src/oci/store.ts';
import { buildArtifact, type BuiltArtifact } from '../../src/packaging/artifact.ts';
import { planPush, type PushPlan } from '../../src/packaging/plan.ts';
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
    repository = remoteRegistry({
      host: running.host,
      scheme: 'http',
      dispatcher,
      credentials: () => Promise.resolve(undefined),
      userAgent: 'oci-explorer-test',
    }).repository('team/site');
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

  it('leaves nothing behind on the disk when packing is cancelled', async () => {
    const cancel = new AbortController();
    await assert.rejects(
      build(cancel.signal, () => cancel.abort()),
      { name: 'AbortError' },
    );
    const left = (await readdir(work)).filter((name) => name.startsWith('push-'));
    assert.deepEqual(left, []);
  });

  it('says so when a file grew since it was looked at', async () => {
    await appendFile(join(work, 'small.txt'), ' and more');
    await assert.rejects(build(), { code: 'file-changed' });
    await rm(join(work, 'small.txt'));
    await assert.rejects(build(), { code: 'file-missing' });
  });
});
