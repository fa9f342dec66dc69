import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf } from '../../src/base/bytes.ts';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { referrersTag } from '../../src/oci/referrersTag.ts';
import type { Registry, Repository } from '../../src/oci/store.ts';
import { buildAttachment, pushAttachment, type Attachment } from '../../src/packaging/attachment.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { content, manifestOf } from '../contract/content.ts';
import { anonymous } from '../support/browsing.ts';
import { startCountingProxy, type CountingProxy } from '../support/countingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';

const created = '2026-01-02T03:04:05Z';
const artifactType = 'application/spdx+json';

let work: string;
before(async () => {
  work = await mkdtemp(join(tmpdir(), 'oci-attach-'));
  await writeFile(join(work, 'app.spdx.json'), '{"spdxVersion":"SPDX-2.3"}');
  await writeFile(join(work, '<ünï> & co.md'), '# Notes\n');
  await writeFile(join(work, 'empty'), '');
});
after(() => rm(work, { recursive: true }));

async function attachment(
  subject: Descriptor,
  files: readonly string[],
  annotations: Readonly<Record<string, string>> = {},
  mediaType?: string,
): Promise<Attachment> {
  const sources = files.map((title) => ({ title, path: join(work, title) }));
  const { layers } = await planPush(sources, { largeFile: 1e9 });
  return buildAttachment({
    subject,
    artifactType,
    annotations,
    created,
    files: layers.flatMap(({ title, entries: [entry] }) => (entry ? [{ title, entry, mediaType }] : [])),
  });
}

/** A manifest to attach to, its digest of any algorithm. */
async function pushSubject(store: Repository, tag?: string, algorithm: 'sha256' | 'sha512' = 'sha256') {
  const config = content(MediaType.imageConfig, '{"os":"linux","architecture":"amd64"}');
  const layer = content(MediaType.layerTar, 'a layer');
  for (const blob of [config, layer]) {
    await store.push(blob.descriptor, bodyOf(blob.bytes));
  }
  const { bytes } = manifestOf(config, [layer]);
  const manifest = content(MediaType.manifest, bytes, algorithm);
  await store.push(manifest.descriptor, bodyOf(manifest.bytes), { tag });
  return manifest.descriptor;
}

const kinds: readonly (readonly [RegistryKind, boolean])[] = [
  ['distribution', false],
  ['distribution2', false],
  ['olareg', true],
];

