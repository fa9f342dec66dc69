import type { Descriptor } from '../oci/descriptor.ts';
import type { Index } from '../oci/manifest.ts';
import { isIndexType } from '../oci/mediaTypes.ts';
import type { Named } from './browser.ts';
import { foldedAttestations } from './folding.ts';
import { maxChildren } from './listings.ts';
import type { ManifestNode, Node, TagNode } from './node.ts';
import type { Nodes } from './nodes.ts';

/** A manifest below itself is shown and not expanded; so is what is nested this deep. */
const maxDepth = 8;

/** Most attestations of one manifest; room for them, the config, the way to what is not shown, and the referrers. */
const maxAbout = 50;
const maxListed = maxChildren - 3 - maxAbout;

/** Whether a manifest stands too deep, or below itself, to be expanded. */
export function isTooDeep(node: TagNode | ManifestNode): boolean {
  return depthOf(node) > maxDepth;
}

/**
 * The manifests of an index or the config and layers of a manifest, then what is about it.
 * @param about attestations that stand beside it in its index
 */
export function manifestChildren(
  nodes: Nodes,
  node: TagNode | ManifestNode,
  named: Named,
  about: readonly Descriptor[] = [],
): readonly Node[] {
  const { manifest, descriptor } = named;
  if (!manifest) {
    return [];
  }
  const listed = manifest.kind === 'index' ? unfolded(manifest) : manifest.layers;
  const shown = listed.slice(0, maxListed);
  const { mediaType, digest, size } = descriptor;
  return [
    ...(manifest.kind === 'manifest' && manifest.config
      ? [nodes.blob(node, manifest.config, 'config', 0, descriptor)]
      : []),
    ...(manifest.kind === 'manifest'
      ? shown.map((layer, index) => nodes.blob(node, layer, 'layer', index, descriptor))
      : withOccurrences(shown).map(([child, occurrence]) =>
          nodes.manifest(node, child, isIndexType(child.mediaType) ? 'nested' : 'platform', occurrence),
        )),
    ...(shown.length < listed.length ? [nodes.more(node, shown.length, true)] : []),
    ...withOccurrences(about.slice(0, maxAbout)).map(([item, occurrence]) =>
      nodes.manifest(node, item, 'attestation', occurrence),
    ),
    nodes.referrers(node, { mediaType, digest, size }),
  ];
}

function unfolded(index: Index): readonly Descriptor[] {
  const folded = new Set([...foldedAttestations(index).values()].flat());
  return index.manifests.filter((item) => !folded.has(item));
}

/** Each with how many of the same digest stand before it. */
function withOccurrences<T extends { readonly digest: string }>(
  items: readonly T[],
): readonly (readonly [T, number])[] {
  const seen = new Map<string, number>();
  return items.map((item) => {
    const occurrence = seen.get(item.digest) ?? 0;
    seen.set(item.digest, occurrence + 1);
    return [item, occurrence];
  });
}

/** How many manifests stand above it; endless for one that stands above itself. */
function depthOf(node: TagNode | ManifestNode): number {
  let depth = 0;
  for (let above = node.parent; above; above = above.parent) {
    if (above.kind === 'manifest' || above.kind === 'tag') {
      depth++;
      if (
        above.kind === 'manifest' &&
        node.kind === 'manifest' &&
        above.descriptor.digest === node.descriptor.digest
      ) {
        return Infinity;
      }
    }
  }
  return depth;
}
