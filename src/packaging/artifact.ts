import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { bodyOf } from '../base/bytes.ts';
import { ownName, sweep } from '../base/leftovers.ts';
import { smallContent } from '../base/lanes.ts';
import { Limiter } from '../base/limiter.ts';
import { verified } from '../oci/content.ts';
import { all } from '../oci/copy.ts';
import { Annotation, type Annotations, type Descriptor } from '../oci/descriptor.ts';
import { digestOf, Digester, type Digest } from '../oci/digest.ts';
import { fileError } from '../oci/errors.ts';
import { encodeManifest } from '../oci/goJson.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { MemoryStore } from '../oci/memory.ts';
import type { Op, StreamedBlob } from '../oci/store.ts';
import { compressionOf } from './compression.ts';
import type { LayerCache, PackedLayer } from './layerCache.ts';
import type { PlanLayer, PushPlan } from './plan.ts';
import type { PreparedPush } from './preparePush.ts';
import { fileOf, tarOf } from './tarStream.ts';

export interface ArtifactOptions extends Op, Partial<Omit<PreparedPush, 'plan' | 'lacking' | 'ownTag'>> {
  /** Of the person; they come before those of the type. */
  readonly annotations: Annotations;
  readonly keepFileTimes: boolean;
  /** Where compressed layers wait to be sent. */
  readonly temporary: string;
  /** What was packed before and has not changed is neither read nor packed again. */
  readonly cache?: LayerCache | undefined;
  /** Bytes of files read since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Takes layers before the artifact is whole, several at once. */
export interface LayerSink {
  /**
   * Sends a layer while it is made.
   * @param body the same bytes each time; `onRead` gets those of the files, `isBrief` as of `StreamBody`
   * @returns undefined where the digest has to be known first
   */
  readonly stream: (
    layer: PlanLayer,
    body: (onRead: (bytes: number) => void, isBrief: boolean | undefined) => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ) => Promise<StreamedBlob | undefined>;
  /** Told of each layer that was not streamed. */
  readonly send: (layer: Descriptor, store: ArtifactStore, signal: AbortSignal) => Promise<void>;
}

/** An artifact that is ready to be copied to a store; nothing was sent yet. */
export interface BuiltArtifact {
  readonly store: ArtifactStore;
  readonly root: Descriptor;
  readonly manifest: Uint8Array;
  /** Content of a config of its own. */
  readonly config?: Uint8Array;
  readonly layers: readonly Descriptor[];
  dispose(): Promise<void>;
}

/** The time a manifest says it was made when nothing else is given: the same files give the same digest. */
export const fixedCreated = '1970-01-01T00:00:00Z';

const emptyConfig = Buffer.from('{}');

/** Layers that are made at once: a folder takes several threads and megabytes, and what is small waits for nothing large. */
const lanes = { folders: 2, files: 5, small: 32 } as const;

/** Manifest and config in memory, layers where they are on disk. */
export class ArtifactStore extends MemoryStore {
  readonly #files = new Map<Digest, (signal?: AbortSignal) => AsyncIterable<Uint8Array>>();

  addFile(digest: Digest, open: (signal?: AbortSignal) => AsyncIterable<Uint8Array>): void {
    this.#files.set(digest, open);
  }

