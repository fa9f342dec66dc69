import { copyFile, constants, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Lanes } from '../base/lanes.ts';
import type { Share } from '../base/shares.ts';
import { verified } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { fileError, isOciError } from '../oci/errors.ts';
import { writeAll } from '../oci/layout/writeFile.ts';
import type { Op, ReadStore } from '../oci/store.ts';
import { Commit } from './commit.ts';
import { inTheWay, makeFolder, moveInto, replacedBy, statOf } from './placement.ts';
import { PullBlobs, type PullSizes } from './pullBlob.ts';
import { concernsOf } from './pullConcerns.ts';
import type { PullLayer, PullPlan, PullSkipped } from './pullPlan.ts';
import { presentFiles } from './pullPresent.ts';
import { makeLinks, type BoundedLink } from './stagedLinks.ts';
import { openStaging, realTarget, type Staging } from './staging.ts';
import { finishFolder, noRoom, unpack, type StagedFolder, type Unpacked } from './unpack.ts';

export interface PullOptions extends Op {
  /** Bytes fetched since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Told of each file that the target holds already, which is neither fetched nor written. */
  readonly onPresent?: ((descriptor: Descriptor) => void) | undefined;
  /** Where other transfers are under way too: its part of the blobs under way at once. */
  readonly share?: Pick<Share, 'run'> | undefined;
  /** True: unpack also what grows suspiciously, because a person said so. */
  readonly anyRatio?: boolean;
  readonly sizes?: PullSizes | undefined;
}

/** Everything fetched, verified and unpacked beside the target, in which nothing has changed yet. */
export interface StagedPull {
  /** The target, without links in its path. */
  readonly target: string;
  readonly files: number;
  /** Bytes of the files. */
  readonly size: number;
  readonly skipped: readonly PullSkipped[];
  /** Files of the target that would be replaced, absolute. */
  readonly replaced: readonly string[];
  /** Names that tools run or obey: hooks, tasks, settings. */
  readonly concerns: readonly string[];
  /** Puts all in place, or on a fault or abort nothing. */
  commit(op?: Op): Promise<void>;
  /** Always to be called. */
  dispose(): Promise<void>;
}

/** Layers under way at once; how many requests those make is `PullBlobs`' to say. */
const layersAtOnce = { large: 16, small: 32 } as const;

/** What titles alone tell of a target. */
export interface TargetLook {
  /** Without links in its path. */
  readonly target: string;
  /** Files that would be replaced, absolute. */
  readonly replaced: readonly string[];
}

/**
 * Looks at the target before anything is fetched.
 * @throws {OciError} `path-taken` where a folder, a file or a link is in the way
 */
export async function lookAtTarget({ layers }: PullPlan, folder: string, op: Op = {}): Promise<TargetLook> {
  const target = await realTarget(folder);
  const present = new Set((await presentFiles(layers, target, op)).map(({ path }) => path));
  const replaced: string[] = [];
  for (const { parts, kind } of layers) {
    const folders = kind === 'folder' ? parts.length : parts.length - 1;
    let path = target;
    let existing = await statOf(path);
    for (const [index, part] of parts.entries()) {
      path = join(path, part);
      existing = existing && (await statOf(path));
      if (existing && index < folders && !existing.isDirectory()) {
        throw inTheWay(path, 'is in the way: it is a file or a link, where a folder would be');
      }
      if (existing && index >= folders && existing.isDirectory()) {
        throw inTheWay(path, 'is in the way: it is a folder, where a file would be');
      }
    }
    if (existing && kind === 'file' && !present.has(path)) {
      replaced.push(path);
    }
  }
  return { target, replaced };
}

/**
 * Fetches what was planned. Memory does not grow with its size.
 * @throws {OciError} as `ReadStore.fetch` and `unpack`; then nothing is left
 */
export async function stagePull(
  store: ReadStore,
  plan: PullPlan,
  target: string,
  options: PullOptions = {},
): Promise<StagedPull> {
  const staging = await openStaging(target);
  try {
    if (plan.size > staging.fileSystem.room) {
      throw noRoom(staging.target);
    }
    return await new Pull(store, plan, staging, options).stage();
  } catch (error) {
    await staging.remove(true).catch(() => undefined);
    throw fileError(error, staging.target);
  }
}

