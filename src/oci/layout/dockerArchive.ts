import { posix } from 'node:path';
import { collect } from '../../base/bytes.ts';
import { Annotation, isRecord, type Descriptor } from '../descriptor.ts';
import { Digester, digestOf } from '../digest.ts';
import { OciError } from '../errors.ts';
import { encodeManifest } from '../goJson.ts';
import { maxManifestSize } from '../manifest.ts';
import { MediaType } from '../mediaTypes.ts';
import {
  parsed,
  repositoriesPath,
  type ArchivedImage,
  type ArchivedLayer,
  type DockerArchive,
} from './archivedImage.ts';
import { readPart, type LayoutFiles } from './files.ts';
import { indexPath, markerPath } from './indexFile.ts';
import { blobPath } from './layoutReader.ts';
import { legacyImages } from './legacyImages.ts';
import type { TarEntries, TarEntry } from './tarFiles.ts';

/** What `docker save` wrote from version 1.10 on; before, and beside it for long after, there is `repositories`. */
const manifestPath = 'manifest.json';

/** Most images of one archive, and most layers of them all. */
const maxImages = 1000;
const maxLayers = 10_000;

/** Links that lead to links. */
const maxHops = 8;

/** True for an archive of `docker save` that is no layout as well. */
export function isDockerArchive({ files }: TarEntries): boolean {
  return files.has(manifestPath) || files.has(repositoriesPath);
}

/**
 * An archive of `docker save` of any age, or of what writes the same, seen as a layout. Config and layers are what they are,
 * byte for byte, so that they keep their digests; as the archive holds no manifest, an OCI manifest is made of them.
 * @throws {OciError} `archive-invalid` for what is missing or contradicts itself; `digest-mismatch` for a layer that is not
 * what its config says
 */
export async function dockerArchiveFiles(
  path: string,
  entries: TarEntries,
  signal?: AbortSignal,
): Promise<LayoutFiles> {
  const archive = open(path, entries, signal);
  const images = entries.files.has(manifestPath)
    ? await imagesOf(archive, path)
    : await legacyImages(archive, path);
  const blobs = new Map<string, Uint8Array | TarEntry>();
  const listed: Descriptor[] = [];
  for (const { names, config, layers } of images) {
    checkLayers(config, layers, path);
    const configured = {
      mediaType: MediaType.imageConfig,
      digest: digestOf(config),
      size: config.byteLength,
    };
    const bytes = encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: configured,
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    });
    const manifest = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
    blobs.set(blobPath(configured.digest), config);
    blobs.set(blobPath(manifest.digest), bytes);
    for (const { digest, entry } of layers) {
      blobs.set(blobPath(digest), entry);
    }
    listed.push(
      ...(names.length > 0
        ? names.map((name) => ({ ...manifest, annotations: { [Annotation.refName]: name } }))
        : [manifest]),
    );
  }
  const index = encodeManifest({ schemaVersion: 2, mediaType: MediaType.index, manifests: listed });
  blobs.set(indexPath, index);
  blobs.set(markerPath, Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  return {
    name: path,
    size: (name) => Promise.resolve(sizeOf(blobs.get(name))),
    read: async function* (name, start, end, reading) {
      const blob = blobs.get(name);
      if (blob instanceof Uint8Array) {
        yield blob.subarray(start, end);
      } else if (blob) {
        yield* readPart(path, blob.start + start, blob.start + Math.min(end, blob.size), reading);
      }
    },
    version: () => Promise.resolve('docker'),
  };
}

function sizeOf(blob: Uint8Array | TarEntry | undefined): number | undefined {
  return blob instanceof Uint8Array ? blob.byteLength : blob?.size;
}

