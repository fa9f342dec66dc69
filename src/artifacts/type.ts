/** One of a few kinds, each with one icon. */
export const categories = [
  'image',
  'index',
  'chart',
  'wasm',
  'sbom',
  'signature',
  'attestation',
  'policy',
  'model',
  'config',
  'package',
  'bundle',
  'cache',
  'vm',
  'iac',
  'metadata',
  'other',
] as const;

export type Category = (typeof categories)[number];

/** Where the answer was found, in the order of precedence (`src/artifacts/identify.ts`). */
export type Rule =
  | 'manifest-media-type'
  | 'artifact-type'
  | 'config-media-type'
  | 'child-media-type'
  | 'descriptor-annotation'
  | 'layer-media-type'
  | 'manifest-annotation'
  | 'layer-annotation'
  | 'child-annotation'
  | 'config-label'
  | 'tag-pattern'
  | 'generated';

export interface Evidence {
  /** Path of the field in the manifest: `config.mediaType`, `layers[0].mediaType`, `annotations["…"]`. */
  readonly field: string;
  /** Its value, at most 256 characters. */
  readonly value: string;
}

/** A field that could have told the type and did not. */
export interface Ignored extends Evidence {
  /** It says only how something is stored; or no row knows its value; or what decided comes before it. */
  readonly why: 'generic' | 'unknown' | 'outranked';
}

/** The answer of `identify`: same bytes, same answer. */
export interface ArtifactType {
  /** Of the row of the table; `unknown` when no row knows. */
  readonly id: string;
  /** Well-known short English name, never empty: `Helm chart`. */
  readonly name: string;
  readonly category: Category;
  readonly rule: Rule;
  /** What decided first, then the conditions that had to hold besides. */
  readonly evidence: readonly Evidence[];
  /** Bounded; absent for what is no manifest. */
  readonly ignored?: readonly Ignored[];
  /** True when the config blob, not read yet, could still refine the name. */
  readonly refinable: boolean;
}
