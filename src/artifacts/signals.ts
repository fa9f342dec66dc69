import { isRecord, parseAnnotations, type Annotations, type Descriptor } from '../oci/descriptor.ts';
import type { AnyManifest } from '../oci/manifest.ts';
import { bestGlob, pairsFound } from './glob.ts';
import type { Condition, Pairs, Signals } from './table.ts';
import type { Evidence } from './type.ts';

/** Everything of a manifest that can tell its type, taken out once. */
export interface Subject {
  readonly kind: 'manifest' | 'index';
  readonly manifestMediaType: string;
  /** Absent when it says nothing: an image type, the empty type, a placeholder. */
  readonly artifactType: readonly [field: string, value: string] | undefined;
  /** What `artifactType` says even if it is generic. */
  readonly statedType: string | undefined;
  readonly configMediaType: string | undefined;
  /** Different media types with the place of the first. */
  readonly layerTypes: readonly (readonly [index: number, mediaType: string])[];
  readonly childTypes: readonly (readonly [index: number, mediaType: string])[];
  readonly layers: readonly Descriptor[];
  readonly children: readonly Descriptor[];
  readonly annotations: Annotations | undefined;
  readonly descriptorAnnotations: Annotations | undefined;
  readonly labels: Annotations | undefined;
  readonly tag: string | undefined;
}

/** Most descriptors of one manifest that are looked at, and most different media types among them. */
const maxDescriptors = 512;
const maxTypes = 64;

const genericTypes = [
  'application/vnd.oci.image.*',
  'application/vnd.oci.empty.*',
  'application/vnd.docker.distribution.*',
  'application/vnd.docker.image.*',
  'application/vnd.unknown.artifact.v1',
  'application/octet-stream',
];

/** Where an index named its type before it had a field for it. */
const oldArtifactType = 'org.opencontainers.artifactType';

export function subjectOf(
  manifest: AnyManifest,
  descriptor: Descriptor,
  context: { readonly tag?: string | undefined; readonly config?: unknown },
): Subject {
  const layers = manifest.kind === 'manifest' ? manifest.layers.slice(0, maxDescriptors) : [];
  const children = manifest.kind === 'index' ? manifest.manifests.slice(0, maxDescriptors) : [];
  return {
    kind: manifest.kind,
    manifestMediaType: manifest.mediaType,
    artifactType: artifactTypeOf(manifest),
    statedType: manifest.artifactType,
    configMediaType: manifest.kind === 'manifest' ? manifest.config?.mediaType : undefined,
    layers,
    children,
    layerTypes: differentTypes(layers),
    childTypes: differentTypes(children),
    annotations: manifest.annotations,
    descriptorAnnotations: descriptor.annotations,
    labels: labelsOf(context.config),
    tag: context.tag,
  };
}

function artifactTypeOf(manifest: AnyManifest): readonly [string, string] | undefined {
  const stated = manifest.artifactType;
  if (stated !== undefined) {
    return isGenericType(stated) ? undefined : ['artifactType', stated];
  }
  const old = manifest.kind === 'index' ? manifest.annotations?.[oldArtifactType] : undefined;
  return old === undefined || isGenericType(old) ? undefined : [`annotations["${oldArtifactType}"]`, old];
}

/** True for a type that says only how something is stored. */
export function isGenericType(mediaType: string): boolean {
  return bestGlob(genericTypes, mediaType) !== undefined;
}

function differentTypes(descriptors: readonly Descriptor[]): readonly (readonly [number, string])[] {
  const seen = new Map<string, number>();
  descriptors.forEach(({ mediaType }, index) => {
    if (!seen.has(mediaType) && seen.size < maxTypes) {
      seen.set(mediaType, index);
    }
  });
  return [...seen].map(([mediaType, index]) => [index, mediaType] as const);
}

/** `.config.Labels` of an image config. */
function labelsOf(config: unknown): Annotations | undefined {
  const inner = isRecord(config) ? config['config'] : undefined;
  return isRecord(inner) ? parseAnnotations(inner['Labels']) : undefined;
}