function open(path: string, entries: TarEntries, signal?: AbortSignal): DockerArchive {
  const known = new Map<number, Promise<ArchivedLayer>>();
  const find = (name: string): TarEntry => {
    const entry = resolved(entries, name);
    if (!entry) {
      throw new OciError('archive-invalid', `${path} has no ${name.slice(0, 200)}`);
    }
    return entry;
  };
  return {
    bytes: async (name) => {
      const { start, size } = find(name);
      if (size > maxManifestSize) {
        throw new OciError('too-large', `${name.slice(0, 200)} of ${path} has ${size} bytes`);
      }
      return collect(readPart(path, start, start + size, signal), maxManifestSize);
    },
    layer: async (name) => {
      const entry = find(name);
      const layer = known.get(entry.start) ?? hashed(path, entry, signal);
      if (known.size >= maxLayers && !known.has(entry.start)) {
        throw new OciError('archive-invalid', `${path} has more than ${maxLayers} layers`);
      }
      known.set(entry.start, layer);
      return layer;
    },
  };
}

/** Images that share a layer have it once; the others have links to it, which lead nowhere but within the archive. */
function resolved({ files, links }: TarEntries, name: string): TarEntry | undefined {
  let at = posix.normalize(name);
  for (let hop = 0; hop < maxHops; hop++) {
    const link = links.get(at);
    if (!link) {
      return files.get(at);
    }
    at = posix.normalize(link.isHard ? link.target : posix.join(posix.dirname(at), link.target));
  }
  return undefined;
}

/** First bytes of what layers are packed in; anything else is a tar. */
const layerTypes: readonly (readonly [type: string, ...magic: number[]])[] = [
  [MediaType.layerTarGzip, 0x1f, 0x8b],
  [MediaType.layerTarZstd, 0x28, 0xb5, 0x2f, 0xfd],
];

async function hashed(path: string, entry: TarEntry, signal?: AbortSignal): Promise<ArchivedLayer> {
  const digester = new Digester();
  let mediaType: string = MediaType.layerTar;
  for await (const chunk of readPart(path, entry.start, entry.start + entry.size, signal)) {
    if (digester.size === 0) {
      const packed = layerTypes.find(([, ...magic]) => magic.every((byte, at) => chunk[at] === byte));
      mediaType = packed?.[0] ?? mediaType;
    }
    digester.update(chunk);
  }
  return { mediaType, digest: digester.digest(), size: entry.size, entry };
}

async function imagesOf(archive: DockerArchive, path: string): Promise<readonly ArchivedImage[]> {
  const list = parsed(await archive.bytes(manifestPath), manifestPath, path);
  if (!Array.isArray(list) || list.length > maxImages) {
    throw new OciError('archive-invalid', `${path} has no list of images`);
  }
  const images: ArchivedImage[] = [];
  let count = 0;
  for (const item of list as readonly unknown[]) {
    const image = isRecord(item) ? item : {};
    const { Config: config, Layers: layers } = image;
    const names = texts(image['RepoTags'] ?? []);
    const paths = texts(layers ?? []);
    if (typeof config !== 'string' || !names || !paths) {
      throw new OciError('archive-invalid', `${path} has an image without a config or layers`);
    }
    count += paths.length;
    if (count > maxLayers) {
      throw new OciError('archive-invalid', `${path} has more than ${maxLayers} layers`);
    }
    const found: ArchivedLayer[] = [];
    for (const each of paths) {
      found.push(await archive.layer(each));
    }
    images.push({ names, config: await archive.bytes(config), layers: found });
  }
  return images;
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined;
}

/** A config names its layers as they are unpacked: those that are so in the archive have to be the same. */
function checkLayers(config: Uint8Array, layers: readonly ArchivedLayer[], path: string): void {
  const document = parsed(config, 'The config', path);
  const rootfs = isRecord(document) ? document['rootfs'] : undefined;
  const diffs: unknown = isRecord(rootfs) ? rootfs['diff_ids'] : undefined;
  if (!isRecord(document)) {
    throw new OciError('archive-invalid', `The config of an image of ${path} is no object`);
  }
  if (!Array.isArray(diffs)) {
    return;
  }
  if (diffs.length !== layers.length) {
    throw new OciError(
      'archive-invalid',
      `${path} has ${layers.length} layers of an image whose config names ${diffs.length}`,
    );
  }
  for (const [at, { mediaType, digest }] of layers.entries()) {
    if (mediaType === MediaType.layerTar && diffs[at] !== digest) {
      throw new OciError(
        'digest-mismatch',
        `A layer of ${path} has the digest ${digest}, its config names another`,
      );
    }
  }
}
