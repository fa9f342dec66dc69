import { many, stages } from '../../../src/artifacts/claims.ts';
import type { Pairs, Signals, TypeRow } from '../../../src/artifacts/table.ts';

/** Pairs of rows that could both claim one manifest at one stage with nothing that says which is first. */
export function unorderedRows(rows: readonly TypeRow[]): readonly string[] {
  return stages.flatMap(([rule, signal]) => {
    const claiming = rows.filter(({ match }) => match[signal] !== undefined);
    return claiming.flatMap((a, index) =>
      claiming
        .slice(index + 1)
        .filter((b) => roundOf(a, signal) === roundOf(b, signal) && !isOrdered(a, b) && canMeet(a, b, signal))
        .map((b) => `${rule}: ${a.id}, ${b.id}`),
    );
  });
}

function roundOf({ fallback, variant }: TypeRow, signal: keyof Signals): number {
  return fallback ? 2 : variant && signal !== 'artifactType' && signal !== 'configMediaType' ? 1 : 0;
}

function isOrdered(a: TypeRow, b: TypeRow): boolean {
  return (
    (a.rank ?? 0) !== (b.rank ?? 0) || (a.match.require === undefined) !== (b.match.require === undefined)
  );
}

/** For layers and manifests of different types the first in the list decides, which is an order too. */
function canMeet(a: TypeRow, b: TypeRow, signal: keyof Signals): boolean {
  if (/annotations|labels/i.test(signal)) {
    return many<Pairs>(a.match[signal] as Pairs).some((x) =>
      many<Pairs>(b.match[signal] as Pairs).some((y) => !excludes(x, y)),
    );
  }
  return many<string>(a.match[signal] as string).some((x) =>
    many<string>(b.match[signal] as string).some((y) => intersects(x, y) && weight(x) === weight(y)),
  );
}

/** Exact before glob, then the longest. */
function weight(pattern: string): number {
  return pattern.includes('*') ? pattern.length : Infinity;
}

/** One name with two values that cannot be both. */
function excludes(a: Pairs, b: Pairs): boolean {
  return Object.entries(a).some(([name, value]) => {
    const other = Object.hasOwn(b, name) ? b[name] : undefined;
    return other !== undefined && !intersects(value, other);
  });
}

/** True when some text matches both patterns. */
function intersects(a: string, b: string): boolean {
  if (a === '' || b === '') {
    return /^\**$/.test(a + b);
  }
  if (a.startsWith('*')) {
    return intersects(a.slice(1), b) || intersects(a, b.slice(1));
  }
  if (b.startsWith('*')) {
    return intersects(a, b.slice(1)) || intersects(a.slice(1), b);
  }
  return a.charAt(0).toLowerCase() === b.charAt(0).toLowerCase() && intersects(a.slice(1), b.slice(1));
}
