import type { Descriptor } from '../oci/descriptor.ts';
import { isIndexType, MediaType } from '../oci/mediaTypes.ts';
import type { AnyManifest } from '../oci/manifest.ts';
import { generatedName } from './generatedName.ts';
import { finders, holds, subjectOf, type Hit, type Subject } from './signals.ts';
import { typeRows, type TypeRow } from './table.ts';
import type { ArtifactType, Rule } from './type.ts';

export interface IdentifyContext {
  /** The tag it was reached by: a hint, and the last one. */
  readonly tag?: string | undefined;
  /** The config blob as parsed JSON, where it is known. */
  readonly config?: unknown;
}

/** The order of precedence: the first stage that any row hits decides. */
const stages: readonly (readonly [Rule, keyof typeof finders])[] = [
  ['manifest-media-type', 'manifestMediaType'],
  ['artifact-type', 'artifactType'],
  ['config-media-type', 'configMediaType'],
  ['child-media-type', 'childMediaType'],
  ['descriptor-annotation', 'descriptorAnnotations'],
  ['layer-media-type', 'layerMediaType'],
  ['manifest-annotation', 'annotations'],
  ['layer-annotation', 'layerAnnotations'],
  ['child-annotation', 'childAnnotations'],
  ['config-label', 'configLabels'],
  ['tag-pattern', 'tagPattern'],
];

const labelStage = stages.findIndex(([rule]) => rule === 'config-label');

interface Round {
  readonly rows: readonly TypeRow[];
  /** False: the row has no say at this stage in this round. */
  readonly has: (row: TypeRow, rule: Rule) => boolean;
}

const ownTypes: ReadonlySet<Rule> = new Set(['artifact-type', 'config-media-type']);

/** Ordinary types first; then flavours of an image by how it is stored; then carriers and placeholders. */
const rounds: readonly Round[] = [
  {
    rows: typeRows.filter(({ fallback }) => !fallback),
    has: ({ variant }, rule) => variant !== true || ownTypes.has(rule),
  },
  { rows: typeRows.filter(({ variant }) => variant), has: () => true },
  { rows: typeRows.filter(({ fallback }) => fallback), has: () => true },
];

/** Image configs: the only ones whose labels can name another type. */
const labelledConfigs: ReadonlySet<string> = new Set([MediaType.imageConfig, MediaType.dockerConfig]);

/**
 * What a manifest is. Pure and total: it never throws and never guesses, and the same bytes give the same answer whatever
 * the order of keys.
 * @param descriptor as the parent holds it: its annotations count
 */
export function identify(
  manifest: AnyManifest,
  descriptor: Descriptor,
  context: IdentifyContext = {},
): ArtifactType {
  const subject = subjectOf(manifest, descriptor, context);
  for (const [roundIndex, round] of rounds.entries()) {
    if (roundIndex === 2 && subject.artifactType) {
      // What it says it is tells more than what it is carried in.
      break;
    }
    for (const [stageIndex, [rule, signal]] of stages.entries()) {
      const best = bestOf(
        round,
        rule,
        roundIndex === 2 && signal === 'artifactType' ? 'statedType' : signal,
        subject,
      );
      if (best) {
        const couldRefine = roundIndex > 0 || stageIndex > labelStage;
        return {
          id: best.row.id,
          name: best.row.name,
          category: best.row.category,
          rule,
          evidence: best.hit.evidence,
          refinable: couldRefine && isLabelled(subject) && context.config === undefined,
        };
      }
    }
  }
  return { ...generated(subject), refinable: false };
}

function isLabelled({ configMediaType }: Subject): boolean {
  return configMediaType !== undefined && labelledConfigs.has(configMediaType);
}

interface Candidate {
  readonly row: TypeRow;
  readonly hit: Hit;
}

function bestOf(
  round: Round,
  rule: Rule,
  signal: keyof typeof finders,
  subject: Subject,
): Candidate | undefined {
  let best: Candidate | undefined;
  for (const row of round.rows) {
    const hit = round.has(row, rule) ? finders[signal](row.match, subject) : undefined;
    if (hit && (row.match.require?.some((condition) => holds(condition, subject)) ?? true)) {
      const candidate = { row, hit };
      // Strictly better only: among equals the order of the table decides.
      best = best === undefined || compare(candidate, best) < 0 ? candidate : best;
    }
  }
  return best;
}

/** Rank, then a row with conditions before one without, then the first layer, then exact before glob, then the longest. */
function compare(a: Candidate, b: Candidate): number {
  return (
    (b.row.rank ?? 0) - (a.row.rank ?? 0) ||
    Number(b.row.match.require !== undefined) - Number(a.row.match.require !== undefined) ||
    (a.hit.layerIndex ?? 0) - (b.hit.layerIndex ?? 0) ||
    Number(a.hit.isGlob ?? false) - Number(b.hit.isGlob ?? false) ||
    (b.hit.length ?? 0) - (a.hit.length ?? 0)
  );
}

/** No row knows it: a name made of the media type that says most. */
function generated(subject: Subject): Omit<ArtifactType, 'refinable'> {
  const [field, value] =
    subject.artifactType ??
    (subject.configMediaType !== undefined &&
    subject.configMediaType !== '' &&
    subject.configMediaType !== MediaType.empty
      ? (['config.mediaType', subject.configMediaType] as const)
      : subject.statedType !== undefined
        ? (['artifactType', subject.statedType] as const)
        : subject.layerTypes[0] !== undefined
          ? ([`layers[${subject.layerTypes[0][0]}].mediaType`, subject.layerTypes[0][1]] as const)
          : (['mediaType', subject.manifestMediaType] as const));
  return {
    id: 'unknown',
    name: generatedName(value),
    category: subject.kind === 'index' ? 'index' : 'other',
    rule: 'generated',
    evidence: [{ field, value: value.slice(0, 256) }],
  };
}

/**
 * What a descriptor alone can tell, for a row whose manifest was not read: by a `HEAD`, in an index, among referrers.
 * `refinable` says that reading it may tell more.
 */
export function nameByDescriptor(descriptor: Descriptor, context: IdentifyContext = {}): ArtifactType {
  const { mediaType, artifactType, annotations, platform } = descriptor;
  const stated = {
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations ? { annotations } : {}),
  };
  if (isIndexType(mediaType)) {
    return { ...identify({ kind: 'index', ...stated, manifests: [] }, descriptor, context), refinable: true };
  }
  // Among referrers `artifactType` is the config's media type where the manifest has none of its own.
  const config =
    artifactType === undefined ? (platform ? imageConfigOf(mediaType) : undefined) : artifactType;
  const type = identify(
    {
      kind: 'manifest',
      ...stated,
      layers: [],
      ...(config === undefined ? {} : { config: { ...descriptor, mediaType: config } }),
    },
    descriptor,
    context,
  );
  if (type.rule === 'generated' && artifactType === undefined) {
    return { ...type, id: 'manifest', name: 'Manifest', refinable: true };
  }
  return {
    ...type,
    evidence: type.evidence.map((item) =>
      item.field.startsWith('config') ? { ...item, field: 'descriptor' } : item,
    ),
    refinable: true,
  };
}

function imageConfigOf(mediaType: string): string {
  return mediaType === MediaType.dockerManifest ? MediaType.dockerConfig : MediaType.imageConfig;
}
