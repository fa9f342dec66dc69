import type { Digest } from '../oci/digest.ts';

/**
 * What a document of the `oci:` file system shows. It holds everything, so that a restored tab needs no state.
 * `original` is the bytes as the registry has them, their digest checked; `formatted` is the same JSON, indented.
 */
export interface Location {
  readonly place: string;
  readonly repository: string;
  readonly kind: 'manifest' | 'index' | 'config' | 'referrers' | 'blob';
  /** Of the content; for `referrers`, of their subject. */
  readonly digest: Digest;
  /** Bytes, as the parent's descriptor says. */
  readonly size: number;
  readonly mediaType: string;
  /** How a person got here, for the title: `app:1.4.2`. */
  readonly tag?: string;
  readonly form: 'original' | 'formatted';
}
