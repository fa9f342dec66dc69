import { many } from '../artifacts/claims.ts';
import { builtInTable, type TypeRow, type TypeTable } from '../artifacts/table.ts';
import { isMediaType } from '../oci/mediaTypes.ts';

/** What the push command offers; anything else is typed in. */
export interface PushType {
  readonly artifactType: string;
  /** English; translated where it is shown. */
  readonly label: string;
  /** Media types of layers that the row of the table names, without patterns; empty: any files. */
  readonly layers: readonly ExpectedLayer[];
}

export interface ExpectedLayer {
  readonly mediaType: string;
  readonly name: string;
}

/** Any files, where nothing better is known: the row with this type in the table says how it is shown. */
export const filesType: PushType = {
  artifactType: 'application/vnd.oci-explorer.files.v1',
  label: 'Files',
  layers: [],
};

/** Of the table of types: what needs a subject, or layers that only its own tool makes, is not offered. */
const madeByTools: ReadonlySet<string> = new Set(['image', 'signature', 'attestation', 'cache', 'vm']);

const offered = new WeakMap<TypeTable, readonly PushType[]>();

/** Types that are told by `artifactType` alone, with any files in their layers, by name. */
export function pushTypes(table: TypeTable = builtInTable): readonly PushType[] {
  let types = offered.get(table);
  if (!types) {
    types = table.rows
      .filter(({ category, match }) => !madeByTools.has(category ?? 'other') && !match.require)
      .flatMap((row) => {
        const artifactType = exactType(row);
        return artifactType === undefined || artifactType === filesType.artifactType
          ? []
          : [{ artifactType, label: row.name, layers: expectedLayers(row) }];
      })
      .sort((a, b) => a.label.localeCompare(b.label, 'en'));
    offered.set(table, types);
  }
  return types;
}

function expectedLayers({ layers = [] }: TypeRow): readonly ExpectedLayer[] {
  return layers
    .filter(({ mediaType }) => isMediaType(mediaType))
    .map(({ mediaType, name }) => ({ mediaType, name }));
}

/** The first type of a row; where the table has a glob, the media type of a layer in JSON that it stands for. */
function exactType({ match, layers = [] }: TypeRow): string | undefined {
  const types = many(match.artifactType);
  const [first = ''] = types;
  const stem = first.endsWith('*') ? first.slice(0, -1) : undefined;
  return stem === undefined
    ? types.find(isMediaType)
    : layers
        .map(({ mediaType }) => mediaType)
        .find((type) => type.startsWith(stem) && type.endsWith('+json'));
}
