import { parseTypeRow } from './parseTypeRow.ts';
import type { TypeRow } from './table.ts';

/** Most rows of one source, as the schema says. */
export const maxRows = 1000;

/** Most characters of all rows of one source as JSON: what they cost to ask is bounded by it. */
const maxText = 256 * 1024;

export interface ReadRows {
  readonly rows: readonly TypeRow[];
  /** What is wrong with those that were left out, each with its place: `[3]: match has no signal`. */
  readonly problems: readonly string[];
}

/** The rows of a list from outside, as far as they are right; nothing in it can make this throw. */
export function readTypeRows(value: unknown): ReadRows {
  if (value === undefined) {
    return { rows: [], problems: [] };
  }
  if (!Array.isArray(value)) {
    return { rows: [], problems: ['not a list'] };
  }
  const rows: TypeRow[] = [];
  const problems: string[] = [];
  let room = maxText;
  for (const [index, item] of value.slice(0, maxRows).entries()) {
    const parsed = parseTypeRow(item);
    if ('problem' in parsed) {
      problems.push(`[${index}]: ${parsed.problem}`);
      continue;
    }
    room -= JSON.stringify(parsed.row).length;
    if (room < 0) {
      problems.push(`[${index}]: more than ${maxText} characters in all; this and what follows is left out`);
      return { rows, problems };
    }
    rows.push(parsed.row);
  }
  if (value.length > maxRows) {
    problems.push(`more than ${maxRows} types; what follows is left out`);
  }
  return { rows, problems };
}

/** What an extension says of itself. */
export interface Contributor {
  readonly id: string;
  readonly packageJSON: unknown;
}

/** The rows of `contributes.ociArtifactTypes` of all extensions, in the order of their ids. */
export function contributedRows(contributors: readonly Contributor[]): ReadRows {
  const found = contributors
    .map(({ id, packageJSON }) => ({
      id,
      value: fieldOf(fieldOf(packageJSON, 'contributes'), 'ociArtifactTypes'),
    }))
    .filter(({ value }) => value !== undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, value }) => {
      const { rows, problems } = readTypeRows(value);
      return { rows, problems: problems.map((problem) => `${id}: ${problem}`) };
    });
  return { rows: found.flatMap(({ rows }) => rows), problems: found.flatMap(({ problems }) => problems) };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
