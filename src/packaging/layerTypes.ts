import { many } from '../artifacts/claims.ts';
import { fileEnding } from '../artifacts/fileNames.ts';
import { globMatcher } from '../artifacts/glob.ts';
import type { LayerRow, TypeRow } from '../artifacts/table.ts';
import { isMediaType } from '../oci/mediaTypes.ts';
import type { PlanLayer } from './plan.ts';

/** Other names files of one kind go by. */
const sameAs: Readonly<Record<string, readonly string[]>> = {
  '.tar.gz': ['.tar.gz', '.tgz'],
  '.tar.zst': ['.tar.zst', '.tzst'],
  '.yaml': ['.yaml', '.yml'],
};

/** Names of the files that a layer is, `*` for anything: as its row says, else by its media type, where that tells. */
export function layerFiles(layer: LayerRow): readonly string[] | undefined {
  const ending = layer.files === undefined ? fileEnding(layer) : undefined;
  return layer.files === undefined
    ? ending === undefined
      ? undefined
      : (sameAs[ending] ?? [ending]).map((each) => `*${each}`)
    : many(layer.files);
}

/**
 * The media type that what is pushed has as a layer of a type: of a file the first layer of the row that such files are, of a
 * folder the first that is a tar and gzip. Undefined where the row does not tell; then it is as oras says.
 */
export function layerTypeOf({ layers = [] }: TypeRow, { kind, title }: PlanLayer): string | undefined {
  const exact = layers.filter(({ mediaType }) => isMediaType(mediaType));
  const name = title.slice(title.lastIndexOf('/') + 1);
  const found =
    kind === 'folder'
      ? exact.find((layer) => fileEnding(layer) === '.tar.gz')
      : exact.find((layer) => layerFiles(layer)?.some((pattern) => globMatcher(pattern)(name)));
  const [only] = exact;
  // What says nothing of its bytes may be any file.
  const isAny = kind === 'file' && layers.length === 1 && only && layerFiles(only) === undefined;
  return (found ?? (isAny ? only : undefined))?.mediaType;
}
