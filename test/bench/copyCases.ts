import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { bodyOf } from '../../src/base/bytes.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Store } from '../../src/oci/store.ts';
import { anonymous } from '../support/browsing.ts';
import type { Case, Contender } from '../support/bench.ts';
import { seedTags } from '../support/seed.ts';
import { noise } from './content.ts';
import { freshIn, type Site } from './site.ts';

type Ref = string | (() => string);

async function push(store: Store, mediaType: string, bytes: Uint8Array, tag?: string): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(descriptor, bodyOf(bytes), { tag });
  return descriptor;
}

/** An index of some platforms, each an image of its own layers. @returns its bytes in all */
async function pushImage(host: string, name: string, tag: string, size: Site['size']): Promise<number> {
  const remote = anonymous(host);
  const store = remote.registry.repository(name);
  const manifests: Descriptor[] = [];
  for (let at = 0; at < size.platforms; at++) {
    const platform = {
      os: 'linux',
      architecture: ['amd64', 'arm64', 'ppc64le', 's390x', 'riscv64'][at] ?? `a${at}`,
    };
    const layers: Descriptor[] = [];
    for (let layer = 0; layer < size.layers; layer++) {
      // What begins as gzip does would be unpacked by some.
      const bytes = noise(size.layer, 1_000_000 + at * 100 + layer);
      layers.push(await push(store, MediaType.layerTarGzip, bytes));
    }
    const diffIds = layers.map(({ digest }) => `sha256:${createHash('sha256').update(digest).digest('hex')}`);
    const config = Buffer.from(
      JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: diffIds } }),
    );
    const manifest = encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: await push(store, MediaType.imageConfig, config),
      layers,
    });
    manifests.push({ ...(await push(store, MediaType.manifest, manifest)), platform });
  }
  const index = encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  await push(store, MediaType.index, index, tag);
  await remote.stop();
  return size.platforms * size.layers * size.layer;
}

/** Everyone who copies, from one reference to another. */
function copiers(site: Site, from: string, to: Ref): readonly Contender[] {
  const docker = (ref: Ref): Ref => (typeof ref === 'string' ? `docker://${ref}` : () => `docker://${ref()}`);
  return [
    site.us('copy', from, to),
    site.them('oras', ['cp', '--from-plain-http', '--to-plain-http', from, to]),
    site.them('crane', ['copy', '--insecure', from, to]),
    site.them('regctl', ['image', 'copy', from, to]),
    site.them('skopeo', [
      ...['--insecure-policy', 'copy', '--all', '--src-tls-verify=false', '--dest-tls-verify=false'],
      docker(from),
      docker(to),
    ]),
  ];
}

export const copyCases: readonly Case<Site>[] = [
  {
    name: 'copy',
    title: 'copy an image of 12 layers, 1 GB, 5 platforms, distribution to olareg',
    goal: { ratio: 0.8 },
    prepare: async (site) => {
      const [from, to] = [await site.start('distribution'), await site.start('olareg')];
      const bytes = await pushImage(from.host, 'bench/image', 'v1', site.size);
      const { reference, clear } = freshIn(to);
      const contenders = copiers(site, `${from.host}/bench/image:v1`, reference);
      return {
        contenders: contenders.map((each) => ({ ...each, after: clear })),
        work: { hashed: 2 * bytes, sent: 2 * bytes, written: bytes, trips: 6 },
      };
    },
  },
  {
    name: 'copy-delayed',
    title: 'the same with 20 ms added to every packet',
    goal: { ratio: 0.7 },
    prepare: async (site) => {
      const [from, to] = [await site.start('distribution'), await site.start('olareg')];
      const bytes = await pushImage(from.host, 'bench/image', 'v1', site.size);
      const { reference, clear } = freshIn(to, await site.delayed(to));
      const contenders = copiers(site, `${await site.delayed(from)}/bench/image:v1`, reference);
      return {
        contenders: contenders.map((each) => ({ ...each, after: clear })),
        work: { hashed: 2 * bytes, sent: 4 * bytes, written: bytes, trips: 6, delay: 0.04 },
      };
    },
  },
  {
    name: 'copy-again',
    title: 'copy again, all present',
    goal: { ratio: 0.5 },
    prepare: async (site) => {
      const [from, to] = [await site.start('distribution'), await site.start('olareg')];
      // What is there already is not moved: its size says nothing.
      await pushImage(from.host, 'bench/image', 'v1', { ...site.size, layer: 1024 });
      const reference = `${to.host}/bench/there:v1`;
      const [ours] = copiers(site, `${from.host}/bench/image:v1`, reference);
      await ours?.run();
      return { contenders: copiers(site, `${from.host}/bench/image:v1`, reference), work: { trips: 2 } };
    },
  },
  {
    name: 'copy-layout',
    title: 'copy that image from a registry to a layout on disk',
    goal: {},
    prepare: async (site) => {
      const from = await site.start('distribution');
      const bytes = await pushImage(from.host, 'bench/image', 'v1', { ...site.size, platforms: 1 });
      const [layout, reference] = [path.join(site.work, 'layout'), `${from.host}/bench/image:v1`];
      const after = (): Promise<void> => rm(layout, { recursive: true, force: true });
      return {
        contenders: [
          { ...site.us('copyToLayout', reference, layout), after },
          {
            ...site.them('oras', ['cp', '--from-plain-http', '--to-oci-layout', reference, `${layout}:v1`]),
            after,
          },
        ],
        work: { hashed: bytes, sent: bytes, written: bytes, trips: 3 },
      };
    },
  },
  {
    name: 'list-tags',
    title: 'list 10,000 tags',
    goal: {},
    prepare: async (site) => {
      const registry = await site.start('distribution');
      const tags = Array.from({ length: site.size.tags }, (_, at) => `v${at}`);
      await seedTags(registry, 'bench/tags', tags);
      const repository = `${registry.host}/bench/tags`;
      return {
        contenders: [
          site.us('tags', repository),
          site.them('oras', ['repo', 'tags', '--plain-http', repository]),
          site.them('crane', ['ls', '--insecure', repository]),
          site.them('regctl', ['tag', 'ls', repository]),
        ],
        work: { trips: Math.ceil(site.size.tags / 1000) },
      };
    },
  },
];
