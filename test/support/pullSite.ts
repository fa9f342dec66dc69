import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bodyOf } from '../../src/base/bytes.ts';
import { Annotation, type Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { isOciError, type ErrorCode } from '../../src/oci/errors.ts';
import type { Manifest } from '../../src/oci/manifest.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import type { ReadStore } from '../../src/oci/store.ts';
import { stagePull, type PullOptions, type StagedPull } from '../../src/packaging/pull.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { snapshot } from './snapshot.ts';
import { rawTar, type RawEntry } from './tars.ts';

const store = new MemoryStore();
/** What holds the layers made here. */
export const pulledFrom: ReadStore = store;

export async function layerOf(
  title: string | undefined,
  content: Uint8Array | string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const blob = { mediaType: MediaType.layerTar, digest: digestOf(bytes), size: bytes.byteLength };
  await store.push(blob, bodyOf(bytes));
  const titled = title === undefined ? {} : { [Annotation.title]: title };
  return { ...blob, annotations: { ...titled, ...annotations } };
}

/** A layer as oras marks it, with these entries. */
export function folderLayerOf(
  title: string,
  entries: readonly RawEntry[],
  pack: (tar: Buffer) => Buffer = (tar) => gzipSync(tar),
): Promise<Descriptor> {
  const tar = rawTar(entries);
  return layerOf(title, pack(tar), {
    [Annotation.unpack]: 'true',
    [Annotation.contentDigest]: digestOf(tar),
  });
}

export function manifestOf(...layers: readonly Descriptor[]): Manifest {
  return { kind: 'manifest', mediaType: MediaType.manifest, layers };
}

/** A folder to pull to, in one that holds nothing else. */
export interface PullSite {
  readonly work: string;
  readonly target: string;
  stage(layers: readonly Descriptor[], options?: PullOptions, target?: string): Promise<StagedPull>;
  /** All of it, and nothing is left beside. */
  pull(...layers: readonly Descriptor[]): Promise<StagedPull>;
  /** Fails, and nothing of it is kept: neither in the target nor beside it. */
  fails(codes: readonly ErrorCode[], run: () => Promise<unknown>): Promise<void>;
  text(name: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createPullSite(): Promise<PullSite> {
  const work = await mkdtemp(join(tmpdir(), 'oci-pull-'));
  const target = join(work, 'target');
  await mkdir(target);
  const site: PullSite = {
    work,
    target,
    stage: (layers, options, folder = target) =>
      stagePull(store, planPull(manifestOf(...layers)), folder, options),
    pull: async (...layers) => {
      const staged = await site.stage(layers);
      await staged.commit();
      await staged.dispose();
      assert.deepEqual(
        (await readdir(work)).filter((name) => name.startsWith('.')),
        [],
      );
      return staged;
    },
    fails: async (codes, run) => {
      const before = await snapshot(work);
      await assert.rejects(run, (error) => isOciError(error, ...codes));
      // The folder of them all has another time now: something stood in it for a moment.
      assert.deepEqual({ ...(await snapshot(work)), '.': '' }, { ...before, '.': '' });
    },
    text: (name) => readFile(join(target, name), 'utf8'),
    remove: () => rm(work, { recursive: true }),
  };
  return site;
}
