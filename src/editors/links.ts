import { contentName } from '../browse/locationText.ts';
import type { Location } from '../browse/location.ts';
import { Annotation, isRecord, parseDescriptor, type Descriptor } from '../oci/descriptor.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { isIndexType, isManifestType } from '../oci/mediaTypes.ts';
import { jsonTokens } from './jsonTokens.ts';

/** A digest in a document, and what it names. */
export interface DigestLink {
  /** Position of the digest in the text, without its quotes. */
  readonly start: number;
  readonly end: number;
  readonly location: Location;
  /** As the document holds it; what it does not say is empty, and a size it does not say is 0. */
  readonly descriptor: Descriptor;
}

/** Most links of one document: a manifest of 4 MiB has room for thirty thousand descriptors. */
const maxLinks = 20_000;

/** Longest text that is looked through. */
const maxText = 8 * 1024 * 1024;

/** Deepest nesting that is looked into; every descriptor of the specification stands in the first four levels. */
const maxDepth = 8;

/** What stands where in a manifest or an index, whatever its media type claims: a layer is fetched as a blob. */
const positions: Readonly<Record<string, 'config' | 'blob' | 'manifest'>> = {
  config: 'config',
  'layers/': 'blob',
  'blobs/': 'blob',
  'manifests/': 'manifest',
  subject: 'manifest',
};

/** BuildKit's older cache lists layers and its config among the manifests of an index. */
const archives = /[.+](?:tar|gzip|zstd)$|cacheconfig/;

/**
 * Digests that stand alone, without a media type and a size, and yet name content of the same repository. All others do not:
 * `diff_ids` are of uncompressed layers, `org.opencontainers.image.base.digest` is of another repository.
 */
const loneDigests: Readonly<Record<string, 'blob' | 'manifest'>> = {
  /** Docker schema 1. */
  blobSum: 'blob',
  /** Config of a Wasm artifact. */
  layerDigests: 'blob',
  /** BuildKit: what an attestation is about. */
  'vnd.docker.reference.digest': 'manifest',
  /** Payload of a cosign signature. */
  'docker-manifest-digest': 'manifest',
  /** SOCI, on the index's layers and on the manifest. */
  'com.amazon.soci.image-layer-digest': 'blob',
  'com.amazon.soci.index-digest': 'manifest',
};

