import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Index } from '../oci/manifest.ts';
import type { Named } from './browser.ts';
import type { ManifestNode, TagNode } from './node.ts';

const foldedTag = /^sha(?:256|512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** True for a tag that only says what is attached to another manifest: it stands below that one, not among the tags. */
export function isFoldedTag(tag: string): boolean {
  return foldedTag.test(tag);
}

/** Attestations BuildKit keeps in an index, by the manifest they are about; what is about nothing listed is not among them. */
export function foldedAttestations(index: Index): ReadonlyMap<Digest, readonly Descriptor[]> {
  const subjects = new Map<string, Descriptor[]>();
  for (const item of index.manifests) {
    if (!isAttestation(item)) {
      subjects.set(item.digest, []);
    }
  }
  for (const item of index.manifests) {
    if (isAttestation(item)) {
      subjects.get(item.annotations?.[Annotation.attestationSubject] ?? '')?.push(item);
    }
  }
  return new Map([...subjects].filter(([, items]) => items.length > 0)) as Map<Digest, Descriptor[]>;
}

export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.[Annotation.attestationType] === 'attestation-manifest';
}

/** Attestations that stand beside a manifest in its index, which was read before. */
export async function attestationsAbout(
  node: TagNode | ManifestNode,
  read: (index: TagNode | ManifestNode) => Promise<Pick<Named, 'manifest'>>,
): Promise<readonly Descriptor[]> {
  const { parent } = node;
  if (node.kind !== 'manifest' || (parent?.kind !== 'tag' && parent?.kind !== 'manifest')) {
    return [];
  }
  const { manifest } = await read(parent);
  return manifest?.kind === 'index' && node.role !== 'attestation'
    ? (foldedAttestations(manifest).get(node.descriptor.digest) ?? [])
    : [];
}
