/** One of a few kinds, each with one icon. */
export type Category =
  | 'image'
  | 'index'
  | 'chart'
  | 'wasm'
  | 'sbom'
  | 'signature'
  | 'attestation'
  | 'policy'
  | 'model'
  | 'config'
  | 'package'
  | 'bundle'
  | 'cache'
  | 'vm'
  | 'iac'
  | 'metadata'
  | 'other';

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

/** The answer of `identify`: same bytes, same answer. */
export interface ArtifactType {
  /** Of the row of the table; `unknown` when no row knows. */
  readonly id: string;
  /** Well-known short English name, never empty: `Helm chart`. */
  readonly name: string;
  readonly category: Category;
  readonly rule: Rule;
  readonly evidence: readonly Evidence[];
  /** True when the config blob, not read yet, could still refine the name. */
  readonly refinable: boolean;
}
