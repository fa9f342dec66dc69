import type { AnyManifest } from '../oci/manifest.ts';
import { generatedName, saysNothing } from './generatedName.ts';
import { isGenericType } from './subject.ts';
import type { TypeRow } from './table.ts';
import type { Category } from './type.ts';

/** What a new type would be told by, and a name to begin with. */
export interface TypeSignal {
  readonly field: 'artifactType' | 'configMediaType' | 'layerMediaType';
  readonly mediaType: string;
  readonly name: string;
}

/** The first that says what it is: artifactType, else the config's media type, else that of a layer. */
export function signalOf(manifest: AnyManifest): TypeSignal | undefined {
  const isImage = manifest.kind === 'manifest';
  const candidates: readonly (readonly [TypeSignal['field'], string | undefined])[] = [
    ['artifactType', manifest.artifactType],
    ['configMediaType', isImage ? manifest.config?.mediaType : undefined],
    ...(isImage ? manifest.layers : []).map(({ mediaType }) => ['layerMediaType', mediaType] as const),
  ];
  for (const [field, mediaType] of candidates) {
    if (mediaType && canBeTold(mediaType) && !isGenericType(mediaType) && !saysNothing(mediaType)) {
      return { field, mediaType, name: generatedName(mediaType).slice(0, 40).trim() };
    }
  }
  return undefined;
}

/** What stands for itself in a row: a manifest may say anything, and a star would claim all the others. */
function canBeTold(mediaType: string): boolean {
  return mediaType.length <= 255 && /^[!-)+-~]+$/.test(mediaType);
}

/** @param taken whether an id is in use */
export function newTypeRow(
  { field, mediaType }: TypeSignal,
  name: string,
  category: Category,
  taken: (id: string) => boolean,
): TypeRow {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ['type'];
  const base = words.join('-').slice(0, 56).replace(/-$/, '');
  let id = `my-${base}`;
  for (let count = 2; taken(id); count++) {
    id = `my-${base}-${count}`;
  }
  return { id, name, category, match: { [field]: mediaType } };
}
