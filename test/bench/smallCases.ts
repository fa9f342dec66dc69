import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bodyOf } from '../../src/base/bytes.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import type { Repository } from '../../src/oci/store.ts';
import { content, manifestOf, type Content } from '../contract/content.ts';
import type { Case, Contender, Result } from '../support/bench.ts';
import { anonymous } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import type { RegistryKind, RunningRegistry } from '../support/registries.ts';
import { counting, freshIn, orasPush, type Site } from './site.ts';

/** Seconds that the proxy adds to a request, and requests we have under way at once. */
const delay = 0.05;
const atOnce = 16;

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `f-${at}`);

const config = content(MediaType.empty, '{}');
const layer = content('text/plain', 'a layer');
const subject = manifestOf(config, [layer]);

async function put(store: Repository, made: Content, tag?: string): Promise<void> {
  await store.push(made.descriptor, bodyOf(made.bytes), { tag });
}

/** A small artifact, and whatever more there has to be beside it. */
async function withArtifact(
  registry: RunningRegistry,
  name: string,
  more: (store: Repository) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const remote = anonymous(registry.host);
  const store = remote.registry.repository(name);
  await put(store, config);
  await put(store, layer);
  await put(store, subject, 'v1');
  await more(store);
  await remote.stop();
}

function manyFiles(kind: RegistryKind): Case<Site> {
  return {
    name: kind === 'distribution' ? 'push-small' : `push-small@${kind}`,
    title: `push 2,000 small blobs of 4 kB (${kind})`,
    goal: { ratio: 0.6 },
    prepare: async (site) => {
      const [registry, folder] = [await site.start(kind), await site.smallFiles()];
      const { reference, clear } = freshIn(registry);
      const contenders = [
        site.us('pushFiles', reference, folder),
        site.them('oras', ['push', '--plain-http', reference, ...names(site.size.small)], folder),
      ];
      return {
        contenders: contenders.map((each) => ({ ...each, after: clear })),
        work: { files: site.size.small, trips: (2 * site.size.small) / atOnce },
      };
    },
  };
}

function attachCase(kind: RegistryKind, how: string, count: number): Case<Site> {
  return {
    name: `attach@${kind}`,
    title: `attach one file (${how})`,
    goal: { count },
    counts: 'requests',
    prepare: async (site) => {
      const registry = await site.start(kind);
      const proxy = await site.counted(registry);
      const file = path.join(site.work, 'sbom.json');
      await writeFile(file, '{"spdxVersion":"SPDX-2.3"}');
      let at = 0;
      // Each attaches to a manifest with nothing attached.
      const before = (): Promise<void> => withArtifact(registry, `bench/attach-${++at}`);
      const reference = (): string => `${proxy.host}/bench/attach-${at}:v1`;
      const attach = ['attach', '--plain-http', '--artifact-type', 'application/spdx+json'];
      return {
        contenders: [
          { ...counting(proxy, site.us('attach', reference, file)), before },
          { ...counting(proxy, site.them('oras', [...attach, reference, 'sbom.json'])), before },
        ],
        work: { trips: kind === 'olareg' ? 4 : 8, delay },
      };
    },
  };
}

/** Twenty processes at once. */
function twentyTimes(registry: RunningRegistry, one: Contender, name: () => string): Contender {
  return {
    ...one,
    run: async (): Promise<Result> => {
      const results = await Promise.all(Array.from({ length: 20 }, () => one.run()));
      const seconds = Math.max(...results.map((each) => each.seconds));
      const args = ['discover', '--plain-http', '--depth', '1', '--format', 'json'];
      const { stdout } = await runPeer('oras', [...args, `${registry.host}/${name()}:v1`]);
      const { referrers } = JSON.parse(stdout) as { readonly referrers?: readonly unknown[] };
      return { seconds, count: referrers?.length ?? 0 };
    },
  };
}

