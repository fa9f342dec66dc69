import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Case, Contender, Work } from '../support/bench.ts';
import type { RegistryKind } from '../support/registries.ts';
import { peer } from '../support/peers.ts';
import { run } from '../support/run.ts';
import { freshIn, orasPush, watched, type Site } from './site.ts';

/** Bytes of a file of the folder in the middle, and what gzip leaves of both halves. */
const perFile = 66_900;
const packed = 0.6;

const put = ['artifact', 'put', '--artifact-type', 'application/vnd.bench', '-f'] as const;

function folderWork({
  size,
}: Site): Required<Pick<Work, 'hashed' | 'compressed' | 'sent' | 'written' | 'files'>> {
  const bytes = size.files * perFile;
  return {
    hashed: bytes + 2 * packed * bytes,
    compressed: bytes / 2,
    sent: packed * bytes,
    written: packed * bytes,
    files: size.files,
  };
}

const forget =
  (folder: string): (() => Promise<void>) =>
  () =>
    // What is known of the run before would make it a push again.
    rm(path.join(path.dirname(folder), 'layers.json'), { force: true });

/** The cases of a folder and of a large file, with every peer; of olareg with oras alone, so that all fits into a run. */
export function folderCases(kind: RegistryKind): readonly Case<Site>[] {
  const isMain = kind === 'distribution';
  const named = (name: string): string => (isMain ? name : `${name}@${kind}`);
  const titled = (title: string): string => (isMain ? title : `${title} (${kind})`);
  const some = (ours: Contender, oras: Contender, ...others: readonly Contender[]): readonly Contender[] => [
    ours,
    oras,
    ...(isMain ? others : []),
  ];
  return [
    {
      name: named('push-folder'),
      title: titled('push a folder, 6,000 files, 400 MB, first time'),
      goal: { ratio: 0.4 },
      prepare: async (site) => {
        const [registry, folder] = [await site.start(kind), await site.folder()];
        const { reference, clear } = freshIn(registry);
        const cwd = path.dirname(folder);
        const contenders = some(
          { ...site.us('push', reference, folder), before: forget(folder) },
          site.them('oras', ['push', '--plain-http', reference, 'folder'], cwd),
          site.them('regctl', [...put, 'folder', reference], cwd),
          await tarAndCrane(site, folder, reference),
        );
        return {
          contenders: contenders.map((each) => ({ ...each, after: clear })),
          work: { ...folderWork(site), trips: 4 },
        };
      },
    },
    {
      name: named('push-again'),
      title: titled('push it again unchanged'),
      goal: { ratio: 0.1 },
      prepare: async (site) => {
        const [registry, folder] = [await site.start(kind), await site.folder()];
        const reference = (who: string): string => `${registry.host}/bench/${who}:v1`;
        const cwd = path.dirname(folder);
        await site.us('push', reference('ours'), folder).run();
        await orasPush(reference('oras'), ['folder'], cwd);
        return {
          contenders: [
            site.us('push', reference('ours'), folder),
            site.them('oras', ['push', '--plain-http', reference('oras'), 'folder'], cwd),
          ],
          work: { trips: 1 },
        };
      },
    },
    {
      name: named('push-changed'),
      title: titled('push it again with one file changed, split into layers'),
      goal: { ratio: 0.3 },
      prepare: async (site) => {
        const [registry, folder] = [await site.start(kind), await site.folder()];
        const reference = (who: string): string => `${registry.host}/bench/${who}:v1`;
        const cwd = path.dirname(folder);
        await site.us('pushSplit', reference('ours'), folder).run();
        await orasPush(reference('oras'), ['folder'], cwd);
        const changed = path.join(folder, 'part-1/file-1.dat');
        const bytes = await readFile(changed);
        let times = 0;
        const before = (): Promise<void> =>
          writeFile(changed, Buffer.concat([Buffer.from(`${++times} `), bytes]));
        return {
          contenders: [
            { ...site.us('pushSplit', reference('ours'), folder), before },
            { ...site.them('oras', ['push', '--plain-http', reference('oras'), 'folder'], cwd), before },
          ],
          work: { hashed: 20 * perFile, trips: 4 },
        };
      },
    },
    {
      name: named('push-file'),
      title: titled('push one file of 2 GiB of random bytes'),
      goal: { ratio: 0.9 },
      prepare: async (site) => {
        const [registry, file] = [await site.start(kind), await site.file()];
        const { reference, clear } = freshIn(registry);
        const cwd = path.dirname(file);
        const bytes = site.size.file;
        const contenders = some(
          { ...site.us('push', reference, file), before: forget(file) },
          site.them('oras', ['push', '--plain-http', reference, 'big'], cwd),
          site.them('regctl', [...put, 'big', reference], cwd),
        );
        return {
          contenders: contenders.map((each) => ({ ...each, after: clear })),
          work: { hashed: 2 * bytes, sent: bytes, written: bytes, trips: 5 },
        };
      },
    },
    {
      name: named('pull-folder'),
      title: titled('pull that folder'),
      goal: { ratio: 0.8 },
      prepare: async (site) => {
        const [registry, folder] = [await site.start(kind), await site.folder()];
        const reference = `${registry.host}/bench/folder:v1`;
        await orasPush(reference, ['folder'], path.dirname(folder));
        const { hashed, sent, files } = folderWork(site);
        return {
          contenders: pulls(site, reference, isMain),
          work: { hashed: hashed - sent, sent, written: site.size.files * perFile, files, trips: 2 },
        };
      },
    },
    {
      name: named('pull-file'),
      title: titled('pull that file'),
      goal: { ratio: 0.9 },
      prepare: async (site) => {
        const [registry, file] = [await site.start(kind), await site.file()];
        const reference = `${registry.host}/bench/file:v1`;
        await orasPush(reference, ['big'], path.dirname(file));
        const bytes = site.size.file;
        return {
          contenders: pulls(site, reference, isMain),
          work: { hashed: bytes, sent: bytes, written: bytes, trips: 2 },
        };
      },
    },
  ];
}

function pulls(site: Site, reference: string, isMain: boolean): readonly Contender[] {
  const target = path.join(site.work, 'pulled');
  const after = (): Promise<void> => rm(target, { recursive: true, force: true });
  return [
    site.us('pull', reference, target),
    site.them('oras', ['pull', '--plain-http', reference, '-o', target]),
    ...(isMain ? [site.them('regctl', ['artifact', 'get', '-o', target, reference])] : []),
  ].map((each) => ({
    ...each,
    before: async () => {
      await after();
      if (each.name === 'regctl') {
        await run('mkdir', [target]);
      }
    },
    run: async () => {
      const result = await each.run();
      if ((await readdir(target)).length === 0) {
        throw new Error(`${each.name} pulled nothing`);
      }
      return result;
    },
    after,
  }));
}

async function tarAndCrane(site: Site, folder: string, reference: () => string): Promise<Contender> {
  const [archive, cwd] = [path.join(site.work, 'folder.tar.gz'), path.dirname(folder)];
  const crane = await peer('crane');
  return {
    name: 'tar + crane',
    run: async () => {
      const tar = await watched('tar', ['-czf', archive, 'folder'], cwd);
      const append = ['append', '--insecure', '--oci-empty-base', '-f', archive, '-t', reference()];
      const { seconds, mb } = await watched(crane, append, cwd);
      return { seconds: tar.seconds + seconds, mb };
    },
  };
}