class Pull {
  readonly #store: ReadStore;
  readonly #plan: PullPlan;
  readonly #staging: Staging;
  readonly #options: PullOptions;
  readonly #blobs: PullBlobs;
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  /** As the target will be. */
  readonly #ready: string;

  constructor(store: ReadStore, plan: PullPlan, staging: Staging, options: PullOptions) {
    this.#store = store;
    this.#plan = plan;
    this.#staging = staging;
    this.#options = options;
    this.#signal = AbortSignal.any([this.#failed.signal, ...(options.signal ? [options.signal] : [])]);
    this.#ready = join(staging.path, 'new');
    this.#blobs = new PullBlobs({
      store,
      folder: staging.blobs,
      signal: this.#signal,
      share: options.share,
      onBytes: (bytes) => options.onBytes?.(bytes),
      sizes: options.sizes,
    });
  }

  async stage(): Promise<StagedPull> {
    try {
      return await this.#stage();
    } finally {
      await this.#blobs.close();
    }
  }

  async #stage(): Promise<StagedPull> {
    const { path, target } = this.#staging;
    await mkdir(this.#ready);
    await mkdir(join(path, 'old'));
    const folders = this.#plan.layers.filter(({ kind }) => kind === 'folder');
    const present = await presentFiles(this.#plan.layers, target, { signal: this.#signal });
    for (const { layer } of present) {
      this.#options.onPresent?.(layer.descriptor);
    }
    const byDigest = filesByDigest(this.#plan, new Set(present.map(({ layer }) => layer)));
    const unpacked = await this.#all([
      ...byDigest.map((layers) => ({
        size: layers[0]?.descriptor.size ?? 0,
        run: async () => {
          await this.#file(layers);
          return undefined;
        },
      })),
      ...folders.map((layer, index) => ({
        size: layer.descriptor.size,
        run: async () => ({ layer, ...(await this.#folder(layer, join(path, String(index)))) }),
      })),
    ]);
    const found = unpacked.filter((each) => each !== undefined);
    for (const layers of byDigest) {
      await this.#placeFile(layers);
    }
    // A folder before those that go into it.
    for (const { layer, root } of found.toSorted((a, b) => a.layer.parts.length - b.layer.parts.length)) {
      const into = await makeFolder(this.#ready, layer.parts);
      await moveInto(root, into, { signal: this.#signal, undo: [], merged: new Set() });
    }
    const failedLinks = await this.#links(found);
    const finished = found.flatMap(({ layer, folders: inner }) =>
      inner.map((folder) => ({ ...folder, parts: [...layer.parts, ...folder.parts] })),
    );
    await this.#finish(finished);
    const replaced = (await statOf(target)) ? await replacedBy(this.#ready, target) : [];
    const files = this.#plan.layers.filter(({ kind }) => kind === 'file');
    const commit = new Commit(this.#staging, this.#ready, finished, replaced, present);
    return {
      target,
      files:
        files.length +
        found.reduce((sum, each) => sum + each.files + each.links.length, 0) -
        failedLinks.length,
      size:
        files.reduce((sum, { descriptor }) => sum + descriptor.size, 0) +
        found.reduce((sum, { size }) => sum + size, 0),
      skipped: [
        ...this.#plan.untitled.map(({ digest }) => ({ name: digest, reason: 'untitled' as const })),
        ...found.flatMap(({ skipped }) => skipped),
        ...failedLinks,
      ],
      replaced,
      concerns: await concernsOf(this.#ready, { signal: this.#signal }),
      commit: (op) => commit.run(op),
      dispose: () => commit.dispose(),
    };
  }

  /** All of them, or the first failure once all have ended: nobody writes while the staging folder is taken away. */
  async #all<T>(
    tasks: readonly { readonly size: number; readonly run: () => Promise<T> }[],
  ): Promise<readonly T[]> {
    const lanes = new Lanes(layersAtOnce);
    let first: unknown;
    const results = await Promise.allSettled(
      tasks.map(({ size, run }) =>
        lanes.run(size, run, this.#signal).catch((error: unknown) => {
          first ??= error;
          this.#failed.abort();
          throw error;
        }),
      ),
    );
    this.#options.signal?.throwIfAborted();
    if (first !== undefined) {
      throw first as Error;
    }
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  /** One content, fetched once. */
  async #file([layer]: readonly PullLayer[]): Promise<void> {
    if (!layer) {
      return;
    }
    const { descriptor } = layer;
    try {
      if (this.#store.isRemote === true) {
        await this.#blobs.fetch(descriptor).whole();
        return;
      }
      const file = await open(this.#blobs.pathOf(descriptor), 'wx');
      try {
        await writeAll(file, this.#read(descriptor));
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(error, join(this.#staging.target, ...layer.parts));
    }
  }

  /** Under each of its names, when all is there: until then, a pull that is killed leaves it for the next. */
  async #placeFile([layer, ...others]: readonly PullLayer[]): Promise<void> {
    if (!layer) {
      return;
    }
    const path = await this.#pathOf(layer);
    await rename(this.#blobs.pathOf(layer.descriptor), path);
    for (const other of others) {
      await copyFile(path, await this.#pathOf(other), constants.COPYFILE_EXCL);
    }
  }

  /** Of what is on this machine: nothing is gained by keeping parts of it. */
  async *#read(descriptor: Descriptor): AsyncGenerator<Uint8Array, void, undefined> {
    const source = this.#store.fetch(descriptor, { signal: this.#signal });
    // Stores verify; what is about to lie in a person's folder is held against this very descriptor once more.
    for await (const chunk of verified(source, descriptor, this.#signal)) {
      this.#options.onBytes?.(chunk.byteLength);
      yield chunk;
    }
  }

  async #pathOf({ parts }: PullLayer): Promise<string> {
    return join(await makeFolder(this.#ready, parts.slice(0, -1)), parts.at(-1) ?? '');
  }

  /** Unpacks while it is fetched; anew where that turns out to be something else than it was to be. */
  async #folder(layer: PullLayer, into: string): Promise<Unpacked> {
    if (this.#store.isRemote !== true) {
      return this.#unpack(layer, into, this.#read(layer.descriptor));
    }
    const blob = this.#blobs.fetch(layer.descriptor);
    try {
      return await this.#unpack(layer, into, blob.follow());
    } catch (error) {
      if (!isOciError(error, 'archive-invalid', 'connection-lost', 'digest-mismatch')) {
        throw error;
      }
      await blob.whole();
      if (blob.restarts === 0) {
        throw error;
      }
      await rm(into, { recursive: true });
      return this.#unpack(layer, into, blob.follow());
    }
  }

  async #unpack(layer: PullLayer, into: string, source: AsyncIterable<Uint8Array>): Promise<Unpacked> {
    await mkdir(into);
    return unpack(source, layer, {
      into,
      fileSystem: this.#staging.fileSystem,
      anyRatio: this.#options.anyRatio === true,
      signal: this.#signal,
    });
  }

  async #links(
    found: readonly (Unpacked & { readonly layer: PullLayer })[],
  ): Promise<readonly PullSkipped[]> {
    const links = found.flatMap(({ layer, links: inner }): readonly BoundedLink[] =>
      inner.map(({ parts, target }) => ({
        parts: [...layer.parts, ...parts],
        target,
        boundary: layer.parts,
      })),
    );
    const places = { staged: this.#ready, target: this.#staging.target };
    const failed = await makeLinks(links, places, this.#signal);
    return failed.map(({ link, reason }) => ({ name: link.parts.join('/'), reason }));
  }

  /** The innermost first, so that none changes the time of one that is done. */
  async #finish(folders: readonly StagedFolder[]): Promise<void> {
    for (const folder of folders.toSorted((a, b) => b.parts.length - a.parts.length)) {
      if (folder.parts.length > 0) {
        await finishFolder(join(this.#ready, ...folder.parts), folder, this.#staging.fileSystem);
      }
    }
  }
}

function filesByDigest(
  { layers }: PullPlan,
  present: ReadonlySet<PullLayer>,
): readonly (readonly PullLayer[])[] {
  const files = layers.filter((layer) => layer.kind === 'file' && !present.has(layer));
  return [...Map.groupBy(files, ({ descriptor }) => descriptor.digest).values()];
}
