import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyOf, collect } from '../../base/bytes.ts';
import { digested, verified } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { Digester, hexOf, parseDigest, type Digest } from '../digest.ts';
import { isOciError, OciError } from '../errors.ts';
import { maxManifestSize, parseManifest, successors } from '../manifest.ts';
import { isManifestType } from '../mediaTypes.ts';
import { encodeReferrersIndex, referrerDescriptor, withoutReferrer, withReferrer } from '../referrersTag.ts';
import type { Body, Deleter, Op, PushOp, Store, StreamedBlob, Streamer } from '../store.ts';
import { folderFiles } from './files.ts';
import {
  encodeIndexFile,
  indexPath,
  markerPath,
  withManifest,
  withoutManifest,
  withoutName,
  type IndexFile,
} from './indexFile.ts';
import { blobPath, LayoutReader } from './layoutReader.ts';
import { locked, sweepLocks } from './lock.ts';
import { referrersEntry, withReferrersEntry } from './referrersEntry.ts';
import { sweepTemporary, writeFileNamed, writeFileWhole } from './writeFile.ts';

/** Layers whose content their owner keeps elsewhere; everything else must be here before the manifest is. */
const foreign = /\.(?:nondistributable|foreign)\./;

/** Milliseconds. */
const sweepEvery = 600_000;

/** A new `index.json`, and the files nothing in it needs any more. */
type Changed = IndexFile & { readonly unneeded?: readonly string[] };

/** One image layout as a folder, to read and write, side by side with other processes and other tools. */
export class LayoutStore extends LayoutReader implements Store, Streamer, Deleter {
  readonly #folder: string;
  /** On the clock of `performance.now`. */
  #nextSweep = -Infinity;

  constructor(folder: string) {
    super(folderFiles(folder));
    this.#folder = folder;
  }

