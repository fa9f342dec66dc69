import { globMatcher, tagMatcher } from './glob.ts';
import { maxText, textOf, type Annotated, type Fields, type Found, type Subject } from './subject.ts';
import type { Condition, OneOrMany, Pairs, Signals, TypeRow } from './table.ts';
import type { Evidence, Rule } from './type.ts';

/** The order of precedence: the first stage at which any row hits decides. */
export const stages = [
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
] as const satisfies readonly (readonly [Rule, keyof Signals])[];

/** A signal that was found: where, and how it ranks against others of its stage. */
export interface Hit {
  readonly evidence: readonly Evidence[];
  readonly index: number;
  readonly isGlob: boolean;
  /** Of the pattern. */
  readonly length: number;
}

type Finder = (subject: Subject) => Hit | undefined;

/** 0: built in; 1: of another extension; 2: the user's own. */
export type Level = 0 | 1 | 2;

/** What one row says at one stage. */
export interface Claim {
  readonly row: TypeRow;
  /** Who wrote the row: the highest decides. */
  readonly level: Level;
  /** 0: ordinary types; 1: flavours of an image by how it is stored; 2: carriers and placeholders. */
  readonly round: 0 | 1 | 2;
  /** Place in `stages`. */
  readonly stage: number;
  readonly find: Finder;
  /** One of them must hold; none when the signal is enough. */
  readonly require: readonly Finder[];
}

