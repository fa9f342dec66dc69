import { isRecord } from '../oci/descriptor.ts';
import { isMediaType } from '../oci/mediaTypes.ts';
import { both, firstProblem, list, object, oneOf, oneOrMany, text, type Check } from './checks.ts';
import { stages } from './claims.ts';
import { layerContents, type TypeRow } from './table.ts';
import { categories } from './type.ts';

/** A row of a user, or what is wrong with it: `match.artifactType is not …`. */
export type ParsedRow = { readonly row: TypeRow } | { readonly problem: string };

/**
 * Holds a row from outside to what `types.schema.json` says, which is for the editor; a test holds the two to each other.
 * The row is a copy: what is changed in the value later changes nothing here.
 */
export function parseTypeRow(value: unknown): ParsedRow {
  try {
    const problem = rowCheck(value, '');
    return problem === undefined
      ? { row: structuredClone(value) as TypeRow }
      : { problem: problem.replace(/^\./, '') };
  } catch {
    // Objects of other extensions may do anything when they are looked at.
    return { problem: 'The row cannot be read' };
  }
}

const pattern = text(/^[!-~]*[a-z0-9][!-~]*$/i, 255, 'a media type or pattern');

const pairSet: Check = (value, path) => {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return entries.length === 0 || entries.length > 20
    ? `${path} is not an object of at most 20 names and values`
    : firstProblem(
        entries.map(
          ([name, inner]) => pattern(name, path) ?? text(/^/, 500, 'a text')(inner, `${path}.${name}`),
        ),
      );
};

const patterns = oneOrMany(pattern, 50);
const pairs = oneOrMany(pairSet, 50);

const signals: Readonly<Record<string, Check>> = Object.fromEntries(
  stages.map(([, signal]) => [signal, /Annotations$|Labels$/i.test(signal) ? pairs : patterns]),
);

const anyField: Check = (value, path) =>
  Object.keys(value as object).length === 0 ? `${path} is empty` : undefined;

const condition = both(
  object({ ...signals, allLayerAnnotations: pairs, manifestKind: oneOf(['image', 'index']) }, []),
  anyField,
);

const match = both(object({ ...signals, require: oneOrMany(condition, 20) }, []), (value, path) =>
  Object.keys(value as object).some((name) => name !== 'require') ? undefined : `${path} has no signal`,
);

const hidden = '\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff';
const shortName = text(
  new RegExp(`^[^\\s${hidden}]([^${hidden}]*[^\\s${hidden}])?$`),
  40,
  'a name of at most 40 characters in one line',
);
const line = text(/^[ -~]+$/, 256, 'one line of at most 256 ASCII characters');

const layer = object(
  { mediaType: pattern, name: shortName, content: oneOf(layerContents), files: patterns },
  ['mediaType', 'name'],
);

const mediaType: Check = (value, path) =>
  typeof value === 'string' && isMediaType(value) ? undefined : `${path} is not a media type`;

/** Most members of an object or list of a config, and most within one another. */
const maxMembers = 50;
const maxDepth = 6;

/** What JSON can say, and a person could have written. */
function jsonCheck(depth: number): Check {
  return (value, path) => {
    if (typeof value === 'object' && value !== null) {
      const isLong = Array.isArray(value) && value.length > maxMembers;
      const entries = isLong ? [] : Object.entries(value);
      return isLong ||
        depth === maxDepth ||
        entries.length > maxMembers ||
        !(Array.isArray(value) || isRecord(value))
        ? `${path} is too deep or has more than ${maxMembers} members`
        : firstProblem(
            entries.map(([name, inner]) => jsonCheck(depth + 1)(inner, `${path}.${name.slice(0, 100)}`)),
          );
    }
    return value === null || typeof value === 'boolean' || Number.isFinite(value)
      ? undefined
      : text(/^/, 500, 'a text, number or collection')(value, path);
  };
}

const pushForm = both(
  object(
    {
      artifactType: mediaType,
      configMediaType: mediaType,
      config: both((value, path) => (isRecord(value) ? undefined : `${path} is not an object`), jsonCheck(0)),
      configFile: text(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 100, 'the name of a file'),
      annotations: pairSet,
      pathAnnotation: pattern,
    },
    [],
  ),
  (value, path) =>
    Object.hasOwn(value as object, 'artifactType') || Object.hasOwn(value as object, 'configMediaType')
      ? undefined
      : `${path} has no media type`,
);

const push: Check = (value, path) => (value === false ? undefined : pushForm(value, path));

const reservedIds = ['unknown', 'manifest', 'config', 'layer'];

const rowCheck = object(
  {
    id: both(text(/^[a-z0-9]+(-[a-z0-9]+)*$/, 64, 'lower-case words with hyphens'), (value, path) =>
      reservedIds.includes(value as string) ? `${path} is a word with a meaning of its own` : undefined,
    ),
    name: both(shortName, (value, path) =>
      /^unknown$/i.test(value as string) ? `${path} says nothing` : undefined,
    ),
    category: oneOf(categories),
    rank: (value, path) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 1000
        ? undefined
        : `${path} is not a whole number from 0 to 1000`,
    variant: oneOf([true]),
    fallback: oneOf([true]),
    match,
    layers: list(layer, 100, 0),
    files: patterns,
    push,
    tool: line,
    pull: line,
    docs: text(/^https:\/\/[!-~]+$/, 500, 'an https address'),
  },
  ['id', 'name', 'match'],
);