  async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
    if (!isManifestType(descriptor.mediaType)) {
      await this.#write(descriptor, body, op);
      return;
    }
    if (descriptor.size > maxManifestSize) {
      throw new OciError('too-large', `A manifest of ${descriptor.size} bytes`);
    }
    const bytes = await collect(verified(body(), descriptor, op.signal), maxManifestSize);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    await this.#update(
      (index) =>
        this.#whole(successors(manifest)).then(async () => {
          checkMoves(index, op);
          await this.#write(descriptor, bodyOf(bytes), op);
          const listed = withManifest(index, descriptor, manifest.artifactType, op.tag);
          const subject = manifest.subject?.digest;
          return subject === undefined
            ? listed
            : this.#changeReferrers(listed, subject, op, (entries) =>
                withReferrer(entries, referrerDescriptor(descriptor, manifest)),
              );
        }),
      op,
    );
  }

  async pushStream(body: Body, { signal, onBytes }: PushOp = {}): Promise<StreamedBlob> {
    const blobs = join(this.#folder, 'blobs/sha256');
    const digester = new Digester();
    let blob: StreamedBlob | undefined;
    const known = (): StreamedBlob => (blob ??= { digest: digester.digest(), size: digester.size });
    const name = async (): Promise<string | undefined> => {
      const { digest, size } = known();
      return (await this.files.size(blobPath(digest))) === size ? undefined : hexOf(digest);
    };
    await writeFileNamed(blobs, digested(body(), digester, signal), name, this.#folder, onBytes);
    return known();
  }

  async tag(
    descriptor: Descriptor,
    tag: string,
    op: Op & { readonly from?: Digest | undefined } = {},
  ): Promise<void> {
    const { bytes, descriptor: found } = await this.manifest(descriptor.digest, op);
    const { artifactType } = parseManifest(bytes, found.mediaType);
    await this.#update((index) => {
      checkMoves(index, { ...op, tag });
      return Promise.resolve(withManifest(index, found, artifactType, tag));
    }, op);
  }

  /** Removes the manifest, its tags, and the content below it that no other manifest of the layout needs. */
  async delete(descriptor: Descriptor, op: Op = {}): Promise<void> {
    await this.#update(async (index) => {
      if ((await this.files.size(blobPath(descriptor.digest))) === undefined) {
        throw new OciError('not-found', `${this.#folder} has no ${descriptor.digest}`, { url: this.#folder });
      }
      const subject = await this.#subjectOf(descriptor, op);
      const without = withoutManifest(index, descriptor.digest);
      const left: Changed =
        subject === undefined
          ? without
          : await this.#changeReferrers(without, subject, op, (entries) =>
              withoutReferrer(entries, descriptor.digest),
            );
      const needed = new Set<string>();
      const gone = new Set<string>();
      const isKnown = await this.#needed(left, needed, op);
      await this.#reach(descriptor, gone, op);
      const unneeded = isKnown ? [...gone].filter((path) => !needed.has(path)) : [];
      return { ...left, unneeded: [...unneeded, ...(left.unneeded ?? [])] };
    }, op);
  }

  async untag(tag: string, op: Op = {}): Promise<void> {
    await this.#update((index) => {
      if (!index.entries.some((entry) => entry.tag === tag)) {
        throw new OciError('not-found', `${this.#folder} has no tag ${tag}`, { url: this.#folder });
      }
      return Promise.resolve(withoutName(index, tag));
    }, op);
  }

  async #write(descriptor: Descriptor, body: Body, op: PushOp): Promise<void> {
    const path = blobPath(descriptor.digest);
    if ((await this.files.size(path)) !== descriptor.size) {
      await writeFileWhole(join(this.#folder, path), verified(body(), descriptor, op.signal), op.onBytes);
    }
  }

  /** Changes `index.json` while no other process does; content that is no longer needed goes after the list that named it. */
  async #update(change: (index: IndexFile) => Promise<Changed>, op: Op): Promise<void> {
    await this.#checkMarker();
    await locked(
      join(this.#folder, '.index.lock'),
      async () => {
        await this.#sweep();
        const { unneeded = [], ...changed } = await change(await this.readIndex());
        await writeFileWhole(join(this.#folder, indexPath), bodyOf(encodeIndexFile(changed))());
        for (const path of unneeded) {
          await rm(join(this.#folder, path), { force: true });
        }
      },
      op.signal,
    );
  }

  /** What processes left here that were killed: looked for now and then, as it takes a look at every name. */
  async #sweep(): Promise<void> {
    const now = performance.now();
    if (now >= this.#nextSweep) {
      this.#nextSweep = now + sweepEvery;
      await sweepLocks(this.#folder, /\.index\.lock/);
      for (const folder of ['.', 'blobs/sha256', 'blobs/sha512']) {
        await sweepTemporary(join(this.#folder, folder));
      }
    }
  }

  /** @throws {OciError} `layout-invalid` for a layout of a version to come: what we wrote could harm it */
  async #checkMarker(): Promise<void> {
    const size = await this.files.size(markerPath);
    const path = join(this.#folder, markerPath);
    if (size === undefined) {
      await writeFileWhole(path, bodyOf(Buffer.from('{"imageLayoutVersion":"1.0.0"}'))());
      return;
    }
    const text = Buffer.from(await collect(this.files.read(markerPath, 0, size), maxManifestSize)).toString();
    if (!/"imageLayoutVersion"\s*:\s*"1\./.test(text)) {
      throw new OciError('layout-invalid', `${path} is of another version: ${text.slice(0, 200)}`, {
        url: this.#folder,
      });
    }
  }

  /** Keeps the list that tools look for which do not search by `subject`. A tag that holds no such list stays as it is. */
  async #changeReferrers(
    index: IndexFile,
    subject: Digest,
    op: Op,
    change: (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined,
  ): Promise<Changed> {
    let entries: readonly Descriptor[] | undefined;
    try {
      entries = change(await this.listedReferrers(index, subject, op));
    } catch (error) {
      if (!isOciError(error, 'manifest-invalid', 'not-found')) {
        throw error;
      }
    }
    if (!entries) {
      return index;
    }
    const list = entries.length === 0 ? undefined : encodeReferrersIndex(entries);
    if (list) {
      await this.#write(list.descriptor, bodyOf(list.bytes), op);
    }
    const old = referrersEntry(index, subject)?.descriptor.digest;
    return {
      ...withReferrersEntry(index, subject, list?.descriptor),
      unneeded: old === undefined || old === list?.descriptor.digest ? [] : [blobPath(old)],
    };
  }

  async #subjectOf(descriptor: Descriptor, op: Op): Promise<Digest | undefined> {
    try {
      const { bytes, descriptor: found } = await this.manifest(descriptor.digest, op);
      return parseManifest(bytes, found.mediaType).subject?.digest;
    } catch (error) {
      if (isOciError(error)) {
        return undefined; // What is broken can be deleted all the same.
      }
      throw error;
    }
  }

  /** @throws {OciError} `not-found` when content below a manifest is missing, as a registry answers */
  async #whole(below: readonly Descriptor[]): Promise<void> {
    for (const descriptor of below) {
      if (!foreign.test(descriptor.mediaType) && !(await this.has(descriptor))) {
        throw new OciError(
          'not-found',
          `${this.#folder} has no ${descriptor.digest}, which the manifest needs`,
          { url: this.#folder },
        );
      }
    }
  }

  /**
   * Adds the paths of all that the list still needs. What stands in a document we cannot read is needed whatever it means
   * there; false when a document is too large to look at.
   */
  async #needed(index: IndexFile, paths: Set<string>, op: Op): Promise<boolean> {
    let isKnown = true;
    for (const entry of index.entries) {
      isKnown = (await this.#reach(entry.descriptor, paths, op, digestsIn)) && isKnown;
    }
    for (const digest of digestsIn(Buffer.from(JSON.stringify(index.unread ?? [])))) {
      paths.add(blobPath(digest.digest));
    }
    return isKnown;
  }

  /** Adds the paths of everything below; what is missing has nothing below. False when a manifest is too large to look at. */
  async #reach(
    descriptor: Descriptor,
    paths: Set<string>,
    op: Op,
    unreadable: (bytes: Uint8Array) => readonly Descriptor[] = () => [],
  ): Promise<boolean> {
    const path = blobPath(descriptor.digest);
    if (paths.has(path)) {
      return true;
    }
    paths.add(path);
    const isManifest = isManifestType(descriptor.mediaType);
    const size = isManifest || descriptor.mediaType === '' ? await this.files.size(path) : undefined;
    if (size === undefined || size > maxManifestSize) {
      return size === undefined || !isManifest;
    }
    const bytes = await collect(this.files.read(path, 0, size, op.signal), maxManifestSize);
    let isKnown = true;
    for (const child of childrenOf(bytes, descriptor.mediaType) ?? unreadable(bytes)) {
      isKnown = (await this.#reach(child, paths, op, unreadable)) && isKnown;
    }
    return isKnown;
  }
}

function childrenOf(bytes: Uint8Array, mediaType: string): readonly Descriptor[] | undefined {
  try {
    return successors(parseManifest(bytes, mediaType));
  } catch {
    return undefined;
  }
}

/** Every digest that stands in the text, as blobs of whatever kind. */
function digestsIn(bytes: Uint8Array): readonly Descriptor[] {
  const found = Buffer.from(bytes)
    .toString('latin1')
    .match(/sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/g);
  return (found ?? []).map((digest) => ({ mediaType: '', digest: parseDigest(digest), size: 0 }));
}

/** @throws {OciError} `tag-exists` where the tag does not point where it is to be moved from */
function checkMoves({ entries }: IndexFile, { tag, from }: Pick<PushOp, 'tag' | 'from'>): void {
  const now = entries.find((entry) => entry.tag === tag)?.descriptor.digest;
  if (tag !== undefined && from !== undefined && now !== from) {
    throw new OciError('tag-exists', `${tag} was moved meanwhile`);
  }
}
