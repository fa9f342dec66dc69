import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { allItems } from '../../src/oci/pages.ts';
import type { Registry } from '../../src/oci/store.ts';
import { anonymous } from '../support/browsing.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { endWithProcess, run } from '../support/run.ts';
import { content } from './content.ts';

const url = (path: string): string => pathToFileURL(join(import.meta.dirname, '../..', path)).href;

/** What each process begins with: the registry, the subject, and its own name. */
const prelude = `
import { bodyOf } from '${url('src/base/bytes.ts')}';
import { machineLocked } from '${url('src/oci/remote/machineLock.ts')}';
import { referrersTag } from '${url('src/oci/referrersTag.ts')}';
import { content, manifestOf } from '${url('test/contract/content.ts')}';
import { anonymous } from '${url('test/support/browsing.ts')}';
const [host, digest, me, count] = process.argv.slice(1);
const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1234 };
const config = content('application/vnd.oci.empty.v1+json', '{}');
const { registry, stop } = anonymous(host);
const store = registry.repository('team/app');
const attach = (at) => {
  const more = { artifactType: 'application/x.note', subject, annotations: { me, at: String(at) } };
  const one = manifestOf(config, [config], more);
  return store.push(one.descriptor, bodyOf(one.bytes));
};
`;
const attachAll =
  'await Promise.all(Array.from({ length: Number(count) }, (_, at) => attach(at))); await stop();';
const flags = ['--no-warnings', '--input-type=module', '-e'];

const subjects = Object.fromEntries(
  ['twenty', 'thousand', 'killed'].map((name) => [name, content(MediaType.manifest, name).descriptor]),
) as Readonly<Record<'twenty' | 'thousand' | 'killed', Descriptor>>;

for (const kind of ['distribution2', 'olareg'] as const) {
  describe(`referrers that several processes attach to one manifest (${kind})`, () => {
    let running: RunningRegistry;
    let remote: { readonly registry: Registry; stop(): Promise<void> };
    before(async () => {
      running = await startRegistry(kind);
      remote = anonymous(running.host);
      const config = content(MediaType.empty, '{}');
      await remote.registry.repository('team/app').push(config.descriptor, bodyOf(config.bytes));
    });
    after(async () => {
      await remote.stop();
      await running.stop();
    });

    const attach = async (of: Descriptor, me: string, count: number): Promise<unknown> =>
      run(process.execPath, [...flags, prelude + attachAll, running.host, of.digest, me, `${count}`]);

    async function countOf(of: Descriptor): Promise<number> {
      const store = remote.registry.repository('team/app');
      const found = await Array.fromAsync(
        allItems(
          (op) => store.referrers(of, op),
          {},
          ({ digest }) => digest,
        ),
      );
      return found.length;
    }

    it('are all kept of twenty processes at once', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, me) => attach(subjects.twenty, `${me}`, 1)));
      assert.equal(await countOf(subjects.twenty), 20);
    });

    if (kind === 'olareg') {
      return;
    }

    it('are all kept of two processes with five hundred each', async () => {
      await Promise.all(['a', 'b'].map((me) => attach(subjects.thousand, me, 500)));
      assert.equal(await countOf(subjects.thousand), 1000);
    });

    it('are entered though a process was killed that had the turn', async () => {
      const script = `await machineLocked(
  'http://' + host + ' team/app ' + referrersTag(digest),
  async () => {
    console.log('held');
    await new Promise(() => setInterval(() => {}, 1000));
  },
);`;
      const child = await hanging(script, running.host, subjects.killed.digest);
      const waiting = attach(subjects.killed, 'next', 1);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await waiting;
      assert.equal(await countOf(subjects.killed), 1);
    });
  });
}

/** Starts a process that goes on until it is killed, and waits for its first word. */
async function hanging(script: string, host: string, digest: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...flags, prelude + script, host, digest, 'killed', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithProcess(child);
  await once(child.stdout, 'data');
  return child;
}
