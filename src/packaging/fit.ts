import { many } from '../artifacts/claims.ts';
import { fileEnding } from '../artifacts/fileNames.ts';
import { globMatcher } from '../artifacts/glob.ts';
import { identify } from '../artifacts/identify.ts';
import type { TypeRow, TypeTable } from '../artifacts/table.ts';
import type { PushPlan } from './plan.ts';
import { filesType } from './pushTypes.ts';

/** What was chosen and is not what the type holds: no reason to stop anyone. */
export interface Misfit {
  /** Short name of the type. */
  readonly type: string;
  /** Names of files it holds, `*` for anything. */
  readonly expected: readonly string[];
  /** Titles of the files and folders that are none and hold none. */
  readonly titles: readonly string[];
}

/** Other names files of one kind go by. */
const sameAs: Readonly<Record<string, readonly string[]>> = {
  '.tar.gz': ['.tar.gz', '.tgz'],
  '.tar.zst': ['.tar.zst', '.tzst'],
  '.yaml': ['.yaml', '.yml'],
};

/** What of a push is not as the row of its type says; undefined where it is, or where the type may hold anything. */
export function misfitOf(artifactType: string, plan: PushPlan, table: TypeTable): Misfit | undefined {
  // A type may be told by either field; only one of them is asked for.
  const { id } = identify({ artifactType, config: { mediaType: artifactType }, layers: [] }, {}, {}, table);
  const row = table.byId.get(id);
  const expected = row && artifactType !== filesType.artifactType ? filesOf(row) : undefined;
  if (!row || !expected) {
    return undefined;
  }
  const matchers = expected.map(globMatcher);
  const takesFolders = row.files === undefined && expected.some((name) => /\.tar\b/.test(name));
  const titles = plan.layers
    .filter(
      ({ kind, entries }) =>
        !(kind === 'folder' && takesFolders) &&
        !entries.some(
          (entry) =>
            entry.kind === 'file' &&
            matchers.some((matches) => matches(entry.name.slice(entry.name.lastIndexOf('/') + 1))),
        ),
    )
    .map(({ title }) => title);
  return titles.length > 0 ? { type: row.name, expected, titles } : undefined;
}

/** Names of the files a type holds: as its row says, else by the media types of its layers, where each of them tells. */
function filesOf({ files, layers = [] }: TypeRow): readonly string[] | undefined {
  if (files !== undefined) {
    return many(files);
  }
  const endings = layers.map((layer) => fileEnding(layer));
  return endings.length === 0 || endings.includes(undefined)
    ? undefined
    : [...new Set(endings)].flatMap((ending = '') => (sameAs[ending] ?? [ending]).map((each) => `*${each}`));
}
