import { isDigest, type Digest } from './digest.ts';
import { OciError } from './errors.ts';

/** image-spec descriptor.md. Properties in the order Go writes them. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** Base64 of the content itself. */
  readonly data?: string;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

export type Annotations = Readonly<Record<string, string>>;

export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

/** Names of annotations, from image-spec annotations.md, from oras, from containerd and from BuildKit. */
export const Annotation = {
  title: 'org.opencontainers.image.title',
  created: 'org.opencontainers.image.created',
  refName: 'org.opencontainers.image.ref.name',
  containerdName: 'io.containerd.image.name',
  unpack: 'io.deis.oras.content.unpack',
  contentDigest: 'io.deis.oras.content.digest',
  attestationType: 'vnd.docker.reference.type',
  attestationSubject: 'vnd.docker.reference.digest',
} as const;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keeps string values only; the result has no prototype, so that no key of a server can mean anything else. */
export function parseAnnotations(value: unknown): Annotations | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  const kept: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const key of Object.keys(value)) {
    const text = value[key];
    if (typeof text === 'string') {
      kept[key] = text;
    }
  }
  return kept;
}

function parsePlatform(value: unknown): Platform | undefined {
  if (!isRecord(value) || typeof value['architecture'] !== 'string' || typeof value['os'] !== 'string') {
    return undefined;
  }
  const features = value['os.features'];
  return {
    architecture: value['architecture'],
    os: value['os'],
    ...(typeof value['os.version'] === 'string' ? { 'os.version': value['os.version'] } : {}),
    ...(Array.isArray(features)
      ? { 'os.features': features.filter((feature): feature is string => typeof feature === 'string') }
      : {}),
    ...(typeof value['variant'] === 'string' ? { variant: value['variant'] } : {}),
  };
}

/** `linux/arm64/v8`, as docker and oras write it. */
export function platformText(platform: Platform): string {
  const parts = [platform.os, platform.architecture, platform.variant].filter(Boolean);
  return parts.join('/') + (platform['os.version'] ? `:${platform['os.version']}` : '');
}

/**
 * A descriptor out of parsed JSON. Optional fields of a wrong type are dropped; the three required ones decide.
 * @throws {OciError} `manifest-invalid`
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isRecord(value)) {
    throw new OciError('manifest-invalid', `${where} is not a descriptor`);
  }
  const { mediaType, digest, size } = value;
  if (!isDigest(digest)) {
    throw new OciError('manifest-invalid', `${where} has no sha256 or sha512 digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new OciError('manifest-invalid', `${where} has no valid size`);
  }
  const annotations = parseAnnotations(value['annotations']);
  const platform = parsePlatform(value['platform']);
  const urls = value['urls'];
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    digest,
    size,
    ...(Array.isArray(urls) ? { urls: urls.filter((url): url is string => typeof url === 'string') } : {}),
    ...(annotations ? { annotations } : {}),
    ...(typeof value['data'] === 'string' ? { data: value['data'] } : {}),
    ...(platform ? { platform } : {}),
    ...(typeof value['artifactType'] === 'string' ? { artifactType: value['artifactType'] } : {}),
  };
}
