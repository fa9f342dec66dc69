import type { Descriptor } from '../oci/descriptor.ts';
import { isIndexType, MediaType } from '../oci/mediaTypes.ts';
import { evidenceOf, stages, type Claim, type Hit } from './claims.ts';
import { generatedName, saysNothing } from './generatedName.ts';
import { ignoredFields } from './ignored.ts';
import { isGenericType, isLabelled, subjectOf, type Found, type Subject } from './subject.ts';
import { builtInTable, type TypeTable } from './table.ts';
import type { ArtifactType } from './type.ts';

export interface IdentifyContext {
  /** The tag it was reached by: a hint, and the last one. */
  readonly tag?: string | undefined;
  /** The config blob as parsed JSON, where it is known; null when it could not be read. */
  readonly config?: unknown;
}

const configStage = stages.findIndex(([rule]) => rule === 'config-media-type');
const labelStage = stages.findIndex(([rule]) => rule === 'config-label');

/**
 * What a manifest is. Pure and total: it never throws and never guesses, whatever is in any field, and the same bytes give the
 * same answer whatever the order of keys.
 * @param manifest as `parseManifest` or as `JSON.parse` gives it
 * @param descriptor as the parent holds it: its annotations count
 */
export function identify(
  manifest: unknown,
  descriptor?: Partial<Descriptor>,
  context: IdentifyContext = {},
  table: TypeTable = builtInTable,
): ArtifactType {
  const subject = subjectOf(manifest, descriptor, context);
  const canRefine = isLabelled(subject) && fieldOf(context, 'config') === undefined;
  for (const [round, claimsByStage] of table.rounds.entries()) {
    if (round > 0 && saysWhatItIs(subject, table)) {
      // What it says it is tells more than what it is carried in and how that is stored.
      break;
    }
    for (const [stage, [rule]] of stages.entries()) {
      const best = bestOf(claimsByStage[stage] ?? [], subject);
      if (best) {
        const { row } = best.claim;
        return {
          id: row.id,
          name: row.name,
          category: row.category ?? 'other',
          rule,
          evidence: best.evidence,
          ignored: ignoredFields(subject, table, best.evidence),
          refinable: canRefine && (round > 0 || stage > labelStage),
        };
      }
    }
  }
  const { field, value } = mostTelling(subject);
  const evidence = [evidenceOf(field, value)];
  return {
    id: 'unknown',
    // What says only how it is stored would give a name that is wrong: `oci image`.
    name: generatedName(isGenericType(value) ? '' : value),
    category: subject.kind === 'index' ? 'index' : 'other',
    rule: 'generated',
    evidence,
    ignored: ignoredFields(subject, table, evidence),
    refinable: canRefine,
  };
}

/** True for a type of its own, known or not: no image type, no placeholder. */
function saysWhatItIs(subject: Subject, table: TypeTable): boolean {
  const { artifactType, configMediaType } = subject;
  return (
    artifactType !== undefined ||
    (configMediaType !== undefined &&
      !isGenericType(configMediaType.value) &&
      !saysNothing(configMediaType.value) &&
      !table.rounds[2]?.[configStage]?.some(({ find }) => find(subject)))
  );
}

function fieldOf(context: unknown, name: keyof IdentifyContext): unknown {
  return typeof context === 'object' && context !== null ? (context as IdentifyContext)[name] : undefined;
}

interface Candidate {
  readonly claim: Claim;
  readonly hit: Hit;
  readonly evidence: ArtifactType['evidence'];
}

function bestOf(claims: readonly Claim[], subject: Subject): Candidate | undefined {
  let best: Candidate | undefined;
  for (const claim of claims) {
    const hit = claim.find(subject);
    if (!hit || (best && compare(claim, hit, best.claim, best.hit) >= 0)) {
      // Strictly better only: among equals the order of the table decides.
      continue;
    }
    const conditions = conditionsOf(claim, subject);
    if (conditions) {
      best = { claim, hit, evidence: [...hit.evidence, ...conditions] };
    }
  }
  return best;
}

/** What the first condition that holds was found in; undefined when there are conditions and none holds. */
function conditionsOf({ require }: Claim, subject: Subject): ArtifactType['evidence'] | undefined {
  for (const condition of require) {
    const hit = condition(subject);
    if (hit) {
      return hit.evidence;
    }
  }
  return require.length === 0 ? [] : undefined;
}

/** A user's row, then one of another extension, then rank, then conditions before none, then the first layer, then exact before glob, then the longest. */
function compare(claimA: Claim, a: Hit, claimB: Claim, b: Hit): number {
  return (
    claimB.level - claimA.level ||
    (claimB.row.rank ?? 0) - (claimA.row.rank ?? 0) ||
    Number(claimB.require.length > 0) - Number(claimA.require.length > 0) ||
    a.index - b.index ||
    Number(a.isGlob) - Number(b.isGlob) ||
    b.length - a.length
  );
}

/** Of a manifest that no row knows, the media type that says most. */
function mostTelling(subject: Subject): Found {
  const { artifactType, configMediaType, statedType, layerTypes, childTypes, manifestMediaType } = subject;
  const found = [artifactType, configMediaType, ...layerTypes, ...childTypes, statedType].filter(
    (item) => item !== undefined,
  );
  return (
    found.find(({ value }) => !isGenericType(value) && !saysNothing(value)) ?? found[0] ?? manifestMediaType
  );
}

/**
 * What a descriptor alone can tell, for a row whose manifest was not read: by a `HEAD`, in an index, among referrers.
 * `refinable` says that reading it may tell more.
 */
export function nameByDescriptor(
  descriptor: Descriptor,
  context: IdentifyContext = {},
  table: TypeTable = builtInTable,
): ArtifactType {
  const { mediaType, artifactType, annotations, platform } = descriptor;
  // Among referrers `artifactType` is the config's media type where the manifest has none of its own.
  const config = artifactType ?? (platform ? imageConfigOf(mediaType) : undefined);
  const type = identify(
    {
      mediaType,
      artifactType,
      annotations,
      ...(isIndexType(mediaType) ? { manifests: [] } : { config: { mediaType: config } }),
    },
    descriptor,
    context,
    table,
  );
  if (type.rule === 'generated' && artifactType === undefined && !isIndexType(mediaType)) {
    return { ...type, id: 'manifest', name: 'Manifest', refinable: true };
  }
  return {
    ...type,
    evidence: type.evidence.map((item) =>
      item.field.startsWith('config') ? { ...item, field: 'descriptor' } : item,
    ),
    ignored: [],
    refinable: true,
  };
}

function imageConfigOf(mediaType: string): string {
  return mediaType === MediaType.dockerManifest ? MediaType.dockerConfig : MediaType.imageConfig;
}