for (const [kind, hasApi] of kinds) {
  describe(`what is attached (${kind})`, () => {
    let running: RunningRegistry;
    let proxy: CountingProxy;
    let remote: { readonly registry: Registry; stop(): Promise<void> };
    let store: Repository;
    before(async () => {
      running = await startRegistry(kind);
      proxy = await startCountingProxy(running.host);
      remote = anonymous(proxy.host);
      store = remote.registry.repository('team/app');
    });
    after(async () => {
      await remote.stop();
      await proxy.stop();
      await running.stop();
    });

    it('takes no more requests than it must, and is read by oras and regctl until it is detached', async () => {
      await pushSubject(store, 'v1');
      // Nothing is known of the registry yet.
      const fresh = anonymous(proxy.host);
      const app = fresh.registry.repository('team/app');
      proxy.forget();
      const subject = await app.resolve('v1');
      const made = await attachment(subject, ['app.spdx.json'], { note: 'by us' });
      await pushAttachment(app, made);
      const asked = proxy.exchanges.map(({ method, path }) => `${method} ${path}`);
      assert.ok(asked.length <= (hasApi ? 6 : 10), asked.join('\n'));
      await fresh.stop();
      const reference = `${running.host}/team/app:v1`;
      const discovered = async (): Promise<readonly string[]> => {
        const { stdout } = await runPeer('oras', [
          ...['discover', '--plain-http', '--format', 'json', reference],
        ]);
        const { referrers } = JSON.parse(stdout) as { readonly referrers?: { readonly digest: string }[] };
        return (referrers ?? []).map(({ digest }) => digest);
      };
      const listed = async (): Promise<string> =>
        (
          await runPeer('regctl', [
            ...['--host', `reg=${running.host},tls=disabled`, 'artifact', 'list', reference],
            ...['--format', '{{range .Descriptors}}{{.ArtifactType}} {{.Digest}}\n{{end}}'],
          ])
        ).stdout.trim();
      assert.deepEqual(await discovered(), [made.root.digest]);
      assert.equal(await listed(), `${artifactType} ${made.root.digest}`);
      const out = join(work, `pulled-${kind}`);
      const digest = `${running.host}/team/app@${made.root.digest}`;
      await runPeer('oras', ['pull', '--plain-http', '--output', out, digest]);
      await store.delete?.(made.root);
      assert.deepEqual(await discovered(), []);
      assert.equal(await listed(), '');
      assert.deepEqual((await store.referrers(subject)).items, []);
    });

    it('is the manifest oras attach makes, byte for byte', async () => {
      const subject = await pushSubject(store, 'equal');
      const sets: readonly (readonly [readonly string[], Readonly<Record<string, string>>, string?])[] = [
        [['app.spdx.json'], {}],
        [['app.spdx.json', '<ünï> & co.md', 'empty'], { 'b.c': '<x> & "y"', a: 'ü' }],
        [['<ünï> & co.md'], {}, 'text/markdown'],
      ];
      for (const [files, annotations, mediaType] of sets) {
        const all = { [Annotation.created]: created, ...annotations };
        const { stdout } = await runPeer(
          'oras',
          [
            ...['attach', '--plain-http', '--artifact-type', artifactType, '--format', 'json'],
            ...Object.entries(all).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]),
            `${running.host}/team/app:equal`,
            ...['--', ...files.map((file) => (mediaType === undefined ? file : `${file}:${mediaType}`))],
          ],
          { cwd: work },
        );
        const { digest } = JSON.parse(stdout) as { readonly digest: string };
        const theirs = await store.manifest(digest);
        const made = await attachment(subject, files, annotations, mediaType);
        assert.equal(Buffer.from(made.manifest).toString(), Buffer.from(theirs.bytes).toString());
        // It is there already, and stays there once.
        await pushAttachment(store, made);
      }
      assert.equal((await store.referrers(subject)).items.length, sets.length);
    });

    it('can be attached to what has a sha512 digest', async () => {
      const known = content(MediaType.manifest, 'known elsewhere', 'sha512').descriptor;
      await pushAttachment(store, await attachment(known, ['app.spdx.json'], { note: kind }));
      const { items, byTag } = await store.referrers(known);
      assert.deepEqual([items.length, byTag ?? false], [1, !hasApi]);
      if (!hasApi) {
        assert.equal(
          (await store.manifest(referrersTag(known.digest))).descriptor.mediaType,
          MediaType.index,
        );
      }
    });
  });
}

describe('a manifest with a sha512 digest where there is no referrers API', () => {
  it('keeps what is attached to it, under the fallback tag', async () => {
    const running = await startRegistry('olareg', { args: ['--api-referrer=false'] });
    const remote = anonymous(running.host);
    try {
      const store = remote.registry.repository('team/app');
      const { digest } = await pushSubject(store, undefined, 'sha512');
      const subject = await store.resolve(digest);
      assert.match(subject.digest, /^sha512:/);
      for (const note of ['one', 'two']) {
        await pushAttachment(store, await attachment(subject, ['app.spdx.json'], { note }));
      }
      const { items, byTag } = await store.referrers(subject);
      assert.deepEqual(
        items.map(({ annotations }) => annotations?.['note']),
        ['one', 'two'],
      );
      assert.equal(byTag, true);
      const { stdout } = await runPeer('regctl', [
        ...['--host', `reg=${running.host},tls=disabled`, 'artifact', 'list'],
        ...[
          `${running.host}/team/app@${digest}`,
          '--format',
          '{{range .Descriptors}}{{.ArtifactType}}\n{{end}}',
        ],
      ]);
      assert.equal(stdout.trim(), `${artifactType}\n${artifactType}`);
      const [first] = items;
      assert.ok(first && store.delete);
      await store.delete(first);
      assert.equal((await store.referrers(subject)).items.length, 1);
    } finally {
      await remote.stop();
      await running.stop();
    }
  });
});
