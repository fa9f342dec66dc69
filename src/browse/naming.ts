import { createdOf, dateOf, sizeOf } from '../artifacts/facts.ts';
import { identify, nameByDescriptor } from '../artifacts/identify.ts';
import { configName, layerName } from '../artifacts/layerName.ts';
import type { TypeTable } from '../artifacts/table.ts';
import type { Evidence } from '../artifacts/type.ts';
import { collect } from '../base/bytes.ts';
import { checkSize } from '../oci/content.ts';
import { parseJson, parseManifest } from '../oci/manifest.ts';
import { layersField } from '../oci/mediaTypes.ts';
import { isSchema1 } from '../oci/schema1.ts';
import type { FetchedManifest, ManifestCache, Op, ReadStore } from '../oci/store.ts';
import { isRecord, type Descriptor } from '../oci/descriptor.ts';
import type { Named } from './browser.ts';
import type { BlobNode, ManifestNode, TagNode } from './node.ts';

/** Largest config that is read for a name. */
const maxConfig = 1024 * 1024;

/**
 * The manifest of a row: from the cache by digest, else by one request.
 * @throws {OciError} as the store; `size-mismatch` where the list it stands in says another size
 */
export async function readManifest(
  store: ReadStore,
  node: TagNode | ManifestNode,
  cache: ManifestCache,
  last: Descriptor | undefined,
  op: Op = {},
): Promise<FetchedManifest> {
  if (node.kind === 'manifest') {
    const { digest } = node.descriptor;
    const manifest = (await cache.get(digest)) ?? (await store.manifest(digest, op));
    cache.set(manifest);
    if (node.role !== 'untagged') {
      checkSize(node.descriptor, manifest.bytes.byteLength);
    }
    return manifest;
  }
  const cached = last && (await cache.get(last.digest));
  const manifest = await store.manifest(node.tag, { ...op, cached });
  cache.set(manifest);
  return manifest;
}

/**
 * What a manifest that was read is called; its annotations in the parent's list count.
 * @param configOf its config, where that is known; null when it could not be read
 */
export function namedBy(
  { descriptor, bytes }: FetchedManifest,
  node: TagNode | ManifestNode,
  table: TypeTable,
  configOf: (config: Descriptor) => unknown = () => undefined,
): Named {
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const config = manifest.kind === 'manifest' && manifest.config ? configOf(manifest.config) : undefined;
  const listed = node.kind === 'manifest' ? { ...node.descriptor, ...descriptor } : descriptor;
  const type = identify(manifest, listed, { tag: tagOf(node), config }, table);
  const size = sizeOf(manifest);
  const created = createdOf(manifest, config);
  return {
    type,
    descriptor: listed,
    manifest,
    partial: false,
    ...(config === undefined ? {} : { config: labelsOf(config) }),
    ...(size === undefined ? {} : { size }),
    ...(created ? { created } : {}),
  };
}

/** The config as JSON, where it is small enough to be read for a name. */
export async function readConfig(
  store: ReadStore,
  config: Descriptor,
  signal?: AbortSignal,
): Promise<unknown> {
  return config.size <= maxConfig
    ? parseJson(await collect(store.fetch(config, { signal }), maxConfig))
    : undefined;
}

/** What a descriptor alone can tell. */
export function namedByDescriptor(descriptor: Descriptor, table: TypeTable, tag?: string): Named {
  return { type: nameByDescriptor(descriptor, { tag }, table), descriptor, partial: true };
}

/** All that a row shows, without what it was made of. */
export function withoutManifest({ type, descriptor, size, created, partial, config }: Named): Named {
  return {
    type,
    descriptor,
    partial,
    ...(size === undefined ? {} : { size }),
    ...(created ? { created } : {}),
    ...(config === undefined ? {} : { config }),
  };
}

/** What is known already, named by another table. */
export function namedAnew(named: Named, node: TagNode | ManifestNode, table: TypeTable): Named {
  const { manifest, descriptor, config, partial } = named;
  if (!manifest && !partial) {
    // It was read, and is too large to be kept.
    return { ...named };
  }
  const context = { tag: tagOf(node), config };
  return {
    ...named,
    type: manifest
      ? identify(manifest, descriptor, context, table)
      : nameByDescriptor(descriptor, context, table),
  };
}

function tagOf(node: TagNode | ManifestNode): string | undefined {
  return node.kind === 'tag' ? node.tag : undefined;
}

/** All of a config that can name a type: the rest of it is not kept. */
function labelsOf(config: unknown): unknown {
  const inner = isRecord(config) ? config['config'] : undefined;
  return config === null ? null : { config: { Labels: isRecord(inner) ? inner['Labels'] : undefined } };
}

/** Config and layers are named by their media type and their owner's type. */
export function namedBlob(node: BlobNode, owner: Named | undefined, table: TypeTable): Named {
  const { descriptor, role } = node;
  const name =
    role === 'config' ? configName(descriptor, owner?.type) : layerName(descriptor, owner?.type, table);
  const evidence = evidenceOf(node, owner);
  const history = owner?.manifest?.kind === 'manifest' ? owner.manifest.history?.[node.index] : undefined;
  const created = dateOf(history?.created);
  return {
    type: {
      id: role,
      name,
      category: owner?.type.category ?? 'other',
      rule: role === 'config' ? 'config-media-type' : 'layer-media-type',
      evidence: [evidence],
      refinable: false,
    },
    descriptor,
    partial: false,
    ...(hasSize(node) ? { size: descriptor.size } : {}),
    ...(created ? { created } : {}),
    ...(history?.createdBy === undefined ? {} : { createdBy: history.createdBy }),
  };
}

/** Layers of docker schema 1 have none. */
export function hasSize({ owner }: BlobNode): boolean {
  return !isSchema1(owner.mediaType);
}

/** The field of the manifest that says what it is; docker schema 1, where the last layer comes first, has only a digest. */
function evidenceOf(node: BlobNode, owner: Named | undefined): Evidence {
  const { descriptor, role, index } = node;
  if (!hasSize(node)) {
    const count = owner?.manifest?.kind === 'manifest' ? owner.manifest.layers.length : index + 1;
    return { field: `fsLayers[${count - 1 - index}].blobSum`, value: descriptor.digest };
  }
  const field =
    role === 'config' ? 'config.mediaType' : `${layersField(node.owner.mediaType)}[${index}].mediaType`;
  return { field, value: descriptor.mediaType.slice(0, 256) };
}
