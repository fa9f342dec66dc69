import { compileRow, stages, type Claim, type Level } from './claims.ts';
import type { Category } from './type.ts';
import rows from './types.json' with { type: 'json' };

/** Names and values that must all be there; `*` in either stands for anything. */
export type Pairs = Readonly<Record<string, string>>;

export type OneOrMany<T> = T | readonly T[];

/** Signals, each tried at its own stage; media types and values are compared whole and without case, `*` is a glob. */
export interface Signals {
  readonly manifestMediaType?: OneOrMany<string>;
  readonly artifactType?: OneOrMany<string>;
  readonly configMediaType?: OneOrMany<string>;
  readonly childMediaType?: OneOrMany<string>;
  readonly layerMediaType?: OneOrMany<string>;
  readonly descriptorAnnotations?: OneOrMany<Pairs>;
  readonly annotations?: OneOrMany<Pairs>;
  readonly layerAnnotations?: OneOrMany<Pairs>;
  readonly childAnnotations?: OneOrMany<Pairs>;
  readonly configLabels?: OneOrMany<Pairs>;
  /** A glob in which `{digest}` at the start stands for `sha256-<hex>`. */
  readonly tagPattern?: OneOrMany<string>;
}

/** All of it must hold. */
export interface Condition extends Signals {
  readonly manifestKind?: 'image' | 'index';
  /** On every layer, and on one at least. */
  readonly allLayerAnnotations?: OneOrMany<Pairs>;
}

/** One artifact type: a row of `types.json`, described by `types.schema.json`. */
export interface TypeRow {
  readonly id: string;
  /** At most 18 characters. */
  readonly name: string;
  readonly category?: Category;
  /** Order among rows that claim the same manifest at the same stage; the highest first. Default 0. */
  readonly rank?: number;
  /** A flavour of storage of an image: only its own types tell it before everything else was tried. */
  readonly variant?: boolean;
  /** A carrier or placeholder: tried last. */
  readonly fallback?: boolean;
  /** Any signal is enough, and one of `require` must hold besides. */
  readonly match: Signals & { readonly require?: OneOrMany<Condition> };
  readonly layers?: readonly LayerRow[];
  /** Names of the files it holds, `*` for anything, for who pushes one; by default as the media types of its layers say. */
  readonly files?: OneOrMany<string>;
  /** What a push of one makes; false: only its own tool can. By default the first type that it is told by, and an empty config. */
  readonly push?: false | PushRow;
  readonly tool?: string;
  /** With the placeholders of `pullCommand`. */
  readonly pull?: string;
  readonly docs?: string;
}

/** What a manifest that is pushed says of itself. */
export interface PushRow {
  readonly artifactType?: string;
  /** Of a config of its own; without one the config is the empty one of OCI. */
  readonly configMediaType?: string;
  /** Content of that config, as JSON in which the placeholders of `configContent` are filled in; `{}` by default. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Name of the file the config is: among those that are pushed, or, as `Chart.yaml`, within them. */
  readonly configFile?: string;
  readonly annotations?: Pairs;
  /** An annotation of layers that its tool reads a path from, besides that of OCI. */
  readonly pathAnnotation?: string;
}

export interface LayerRow {
  /** May hold `*`. */
  readonly mediaType: string;
  readonly name: string;
  /** What the bytes are, where the media type does not end in it. */
  readonly content?: (typeof layerContents)[number];
  /** Names of the files that are pushed as it, `*` for anything; by default as its content or media type says. */
  readonly files?: OneOrMany<string>;
}

export const layerContents = ['tar', 'tar+gzip', 'tar+zstd', 'json', 'yaml', 'text', 'wasm', 'zip'] as const;

/** Rows made ready to be asked. */
export interface TypeTable {
  readonly rows: readonly TypeRow[];
  readonly byId: ReadonlyMap<string, TypeRow>;
  /** By round and by stage, in the order of precedence. */
  readonly rounds: readonly (readonly (readonly Claim[])[])[];
}

/** The built-in rows, each id once. */
export const typeRows = rows as readonly unknown[] as readonly TypeRow[];

/**
 * The built-in rows, those of other extensions and a user's, which win in this order: one with the id of another takes its
 * place, and where both claim a manifest at the same stage the higher decides.
 * @param userRows as `parseTypeRow` gives them; of two with one id the last counts
 * @param extensionRows the same
 */
export function createTable(userRows: readonly TypeRow[], extensionRows: readonly TypeRow[] = []): TypeTable {
  const levels = new Map<string, readonly [TypeRow, Level]>();
  for (const [rows, level] of [
    [userRows, 2],
    [extensionRows, 1],
    [typeRows, 0],
  ] as const) {
    for (const row of rows) {
      const held = levels.get(row.id);
      if (!held || held[1] === level) {
        levels.set(row.id, [row, level]);
      }
    }
  }
  const all = [...levels.values()].map(([row]) => row);
  const claims = [...levels.values()].flatMap(([row, level]) => compileRow(row, level));
  return {
    rows: all,
    byId: new Map(all.map((row) => [row.id, row])),
    rounds: [0, 1, 2].map((round) =>
      stages.map((_, stage) => claims.filter((claim) => claim.round === round && claim.stage === stage)),
    ),
  };
}

export const builtInTable = createTable([]);

export function typeRow(id: string): TypeRow | undefined {
  return builtInTable.byId.get(id);
}
