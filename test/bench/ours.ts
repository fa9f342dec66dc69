import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Place } from '../../src/browse/place.ts';
import { copy } from '../../src/oci/copy.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { allItems } from '../../src/oci/pages.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import type { Registry, Repository } from '../../src/oci/store.ts';
import { buildAttachment, pushAttachment } from '../../src/packaging/attachment.ts';
import { fileLayerCache } from '../../src/packaging/layerCache.ts';
import { planPush, type PlanLayer, type Source } from '../../src/packaging/plan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { splitFolder, type Split } from '../../src/packaging/splitLayers.ts';
import { streamArtifact } from '../../src/packaging/streamArtifact.ts';

// One job of a benchmark in a process of its own: `node ours.ts push <reference> <path>`. Prints how long the job took, as in
// the editor all is loaded when it begins, and the peak of memory.
const dispatcher = createDispatcher();

interface Opened {
  readonly registry: Registry;
  readonly name: string;
  readonly repository: Repository;
  readonly tag: string;
}

function open(reference: string): Opened {
  const { registry: host, repository: name, tag = 'latest' } = parseReference(reference);
  const registry = remoteRegistry({
    host,
    scheme: 'http',
    dispatcher,
    credentials: () => Promise.resolve(undefined),
    userAgent: 'oci-explorer-bench',
  });
  return { registry, name, repository: registry.repository(name), tag };
}

/** A folder is one layer, with a split several; a list of files is a layer each. */
async function push(reference: string, sources: readonly Source[], split: Split): Promise<void> {
  const { repository, tag } = open(reference);
  const temporary = await mkdtemp(path.join(tmpdir(), 'oci-ours-'));
  const [{ path: first } = { path: tmpdir() }] = sources;
  const planned = await planPush(sources, { largeFile: Infinity });
  const how = { split, ignore: [], compression: 'gzip', keepFileTimes: true } as const;
  const layers: PlanLayer[] = [];
  for (const layer of planned.layers) {
    layers.push(...(await splitFolder(layer, how)));
  }
  const existing = await repository.manifest(tag).catch(() => undefined);
  const built = await streamArtifact(
    { ...planned, layers },
    {
      artifactType: 'application/vnd.bench',
      annotations: {},
      keepFileTimes: true,
      temporary,
      cache: fileLayerCache(path.join(path.dirname(first), 'layers.json')),
    },
    repository,
    tag,
    { existing, wasSent: () => false },
  );
  await built.dispose();
  await rm(temporary, { recursive: true });
}

async function filesOf(folder: string): Promise<readonly Source[]> {
  const names = (await stat(folder)).isDirectory() ? (await readdir(folder)).sort() : [];
  return names.map((title) => ({ path: path.join(folder, title), title }));
}

const jobs: Readonly<Record<string, (reference: string, other: string) => Promise<unknown>>> = {
  idle: () => Promise.resolve(),
  push: (reference, source) => push(reference, [{ path: source, title: path.basename(source) }], 'none'),
  pushSplit: (reference, source) =>
    push(reference, [{ path: source, title: path.basename(source) }], 'folders'),
  pushFiles: async (reference, folder) => push(reference, await filesOf(folder), 'none'),
  pull: async (reference, target) => {
    const { repository, tag } = open(reference);
    const { bytes, descriptor } = await repository.manifest(tag);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.kind !== 'manifest') {
      throw new Error('an index');
    }
    const staged = await stagePull(repository, planPull(manifest), target);
    await staged.commit();
    await staged.dispose();
  },
  copy: async (from, to) => {
    const source = open(from);
    const target = open(to);
    // Mounts are of one registry, which is one object in the product.
    const { host: a } = new URL(`http://${from}`);
    const { host: b } = new URL(`http://${to}`);
    const into = a === b ? source.registry.repository(target.name) : target.repository;
    await copy(source.repository, source.tag, into, target.tag, { mayBeThere: true });
  },
  copyToLayout: async (from, folder) => {
    const { repository, tag } = open(from);
    await copy(repository, tag, localRegistry(path.dirname(folder)).repository(path.basename(folder)), tag);
  },
  /** What the tree asks to show a tag, what is attached to it, and each of those as a document. */
  referrers: async (reference) => {
    const { repository, tag } = open(reference);
    const { descriptor } = await repository.manifest(tag);
    const found = allItems(
      (op) => repository.referrers(descriptor, op),
      {},
      ({ digest }) => digest,
    );
    const manifests = await Array.fromAsync(found);
    await Promise.all(manifests.map(({ digest }) => repository.manifest(digest)));
    return manifests.length;
  },
  /** Which tags point where the one of the reference does, asked twice. */
  pointing: async (reference) => {
    const { registry, name, tag } = open(reference);
    const place: Place = {
      id: 'bench',
      name: 'bench',
      kind: 'remote',
      host: 'bench.example',
      pinned: [],
      pinnedOnly: false,
      countsReads: false,
      registry,
    };
    const browser = createBrowser({
      places: { all: () => [place], get: () => place },
      cache: createManifestCache(),
      settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
    });
    const node = browser.find(place.id, name);
    if (!node) {
      throw new Error(name);
    }
    for (let time = 0; time < 2; time++) {
      const { digests } = await browser.pointers.of(node);
      const digest = digests.get(tag);
      if ([...digests.values()].filter((each) => each === digest).length !== 100) {
        throw new Error('other tags');
      }
    }
  },
  attach: async (reference, file) => {
    const { repository, tag } = open(reference);
    const subject = await repository.resolve(tag);
    const { layers } = await planPush([{ path: file, title: path.basename(file) }], { largeFile: Infinity });
    const attachment = await buildAttachment({
      subject,
      artifactType: 'application/spdx+json',
      annotations: { by: String(process.pid) },
      created: '2026-01-02T03:04:05Z',
      files: layers.flatMap(({ title, entries: [entry] }) => (entry ? [{ title, entry }] : [])),
    });
    await pushAttachment(repository, attachment);
  },
  tags: async (reference) => {
    const { repository } = open(reference);
    return (await Array.fromAsync(allItems((op) => repository.tags(op), { limit: 1000 }))).length;
  },
};

const [name = '', first = '', second = ''] = process.argv.slice(2);
const start = performance.now();
const job = jobs[name];
if (!job) {
  throw new Error(`There is no job ${name}`);
}
const count = await job(first, second);
const seconds = (performance.now() - start) / 1000;
await dispatcher.destroy();
console.log(JSON.stringify({ seconds, mb: process.resourceUsage().maxRSS / 1024, count }));
