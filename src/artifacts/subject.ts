import { isRecord } from '../oci/descriptor.ts';
import { isIndexType, layersField, MediaType } from '../oci/mediaTypes.ts';
import { isSchema1 } from '../oci/schema1.ts';
import { globMatcher } from './glob.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A media type that was found, and where. */
export interface Found {
  readonly field: string;
  readonly value: string;
  /** Place among the layers or manifests; 0 for what there is one of. */
  readonly index: number;
}

/** A layer or a manifest of an index with annotations. */
export interface Annotated {
  readonly index: number;
  readonly annotations: Fields;
}

/** Everything of a manifest that can tell its type, taken out once. */
export interface Subject {
  readonly kind: 'image' | 'index';
  readonly manifestMediaType: Found;
  /** Absent when it says nothing: an image type, the empty type, a placeholder. */
  readonly artifactType: Found | undefined;
  /** What `artifactType` says even if it is generic. */
  readonly statedType: Found | undefined;
  readonly configMediaType: Found | undefined;
  /** Different media types, each with the place of its first. */
  readonly layerTypes: readonly Found[];
  readonly childTypes: readonly Found[];
  readonly layerCount: number;
  /** What the manifest calls them. */
  readonly layersField: 'layers' | 'blobs';
  readonly layers: readonly Annotated[];
  readonly children: readonly Annotated[];
  readonly annotations: Fields | undefined;
  readonly descriptorAnnotations: Fields | undefined;
  readonly labels: Fields | undefined;
  readonly tag: string | undefined;
  /** True for an index with a child for a platform. */
  readonly hasPlatforms: boolean;
  /** The names among which a glob for a name is tried, sorted; each object is looked through once. */
  readonly namesOf: (fields: Fields) => readonly string[];
}

/** Most descriptors of one manifest that are looked at, most different media types among them, longest text. */
const maxDescriptors = 512;
const maxTypes = 64;
export const maxText = 4096;

/** Most names among which a glob is tried: with more there are none, whatever their order. */
const maxNames = 64;

/** Largest config whose labels a glob is tried among: to list names takes as long as there are names. */
const maxListedConfig = 64 * 1024;

/** Objects with more names than a glob is tried among: once found out, so that they are not listed again. */
const crowded = new WeakSet<Fields>();

const genericTypes = [
  'application/vnd.oci.image.*',
  'application/vnd.oci.empty.*',
  'application/vnd.docker.distribution.*',
  'application/vnd.docker.image.*',
  'application/vnd.unknown.artifact.v1',
  'application/octet-stream',
].map(globMatcher);

/** Where an index named its type before it had a field for it. */
const oldArtifactType = 'org.opencontainers.artifactType';

/** Image configs: the only ones whose labels can name another type. */
const labelledConfigs: ReadonlySet<string> = new Set([MediaType.imageConfig, MediaType.dockerConfig]);

/** True for a type that says only how something is stored. */
export function isGenericType(mediaType: string): boolean {
  return genericTypes.some((matches) => matches(mediaType));
}

export function isLabelled({ configMediaType }: Subject): boolean {
  return configMediaType !== undefined && labelledConfigs.has(configMediaType.value.toLowerCase());
}

/**
 * Reads a manifest as it was parsed here or as `JSON.parse` gives it; what is of a wrong type is as if it were not there.
 * An OCI or ORAS artifact manifest has its layers in `blobs`.
 */
