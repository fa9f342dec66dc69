/** Media types of the OCI image specification and of docker schema 2, whole and case-sensitive. */
export const MediaType = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  imageConfig: 'application/vnd.oci.image.config.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  layerTar: 'application/vnd.oci.image.layer.v1.tar',
  layerTarGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerTarZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  artifactManifest: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  dockerSchema1Layer: 'application/vnd.docker.container.image.rootfs.diff+x-gtar',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  octetStream: 'application/octet-stream',
} as const;

const indexTypes: ReadonlySet<string> = new Set([MediaType.index, MediaType.dockerList]);

const manifestTypes: ReadonlySet<string> = new Set([
  ...indexTypes,
  MediaType.manifest,
  MediaType.dockerManifest,
  MediaType.artifactManifest,
  MediaType.dockerSchema1,
  MediaType.dockerSchema1Signed,
]);

/** True for a list of manifests: an OCI index or a docker manifest list. */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.has(mediaType);
}

/** True for everything a registry serves under `/manifests/`; all else is a blob. */
export function isManifestType(mediaType: string): boolean {
  return manifestTypes.has(mediaType);
}

/**
 * The one `Accept` list for a manifest asked by tag. An index comes first: without it servers answer 404 or
 * convert to schema 1 (distribution-spec, content negotiation).
 */
export const manifestAccept = [
  MediaType.index,
  MediaType.manifest,
  MediaType.dockerList,
  MediaType.dockerManifest,
  MediaType.artifactManifest,
].join(', ');

/** What a manifest calls its layers: artifact manifests, OCI's and the one of ORAS before it, have blobs. */
export function layersField(mediaType: string): 'layers' | 'blobs' {
  return /\bartifact\.manifest\./.test(mediaType) ? 'blobs' : 'layers';
}

/** What clients of different ages ask for, from now back to the first, and what people call it. */
export const manifestForms = [
  { mediaType: MediaType.index, name: 'OCI index' },
  { mediaType: MediaType.manifest, name: 'OCI manifest' },
  { mediaType: MediaType.dockerList, name: 'Docker manifest list' },
  { mediaType: MediaType.dockerManifest, name: 'Docker schema 2' },
  { mediaType: MediaType.dockerSchema1Signed, name: 'Docker schema 1' },
] as const;

/** The `Accept` of a client that knows nothing but this; docker asked for schema 1 signed and, where it is not, unsigned. */
export function onlyAccept(mediaType: string): string {
  return mediaType === MediaType.dockerSchema1Signed ? `${mediaType}, ${MediaType.dockerSchema1}` : mediaType;
}

/** RFC 6838 `type/subtype`, as checked by oras for artifact and config types. */
const mediaTypeGrammar = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

export function isMediaType(text: string): boolean {
  return text.length < 256 && mediaTypeGrammar.test(text);
}