interface Frame {
  readonly isArray: boolean;
  readonly start: number;
  /** The key it stands under; in a list, the key of the list. */
  readonly under: string;
  /** Of an object: the key whose value comes next. */
  key: string;
  /** Of an object: where its `digest` stands. */
  digest?: Span;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Every digest that names content of the repository, in the order of the text. One pass, without recursion. */
export function digestLinks(
  text: string,
  from: Pick<Location, 'place' | 'repository' | 'kind' | 'tag'>,
): readonly DigestLink[] {
  const links: DigestLink[] = [];
  const frames: Frame[] = [];
  let depth = 0;
  let isValue = false;
  for (const token of text.length <= maxText ? jsonTokens(text) : []) {
    const frame = depth === frames.length ? frames.at(-1) : undefined;
    switch (token.kind) {
      case '{':
      case '[':
        if (depth === frames.length && depth < maxDepth) {
          const under = frame?.isArray ? frame.under : (frame?.key ?? '');
          frames.push({ isArray: token.kind === '[', start: token.start, under, key: '' });
        }
        depth++;
        isValue = token.kind === '[';
        break;
      case '}':
      case ']':
        if (frame) {
          addDescriptor(frame, token.end);
          frames.pop();
        }
        depth = Math.max(0, depth - 1);
        break;
      case ':':
        isValue = true;
        break;
      case ',':
        isValue = frame?.isArray ?? false;
        break;
      case 'string':
        if (frame && isValue) {
          addDigest(frame, token);
        } else if (frame) {
          frame.key = keyOf(token);
        }
        break;
      default:
    }
    if (links.length >= maxLinks) {
      break;
    }
  }
  return links.sort((a, b) => a.start - b.start);

  function keyOf({ start, end }: Span): string {
    return end - start < 100 ? text.slice(start + 1, end - 1) : '';
  }

  function addDigest(frame: Frame, token: Span): void {
    const key = frame.isArray ? frame.under : frame.key;
    if (key === 'digest' && !frame.isArray) {
      frame.digest = { start: token.start + 1, end: token.end - 1 };
      return;
    }
    const kind = Object.hasOwn(loneDigests, key) ? loneDigests[key] : undefined;
    const digest = kind && digestAt({ start: token.start + 1, end: token.end - 1 });
    if (kind && digest) {
      const span = { start: token.start + 1, end: token.end - 1 };
      links.push(linkOf(span, kind, { mediaType: '', digest, size: 0 }, undefined));
    }
  }

  function digestAt({ start, end }: Span): Digest | undefined {
    const value = end - start < 200 ? text.slice(start, end) : '';
    return isDigest(value) ? value : undefined;
  }

  function addDescriptor(frame: Frame, end: number): void {
    const digest = frame.digest && digestAt(frame.digest);
    const fields = digest && objectAt(text, frame.start, end);
    if (!frame.digest || !digest || !fields) {
      return;
    }
    const mediaType = typeof fields['mediaType'] === 'string' ? fields['mediaType'] : '';
    const position = positionOf(frame);
    const kind =
      position === 'manifest' && archives.test(mediaType)
        ? 'blob'
        : (position ?? (mediaType === '' ? undefined : kindOf(mediaType)));
    if (kind) {
      const size = fields['size'];
      const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
      const descriptor = parseDescriptor({ ...fields, digest, size: isSize ? size : 0 }, 'descriptor');
      links.push(linkOf(frame.digest, kind, descriptor, isSize ? size : undefined));
    }
  }

  function positionOf(frame: Frame): 'config' | 'blob' | 'manifest' | undefined {
    const isManifest = from.kind === 'manifest' || from.kind === 'index' || from.kind === 'referrers';
    const inList = frames.length === 3 && (frames[1]?.isArray ?? false);
    if (!isManifest || !(frames.length === 2 || inList)) {
      return undefined;
    }
    const where = inList ? `${frame.under}/` : frame.under;
    return Object.hasOwn(positions, where) ? positions[where] : undefined;
  }

  function linkOf(
    { start, end }: Span,
    kind: 'config' | 'blob' | 'manifest',
    descriptor: Descriptor,
    size: number | undefined,
  ): DigestLink {
    const { mediaType, digest, annotations } = descriptor;
    const isManifest = kind === 'manifest';
    // What belongs to a manifest goes by the manifest's tag; another manifest goes by its digest.
    const tag = isManifest || from.kind !== 'manifest' ? undefined : from.tag;
    const name = kind === 'blob' ? contentName(annotations?.[Annotation.title]) : undefined;
    const location: Location = {
      place: from.place,
      repository: from.repository,
      kind: isManifest && isIndexType(mediaType) ? 'index' : kind,
      digest,
      mediaType,
      ...(size === undefined ? {} : { size }),
      ...(tag === undefined ? {} : { tag }),
      ...(name === undefined ? {} : { name }),
      form: 'original',
    };
    return { start, end, location, descriptor };
  }
}

function kindOf(mediaType: string): 'blob' | 'manifest' {
  return isManifestType(mediaType) ? 'manifest' : 'blob';
}

/** Largest object that is read as a descriptor: with `data` in it, it may be long, but not without end. */
const maxDescriptor = 64 * 1024;

function objectAt(text: string, start: number, end: number): Readonly<Record<string, unknown>> | undefined {
  if (end - start > maxDescriptor) {
    return {};
  }
  try {
    const value: unknown = JSON.parse(text.slice(start, end));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