/** A signal that was found: where, and how it ranks against others of its stage. */
export interface Hit {
  readonly evidence: readonly Evidence[];
  readonly layerIndex?: number;
  readonly isGlob?: boolean;
  readonly length?: number;
}

type Finder = (signals: Signals, subject: Subject) => Hit | undefined;

/** One finder per kind of signal; the order of precedence is `identify`'s. */
export const finders = {
  manifestMediaType: (signals, subject) =>
    whole(signals.manifestMediaType, 'mediaType', subject.manifestMediaType),
  artifactType: (signals, { artifactType }) =>
    artifactType && whole(signals.artifactType, artifactType[0], artifactType[1]),
  statedType: (signals, { statedType }) => whole(signals.artifactType, 'artifactType', statedType),
  configMediaType: (signals, subject) =>
    whole(signals.configMediaType, 'config.mediaType', subject.configMediaType),
  childMediaType: (signals, subject) => among(signals.childMediaType, 'manifests', subject.childTypes),
  layerMediaType: (signals, subject) => among(signals.layerMediaType, 'layers', subject.layerTypes),
  descriptorAnnotations: (signals, subject) =>
    pairs(signals.descriptorAnnotations, 'descriptor.annotations', subject.descriptorAnnotations),
  annotations: (signals, subject) => pairs(signals.annotations, 'annotations', subject.annotations),
  layerAnnotations: (signals, subject) => pairsAmong(signals.layerAnnotations, 'layers', subject.layers),
  childAnnotations: (signals, subject) => pairsAmong(signals.childAnnotations, 'manifests', subject.children),
  configLabels: (signals, subject) => pairs(signals.configLabels, 'config.config.Labels', subject.labels),
  tagPattern: ({ tagPattern }, { tag }) =>
    tagPattern !== undefined && tag !== undefined && tag.length <= 256 && new RegExp(tagPattern).test(tag)
      ? { evidence: [{ field: 'tag', value: tag }] }
      : undefined,
} as const satisfies Readonly<Record<string, Finder>>;

/** True when every signal of the condition is found. */
export function holds(condition: Condition, subject: Subject): boolean {
  const { manifestKind, ...signals } = condition;
  const isKind = manifestKind === undefined || (manifestKind === 'index') === (subject.kind === 'index');
  return (
    isKind &&
    Object.keys(signals).every(
      (key) => key in finders && finders[key as keyof typeof finders](signals, subject) !== undefined,
    )
  );
}

function evidence(field: string, value: string): Evidence {
  return { field, value: value.slice(0, 256) };
}

function whole(
  patterns: readonly string[] | undefined,
  field: string,
  text: string | undefined,
): Hit | undefined {
  const pattern = patterns && text !== undefined ? bestGlob(patterns, text) : undefined;
  return pattern === undefined || text === undefined
    ? undefined
    : { evidence: [evidence(field, text)], isGlob: pattern.includes('*'), length: pattern.length };
}

function among(
  patterns: readonly string[] | undefined,
  field: string,
  types: readonly (readonly [number, string])[],
): Hit | undefined {
  for (const [index, mediaType] of patterns ? types : []) {
    const hit = whole(patterns, `${field}[${index}].mediaType`, mediaType);
    if (hit) {
      return { ...hit, layerIndex: index };
    }
  }
  return undefined;
}

function pairs(
  wanted: readonly Pairs[] | undefined,
  field: string,
  fields: Annotations | undefined,
): Hit | undefined {
  for (const set of wanted ?? []) {
    const found = pairsFound(set, fields);
    if (found) {
      return { evidence: found.map(([name, value]) => evidence(`${field}["${name.slice(0, 200)}"]`, value)) };
    }
  }
  return undefined;
}

function pairsAmong(
  wanted: readonly Pairs[] | undefined,
  field: string,
  descriptors: readonly Descriptor[],
): Hit | undefined {
  for (const [index, descriptor] of wanted ? descriptors.entries() : []) {
    const hit =
      descriptor.annotations && pairs(wanted, `${field}[${index}].annotations`, descriptor.annotations);
    if (hit) {
      return { ...hit, layerIndex: index };
    }
  }
  return undefined;
}
