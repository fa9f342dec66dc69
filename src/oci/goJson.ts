import type { Descriptor } from './descriptor.ts';

/** Key order of Go's structs in image-spec specs-go/v1, so that the same input gives the digest oras gives. */
const manifestKeys = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
];
const descriptorKeys = [
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'platform',
  'artifactType',
];
const platformKeys = ['architecture', 'os', 'os.version', 'os.features', 'variant'];

/** What a manifest is written from; empty maps and absent fields are left out, as `omitempty` does. */
export interface ManifestDocument {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Compact JSON, byte for byte as Go's `encoding/json` writes the same manifest or index. */
export function encodeManifest(document: ManifestDocument): Uint8Array {
  const { config, layers, manifests, subject, annotations } = document;
  const text = objectText(document, manifestKeys, {
    ...(config ? { config: descriptorText(config) } : {}),
    ...(layers ? { layers: `[${layers.map(descriptorText).join(',')}]` } : {}),
    ...(manifests ? { manifests: `[${manifests.map(descriptorText).join(',')}]` } : {}),
    ...(subject ? { subject: descriptorText(subject) } : {}),
    ...(annotations ? { annotations: mapText(annotations) } : {}),
  });
  return new TextEncoder().encode(goEscaped(text));
}

/** JSON as Go writes it: some characters that need no escape have one. */
export function goEscaped(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character);
}

function descriptorText(descriptor: Descriptor): string {
  const { annotations, platform } = descriptor;
  return objectText(descriptor, descriptorKeys, {
    ...(annotations ? { annotations: mapText(annotations) } : {}),
    ...(platform ? { platform: objectText(platform, platformKeys, {}) } : {}),
  });
}

/** The fields in the given order, those of `written` as they stand there; absent ones and empty maps left out. */
function objectText(
  value: object,
  keys: readonly string[],
  written: Readonly<Record<string, string>>,
): string {
  const fields = keys.flatMap((key) => {
    const field = (value as Readonly<Record<string, unknown>>)[key];
    const text = written[key] ?? JSON.stringify(field);
    return field === undefined || (key === 'annotations' && text === '{}')
      ? []
      : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${fields.join(',')}}`;
}

/** Go sorts the keys of a map by their UTF-8 bytes. */
function mapText(map: Readonly<Record<string, string>>): string {
  const entries = Object.entries(map);
  entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${entries.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(',')}}`;
}

/** Go escapes these in strings by default; none of them can stand outside a string. */
const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};
