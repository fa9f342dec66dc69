import { many } from '../artifacts/claims.ts';
import { globMatcher } from '../artifacts/glob.ts';
import type { TypeRow } from '../artifacts/table.ts';
import { layerFiles } from './layerTypes.ts';
import type { PushPlan } from './plan.ts';

/** What was chosen and is not what the type holds: no reason to stop anyone. */
export interface Misfit {
  /** Short name of the type. */
  readonly type: string;
  /** Names of files it holds, `*` for anything. */
  readonly expected: readonly string[];
  /** Titles of the files and folders that are none and hold none. */
  readonly titles: readonly string[];
}

/**
 * What of a push is not as the row of its type says; undefined where it is, or where the type may hold anything.
 * @param lacking titles of what looks right by its name and is not
 */
export function misfitOf(
  row: TypeRow | undefined,
  plan: PushPlan,
  lacking: readonly string[] = [],
): Misfit | undefined {
  const expected = row && filesOf(row);
  if (!row || !expected) {
    return undefined;
  }
  const also = (row.layers ?? []).flatMap((layer) => (layer.files === undefined ? [] : many(layer.files)));
  const matchers = [...expected, ...also].map(globMatcher);
  const takesFolders = row.files === undefined && expected.some((name) => /\.tar\b/.test(name));
  const titles = plan.layers
    .filter(
      ({ kind, entries, title }) =>
        lacking.includes(title) ||
        (!(kind === 'folder' && takesFolders) &&
          !entries.some(
            (entry) =>
              entry.kind === 'file' &&
              matchers.some((matches) => matches(entry.name.slice(entry.name.lastIndexOf('/') + 1))),
          )),
    )
    .map(({ title }) => title);
  return titles.length > 0 ? { type: row.name, expected, titles } : undefined;
}

/** Names of the files a type holds: as its row says, else by its layers, where each of them tells. */
function filesOf({ files, layers = [] }: TypeRow): readonly string[] | undefined {
  if (files !== undefined) {
    return many(files);
  }
  const names = layers.map(layerFiles);
  return names.length === 0 || names.includes(undefined)
    ? undefined
    : [...new Set(names.flatMap((each) => each ?? []))];
}
