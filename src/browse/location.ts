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
  /** Bytes, as the parent's descriptor says; absent where a digest stands without a descriptor. */
  readonly size?: number;
  readonly mediaType: string;
  /** How a person got here, for the title: `app:1.4.2`. */
  readonly tag?: string;
  /**
   * Media type that was accepted alone when this came back for `tag`, where the registry has it under no digest: it converts
   * what it has for older clients.
   */
  readonly accept?: string;
  /** Of a blob: the file name its descriptor gives it, as `contentName` lets it through. */
  readonly name?: string;
  readonly form: 'original' | 'formatted';
}
