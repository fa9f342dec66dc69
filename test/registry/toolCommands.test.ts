import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { toolCommands, type CommandTarget, type ToolCommand } from '../../src/artifacts/toolCommands.ts';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import { parseManifest, type Manifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { peer, runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';

const tools = ['oras', 'regctl', 'crane', 'skopeo'] as const;

describe('the commands we give for other tools, run by a shell', () => {
  let registry: RunningRegistry;
  let there: string;
  let work: string;
  let folders: string;
  let target: CommandTarget;
  let bytes: Buffer;
  let manifest: Manifest;

  before(async () => {
    registry = await startRegistry('distribution');
    work = await mkdtemp(path.join(tmpdir(), 'oci-commands-'));
    // What is copied to is the business of who copies: each tool is told of it in its own way.
    there = registry.host.replace('127.0.0.1', 'localhost');
    const hosts = { [there]: { tls: 'disabled' } };
    await writeFile(path.join(work, 'regctl.json'), JSON.stringify({ hosts }));
    const conf = `[[registry]]\nlocation = "${there}"\ninsecure = true\n`;
    const containers = path.join(work, '.config/containers');
    await mkdir(containers, { recursive: true });
    await writeFile(path.join(containers, 'registries.conf'), conf);
    folders = [...new Set(await Promise.all(tools.map(async (tool) => path.dirname(await peer(tool)))))].join(
      ':',
    );
    const source = path.join(work, 'source');
    await mkdir(path.join(source, 'sub'), { recursive: true });
    await writeFile(path.join(source, "it's a file.txt"), 'one\n');
    await writeFile(path.join(source, 'sub/two.json'), '{}\n');
    const pushed = ["it's a file.txt:text/plain", 'sub/two.json:application/json'];
    await runPeer(
      'oras',
      [
        'push',
        '--plain-http',
        '--artifact-type',
        'application/vnd.acme',
        '--annotation',
        "note=$HOME 'x'",
        ref('app:1'),
        ...pushed,
      ],
      { cwd: source },
    );
    bytes = await fetched('app:1');
    const parsed = parseManifest(bytes, MediaType.manifest);
    assert.ok(parsed.kind === 'manifest');
    manifest = parsed;
    target = {
      kind: 'remote',
      registry: registry.host,
      repository: 'app',
      tag: '1',
      digest: digestOf(bytes),
      plainHttp: true,
      insecure: false,
    };
  });
  after(async () => {
    await registry.stop();
    await rm(work, { recursive: true, force: true });
  });

  const ref = (name: string): string => `${registry.host}/${name}`;

  async function fetched(name: string): Promise<Buffer> {
    const { stdout } = await runPeer('oras', ['manifest', 'fetch', '--plain-http', ref(name)]);
    return Buffer.from(stdout);
  }

  async function shell(
    { command }: ToolCommand,
    cwd: string,
    env: Record<string, string> = {},
  ): Promise<void> {
    await mkdir(cwd, { recursive: true });
    await run('/bin/sh', ['-ec', command], {
      cwd,
      env: {
        PATH: `${folders}:/usr/bin:/bin`,
        HOME: work,
        DOCKER_CONFIG: work,
        REGCTL_CONFIG: path.join(work, 'regctl.json'),
        ...env,
      },
    });
  }

  it('pull what oras pushed', async () => {
    const pulls = toolCommands(target, manifest).filter(({ action }) => action === 'pull');
    assert.deepEqual(
      pulls.map(({ tool }) => tool),
      tools,
    );
    for (const each of pulls) {
      await shell(each, path.join(work, each.tool));
    }
    for (const folder of ['oras', 'regctl/app']) {
      assert.equal(await readFile(path.join(work, folder, "it's a file.txt"), 'utf8'), 'one\n');
      assert.equal(await readFile(path.join(work, folder, 'sub/two.json'), 'utf8'), '{}\n');
    }
    for (const folder of ['crane/app', 'skopeo/app']) {
      const index = JSON.parse(await readFile(path.join(work, folder, 'index.json'), 'utf8')) as {
        manifests: readonly { digest: Digest }[];
      };
      assert.deepEqual(
        index.manifests.map(({ digest }) => digest),
        [target.digest],
      );
    }
  });

  it('copy it with every byte of its manifest', async () => {
    const copies = toolCommands(target, manifest).filter(({ action }) => action === 'copy');
    assert.equal(copies.length, tools.length);
    for (const each of copies) {
      await shell(each, work, { TARGET: `${there}/copied/${each.tool}:1` });
      assert.equal(digestOf(await fetched(`copied/${each.tool}:1`)), target.digest, each.tool);
    }
  });

  it('push the files it was pulled to: oras the same manifest, regctl the same layers', async () => {
    const again = toolCommands({ ...target, tag: 'again' }, manifest).filter(
      ({ action }) => action === 'push',
    );
    const files = path.join(work, 'files');
    const [pull] = toolCommands(target, manifest);
    assert.ok(pull);
    await shell(pull, files);
    for (const each of again) {
      await shell(each, files);
      const made = await fetched('app:again');
      if (each.tool === 'oras') {
        assert.equal(digestOf(made), target.digest);
      }
      const parsed = parseManifest(made, MediaType.manifest);
      assert.ok(parsed.kind === 'manifest');
      assert.deepEqual(parsed.layers, manifest.layers);
      assert.equal(parsed.annotations?.['note'], "$HOME 'x'");
      assert.equal(parsed.artifactType, 'application/vnd.acme');
    }
    assert.deepEqual(
      again.map(({ tool }) => tool),
      ['oras', 'regctl'],
    );
  });

  it('read Local as each tool reads layouts', async () => {
    const store = path.join(work, 'my store');
    await runPeer('oras', [
      'cp',
      '--from-plain-http',
      ref('app:1'),
      '--to-oci-layout',
      `${store}/team/app:1`,
    ]);
    const here = {
      ...target,
      kind: 'local',
      registry: store,
      repository: 'team/app',
      plainHttp: false,
    } as const;
    const commands = toolCommands(here, manifest);
    assert.ok(commands.length >= 6);
    for (const each of commands) {
      const cwd = each.action === 'push' ? 'source' : `from store/${each.tool} ${each.action}`;
      await shell(each, path.join(work, cwd), {
        TARGET: `${there}/stored/${each.tool}:1`,
      });
    }
    for (const tool of ['oras', 'regctl', 'skopeo']) {
      assert.equal(digestOf(await fetched(`stored/${tool}:1`)), target.digest, tool);
    }
  });
});
