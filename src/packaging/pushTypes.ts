import { many } from '../artifacts/claims.ts';
import { typeRows, type TypeRow } from '../artifacts/table.ts';
import { isMediaType } from '../oci/mediaTypes.ts';

/** What the push command offers; anything else is typed in. */
export interface PushType {
  readonly artifactType: string;
  /** English; translated where it is shown. */
  readonly label: string;
}

/** Any files, where nothing better is known. */
export const filesType: PushType = {
  artifactType: 'application/vnd.oci-explorer.files.v1',
  label: 'Files',
};

/** Of the table of types: what needs a subject, or layers that only its own tool makes, is not offered. */
const madeByTools: ReadonlySet<string> = new Set(['image', 'signature', 'attestation', 'cache', 'vm']);

/** Types that are told by `artifactType` alone, with any files in their layers, by name. */
export const knownTypes: readonly PushType[] = typeRows
  .filter(({ category, match }) => !madeByTools.has(category ?? 'other') && !match.require)
  .flatMap((row) => {
    const artifactType = exactType(row);
    return artifactType === undefined ? [] : [{ artifactType, label: row.name }];
  })
  .sort((a, b) => a.label.localeCompare(b.label, 'en'));

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
