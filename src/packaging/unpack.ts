import { chmod, copyFile, link, mkdir, open, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader } from '../archive/byteReader.ts';
import { decompressed } from '../archive/decompress.ts';
import { safeParts } from '../archive/safePath.ts';
import { tarEntries, type ArchiveEntry } from '../archive/tarEntries.ts';
import { archiveInvalid } from '../archive/tarFields.ts';
import { algorithmOf, Digester, isDigest } from '../oci/digest.ts';
import { fileError, OciError } from '../oci/errors.ts';
import { writeAll } from '../oci/layout/writeFile.ts';
import type { Op } from '../oci/store.ts';
import type { PullLayer, PullSkipped } from './pullPlan.ts';
import { StagedTree } from './stagedTree.ts';

/** What the file system of the target is like, found out by trying. */
export interface FileSystem {
  /** Permission bits that the umask leaves. */
  readonly allowedMode: number;
  /** `a` and `A` are one file. */
  readonly foldsCase: boolean;
  /** Names must be ones that Windows takes as they are. */
  readonly portable: boolean;
  /** Bytes that are free. */
  readonly room: number;
}

export interface UnpackOptions extends Op {
  /** An empty folder. */
  readonly into: string;
  readonly fileSystem: FileSystem;
  readonly anyRatio: boolean;
}

export interface StagedLink {
  /** Below the folder of the layer. */
  readonly parts: readonly string[];
  readonly target: string;
}

export interface StagedFolder {
  readonly parts: readonly string[];
  readonly mode: number;
  readonly time: number;
}

/** A folder layer on disk, in full and verified; links are only written down, so that nothing goes through one. */
export interface Unpacked {
  /** The folder that holds what the layer's folder holds. */
  readonly root: string;
  readonly files: number;
  readonly size: number;
  readonly links: readonly StagedLink[];
  /** Those the archive names, with what they are to be like in the end. */
  readonly folders: readonly StagedFolder[];
  readonly skipped: readonly PullSkipped[];
}

/**
 * Unpacks a tar (plain, gzip or zstd) whose bytes verify themselves. oras puts the title before every name, regctl does not.
 * @throws {OciError} `archive-invalid`, `path-unsafe`, `too-large`, `ratio-exceeded`, `digest-mismatch`, `disk-full` and other file errors
 */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  layer: PullLayer,
  options: UnpackOptions,
): Promise<Unpacked> {
  const { contentDigest } = layer;
  const tar = new Digester(isDigest(contentDigest) ? algorithmOf(contentDigest) : 'sha256');
  const run = new Unpacking(layer, options);
  const reader = new ByteReader(hashed(decompressed(source, { ...options, isBrief: true }), tar, options));
  try {
    for await (const entry of tarEntries(reader)) {
      options.signal?.throwIfAborted();
      await run.entry(entry);
    }
    // Behind the end there may be padding, and only at the end of all it is known that all was true.
    await reader.skip(Infinity);
    await run.settle();
  } catch (error) {
    throw fileError(error, layer.parts.join('/') || '.');
  } finally {
    // Nobody writes any more when it is taken away.
    await Promise.allSettled([reader.close(), run.settle()]);
  }
  if (contentDigest !== undefined && contentDigest !== tar.digest()) {
    throw new OciError('digest-mismatch', `The tar of ${layer.title} is not ${contentDigest}`);
  }
  return run.result();
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  digester: Digester,
  { signal, fileSystem, into }: UnpackOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    digester.update(chunk);
    if (digester.size > fileSystem.room) {
      throw noRoom(into);
    }
    yield chunk;
  }
}

/** Bytes up to which a file is held while it is written, and most that are. */
const smallFile = 256 * 1024;
const maxWriting = 8;

export function noRoom(path: string): OciError {
  return new OciError('disk-full', `${path}: there is less room than this takes`, { url: path });
}

class Unpacking {
  readonly #options: UnpackOptions;
  readonly #prefix: readonly string[];
  readonly #layer: PullLayer;
  readonly #tree: StagedTree;
  readonly #made = new Set<string>();
  readonly #links = new Map<string, StagedLink>();
  readonly #folders: StagedFolder[] = [];
  readonly #skipped: PullSkipped[] = [];
  readonly #writing = new Set<Promise<void>>();
  #failure: unknown;
  #files = 0;
  #size = 0;
  #allPrefixed = true;
  #likeRegctl = false;

  constructor(layer: PullLayer, options: UnpackOptions) {
    this.#options = options;
    this.#layer = layer;
    this.#prefix = layer.parts;
    this.#tree = new StagedTree(options.fileSystem.foldsCase);
  }

