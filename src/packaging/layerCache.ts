import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { versions } from 'node:process';
import { bodyOf } from '../base/bytes.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { writeFileWhole } from '../oci/layout/writeFile.ts';
import type { PlanLayer } from './plan.ts';

/** What a layer was packed to. */
export interface PackedLayer {
  readonly digest: Digest;
  readonly size: number;
  /** Of what is inside the compression; the digest itself where there is none. */
  readonly content: Digest;
}

export interface KnownLayer extends PackedLayer {
  /**
   * True: nothing about the files has changed since, by their sizes, times and inodes. False where a change within the last
   * moments before they were read could hide behind the times of the file system; then only what is read can tell.
   */
  readonly isCertain: boolean;
}

/** Layers that were packed before, by the state of the files they were packed of. */
export interface LayerCache {
  find(layer: PlanLayer, keepFileTimes: boolean): Promise<KnownLayer | undefined>;
  /** @param began milliseconds since the epoch, before the first file was read */
  keep(layer: PlanLayer, keepFileTimes: boolean, packed: PackedLayer, began: number): Promise<void>;
  /** Writes what was kept. */
  save(): Promise<void>;
}

interface Entry extends PackedLayer {
  readonly key: string;
  readonly began: number;
}

/** A folder that is split takes one for each of its layers. */
const maxEntries = 5_000;

/** Milliseconds: what file systems round their times to, at most. */
const coarsest = 2_000;

/** Another form of what is packed has other digests, as has another version of what compresses. */
const form = `2 ${versions.zlib} ${versions['zstd'] ?? ''}`;

/** Kept in a file, written whole; one that cannot be read is none, one that cannot be written costs time later and nothing else. */
export function fileLayerCache(file: string): LayerCache {
  let loaded: Promise<Map<string, Entry>> | undefined;
  const entries = (): Promise<Map<string, Entry>> => (loaded ??= load(file));
  let isChanged = false;
  return {
    find: async (layer, keepFileTimes) => {
      const found = (await entries()).get(keyOf(layer, keepFileTimes));
      const { digest, size, content } = found ?? {};
      return found && digest && size !== undefined && content
        ? { digest, size, content, isCertain: newest(layer) < found.began - coarsest }
        : undefined;
    },
    keep: async (layer, keepFileTimes, { digest, size, content }, began) => {
      const all = await entries();
      const key = keyOf(layer, keepFileTimes);
      all.delete(key);
      all.set(key, { key, digest, size, content, began });
      for (const oldest of [...all.keys()].slice(0, Math.max(0, all.size - maxEntries))) {
        all.delete(oldest);
      }
      isChanged = true;
    },
    save: async () => {
      if (isChanged) {
        isChanged = false;
        const text = Buffer.from(JSON.stringify([...(await entries()).values()]));
        await writeFileWhole(file, bodyOf(text)()).catch(() => undefined);
      }
    },
  };
}

async function load(file: string): Promise<Map<string, Entry>> {
  try {
    const parsed = JSON.parse(await readFile(file, 'utf8')) as unknown;
    const entries = Array.isArray(parsed) ? parsed.filter(isEntry).slice(-maxEntries) : [];
    return new Map(entries.map((entry) => [entry.key, entry]));
  } catch {
    return new Map();
  }
}

function isEntry(value: unknown): value is Entry {
  const { key, digest, size, content, began } = (value ?? {}) as Partial<Record<keyof Entry, unknown>>;
  return (
    typeof key === 'string' &&
    isDigest(digest) &&
    isDigest(content) &&
    Number.isSafeInteger(size) &&
    typeof began === 'number'
  );
}

function keyOf({ kind, entries, compression = 'gzip' }: PlanLayer, keepFileTimes: boolean): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([form, kind, keepFileTimes, compression]));
  for (const { path, name, kind: each, size, mode, stamp, target = '' } of entries) {
    hash.update(
      JSON.stringify([path, name, each, size, mode, stamp.inode, stamp.modified, stamp.changed, target]),
    );
  }
  return hash.digest('hex');
}

function newest({ entries }: PlanLayer): number {
  return entries.reduce((latest, { stamp }) => Math.max(latest, stamp.modified, stamp.changed), 0);
}
