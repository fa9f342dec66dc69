import { createReadStream, type Stats } from 'node:fs';
import { join } from 'node:path';
import { algorithmOf, Digester } from '../oci/digest.ts';
import type { Op } from '../oci/store.ts';
import { inTheWay, statOf } from './placement.ts';
import type { PullLayer } from './pullPlan.ts';

/** A file of the target that is what would be pulled there. */
export interface PresentFile {
  readonly layer: PullLayer;
  readonly path: string;
  readonly stats: Stats;
}

/** Of layers that are files, those that the target holds by size and digest, through no link. */
export async function presentFiles(
  layers: readonly PullLayer[],
  target: string,
  op: Op = {},
): Promise<readonly PresentFile[]> {
  const found: PresentFile[] = [];
  for (const layer of layers) {
    const stats = layer.kind === 'file' ? await fileAt(target, layer.parts) : undefined;
    const path = join(target, ...layer.parts);
    if (stats?.size === layer.descriptor.size && (await hasDigest(path, layer, op))) {
      found.push({ layer, path, stats });
    }
  }
  return found;
}

/** @throws {OciError} `path-taken` where one is not any more what it was */
export async function stillPresent(files: readonly PresentFile[]): Promise<void> {
  for (const { path, stats } of files) {
    const now = await statOf(path);
    if (now?.ino !== stats.ino || now.size !== stats.size || now.mtimeMs !== stats.mtimeMs) {
      throw inTheWay(path, 'was changed meanwhile');
    }
  }
}

async function fileAt(target: string, parts: readonly string[]): Promise<Stats | undefined> {
  let path = target;
  for (const part of parts) {
    const above = await statOf(path).catch(() => undefined);
    if (above?.isDirectory() !== true) {
      return undefined;
    }
    path = join(path, part);
  }
  const stats = await statOf(path).catch(() => undefined);
  return stats?.isFile() === true ? stats : undefined;
}

async function hasDigest(path: string, { descriptor }: PullLayer, { signal }: Op): Promise<boolean> {
  const digester = new Digester(algorithmOf(descriptor.digest));
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, signal })) {
      digester.update(chunk as Uint8Array);
    }
  } catch {
    signal?.throwIfAborted();
    // What cannot be read is fetched, and then told of where it is in the way.
    return false;
  }
  return digester.digest() === descriptor.digest;
}
