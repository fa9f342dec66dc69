import type { Descriptor } from '../oci/descriptor.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import { generatedName } from './generatedName.ts';
import { typeRow, typeRows, type LayerRow } from './table.ts';
import type { ArtifactType } from './type.ts';

const byMediaType = new Map<string, LayerRow>();
for (const row of typeRows) {
  for (const layer of row.layers ?? []) {
    const key = layer.mediaType.toLowerCase();
    if (!byMediaType.has(key)) {
      byMediaType.set(key, layer);
    }
  }
}

/** Short name of a layer: what its owner's type calls it, else what any type does, else one made of the media type. */
export function layerName(layer: Descriptor, owner?: ArtifactType): string {
  const key = layer.mediaType.toLowerCase();
  const own = owner && typeRow(owner.id)?.layers?.find(({ mediaType }) => mediaType.toLowerCase() === key);
  return (
    (own ?? byMediaType.get(key))?.name ??
    (key === MediaType.octetStream || key === '' ? 'File' : generatedName(key))
  );
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