  async entry(entry: ArchiveEntry): Promise<void> {
    const parts = safeParts(entry.name, this.#options.fileSystem);
    this.#allPrefixed &&= this.#prefix.every((part, index) => parts[index] === part);
    if (parts.length === 0 && entry.kind !== 'folder') {
      throw archiveInvalid('An entry that is no folder has no name');
    }
    switch (entry.kind) {
      case 'folder':
        await this.#folder(parts, entry);
        return;
      case 'file':
        await this.#file(parts, entry);
        return;
      case 'link':
        await this.#link(parts, entry.target);
        return;
      case 'hard-link':
        await this.#hardLink(parts, entry);
        return;
      case 'other':
        this.#skipped.push({ name: parts.join('/'), reason: 'special-file' });
    }
  }

  result(): Unpacked {
    // regctl never writes the title before the names: a folder of that name is one inside of the folder.
    const { hasUnpack } = this.#layer;
    const isInside = !hasUnpack && this.#likeRegctl;
    const isPrefixed = this.#allPrefixed && !isInside && this.#tree.get(this.#prefix) === 'folder';
    const depth = isPrefixed ? this.#prefix.length : 0;
    return {
      root: join(this.#options.into, ...this.#prefix.slice(0, depth)),
      files: this.#files,
      size: this.#size,
      links: [...this.#links.values()].map(({ parts, target }) => ({ parts: parts.slice(depth), target })),
      folders: this.#folders.map((folder) => ({ ...folder, parts: folder.parts.slice(depth) })),
      skipped: this.#skipped.map(({ name, reason }) => ({
        name: [this.#layer.parts.join('/'), ...name.split('/').slice(depth)].filter(Boolean).join('/'),
        reason,
      })),
    };
  }

  /** Kept open for its owner until all is in it. */
  async #folder(parts: readonly string[], { name, mode, time, owner }: ArchiveEntry): Promise<void> {
    this.#tree.add(parts, 'folder');
    await this.#make(parts);
    this.#folders.push({ parts, mode, time });
    this.#likeRegctl ||= owner !== '' && name === this.#prefix.join('/');
  }

  /** Small ones are written several at once, while the next are read. */
  async #file(parts: readonly string[], entry: ArchiveEntry): Promise<void> {
    this.#tree.add(parts, 'file');
    const path = await this.#pathOf(parts);
    const { size, body } = entry;
    this.#files++;
    this.#size += size;
    if (size > smallFile) {
      await this.#write(path, entry, (file) =>
        writeAll(file, copies(body()), undefined, { start: 0, onWritten: () => undefined, isOwn: true }),
      );
      return;
    }
    const held = await whole(body(), size);
    if (this.#writing.size >= maxWriting) {
      await Promise.race(this.#writing);
    }
    if (this.#failure !== undefined) {
      throw this.#failure as Error;
    }
    const work: Promise<void> = this.#write(path, entry, (file) => writeWhole(file, held))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#writing.delete(work));
    this.#writing.add(work);
  }

  async #write(
    path: string,
    { mode, time }: ArchiveEntry,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<void> {
    // What is open stays writable, whatever the mode says; the umask is the system's to apply.
    const file = await open(path, 'wx', mode);
    try {
      await fill(file);
      if (time > 0) {
        await file.utimes(time, time);
      }
    } finally {
      await file.close();
    }
  }

  /** All files that are being written are there. @throws what the first that failed threw */
  async settle(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) {
      throw this.#failure as Error;
    }
  }

  /** A link to a file that is already there; where the file system has none, a copy. */
  async #hardLink(parts: readonly string[], { name, target }: ArchiveEntry): Promise<void> {
    const existing = safeParts(target, this.#options.fileSystem);
    const same = this.#links.get(existing.join('/'));
    if (same) {
      await this.#link(parts, same.target);
      return;
    }
    if (existing.length === 0 || this.#tree.get(existing) !== 'file') {
      throw archiveInvalid(`${JSON.stringify(name.slice(0, 200))} links to a file that is not in it`);
    }
    this.#tree.add(parts, 'file');
    await this.settle();
    const from = join(this.#options.into, ...existing);
    const to = await this.#pathOf(parts);
    await link(from, to).catch(() => copyFile(from, to));
    this.#files++;
  }

  async #link(parts: readonly string[], target: string): Promise<void> {
    this.#tree.add(parts, 'link');
    await this.#make(parts.slice(0, -1));
    this.#links.set(parts.join('/'), { parts, target });
  }

  async #pathOf(parts: readonly string[]): Promise<string> {
    await this.#make(parts.slice(0, -1));
    return join(this.#options.into, ...parts);
  }

  async #make(parts: readonly string[]): Promise<void> {
    const path = join(this.#options.into, ...parts);
    if (!this.#made.has(path)) {
      await mkdir(path, { recursive: true });
      this.#made.add(path);
    }
  }
}

/** The pieces, to be held while others come. */
async function* copies(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source) {
    yield Buffer.from(piece);
  }
}

async function whole(source: AsyncIterable<Uint8Array>, size: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let end = 0;
  for await (const piece of source) {
    bytes.set(piece, end);
    end += piece.byteLength;
  }
  return bytes.subarray(0, end);
}

/** What is held of a small file, in one call but on a disk that is nearly full, and given back at once. */
async function writeWhole(file: FileHandle, held: Buffer<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < held.byteLength;) {
    at += (await file.write(held, at)).bytesWritten;
  }
  held.buffer.transfer(0);
}

/** Gives a folder its permission bits and time. Its owner can still change what is in it until it is in place. */
export async function finishFolder(
  path: string,
  { mode, time }: StagedFolder,
  { allowedMode }: FileSystem,
): Promise<void> {
  await chmod(path, (mode & allowedMode) | 0o700);
  if (time > 0) {
    await utimes(path, time, time);
  }
}
