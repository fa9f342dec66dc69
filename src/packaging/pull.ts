import { copyFile, constants, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Limiter } from '../base/limiter.ts';
import type { Share } from '../base/shares.ts';
import { verified } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { fileError, isAbort, isOciError, OciError } from '../oci/errors.ts';
import { writeAll } from '../oci/layout/writeFile.ts';
import type { Op, ReadStore } from '../oci/store.ts';
import { Commit } from './commit.ts';
import { inTheWay, makeFolder, moveInto, replacedBy, statOf } from './placement.ts';
import { concernsOf } from './pullConcerns.ts';
import type { PullLayer, PullPlan, PullSkipped } from './pullPlan.ts';
import { makeLinks, type BoundedLink } from './stagedLinks.ts';
import { openStaging, realTarget, type Staging } from './staging.ts';
import { finishFolder, noRoom, unpack, type StagedFolder, type Unpacked } from './unpack.ts';

export interface PullOptions extends Op {
  /** Bytes fetched since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Where other transfers are under way too: its part of the blobs under way at once. */
  readonly share?: Pick<Share, 'run'> | undefined;
  /** True: unpack also what grows suspiciously, because a person said so. */
  readonly anyRatio?: boolean;
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

/** Layers under way at once. */
const concurrency = 4;

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
export async function lookAtTarget({ layers }: PullPlan, folder: string): Promise<TargetLook> {
  const target = await realTarget(folder);
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
    if (existing && kind === 'file') {
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
  }

  async stage(): Promise<StagedPull> {
    const { path, target } = this.#staging;
    await mkdir(this.#ready);
    await mkdir(join(path, 'old'));
    const folders = this.#plan.layers.filter(({ kind }) => kind === 'folder');
    const unpacked = await this.#all([
      ...filesByDigest(this.#plan).map((layers) => async () => {
        await this.#files(layers);
        return undefined;
      }),
      ...folders.map((layer, index) => async () => ({
        layer,
        ...(await this.#folder(layer, join(path, String(index)))),
      })),
    ]);
    const found = unpacked.filter((each) => each !== undefined);
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
    const commit = new Commit(this.#staging, this.#ready, finished, replaced);
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
  async #all<T>(tasks: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
    const limiter = new Limiter(concurrency);
    const { share } = this.#options;
    let first: unknown;
    const results = await Promise.allSettled(
      tasks.map((task) =>
        limiter
          .run(() => share?.run(task, this.#signal) ?? task(), this.#signal)
          .catch((error: unknown) => {
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

  /** One content, fetched once, under each of its names. */
  async #files(layers: readonly PullLayer[]): Promise<void> {
    const paths: string[] = [];
    for (const { parts } of layers) {
      paths.push(join(await makeFolder(this.#ready, parts.slice(0, -1)), parts.at(-1) ?? ''));
    }
    const [path, ...others] = paths;
    const [layer] = layers;
    if (path === undefined || !layer) {
      return;
    }
    try {
      const file = await open(path, 'wx');
      try {
        await writeAll(file, this.#fetch(layer.descriptor));
      } finally {
        await file.close();
      }
      for (const other of others) {
        await copyFile(path, other, constants.COPYFILE_EXCL);
      }
    } catch (error) {
      throw fileError(error, join(this.#staging.target, ...layer.parts));
    }
  }

  async #folder(layer: PullLayer, into: string): Promise<Unpacked> {
    await mkdir(into);
    return unpack(this.#fetch(layer.descriptor), layer, {
      into,
      fileSystem: this.#staging.fileSystem,
      anyRatio: this.#options.anyRatio === true,
      signal: this.#signal,
    });
  }

  async *#fetch(descriptor: Descriptor): AsyncGenerator<Uint8Array, void, undefined> {
    const source = this.#store.fetch(descriptor, { signal: this.#signal });
    // Stores verify; what is about to lie in a person's folder is held against this very descriptor once more.
    try {
      for await (const chunk of verified(source, descriptor, this.#signal)) {
        this.#options.onBytes?.(chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      // What stores do not name is what the network says when a body breaks off.
      throw isOciError(error) || isAbort(error)
        ? error
        : new OciError('connection-lost', `${descriptor.digest} broke off`, { cause: error });
    }
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

function filesByDigest({ layers }: PullPlan): readonly (readonly PullLayer[])[] {
  const files = layers.filter(({ kind }) => kind === 'file');
  return [...Map.groupBy(files, ({ descriptor }) => descriptor.digest).values()];
}