export function subjectOf(manifest: unknown, descriptor: unknown, context: unknown): Subject {
  const document = fieldsOf(manifest) ?? {};
  const parent = fieldsOf(descriptor);
  const { tag, config } = fieldsOf(context) ?? {};
  const mediaType = mediaTypeOf(document, textOf(parent?.['mediaType']));
  const isIndex =
    isIndexType(mediaType.toLowerCase()) ||
    (Array.isArray(document['manifests']) && mediaType.toLowerCase() !== MediaType.manifest);
  // Layers of schema 1 have no media types, also where they were read as others are.
  const hasLayers = !isIndex && !isSchema1(mediaType.toLowerCase());
  const layers = hasLayers ? descriptorsOf(document['layers'] ?? document['blobs']) : [];
  const list = layersField(mediaType.toLowerCase());
  const children = isIndex ? descriptorsOf(document['manifests']) : [];
  const annotations = fieldsOf(document['annotations']);
  const statedType =
    foundIn(document, 'artifactType', 'artifactType') ??
    (isIndex ? foundIn(annotations, oldArtifactType, `annotations["${oldArtifactType}"]`) : undefined);
  const subject = {
    kind: isIndex ? 'index' : 'image',
    manifestMediaType: { field: 'mediaType', value: mediaType, index: 0 },
    artifactType: statedType && !isGenericType(statedType.value) ? statedType : undefined,
    statedType,
    configMediaType: isIndex
      ? undefined
      : foundIn(fieldsOf(document['config']), 'mediaType', 'config.mediaType'),
    layerTypes: differentTypes(layers, list),
    childTypes: differentTypes(children, 'manifests'),
    layerCount: layers.length,
    layersField: list,
    layers: annotated(layers),
    children: annotated(children),
    annotations,
    descriptorAnnotations: fieldsOf(parent?.['annotations']),
    labels: undefined,
    tag: textOf(tag),
    hasPlatforms: children.some(isForPlatform),
    namesOf: rememberedNames(),
  } as const satisfies Subject;
  if (!isLabelled(subject)) {
    return subject;
  }
  const labels = fieldsOf(fieldsOf(fieldsOf(config)?.['config'])?.['Labels']);
  const size = fieldsOf(document['config'])?.['size'];
  const isLarge = typeof size === 'number' && size > maxListedConfig;
  return { ...subject, labels, ...(isLarge ? { namesOf: rememberedNames(labels) } : {}) };
}

function mediaTypeOf(document: Fields, served: string | undefined): string {
  const stated = textOf(document['mediaType']);
  if (stated !== undefined) {
    return stated;
  }
  if (document['schemaVersion'] === 1 && Array.isArray(document['fsLayers'])) {
    return MediaType.dockerSchema1Signed;
  }
  if (served !== undefined && !/^application\/(?:json|octet-stream)$/i.test(served)) {
    return served;
  }
  return Array.isArray(document['manifests']) ? MediaType.index : MediaType.manifest;
}

function fieldsOf(value: unknown): Fields | undefined {
  return isRecord(value) ? value : undefined;
}

/** Undefined for an empty text too: it says nothing. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, maxText) : undefined;
}

function foundIn(fields: Fields | undefined, name: string, field: string): Found | undefined {
  const value = fields && Object.hasOwn(fields, name) ? textOf(fields[name]) : undefined;
  return value === undefined ? undefined : { field, value, index: 0 };
}

function descriptorsOf(value: unknown): readonly (Fields | undefined)[] {
  return Array.isArray(value) ? value.slice(0, maxDescriptors).map(fieldsOf) : [];
}

function differentTypes(descriptors: readonly (Fields | undefined)[], list: string): readonly Found[] {
  const seen = new Map<string, Found>();
  for (const [index, descriptor] of descriptors.entries()) {
    const value = textOf(descriptor?.['mediaType']);
    if (value !== undefined && !seen.has(value) && seen.size < maxTypes) {
      seen.set(value, { field: `${list}[${index}].mediaType`, value, index });
    }
  }
  return [...seen.values()];
}

function annotated(descriptors: readonly (Fields | undefined)[]): readonly Annotated[] {
  return descriptors.flatMap((descriptor, index) => {
    const annotations = fieldsOf(descriptor?.['annotations']);
    return annotations ? [{ index, annotations }] : [];
  });
}

/** @param unlisted what is too large to be looked through */
function rememberedNames(unlisted?: Fields): Subject['namesOf'] {
  const known = new Map<Fields, readonly string[]>();
  const listed = (fields: Fields): readonly string[] => {
    if (fields === unlisted || crowded.has(fields)) {
      return [];
    }
    const names = Object.keys(fields);
    if (names.length > maxNames) {
      crowded.add(fields);
      return [];
    }
    return names.sort();
  };
  return (fields) => {
    const names = known.get(fields) ?? listed(fields);
    known.set(fields, names);
    return names;
  };
}

function isForPlatform(descriptor: Fields | undefined): boolean {
  const platform = fieldsOf(descriptor?.['platform']);
  const os = textOf(platform?.['os']);
  return os !== undefined && os !== 'unknown';
}
