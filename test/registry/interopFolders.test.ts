import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { identify } from '../../src/artifacts/identify.ts';
import { knownFileNames } from '../../src/artifacts/fileNames.ts';
import { copy } from '../../src/oci/copy.ts';
import { parseJson, parseManifest, type Manifest } from '../../src/oci/manifest.ts';
import type { Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { preparePush } from '../../src/packaging/preparePush.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { pushTypes } from '../../src/packaging/pushTypes.ts';
import { anonymous } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { snapshot } from '../support/snapshot.ts';

const long = (letter: string, length: number): string => letter.repeat(length);

/** Names that are a file's here; each with its own content. */
const names: readonly string[] = [
  'with space/and  two',
  ' before',
  '-dash',
  '--flag=value',
  '\u00e9 composed',
  'e\u0301 decomposed',
  '日本/🐙',
  'new\nline',
  'tab\tquote"\'',
  'trailing dots..',
  'trailing space ',
  '..two dots first',
  'con:aux?*<>|',
  '%2e%2e%2f',
  `${long('n', 101)}.txt`,
  long('é', 120),
  `${long('a', 90)}/${long('b', 90)}/${long('c', 90)}/deeper than 255`,
];

const modes = { 'read only': 0o444, 'of me alone': 0o600, 'run.sh': 0o755 } as const;

async function makeFolder(folder: string, { hasLinks }: { readonly hasLinks: boolean }): Promise<void> {
  await mkdir(join(folder, 'empty folder'), { recursive: true });
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), `content of ${name}`);
  }
  for (const [name, mode] of Object.entries(modes)) {
    await writeFile(join(folder, name), name);
    await chmod(join(folder, name), mode);
  }
  if (hasLinks) {
    await symlink('run.sh', join(folder, 'link'));
    await symlink('../-dash', join(folder, 'with space/up'));
    await symlink('日本', join(folder, 'to a folder'));
    await symlink('not there', join(folder, 'dangling'));
  }
  // A tar has whole seconds.
  await utimes(join(folder, 'run.sh'), 1_700_000_000, 1_700_000_000);
}

const sameBut = { times: false } as const;

