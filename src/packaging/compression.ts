import { parallelGzip } from '../archive/parallelGzip.ts';
import { parallelZstd } from '../archive/parallelZstd.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { Op } from '../oci/store.ts';

/** How the tar of a folder is compressed. `oras` unpacks gzip alone. */
export const compressions = ['gzip', 'zstd', 'none'] as const;
export type Compression = (typeof compressions)[number];

export interface PackOptions extends Op {
  /** True: a piece is done with when the next is asked for, and its memory used again. */
  readonly isBrief?: boolean | undefined;
}

interface Row {
  readonly mediaType: string;
  /** What it does with the tar: `copied` before it asks for more, `held` until later, or `passed` on. */
  readonly tar: 'copied' | 'held' | 'passed';
  readonly pack: (tar: AsyncIterable<Uint8Array>, op: PackOptions) => AsyncIterable<Uint8Array>;
}

const rows: Readonly<Record<Compression, Row>> = {
  gzip: {
    mediaType: MediaType.layerTarGzip,
    tar: 'copied',
    pack: parallelGzip,
  },
  zstd: {
    mediaType: MediaType.layerTarZstd,
    tar: 'held',
    pack: (tar, { signal }) => parallelZstd(tar, { signal }),
  },
  none: { mediaType: MediaType.layerTar, tar: 'passed', pack: (tar) => tar },
};

/** What the media type of a folder is, and how its tar is packed: the same bytes of the same tar. Default gzip. */
export function compressionOf({ compression = 'gzip' }: { readonly compression?: Compression }): Row {
  return rows[compression];
}