export const smallCases: readonly Case<Site>[] = [
  manyFiles('distribution'),
  manyFiles('olareg'),
  {
    name: 'push-50',
    title: 'push 50 small files',
    goal: { count: 104, seconds: 0.5 },
    counts: 'requests',
    prepare: async (site) => {
      const [registry, folder] = [await site.start('distribution'), await site.smallFiles(50)];
      const proxy = await site.counted(registry);
      const { reference } = freshIn(registry, proxy.host);
      const files = names(50).flatMap((name) => ['-f', name, '-m', 'text/plain']);
      return {
        contenders: [
          counting(proxy, site.us('pushFiles', reference, folder)),
          counting(proxy, site.them('oras', ['push', '--plain-http', reference, ...names(50)], folder)),
          counting(
            proxy,
            site.them('regctl', ['artifact', 'put', '--artifact-type', 'a/b', ...files, reference], folder),
          ),
        ],
        work: { trips: 2 + 2 * Math.ceil(51 / atOnce), delay },
      };
    },
  },
  {
    name: 'push-50-again',
    title: 'push again unchanged',
    goal: { count: 1 },
    counts: 'requests',
    prepare: async (site) => {
      const [registry, folder] = [await site.start('distribution'), await site.smallFiles(50)];
      const proxy = await site.counted(registry);
      const at = (who: string): string => `${proxy.host}/bench/${who}:v1`;
      const us = site.us('pushFiles', at('ours'), folder);
      // With times of their own, oras would make another manifest each time.
      const created = ['--annotation', 'org.opencontainers.image.created=2026-01-02T03:04:05Z'];
      const oras = site.them('oras', ['push', '--plain-http', ...created, at('oras'), ...names(50)], folder);
      await us.run();
      await oras.run();
      return { contenders: [counting(proxy, us), counting(proxy, oras)], work: { trips: 1, delay } };
    },
  },
  {
    name: 'pull-50',
    title: 'pull 50 files',
    goal: { count: 51, seconds: 0.3 },
    counts: 'requests',
    prepare: async (site) => {
      const [registry, folder] = [await site.start('distribution'), await site.smallFiles(50)];
      const proxy = await site.counted(registry);
      await orasPush(`${registry.host}/bench/files:v1`, names(50), folder);
      const reference = `${proxy.host}/bench/files:v1`;
      let at = 0;
      const target = (): string => path.join(site.work, `pulled-${++at}`);
      return {
        contenders: [
          counting(proxy, site.us('pull', reference, target)),
          counting(proxy, site.them('oras', ['pull', '--plain-http', reference, '-o', target])),
        ],
        work: { trips: 1 + Math.ceil(50 / atOnce), delay },
      };
    },
  },
  {
    name: 'referrers',
    title: 'referrers of an artifact that has 30, each opened',
    goal: { count: 32, seconds: 0.25 },
    counts: 'requests',
    prepare: async (site) => {
      const registry = await site.start('olareg');
      const proxy = await site.counted(registry);
      await withArtifact(registry, 'bench/attached', async (store) => {
        for (let at = 0; at < 30; at++) {
          const more = { subject: subject.descriptor, artifactType: 'application/spdx+json' };
          await put(store, manifestOf(config, [layer], { ...more, annotations: { at: String(at) } }));
        }
      });
      const reference = `${proxy.host}/bench/attached:v1`;
      return {
        contenders: [
          counting(proxy, site.us('referrers', reference)),
          counting(proxy, site.them('oras', ['discover', '--plain-http', '--format', 'json', reference])),
          counting(proxy, site.them('regctl', ['artifact', 'tree', reference])),
        ],
        work: { trips: 2 + Math.ceil(30 / atOnce), delay },
      };
    },
  },
  {
    name: 'pointing',
    title: 'which of 101 tags point to this digest (ours asks twice: the second time costs nothing)',
    goal: { count: 102, seconds: 0.6 },
    counts: 'requests',
    prepare: async (site) => {
      const registry = await site.start('distribution');
      const proxy = await site.counted(registry);
      await withArtifact(registry, 'bench/tagged', async (store) => {
        await put(store, manifestOf(config, [layer], { annotations: { of: 'another' } }), 'other');
        for (let at = 2; at <= 100; at++) {
          await store.tag(subject.descriptor, `v${at}`);
        }
      });
      const reference = `${proxy.host}/bench/tagged:v1`;
      return {
        contenders: [
          counting(proxy, site.us('pointing', reference)),
          counting(proxy, site.them('oras', ['repo', 'tags', '--plain-http', reference])),
        ],
        work: { trips: 1 + Math.ceil(101 / atOnce), delay },
      };
    },
  },
  {
    name: 'copy-within',
    title: 'copy within one registry, 50 blobs',
    goal: { count: 56 },
    counts: 'requests',
    prepare: async (site) => {
      const [registry, folder] = [await site.start('distribution'), await site.smallFiles(50)];
      const proxy = await site.counted(registry);
      await orasPush(`${registry.host}/bench/files:v1`, names(50), folder);
      const { reference } = freshIn(registry, proxy.host);
      const from = `${proxy.host}/bench/files:v1`;
      return {
        contenders: [
          counting(proxy, site.us('copy', from, reference)),
          counting(proxy, site.them('oras', ['cp', '--from-plain-http', '--to-plain-http', from, reference])),
        ],
        work: { trips: 3 + Math.ceil(51 / atOnce), delay },
      };
    },
  },
  attachCase('olareg', 'API', 6),
  attachCase('distribution', 'fallback tag, with read-back', 10),
  {
    name: 'attach-20',
    title: '20 attaches at once from 20 processes, no referrers API',
    goal: { count: 20 },
    counts: 'kept',
    prepare: async (site) => {
      const registry = await site.start('distribution');
      await writeFile(path.join(site.work, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
      let at = 0;
      const name = (): string => `bench/twenty-${at}`;
      const before = (): Promise<void> => withArtifact(registry, `bench/twenty-${++at}`);
      const reference = (): string => `${registry.host}/${name()}:v1`;
      let each = 0;
      const note = (): string => `at=${++each}`;
      const oras = [
        'attach',
        '--plain-http',
        '--artifact-type',
        'a/b',
        '--annotation',
        note,
        reference,
        'sbom.json',
      ];
      const regctl = ['artifact', 'put', '--artifact-type', 'a/b', '--annotation', note, '-f', 'sbom.json'];
      return {
        contenders: [
          site.us('attach', reference, path.join(site.work, 'sbom.json')),
          site.them('oras', oras),
          site.them('regctl', [...regctl, '--subject', reference]),
        ].map((one) => ({ ...twentyTimes(registry, one, name), before })),
        work: { trips: 20 * 3 },
      };
    },
  },
];