for (const kind of ['distribution', 'distribution2', 'olareg'] as const) {
  describe(`folders and charts between others and us, on ${kind}`, () => {
    let work: string;
    let running: RunningRegistry;
    let remote: ReturnType<typeof anonymous>;

    before(async () => {
      work = await mkdtemp(join(tmpdir(), 'oci-between-'));
      running = await startRegistry(kind);
      remote = anonymous(running.host);
      await makeFolder(join(work, 'odd'), { hasLinks: true });
      // Regctl packs no links.
      await makeFolder(join(work, 'plain'), { hasLinks: false });
    });
    after(async () => {
      await remote.stop();
      await running.stop();
      await rm(work, { recursive: true });
    });

    const store = (name: string): Repository => remote.registry.repository(name);
    const peer = async (name: 'oras' | 'regctl' | 'helm', ...args: readonly string[]): Promise<void> => {
      const host = name === 'regctl' ? ['--host', `reg=${running.host},tls=disabled`] : [];
      const env = { HOME: work, REGCTL_CONFIG: '' };
      await runPeer(name, [...host, ...args], { cwd: work, env });
    };

    async function manifestOf(name: string, tag: string): Promise<Manifest> {
      const { bytes, descriptor } = await store(name).manifest(tag);
      const manifest = parseManifest(bytes, descriptor.mediaType);
      assert.ok(manifest.kind === 'manifest');
      return manifest;
    }

    async function pull(name: string, tag = '1'): Promise<string> {
      const out = await mkdtemp(join(work, 'ours-'));
      const manifest = await manifestOf(name, tag);
      const [config] = manifest.config ? await Array.fromAsync(store(name).fetch(manifest.config)) : [];
      const known = knownFileNames(manifest, config && parseJson(config));
      const staged = await stagePull(store(name), planPull(manifest, known), out);
      await staged.commit();
      await staged.dispose();
      assert.deepEqual(staged.skipped, []);
      return out;
    }

    async function push(name: string, title: string): Promise<void> {
      const plan = await planPush([{ title, path: join(work, title) }], { largeFile: 1e9 });
      const options = { annotations: {}, keepFileTimes: true, temporary: work };
      const built = await buildArtifact(plan, { ...options, artifactType: 'application/vnd.bench' });
      await copy(built.store, built.root.digest, store(name), '1');
      await built.dispose();
    }

    it('pushed by oras, pulled by us', async () => {
      await peer('oras', 'push', '--plain-http', `${running.host}/by/oras:1`, 'odd', 'plain');
      const out = await pull('by/oras');
      for (const title of ['odd', 'plain']) {
        assert.deepEqual(
          await snapshot(join(out, title), sameBut),
          await snapshot(join(work, title), sameBut),
        );
      }
    });

    it('pushed by us, pulled by us and by oras', async () => {
      await push('by/us', 'odd');
      await peer('oras', 'pull', '--plain-http', '-o', 'by-oras', `${running.host}/by/us:1`);
      const expected = await snapshot(join(work, 'odd'), sameBut);
      for (const out of [await pull('by/us'), join(work, 'by-oras')]) {
        assert.deepEqual(await snapshot(join(out, 'odd'), sameBut), expected);
      }
    });

    it('pushed by regctl, pulled by us', async () => {
      const put = ['artifact', 'put', '--artifact-type', 'a/b', '--file-title', '-f', 'plain'];
      await peer('regctl', ...put, `${running.host}/by/regctl:1`);
      const out = await pull('by/regctl');
      assert.deepEqual(
        await snapshot(join(out, 'plain'), sameBut),
        await snapshot(join(work, 'plain'), sameBut),
      );
    });

    it('pushed by us, pulled by regctl', async () => {
      await push('for/regctl', 'plain');
      await mkdir(join(work, 'by-regctl'));
      await peer('regctl', 'artifact', 'get', '-o', 'by-regctl', `${running.host}/for/regctl:1`);
      // As with what oras pushed: what begins with the title goes into a folder of the title, and nothing gets its mode.
      await run('diff', ['-r', 'by-regctl/plain/plain', 'plain'], { cwd: work });
    });

    it('a chart: pushed by helm, named and pulled by us; pushed by us, pulled by helm', async () => {
      await mkdir(join(work, 'sail/templates'), { recursive: true });
      await writeFile(join(work, 'sail/Chart.yaml'), 'apiVersion: v2\nname: sail\nversion: 1.2.3\n');
      await writeFile(join(work, 'sail/templates/a.yaml'), 'apiVersion: v1\nkind: ConfigMap\n');
      await peer('helm', 'package', 'sail');
      const chart = await readFile(join(work, 'sail-1.2.3.tgz'));
      await peer('helm', 'push', 'sail-1.2.3.tgz', `oci://${running.host}/theirs`, '--plain-http');
      assert.equal(identify(await manifestOf('theirs/sail', '1.2.3')).name, 'Helm chart');
      assert.deepEqual(await readFile(join(await pull('theirs/sail', '1.2.3'), 'sail-1.2.3.tgz')), chart);

      const type = pushTypes().find(({ id }) => id === 'helm-chart');
      assert.ok(type);
      const source = { title: 'sail-1.2.3.tgz', path: join(work, 'sail-1.2.3.tgz') };
      const prepared = await preparePush(await planPush([source], { largeFile: 1e9 }), type);
      const built = await buildArtifact(prepared.plan, { ...prepared, keepFileTimes: true, temporary: work });
      await copy(built.store, built.root.digest, store('ours/sail'), '1.2.3');
      await built.dispose();
      await mkdir(join(work, 'helm'));
      const at = `oci://${running.host}/ours/sail`;
      await peer('helm', 'pull', at, '--version', '1.2.3', '--plain-http', '-d', 'helm');
      assert.deepEqual(await readFile(join(work, 'helm/sail-1.2.3.tgz')), chart);
    });
  });
}