  override fetch(
    descriptor: Descriptor,
    op: Op & { readonly start?: number; readonly end?: number } = {},
  ): AsyncIterable<Uint8Array> {
    const open = this.#files.get(descriptor.digest);
    return open && op.start === undefined && op.end === undefined
      ? verified(open(op.signal), descriptor, op.signal)
      : super.fetch(descriptor, op);
  }
}

/**
 * What `oras push` would make of the plan: a layer per source, folders as tar and compressed, the empty config or, as with
 * `--config`, one of the type, and the manifest with oras's order of keys. Each folder is compressed once, to a temporary file
 * where nothing takes it at once.
 */
export async function buildArtifact(
  plan: PushPlan,
  options: ArtifactOptions,
  sink?: LayerSink,
): Promise<BuiltArtifact> {
  await sweep(options.temporary, { before: /push-/, behind: /\w{6}/ });
  const folder = await mkdtemp(join(options.temporary, ownName('push-'))).catch((error: unknown) => {
    throw fileError(error, options.temporary);
  });
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const store = new ArtifactStore();
    const layers = await makeLayers(plan, folder, store, options, sink);
    const empty: Descriptor = {
      mediaType: MediaType.empty,
      digest: digestOf(emptyConfig),
      size: emptyConfig.byteLength,
      data: emptyConfig.toString('base64'),
    };
    const annotations = { [Annotation.created]: fixedCreated, ...options.annotations };
    const content = options.config?.content({
      created: annotations[Annotation.created],
      layers,
      diffIds: layers.map(({ digest, annotations: said }) => said?.[Annotation.contentDigest] ?? digest),
      wasmOs: options.wasmOs ?? '',
    });
    const config: Descriptor =
      options.config && content
        ? { mediaType: options.config.mediaType, digest: digestOf(content), size: content.byteLength }
        : empty;
    if (content) {
      await store.push(config, bodyOf(content));
    }
    if (!content || layers.length === 0) {
      await store.push(empty, bodyOf(emptyConfig));
    }
    const manifest = encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      ...(options.artifactType === undefined ? {} : { artifactType: options.artifactType }),
      config,
      layers: layers.length > 0 ? layers : [empty],
      annotations,
    });
    await options.cache?.save();
    const root = { mediaType: MediaType.manifest, digest: digestOf(manifest), size: manifest.byteLength };
    await store.push(root, bodyOf(manifest));
    return { store, root, manifest, ...(content ? { config: content } : {}), layers, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** All end with the first that fails. */
async function makeLayers(
  plan: PushPlan,
  folder: string,
  store: ArtifactStore,
  options: ArtifactOptions,
  sink: LayerSink | undefined,
): Promise<readonly Descriptor[]> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const own = { ...options, signal };
  const limiters = {
    folders: new Limiter(lanes.folders),
    files: new Limiter(lanes.files),
    small: new Limiter(lanes.small),
  };
  const layers: Descriptor[] = [];
  const make = async (layer: PlanLayer, index: number): Promise<void> => {
    const made = await (layer.kind === 'folder'
      ? packFolder(layer, join(folder, String(index)), store, own, sink)
      : hashFile(layer, store, own, sink));
    layers[index] = made.descriptor;
    if (!made.isSent) {
      await sink?.send(made.descriptor, store, signal);
    }
  };
  await all(
    plan.layers.map((layer, index) => {
      const lane = layer.size <= smallContent ? 'small' : layer.kind === 'folder' ? 'folders' : 'files';
      const work = limiters[lane].run(() => make(layer, index), signal);
      work.catch(() => failed.abort());
      return work;
    }),
  );
  return layers;
}

interface MadeLayer {
  readonly descriptor: Descriptor;
  readonly isSent: boolean;
}

type LayerOptions = ArtifactOptions & { readonly signal: AbortSignal };

async function packFolder(
  layer: PlanLayer,
  file: string,
  store: ArtifactStore,
  options: LayerOptions,
  sink: LayerSink | undefined,
): Promise<MadeLayer> {
  const { signal, onBytes, keepFileTimes, cache } = options;
  const { pack, tar: use } = compressionOf(layer);
  const began = Date.now();
  const packed = (
    ending: AbortSignal | undefined,
    onTar: (chunk: Uint8Array) => void = () => undefined,
    isBrief?: boolean,
  ): AsyncIterable<Uint8Array> => {
    const brief = use === 'copied' ? 'all' : use === 'passed' && isBrief === true ? 'large' : undefined;
    const pieces = tarOf(layer.entries, { keepFileTimes, signal: ending, brief });
    return pack(counted(pieces, onTar), { signal: ending, isBrief });
  };
  const known = await cache?.find(layer, keepFileTimes);
  if (known && (known.isCertain || (await contentOf(layer, options)) === known.content)) {
    onBytes?.(layer.size);
    // Packed again only where it has to be sent.
    store.addFile(known.digest, (ending) => packed(ending));
    return { descriptor: folderLayer(layer, known, options), isSent: false };
  }
  let tar = new Digester();
  const counting = (onRead?: (bytes: number) => void, isBrief?: boolean): AsyncIterable<Uint8Array> => {
    tar = new Digester();
    const count = (chunk: Uint8Array): void => {
      tar.update(chunk);
      onBytes?.(chunk.byteLength);
      onRead?.(chunk.byteLength);
    };
    return packed(signal, count, isBrief);
  };
  const streamed = await sink?.stream(layer, counting, signal);
  const made = streamed ?? (await written(file, counting(), signal));
  const layerMade: PackedLayer = { digest: made.digest, size: made.size, content: tar.digest() };
  await cache?.keep(layer, keepFileTimes, layerMade, began);
  store.addFile(made.digest, (ending) =>
    streamed ? packed(ending) : fileOf({ path: file, size: made.size }, ending),
  );
  return { descriptor: folderLayer(layer, layerMade, options), isSent: streamed !== undefined };
}

