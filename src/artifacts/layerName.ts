import type { Descriptor } from '../oci/descriptor.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { generatedName } from './generatedName.ts';
import { globMatcher } from './glob.ts';
import { identify } from './identify.ts';
import { builtInTable, type LayerRow, type TypeTable } from './table.ts';
import type { ArtifactType } from './type.ts';

/** Short name of a layer: what its owner's type calls it, else what any type does, else one made of the media type. */
export function layerName(layer: Descriptor, owner?: ArtifactType, table: TypeTable = builtInTable): string {
  const { mediaType } = layer;
  const own = owner && namedIn(table.byId.get(owner.id)?.layers, mediaType);
  const name = own ?? namedIn(layersOf(table), mediaType) ?? madeOf(mediaType);
  const predicate = predicateOf(layer, table);
  return predicate === undefined || predicate === name ? name : `${name} (${predicate})`;
}

function madeOf(mediaType: string): string {
  return mediaType === '' || mediaType.toLowerCase() === MediaType.octetStream
    ? 'File'
    : generatedName(mediaType);
}

const layersByTable = new WeakMap<TypeTable, readonly LayerRow[]>();

function layersOf(table: TypeTable): readonly LayerRow[] {
  const known = layersByTable.get(table) ?? table.rows.flatMap(({ layers }) => layers ?? []);
  layersByTable.set(table, known);
  return known;
}

function namedIn(layers: readonly LayerRow[] | undefined, mediaType: string): string | undefined {
  const key = mediaType.toLowerCase();
  const exact = layers?.find((layer) => layer.mediaType.toLowerCase() === key);
  return (
    exact ?? layers?.find((layer) => layer.mediaType.includes('*') && globMatcher(layer.mediaType)(key))
  )?.name;
}

/** Types whose content says what it states only in an annotation. */
const statements: ReadonlySet<string> = new Set([
  'application/vnd.in-toto+json',
  'application/vnd.dsse.envelope.v1+json',
]);

/** What an attestation states, by the predicate type on its layer: `SLSA provenance`. */
function predicateOf({ mediaType, annotations }: Descriptor, table: TypeTable): string | undefined {
  if (!annotations || !statements.has(mediaType.toLowerCase())) {
    return undefined;
  }
  const type = identify({ layers: [{ mediaType, annotations }] }, {}, {}, table);
  return type.evidence.length > 1 ? type.name : undefined;
}

/** Short name of a config: by the type that uses it, as nearly every type has a config of its own. */
export function configName(config: Descriptor, owner?: ArtifactType): string {
  if (config.mediaType === MediaType.empty) {
    return 'Empty config';
  }
  if (config.mediaType === MediaType.imageConfig || config.mediaType === MediaType.dockerConfig) {
    return 'Image config';
  }
  return owner && owner.id !== 'unknown'
    ? `${owner.name} config`
    : `${generatedName(config.mediaType)} config`;
}
