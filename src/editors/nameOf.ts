import { l10n } from 'vscode';
import { identify, nameByDescriptor } from '../artifacts/identify.ts';
import { configName, layerName } from '../artifacts/layerName.ts';
import type { TypeTable } from '../artifacts/table.ts';
import type { ArtifactType } from '../artifacts/type.ts';
import type { Location } from '../browse/location.ts';
import { plainText } from '../host/plainText.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isOciError } from '../oci/errors.ts';
import { parseManifest } from '../oci/manifest.ts';

/** Short name of what a descriptor says; nothing is read for it. `owner` is the type of the manifest it stands in. */
export function nameOf(
  { kind }: Pick<Location, 'kind'>,
  descriptor: Descriptor,
  table: TypeTable,
  owner?: ArtifactType,
): string {
  switch (kind) {
    case 'manifest':
    case 'index':
      return descriptor.mediaType === ''
        ? l10n.t('Manifest')
        : plainText(nameByDescriptor(descriptor, {}, table).name);
    case 'config':
      return plainText(configName(descriptor, owner));
    case 'referrers':
      return l10n.t('Referrers');
    case 'blob':
      return descriptor.mediaType === '' ? l10n.t('Blob') : plainText(layerName(descriptor, owner, table));
  }
}

/** What a manifest or an index is; undefined for other documents, and for one that is not valid. */
export function typeOf(
  { kind, digest, mediaType, tag, size = 0 }: Location,
  bytes: Uint8Array,
  table: TypeTable,
): ArtifactType | undefined {
  if (kind !== 'manifest' && kind !== 'index') {
    return undefined;
  }
  try {
    return identify(parseManifest(bytes, mediaType), { mediaType, digest, size }, { tag }, table);
  } catch (error) {
    if (isOciError(error, 'manifest-invalid') || isOciError(error, 'too-large')) {
      return undefined;
    }
    throw error;
  }
}