async function written(
  file: string,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StreamedBlob> {
  const digester = new Digester();
  await pipeline(
    counted(source, (chunk) => digester.update(chunk)),
    createWriteStream(file, { flags: 'wx' }),
    { signal },
  ).catch((error: unknown) => {
    // Whatever an ended pipeline makes of it.
    signal.throwIfAborted();
    throw fileError(error, file);
  });
  return { digest: digester.digest(), size: digester.size };
}

/** The digest of the tar, without packing it. */
async function contentOf(layer: PlanLayer, { keepFileTimes, signal }: ArtifactOptions): Promise<Digest> {
  const digester = new Digester();
  for await (const chunk of tarOf(layer.entries, { keepFileTimes, signal, brief: 'all' })) {
    digester.update(chunk);
  }
  return digester.digest();
}

function folderLayer(
  layer: PlanLayer,
  { digest, size, content }: PackedLayer,
  options: ArtifactOptions,
): Descriptor {
  return {
    mediaType: options.layerType?.(layer) ?? compressionOf(layer).mediaType,
    digest,
    size,
    annotations: {
      [Annotation.contentDigest]: content,
      [Annotation.unpack]: 'true',
      ...titleOf(layer, options),
    },
  };
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  count: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    count(chunk);
    yield chunk;
  }
}

/** Below, to read a file takes no longer than to look for it. */
const minCached = 1024 * 1024;

async function hashFile(
  layer: PlanLayer,
  store: ArtifactStore,
  options: LayerOptions,
  sink: LayerSink | undefined,
): Promise<MadeLayer> {
  const { signal, onBytes } = options;
  const cache = layer.size >= minCached ? options.cache : undefined;
  const began = Date.now();
  const read = (onRead?: (bytes: number) => void, isBrief?: boolean): AsyncIterable<Uint8Array> =>
    counted(contentsOf(layer, signal, isBrief), ({ byteLength }) => {
      onBytes?.(byteLength);
      onRead?.(byteLength);
    });
  const known = await cache?.find(layer, options.keepFileTimes);
  let found: StreamedBlob;
  let streamed: StreamedBlob | undefined;
  if (known?.isCertain === true) {
    onBytes?.(layer.size);
    found = known;
  } else {
    streamed = known ? undefined : await sink?.stream(layer, read, signal);
    found = streamed ?? (await hashed(read(undefined, true)));
    await cache?.keep(layer, options.keepFileTimes, { ...found, content: found.digest }, began);
  }
  store.addFile(found.digest, (ending) => contentsOf(layer, ending));
  return {
    descriptor: {
      mediaType: options.layerType?.(layer) ?? MediaType.layerTar,
      digest: found.digest,
      size: found.size,
      annotations: titleOf(layer, options),
    },
    isSent: streamed !== undefined,
  };
}

async function* contentsOf(
  { entries: [entry] }: PlanLayer,
  signal?: AbortSignal,
  isBrief?: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (entry) {
    yield* fileOf(entry, signal, isBrief);
  }
}

async function hashed(source: AsyncIterable<Uint8Array>): Promise<StreamedBlob> {
  const digester = new Digester();
  for await (const chunk of source) {
    digester.update(chunk);
  }
  return { digest: digester.digest(), size: digester.size };
}

function titleOf({ title }: PlanLayer, { pathAnnotation }: ArtifactOptions): Annotations {
  return { [Annotation.title]: title, ...(pathAnnotation === undefined ? {} : { [pathAnnotation]: title }) };
}
