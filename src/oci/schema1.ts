import { isRecord, type Descriptor } from './descriptor.ts';
import { digestOf, isDigest, type Algorithm, type Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { MediaType } from './mediaTypes.ts';

/** What docker schema 1 says of how a layer came to be. */
export interface HistoryEntry {
  /** RFC 3339, as it stands there. */
  readonly created?: string;
  /** The command, in one line. */
  readonly createdBy?: string;
}

/** Longest command that is kept. */
const maxCommand = 4096;

export function isSchema1(mediaType: string): boolean {
  return mediaType === MediaType.dockerSchema1 || mediaType === MediaType.dockerSchema1Signed;
}

/**
 * `fsLayers` as layers, the lowest first as everywhere else, each with its entry of `history`. Their sizes are said nowhere: 0.
 * @throws {OciError} `manifest-invalid`
 */
export function schema1Content(json: Readonly<Record<string, unknown>>): {
  readonly layers: readonly Descriptor[];
  readonly history: readonly HistoryEntry[];
} {
  const fsLayers = json['fsLayers'] ?? [];
  if (!Array.isArray(fsLayers)) {
    throw new OciError('manifest-invalid', 'fsLayers is not a list');
  }
  const history: readonly unknown[] = Array.isArray(json['history']) ? json['history'] : [];
  const layers = fsLayers.map((item: unknown, index): Descriptor => {
    const digest = isRecord(item) ? item['blobSum'] : undefined;
    if (!isDigest(digest)) {
      throw new OciError('manifest-invalid', `fsLayers[${index}] has no sha256 or sha512 digest`);
    }
    return { mediaType: MediaType.dockerSchema1Layer, digest, size: 0 };
  });
  return {
    layers: layers.toReversed(),
    history: layers.map((_, index) => entryOf(history[index])).reverse(),
  };
}

/** The image of one layer, as JSON in a text. */
function entryOf(item: unknown): HistoryEntry {
  const text = isRecord(item) ? item['v1Compatibility'] : undefined;
  let image: unknown;
  try {
    image = typeof text === 'string' ? JSON.parse(text) : undefined;
  } catch {
    image = undefined;
  }
  if (!isRecord(image)) {
    return {};
  }
  const { created, container_config: container } = image;
  const command = isRecord(container) ? container['Cmd'] : undefined;
  const words = Array.isArray(command) ? command.filter((word) => typeof word === 'string') : [];
  return {
    ...(typeof created === 'string' ? { created } : {}),
    ...(words.length > 0 ? { createdBy: words.join(' ').slice(0, maxCommand) } : {}),
  };
}

/**
 * What a manifest is named by: its bytes; of signed schema 1 the payload without the signatures, which are others each time a
 * registry signs.
 * @returns undefined for signed schema 1 whose payload is not what people would be shown
 */
export function manifestDigest(
  bytes: Uint8Array,
  mediaType: string,
  algorithm: Algorithm = 'sha256',
): Digest | undefined {
  if (mediaType !== MediaType.dockerSchema1Signed) {
    return digestOf(bytes, algorithm);
  }
  const payload = signedPayload(bytes);
  return payload && digestOf(payload, algorithm);
}

/**
 * The signed bytes of a JSON Web Signature of libtrust: the first `formatLength` bytes of the document and `formatTail`. They
 * must say the same as the document does without its signatures: else one thing would be named and another shown.
 */
function signedPayload(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const { signatures, ...shown } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
    const [first] = signatures as readonly { readonly protected: string }[];
    const { formatLength, formatTail } = JSON.parse(
      Buffer.from(first?.protected ?? '', 'base64url').toString(),
    ) as { readonly formatLength: number; readonly formatTail: string };
    const payload = Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, 'base64url')]);
    return JSON.stringify(JSON.parse(payload.toString())) === JSON.stringify(shown) ? payload : undefined;
  } catch {
    return undefined;
  }
}
