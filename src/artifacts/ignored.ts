import { evidenceOf, stages, type Claim } from './claims.ts';
import { isGenericType, type Subject } from './subject.ts';
import type { TypeTable } from './table.ts';
import type { Evidence, Ignored } from './type.ts';

/** Most fields that are named, and most of them from one list. */
const maxIgnored = 16;
const maxOfList = 8;

const isTypeStage: ReadonlySet<string> = new Set([
  'artifactType',
  'configMediaType',
  'childMediaType',
  'layerMediaType',
]);

/** The fields that could have told the type and were not what decided, in the order of precedence. */
export function ignoredFields(
  subject: Subject,
  table: TypeTable,
  evidence: readonly Evidence[],
): readonly Ignored[] {
  const decided = new Set(evidence.map(({ field }) => field));
  const ignored: Ignored[] = [];
  for (const [stage, [, signal]] of stages.entries()) {
    const claims = table.rounds.flatMap((byStage) => byStage[stage] ?? []);
    const fields = isTypeStage.has(signal) ? typesOf(signal, subject) : hitsOf(claims, subject);
    for (const { field, value } of fields.slice(0, maxOfList)) {
      if (!decided.has(field)) {
        decided.add(field);
        ignored.push({ ...evidenceOf(field, value), why: why(signal, value, field, claims, subject) });
      }
    }
  }
  return ignored.slice(0, maxIgnored);
}

function typesOf(signal: string, subject: Subject): readonly Evidence[] {
  const { statedType, configMediaType, childTypes, layerTypes } = subject;
  switch (signal) {
    case 'artifactType':
      return statedType ? [statedType] : [];
    case 'configMediaType':
      return configMediaType ? [configMediaType] : [];
    case 'childMediaType':
      return childTypes;
    default:
      return layerTypes;
  }
}

function hitsOf(claims: readonly Claim[], subject: Subject): readonly Evidence[] {
  return claims.flatMap(({ find }) => find(subject)?.evidence ?? []);
}

function why(
  signal: string,
  value: string,
  field: string,
  claims: readonly Claim[],
  subject: Subject,
): Ignored['why'] {
  if (isTypeStage.has(signal) && isGenericType(value)) {
    return 'generic';
  }
  // A list is asked for one field of it, so that every one gets its own answer.
  const alone = { field, value, index: 0 };
  const asked: Subject = {
    ...subject,
    artifactType: alone,
    statedType: alone,
    configMediaType: alone,
    childTypes: [alone],
    layerTypes: [alone],
  };
  return !isTypeStage.has(signal) || claims.some(({ find }) => find(asked)) ? 'outranked' : 'unknown';
}
