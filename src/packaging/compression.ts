import { parallelGzip } from '../archive/parallelGzip.ts';
import { parallelZstd } from '../archive/parallelZstd.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { Op } from '../oci/store.ts';

/** How the tar of a folder is compressed. `oras` unpacks gzip alone. */
export const compressions = ['gzip', 'zstd', 'none'] as const;
export type Compression = (typeof compressions)[number];

interface Row {
  readonly mediaType: string;
  /** True: it copies what it is given before it asks for more. */
  readonly copies: boolean;
  readonly pack: (tar: AsyncIterable<Uint8Array>, op: Op) => AsyncIterable<Uint8Array>;
}

const rows: Readonly<Record<Compression, Row>> = {
  gzip: {
    mediaType: MediaType.layerTarGzip,
    copies: true,
    pack: (tar, { signal }) => parallelGzip(tar, { signal }),
  },
  zstd: {
    mediaType: MediaType.layerTarZstd,
    copies: false,
    pack: (tar, { signal }) => parallelZstd(tar, { signal }),
  },
  none: { mediaType: MediaType.layerTar, copies: false, pack: (tar) => tar },
};

/** What the media type of a folder is, and how its tar is packed: the same bytes of the same tar. Default gzip. */
export function compressionOf({ compression = 'gzip' }: { readonly compression?: Compression }): Row {
  return rows[compression];
}
