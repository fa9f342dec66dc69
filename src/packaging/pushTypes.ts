import { many } from '../artifacts/claims.ts';
import { identify } from '../artifacts/identify.ts';
import { builtInTable, type PushRow, type TypeRow, type TypeTable } from '../artifacts/table.ts';
import { isMediaType } from '../oci/mediaTypes.ts';

/** What the push command offers; anything else is typed in. */
export interface PushType {
  /** Id of the row, else the media type that was typed in. */
  readonly id: string;
  /** English; translated where it is shown. */
  readonly label: string;
  /** What the manifest says of itself. */
  readonly push: PushRow;
  /** The row that says what its layers are; undefined: any files, as oras pushes them. */
  readonly row?: TypeRow;
  /** Media types of layers that the row of the table names, without patterns; empty: any files. */
  readonly layers: readonly ExpectedLayer[];
}

export interface ExpectedLayer {
  readonly mediaType: string;
  readonly name: string;
}

/** Any files, where nothing better is known: the row with this type in the table says how it is shown. */
export const filesType: PushType = {
  id: 'application/vnd.oci-explorer.files.v1',
  label: 'Files',
  push: { artifactType: 'application/vnd.oci-explorer.files.v1' },
  layers: [],
};

/** Of the table of types: what needs a subject, or layers that only its own tool makes, is not offered where its row does not say how. */
const madeByTools: ReadonlySet<string> = new Set(['image', 'signature', 'attestation', 'cache', 'vm']);

const offered = new WeakMap<TypeTable, readonly PushType[]>();

/** The types of the table that can be made from files, by name. */
export function pushTypes(table: TypeTable = builtInTable): readonly PushType[] {
  let types = offered.get(table);
  if (!types) {
    types = table.rows
      .flatMap((row) => {
        const push = pushOf(row);
        return push === undefined || push.artifactType === filesType.push.artifactType
          ? []
          : [{ id: row.id, label: row.name, push, row, layers: expectedLayers(row) }];
      })
      .sort((a, b) => a.label.localeCompare(b.label, 'en'));
    offered.set(table, types);
  }
  return types;
}

/** What tells the type of a manifest that is pushed: shown, and what a person may type. */
export function pushMediaType({ push }: PushType): string {
  return push.artifactType ?? push.configMediaType ?? '';
}

/** The type that a person typed in: one that is offered and told by it, else one of its own. */
export function typedType(text: string, table: TypeTable): PushType | undefined {
  if (!isMediaType(text)) {
    return undefined;
  }
  const all = [filesType, ...pushTypes(table)];
  const row = table.byId.get(identify({ artifactType: text, layers: [] }, {}, {}, table).id);
  return (
    all.find((type) => pushMediaType(type) === text) ?? {
      id: text,
      label: text,
      push: { artifactType: text },
      ...(row ? { row } : {}),
      layers: row ? expectedLayers(row) : [],
    }
  );
}

function pushOf(row: TypeRow): PushRow | undefined {
  if (row.push !== undefined) {
    return row.push === false ? undefined : row.push;
  }
  const { match, category = 'other', fallback, variant } = row;
  if (madeByTools.has(category) || match.require || fallback || variant) {
    return undefined;
  }
  const artifactType = exactType(row);
  const configMediaType = many(match.configMediaType).find(isMediaType);
  return artifactType !== undefined
    ? { artifactType }
    : configMediaType !== undefined
      ? { configMediaType }
      : undefined;
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
