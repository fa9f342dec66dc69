import type { Descriptor } from '../descriptor.ts';
import { algorithmOf, digestOf, isDigest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { parseManifest } from '../manifest.ts';
import { isManifestType } from '../mediaTypes.ts';
import { manifestDigest } from '../schema1.ts';
import { refuseHtml, registryHeader, type Answer } from './answer.ts';

/** What the bytes are, held against what was asked for and what the registry says. */
export function checkedManifest(ref: string, answer: Answer, bytes: Uint8Array): Descriptor {
  const said = registryHeader(answer, 'docker-content-digest');
  const wanted = isDigest(ref) ? ref : isDigest(said) ? said : undefined;
  const algorithm = wanted ? algorithmOf(wanted) : 'sha256';
  const mediaType = mediaTypeOf(answer);
  refuseHtml(answer);
  // Signed schema 1 may be named by all of its bytes too, where it was stored as anything else is.
  const all = digestOf(bytes, algorithm);
  const digest = all === wanted ? all : (manifestDigest(bytes, mediaType, algorithm) ?? all);
  if (wanted !== undefined && digest !== wanted) {
    throw new OciError('digest-mismatch', `The registry says ${wanted}, the bytes are ${digest}`);
  }
  // What the document says of itself is checked here, once, before anyone sees it.
  const parsed = parseManifest(bytes, isManifestType(mediaType) ? mediaType : '');
  return { mediaType: parsed.mediaType, digest, size: bytes.byteLength };
}

/** Without parameters; empty where nothing is said. */
export function mediaTypeOf(answer: Answer): string {
  return (registryHeader(answer, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
