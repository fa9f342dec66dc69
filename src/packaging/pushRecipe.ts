import { safeParts } from '../archive/safePath.ts';
import { both, list, object, oneOf, text, type Check } from '../artifacts/checks.ts';
import { isRecord } from '../oci/descriptor.ts';
import { duplicateKey } from '../oci/duplicateKey.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { parseBounded } from '../oci/parseBounded.ts';
import { compressions, type Compression } from './compression.ts';
import { usualPacking, type Packing } from './packing.ts';
import { splits, type Split } from './splitLayers.ts';

/** A push as it can be repeated, on another machine too. Never a credential. */
export interface PushRecipe {
  readonly name: string;
  /** `host/repository:tag`, `local/repository:tag`, or with the absolute path of a layout. */
  readonly target: string;
  /** Id of a type that is offered for a push, or a media type. */
  readonly type: string;
  /** What differs from what git and the files say by then; null: left out. */
  readonly annotations?: Readonly<Record<string, string | null>>;
  /** Relative to the folder of the workspace, with `/`; `.` is that folder. */
  readonly files: readonly string[];
  readonly keepFileTimes: boolean;
  /** As `Packing` has them; absent: as oras packs. */
  readonly split?: Split;
  readonly compression?: Compression;
  readonly ignore?: readonly string[];
}

/** Most bytes of a file of recipes. */
export const maxRecipeBytes = 256 * 1024;

const schemaKey = '$schema';
const line = String.raw`[^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]`;

const path: Check = (value, at) => {
  const problem = text(new RegExp(`^${line}+$`), 1024, 'a path')(value, at);
  if (problem !== undefined) {
    return problem;
  }
  try {
    safeParts(value as string, { portable: false });
    return undefined;
  } catch (error) {
    return `${at} leaves the folder: ${isOciError(error) ? error.message : ''}`;
  }
};

const annotations: Check = (value, at) => {
  const entries = isRecord(value) ? Object.entries(value) : undefined;
  if (!entries || entries.length > 100) {
    return `${at} is not an object of at most 100 annotations`;
  }
  const wrong = entries.find(
    ([key, inner]) =>
      key === '' ||
      key.length > 256 ||
      (inner !== null && (typeof inner !== 'string' || inner.length > 4096)),
  );
  return wrong && `${at}.${wrong[0].slice(0, 100)} is neither a text nor null`;
};

/** One line, as a file of patterns has them. */
const patterns = list(text(new RegExp(`^${line}+$`), 1024, 'a pattern in one line'), 200, 0);

const split: Check = (value, at) =>
  Array.isArray(value) ? patterns(value, at) : oneOf(splits)(value, at)?.concat(', or a list of patterns');

const recipe = object(
  {
    name: text(new RegExp(`^(?! )${line}+$`), 100, 'a name of at most 100 characters in one line'),
    target: text(
      new RegExp(String.raw`^(?!.*@)${line}+/[^:]+:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`),
      1024,
      'registry/repository:tag',
    ),
    type: text(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]*$/, 255, 'a type or media type'),
    annotations,
    files: list(path, 1000),
    keepFileTimes: (value, at) => (typeof value === 'boolean' ? undefined : `${at} is not true or false`),
    split,
    compression: oneOf(compressions),
    ignore: patterns,
  },
  ['name', 'target', 'type', 'files'],
);

const file = both(
  object({ [schemaKey]: text(/^/, 1024, 'an address'), recipes: list(recipe, 100, 0) }, ['recipes']),
  (value) => {
    const names = (value as { readonly recipes: readonly PushRecipe[] }).recipes.map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    return twice === undefined ? undefined : `Two recipes are called ${twice}`;
  },
);

/**
 * Holds a file of recipes, which anyone may have written, to what `media/push.schema.json` says, which is for the editor; a
 * test holds the two to each other.
 * @throws {OciError} `recipe-invalid`
 */
export function parseRecipes(content: string): readonly PushRecipe[] {
  let value: unknown;
  try {
    value = content.length > maxRecipeBytes ? undefined : parseBounded(content);
  } catch (error) {
    throw new OciError('recipe-invalid', 'It is not JSON', { cause: error });
  }
  if (value === undefined) {
    throw new OciError('recipe-invalid', 'It is too large or nested too deep');
  }
  const twice = duplicateKey(content);
  const problem = twice === undefined ? file(value, 'It') : `It names ${twice.slice(0, 200)} twice`;
  if (problem !== undefined) {
    throw new OciError('recipe-invalid', problem.replace(/^It\./, ''));
  }
  const { recipes } = value as {
    readonly recipes: readonly (Omit<PushRecipe, 'keepFileTimes'> & Partial<PushRecipe>)[];
  };
  return recipes.map((each) => ({ ...each, keepFileTimes: each.keepFileTimes ?? false }));
}

/** Whether these can stand in a recipe. */
export function arePatterns(value: readonly string[]): boolean {
  return patterns(value, '') === undefined;
}

/** The file with a recipe added, or in the place of the one of its name. @throws {OciError} `recipe-invalid` */
export function withRecipe(content: string | undefined, added: PushRecipe): string {
  const before: Readonly<Record<string, unknown>> =
    content === undefined ? {} : (JSON.parse(content) as Readonly<Record<string, unknown>>);
  const recipes = content === undefined ? [] : parseRecipes(content);
  const isNew = recipes.every(({ name }) => name !== added.name);
  const after = isNew
    ? [...recipes, added]
    : recipes.map((each) => (each.name === added.name ? added : each));
  const made = `${JSON.stringify({ ...before, recipes: after }, undefined, 2)}\n`;
  // What could not be read again is not written.
  parseRecipes(made);
  return made;
}

/** How a recipe packs, whatever is usual by now. */
export function packingOf({
  split: chosen = usualPacking.split,
  compression = usualPacking.compression,
  ignore = usualPacking.ignore,
}: PushRecipe): Packing {
  return { split: chosen, compression, ignore };
}

/** As a recipe says it: what is usual is left out. */
export function recipePacking({
  split: chosen,
  compression,
  ignore,
}: Packing): Pick<PushRecipe, 'split' | 'compression' | 'ignore'> {
  return {
    ...(chosen === usualPacking.split ? {} : { split: chosen }),
    ...(compression === usualPacking.compression ? {} : { compression }),
    ...(ignore.length > 0 ? { ignore } : {}),
  };
}

type Annotations = Readonly<Record<string, string>>;

/** What a person changed of the annotations that were offered. */
export function changedAnnotations(
  chosen: Annotations,
  offered: Annotations,
): Readonly<Record<string, string | null>> {
  return Object.fromEntries([
    ...Object.entries(chosen).filter(([key, value]) => offered[key] !== value),
    ...Object.keys(offered)
      .filter((key) => !Object.hasOwn(chosen, key))
      .map((key) => [key, null] as const),
  ]);
}

/** What is pushed: what is offered now, with the changes of the recipe. */
export function annotationsBy({ annotations: changes = {} }: PushRecipe, offered: Annotations): Annotations {
  return Object.fromEntries(
    Object.entries({ ...offered, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  );
}
