import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOf, type Algorithm } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';

export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export function content(
  mediaType: string,
  text: string | Uint8Array,
  algorithm: Algorithm = 'sha256',
): Content {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return { descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.byteLength }, bytes };
}

export function manifestOf(config: Content, layers: readonly Content[], more: object = {}): Content {
  return content(
    MediaType.manifest,
    encodeManifest({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
      ...more,
    }),
  );
}
