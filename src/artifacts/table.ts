import type { Category } from './type.ts';
import rows from './types.json' with { type: 'json' };

/** Names and values that must all be there; `*` in either stands for anything. */
export type Pairs = Readonly<Record<string, string>>;

/** Signals, each tried at its own stage; media types and values are compared whole and without case, `*` is a glob. */
export interface Signals {
  readonly manifestMediaType?: readonly string[];
  readonly artifactType?: readonly string[];
  readonly configMediaType?: readonly string[];
  readonly childMediaType?: readonly string[];
  readonly layerMediaType?: readonly string[];
  readonly descriptorAnnotations?: readonly Pairs[];
  readonly annotations?: readonly Pairs[];
  readonly layerAnnotations?: readonly Pairs[];
  readonly childAnnotations?: readonly Pairs[];
  readonly configLabels?: readonly Pairs[];
  readonly tagPattern?: string;
}

export interface Condition extends Signals {
  readonly manifestKind?: 'image' | 'index';
}

/** One artifact type: a row of `types.json`. */
export interface TypeRow {
  readonly id: string;
  /** At most 18 characters. */
  readonly name: string;
  readonly category: Category;
  /** Order among rows that claim the same manifest at the same stage; the highest first. Default 0. */
  readonly rank?: number;
  /** A flavour of storage of an image: only its own types tell it before everything else was tried. */
  readonly variant?: boolean;
  /** A carrier or placeholder: tried last. */
  readonly fallback?: boolean;
  /** Any signal is enough, and one of `require` must hold besides. */
  readonly match: Signals & { readonly require?: readonly Condition[] };
  readonly layers?: readonly LayerRow[];
  readonly tool: string;
  /** With {ref} {repo} {tag} {digest} {registry} {subject} and names only the tool knows. */
  readonly pull: string;
  readonly docs: string;
}

export interface LayerRow {
  readonly mediaType: string;
  readonly name: string;
  /** What the bytes are: `tar+gzip`, `json`, `wasm`… */
  readonly content: string;
}

export const typeRows = rows as readonly unknown[] as readonly TypeRow[];

const byId = new Map(typeRows.map((row) => [row.id, row]));

export function typeRow(id: string): TypeRow | undefined {
  return byId.get(id);
}
