import type { Pairs } from './table.ts';

const compiled = new Map<string, RegExp>();

/** Whole and without case; `*` stands for anything. Patterns come from the table, texts from anywhere. */
export function globMatches(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) {
    return pattern.toLowerCase() === text.toLowerCase();
  }
  if (pattern === '*') {
    return true;
  }
  let regex = compiled.get(pattern);
  if (!regex) {
    const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
    regex = new RegExp(`^${parts.join('[^]*')}$`, 'i');
    compiled.set(pattern, regex);
  }
  return text.length <= maxText && regex.test(text);
}

/** Longest text that a glob is tried on. */
const maxText = 4096;

/** The first pattern that matches; an exact one before globs, the longest glob before shorter ones. */
export function bestGlob(patterns: readonly string[], text: string): string | undefined {
  const matching = patterns.filter((pattern) => globMatches(pattern, text));
  return (
    matching.find((pattern) => !pattern.includes('*')) ?? matching.sort((a, b) => b.length - a.length)[0]
  );
}

/** The names and values that all pairs were found in; undefined when one is missing. */
export function pairsFound(
  pairs: Pairs,
  fields: Readonly<Record<string, string>> | undefined,
): readonly (readonly [string, string])[] | undefined {
  if (!fields) {
    return undefined;
  }
  const found: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(pairs)) {
    const names = name.includes('*')
      ? Object.keys(fields)
          .filter((key) => globMatches(name, key))
          .sort()
      : Object.hasOwn(fields, name)
        ? [name]
        : [];
    const match = names.find((key) => globMatches(value, fields[key] ?? ''));
    if (match === undefined) {
      return undefined;
    }
    found.push([match, fields[match] ?? '']);
  }
  return found;
}
