import { Annotation, isRecord } from './descriptor.ts';
import { algorithmOf, digestOf, type Digest } from './digest.ts';
import { OciError } from './errors.ts';
import { parseJson, parseManifest } from './manifest.ts';
import type { FetchedManifest } from './store.ts';

/**
 * The index with only these of its manifests, and what BuildKit attests of them; all else stays as it stands there. It is
 * another manifest with another digest, unless nothing is left out.
 * @throws {OciError} `manifest-invalid` when none of them is in it
 */
export function someOfIndex(found: FetchedManifest, kept: readonly Digest[]): FetchedManifest {
  const { mediaType, digest } = found.descriptor;
  const index = parseManifest(found.bytes, mediaType);
  if (index.kind !== 'index') {
    return found;
  }
  const isKept = ({ digest: each, annotations }: (typeof index.manifests)[number]): boolean =>
    kept.includes(each) ||
    (annotations?.[Annotation.attestationType] !== undefined &&
      (kept as readonly string[]).includes(annotations[Annotation.attestationSubject] ?? ''));
  const places = index.manifests.map(isKept);
  if (!index.manifests.some(({ digest: each }) => kept.includes(each))) {
    throw new OciError('manifest-invalid', 'The index has none of the chosen manifests');
  }
  if (places.every(Boolean)) {
    return found;
  }
  const document = parseJson(found.bytes);
  const entries = Array.isArray(document['manifests']) ? document['manifests'] : [];
  const manifests = entries.filter((entry, at) => isRecord(entry) && places[at] === true);
  const bytes = new TextEncoder().encode(JSON.stringify({ ...document, manifests }));
  return {
    bytes,
    descriptor: { mediaType, digest: digestOf(bytes, algorithmOf(digest)), size: bytes.byteLength },
  };
}