export function many<T>(value: OneOrMany<T> | undefined): readonly T[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** The claims of a row, one for each stage it has a signal for. */
export function compileRow(row: TypeRow, level: Level): readonly Claim[] {
  const require = many(row.match.require).map(conditionFinder);
  return stages.flatMap(([, signal], stage) => {
    if (row.match[signal] === undefined) {
      return [];
    }
    const isOwnType = signal === 'artifactType' || signal === 'configMediaType';
    const round = row.fallback ? 2 : row.variant && !isOwnType ? 1 : 0;
    const find =
      round === 2 && signal === 'artifactType'
        ? typeFinder(many(row.match.artifactType), ({ statedType }) => one(statedType))
        : finderOf(signal, row.match);
    return [{ row, level, round, stage, find, require }];
  });
}

/** Where each signal is looked for. */
function finderOf(signal: keyof Signals, signals: Signals): Finder {
  switch (signal) {
    case 'manifestMediaType':
      return typeFinder(many(signals[signal]), ({ manifestMediaType }) => [manifestMediaType]);
    case 'artifactType':
      return typeFinder(many(signals[signal]), ({ artifactType }) => one(artifactType));
    case 'configMediaType':
      return typeFinder(many(signals[signal]), ({ configMediaType }) => one(configMediaType));
    case 'childMediaType':
      return typeFinder(many(signals[signal]), ({ childTypes }) => childTypes);
    case 'layerMediaType':
      return typeFinder(many(signals[signal]), ({ layerTypes }) => layerTypes);
    case 'descriptorAnnotations':
      return pairsFinder(
        signals[signal],
        'descriptor.annotations',
        (subject) => subject.descriptorAnnotations,
      );
    case 'annotations':
      return pairsFinder(signals[signal], 'annotations', ({ annotations }) => annotations);
    case 'configLabels':
      return pairsFinder(signals[signal], 'config.config.Labels', ({ labels }) => labels);
    case 'layerAnnotations':
      return listFinder(
        signals[signal],
        ({ layersField }) => layersField,
        ({ layers }) => layers,
      );
    case 'childAnnotations':
      return listFinder(
        signals[signal],
        () => 'manifests',
        ({ children }) => children,
      );
    case 'tagPattern':
      return tagFinder(many(signals[signal]));
  }
}

/** All that the condition names must be found. */
function conditionFinder({ manifestKind, allLayerAnnotations, ...signals }: Condition): Finder {
  const finders = stages.flatMap(([, signal]) =>
    signals[signal] === undefined ? [] : [finderOf(signal, signals)],
  );
  const everyLayer = allLayerAnnotations === undefined ? undefined : everyLayerFinder(allLayerAnnotations);
  return (subject) => {
    if (manifestKind !== undefined && manifestKind !== subject.kind) {
      return undefined;
    }
    const evidence: Evidence[] = [];
    for (const find of everyLayer ? [...finders, everyLayer] : finders) {
      const hit = find(subject);
      if (!hit) {
        return undefined;
      }
      evidence.push(...hit.evidence);
    }
    return { ...plainHit, evidence };
  };
}

const plainHit = { index: 0, isGlob: false, length: 0 } as const;

function one<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** The first text that any pattern matches; among patterns an exact one, else the longest. */
function typeFinder(patterns: readonly string[], textsOf: (subject: Subject) => readonly Found[]): Finder {
  const matchers = patterns
    .map((pattern) => ({
      matches: globMatcher(pattern),
      isGlob: pattern.includes('*'),
      length: pattern.length,
    }))
    .sort((a, b) => Number(a.isGlob) - Number(b.isGlob) || b.length - a.length);
  return (subject) => {
    for (const found of textsOf(subject)) {
      const matcher = matchers.find(({ matches }) => matches(found.value));
      if (matcher) {
        const { isGlob, length } = matcher;
        return { evidence: [evidenceOf(found.field, found.value)], index: found.index, isGlob, length };
      }
    }
    return undefined;
  };
}

/** A tag is a hint, and the last one: an index for platforms says itself what it is. */
function tagFinder(patterns: readonly string[]): Finder {
  const matchers = patterns.map(tagMatcher);
  return ({ tag, hasPlatforms }) =>
    tag !== undefined && !hasPlatforms && tag.length <= 256 && matchers.some((matches) => matches(tag))
      ? { ...plainHit, evidence: [evidenceOf('tag', tag)] }
      : undefined;
}

type PairsMatcher = (fields: Fields, path: string, { namesOf }: Subject) => readonly Evidence[] | undefined;

function pairsFinder(
  wanted: OneOrMany<Pairs> | undefined,
  path: string,
  fieldsOf: (subject: Subject) => Fields | undefined,
): Finder {
  const matchers = many(wanted).map(pairsMatcher);
  return (subject) => {
    const fields = fieldsOf(subject);
    const evidence = fields && firstOf(matchers, fields, path, subject);
    return evidence && { ...plainHit, evidence };
  };
}

function listFinder(
  wanted: OneOrMany<Pairs> | undefined,
  nameOf: (subject: Subject) => string,
  listOf: (subject: Subject) => readonly Annotated[],
): Finder {
  const matchers = many(wanted).map(pairsMatcher);
  return (subject) => {
    for (const { index, annotations } of listOf(subject)) {
      const evidence = firstOf(matchers, annotations, `${nameOf(subject)}[${index}].annotations`, subject);
      if (evidence) {
        return { ...plainHit, evidence, index };
      }
    }
    return undefined;
  };
}

function everyLayerFinder(wanted: OneOrMany<Pairs>): Finder {
  const matchers = many(wanted).map(pairsMatcher);
  return (subject) => {
    const { layers, layerCount, layersField } = subject;
    if (layerCount === 0 || layers.length < layerCount) {
      return undefined;
    }
    const found = layers.map(({ index, annotations }) =>
      firstOf(matchers, annotations, `${layersField}[${index}].annotations`, subject),
    );
    return found.every((evidence) => evidence !== undefined)
      ? { ...plainHit, evidence: found[0] ?? [] }
      : undefined;
  };
}

function firstOf(
  matchers: readonly PairsMatcher[],
  fields: Fields,
  path: string,
  subject: Subject,
): readonly Evidence[] | undefined {
  for (const matcher of matchers) {
    const evidence = matcher(fields, path, subject);
    if (evidence) {
      return evidence;
    }
  }
  return undefined;
}

/** The names and values that all pairs were found in; undefined when one is missing. */
function pairsMatcher(pairs: Pairs): PairsMatcher {
  const wanted = Object.entries(pairs).map(([name, value]) => ({
    name,
    matchesName: name.includes('*') ? globMatcher(name) : undefined,
    matchesValue: globMatcher(value),
  }));
  return (fields, path, { namesOf }) => {
    const evidence: Evidence[] = [];
    for (const { name, matchesName, matchesValue } of wanted) {
      const found = (matchesName ? namesOf(fields).filter(matchesName) : [name]).find((key) => {
        const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
        return typeof value === 'string' && matchesValue(value.slice(0, maxText));
      });
      if (found === undefined) {
        return undefined;
      }
      evidence.push(evidenceOf(`${path}["${found.slice(0, 200)}"]`, textOf(fields[found]) ?? ''));
    }
    return evidence;
  };
}

export function evidenceOf(field: string, value: string): Evidence {
  return { field, value: value.slice(0, 256) };
}
