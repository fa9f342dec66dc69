import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAll } from '../../src/oci/layout/writeFile.ts';
import { copy } from '../../src/oci/copy.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { allItems } from '../../src/oci/pages.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry } from '../../src/oci/remote/registry.ts';
import { parseReference } from '../../src/oci/reference.ts';
import type { Repository } from '../../src/oci/store.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { fileLayerCache } from '../../src/packaging/layerCache.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { sendArtifact } from '../../src/packaging/sendArtifact.ts';

// One job of a benchmark in a process of its own: `node ours.ts push <reference> <path>`. Prints how long the job took, as in
// the editor all is loaded when it begins, and the peak of memory.
const dispatcher = createDispatcher();

function open(reference: string): { readonly repository: Repository; readonly tag: string } {
  const { registry: host, repository, tag = 'latest' } = parseReference(reference);
  const registry = remoteRegistry({
    host,
    scheme: 'http',
    dispatcher,
    credentials: () => Promise.resolve(undefined),
    userAgent: 'oci-explorer-bench',
  });
  return { repository: registry.repository(repository), tag };
}

const jobs: Readonly<Record<string, (reference: string, other: string) => Promise<void>>> = {
  push: async (reference, source) => {
    const { repository, tag } = open(reference);
    const temporary = await mkdtemp(path.join(tmpdir(), 'oci-ours-'));
    const plan = await planPush([{ path: source, title: path.basename(source) }], { largeFile: Infinity });
    const built = await buildArtifact(plan, {
      artifactType: 'application/vnd.bench',
      annotations: {},
      keepFileTimes: true,
      temporary,
      cache: fileLayerCache(path.join(path.dirname(source), 'layers.json')),
    });
    const existing = await repository.manifest(tag).catch(() => undefined);
    await sendArtifact(built, repository, tag, { existing, wasSent: () => false });
    await rm(temporary, { recursive: true });
  },
  pull: async (reference, target) => {
    const { repository, tag } = open(reference);
    const { bytes, descriptor } = await repository.manifest(tag);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const [layer] = manifest.kind === 'manifest' ? manifest.layers : [];
    if (layer) {
      const file = await openFile(target, 'w');
      await writeAll(file, repository.fetch(layer));
      await file.close();
    }
  },
  copy: async (from, to) => {
    const source = open(from);
    const target = open(to);
    await copy(source.repository, source.tag, target.repository, target.tag);
  },
  tags: async (reference) => {
    const { repository } = open(reference);
    let count = 0;
    for await (const tag of allItems((op) => repository.tags(op), { limit: 1000 })) {
      count += tag === '' ? 0 : 1;
    }
    if (count !== 10_000) {
      throw new Error(`${count} tags`);
    }
  },
};

const [name = '', first = '', second = ''] = process.argv.slice(2);
const start = performance.now();
await jobs[name]?.(first, second);
const milliseconds = performance.now() - start;
await dispatcher.destroy();
console.log(JSON.stringify({ milliseconds, peak: process.resourceUsage().maxRSS * 1024 }));
