import { foldedName, safeParts } from '../archive/safePath.ts';
import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { Manifest } from '../oci/manifest.ts';
import { MediaType } from '../oci/mediaTypes.ts';

/** A layer that becomes a file or a folder. */
export interface PullLayer {
  readonly descriptor: Descriptor;
  /** As the manifest says it. */
  readonly title: string;
  /** The title as a path below the target; of a folder also none, for the target itself. */
  readonly parts: readonly string[];
  readonly kind: 'file' | 'folder';
  /** Of the uncompressed tar of a folder, where the one who pushed it wrote it down. */
  readonly contentDigest?: string;
  /** oras marks what is to be unpacked; regctl only ends the title with `/`. */
  readonly hasUnpack: boolean;
}

export interface PullSkipped {
  readonly name: string;
  readonly reason: 'untitled' | 'special-file' | 'outside-link' | 'link-unsupported';
}

/** What would be written, before anything is asked for. */
export interface PullPlan {
  readonly layers: readonly PullLayer[];
  /** Layers without a name. */
  readonly untitled: readonly Descriptor[];
  /** Bytes to fetch. */
  readonly size: number;
}

/**
 * Layers with a title, and a config with one. Titles are an attacker's: each must be a name on every system, and no two may
 * be one on any.
 * @param names for layers without a title
 * @throws {OciError} `path-unsafe`
 */
export function planPull(manifest: Manifest, names: ReadonlyMap<Digest, string> = new Map()): PullPlan {
  const { config } = manifest;
  const configs =
    config?.annotations?.[Annotation.title] && config.mediaType !== MediaType.empty ? [config] : [];
  const layers: PullLayer[] = [];
  const untitled: Descriptor[] = [];
  const seen = new Map<string, PullLayer>();
  for (const descriptor of [...configs, ...manifest.layers]) {
    const title = descriptor.annotations?.[Annotation.title] || names.get(descriptor.digest);
    if (title === undefined) {
      if (descriptor.mediaType !== MediaType.empty) {
        untitled.push(descriptor);
      }
      continue;
    }
    const layer = layerOf(descriptor, title);
    const key = foldedName(layer.parts.join('/'));
    const same = seen.get(key);
    if (same && (same.descriptor.digest !== descriptor.digest || same.title !== title)) {
      throw unsafe(title, `and ${JSON.stringify(same.title.slice(0, 200))} are one name`);
    }
    if (!same) {
      seen.set(key, layer);
      layers.push(layer);
    }
  }
  for (const { title, parts } of layers) {
    for (let depth = 1; depth < parts.length; depth++) {
      if (seen.get(foldedName(parts.slice(0, depth).join('/')))?.kind === 'file') {
        throw unsafe(title, 'stands below a file');
      }
    }
  }
  const digests = new Map(layers.map(({ descriptor }) => [descriptor.digest, descriptor.size]));
  return { layers, untitled, size: [...digests.values()].reduce((sum, size) => sum + size, 0) };
}

function layerOf(descriptor: Descriptor, title: string): PullLayer {
  const hasUnpack = descriptor.annotations?.[Annotation.unpack] === 'true';
  const isFolder = hasUnpack || title.endsWith('/');
  const parts = safeParts(title, { portable: true });
  if (parts.length === 0 && !isFolder) {
    throw unsafe(title, 'is no name of a file');
  }
  const contentDigest = descriptor.annotations?.[Annotation.contentDigest];
  return {
    descriptor,
    title,
    parts,
    kind: isFolder ? 'folder' : 'file',
    hasUnpack,
    ...(isFolder && contentDigest ? { contentDigest } : {}),
  };
}

function unsafe(title: string, problem: string): OciError {
  return new OciError('path-unsafe', `${JSON.stringify(title.slice(0, 200))} ${problem}`, { url: title });
}
