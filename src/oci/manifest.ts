import {
  isRecord,
  parseAnnotations,
  parseDescriptor,
  type Annotations,
  type Descriptor,
} from './descriptor.ts';
import { duplicateKey } from './duplicateKey.ts';
import { OciError } from './errors.ts';
import { isIndexType, MediaType } from './mediaTypes.ts';
import { parseBounded } from './parseBounded.ts';
import { isSchema1, schema1Content, type HistoryEntry } from './schema1.ts';

/** Most bytes of a manifest that are read or pushed (distribution-spec: clients SHOULD stay below 4 MiB). */
export const maxManifestSize = 4 * 1024 * 1024;

interface Common {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** An OCI image manifest, a docker schema 2 manifest or, its `blobs` read as layers, an OCI artifact manifest. */
export interface Manifest extends Common {
  readonly kind: 'manifest';
  /** Absent in an OCI artifact manifest and in docker schema 1. */
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Of docker schema 1, whose layers have no sizes: an entry for each of them. */
  readonly history?: readonly HistoryEntry[];
}

/** An OCI image index or a docker manifest list. */
export interface Index extends Common {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

export type AnyManifest = Manifest | Index;

/**
 * Parses exactly the bytes given. What the document says it is must agree with itself and with `mediaType`:
 * one that could be read as an index and as a manifest is refused (CVE-2021-41190).
 * @param mediaType of the descriptor or the `Content-Type`, without parameters; may be empty when unknown
 * @throws {OciError} `manifest-invalid`, `too-large`
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): AnyManifest {
  if (bytes.byteLength > maxManifestSize) {
    throw new OciError(
      'too-large',
      `Manifest of ${bytes.byteLength} bytes; at most ${maxManifestSize} are read`,
    );
  }
  const json = parseJson(bytes);
  const twice = duplicateKey(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  if (twice !== undefined) {
    throw new OciError('manifest-invalid', `The document names ${twice.slice(0, 200)} twice`);
  }
  const stated = json['mediaType'];
  if (stated !== undefined && typeof stated !== 'string') {
    throw new OciError('manifest-invalid', 'mediaType of the manifest is not a string');
  }
  if (stated && mediaType && stated !== mediaType && mediaType !== MediaType.octetStream) {
    throw new OciError(
      'manifest-invalid',
      `Manifest says it is ${stated.slice(0, 200)}, but was served as ${mediaType.slice(0, 200)}`,
    );
  }
  const hasManifests = 'manifests' in json;
  if (hasManifests && ('layers' in json || 'config' in json || 'fsLayers' in json)) {
    throw new OciError('manifest-invalid', 'The document is an index and a manifest at once');
  }
  const given = stated || (mediaType === MediaType.octetStream ? '' : mediaType);
  const type =
    given ||
    (hasManifests
      ? MediaType.index
      : json['schemaVersion'] === 1
        ? MediaType.dockerSchema1
        : MediaType.manifest);
  if (isIndexType(type) !== hasManifests && (hasManifests || isIndexType(type))) {
    throw new OciError('manifest-invalid', `The document does not have the fields of ${type.slice(0, 200)}`);
  }
  const annotations = parseAnnotations(json['annotations']);
  const artifactType = json['artifactType'];
  const common = {
    mediaType: type,
    ...(typeof artifactType === 'string' && artifactType ? { artifactType } : {}),
    ...(isRecord(json['subject']) ? { subject: parseDescriptor(json['subject'], 'subject') } : {}),
    ...(annotations ? { annotations } : {}),
  };
  if (hasManifests) {
    return { kind: 'index', ...common, manifests: descriptors(json['manifests'], 'manifests') };
  }
  if (isSchema1(type)) {
    return { kind: 'manifest', ...common, ...schema1Content(json) };
  }
  // Artifact manifests, OCI's and the one of ORAS before it, call them blobs.
  const layers = json['layers'] ?? json['blobs'];
  return {
    kind: 'manifest',
    ...common,
    ...(isRecord(json['config']) ? { config: parseDescriptor(json['config'], 'config') } : {}),
    layers: descriptors(layers, 'layers'),
  };
}

function descriptors(value: unknown, where: string): readonly Descriptor[] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw new OciError('manifest-invalid', `${where} is not a list`);
  }
  return value.map((item, index) => parseDescriptor(item, `${where}[${index}]`));
}

/**
 * A JSON object of bounded depth.
 * @throws {OciError} `manifest-invalid`
 */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseBounded(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError('manifest-invalid', 'Not JSON', { cause });
  }
  if (!isRecord(value)) {
    throw new OciError('manifest-invalid', 'Not a JSON object of sane depth');
  }
  return value;
}

/**
 * What must be present before the manifest is: config and layers, or the manifests of an index. Layers of schema 1 are not
 * among them: without a size they are no descriptors to hold anything against.
 */
export function successors(manifest: AnyManifest): readonly Descriptor[] {
  if (manifest.kind === 'manifest' && manifest.history) {
    return [];
  }
  return manifest.kind === 'index'
    ? manifest.manifests
    : [...(manifest.config ? [manifest.config] : []), ...manifest.layers];
}
