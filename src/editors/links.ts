import { parseTree, type Node } from 'jsonc-parser';
import type { Location } from '../browse/location.ts';
import { isDigest } from '../oci/digest.ts';
import { isIndexType, isManifestType } from '../oci/mediaTypes.ts';

/** A digest in a document, and what it names. */
export interface DigestLink {
  /** Position of the digest in the text, without its quotes. */
  readonly start: number;
  readonly end: number;
  readonly location: Location;
}

/** Most links of one document, and longest text that is looked through. */
const maxLinks = 5000;
const maxText = 8 * 1024 * 1024;

/** Every digest that stands in a descriptor: its siblings and its path say what it names. */
export function digestLinks(
  text: string,
  { place, repository }: Pick<Location, 'place' | 'repository'>,
): readonly DigestLink[] {
  const root = text.length <= maxText ? parseTree(text) : undefined;
  const links: DigestLink[] = [];
  const visit = (node: Node, key: string): void => {
    if (links.length >= maxLinks) {
      return;
    }
    if (node.type === 'object') {
      const fields = new Map(
        (node.children ?? []).map(
          ({ children }) => [children?.[0]?.value as unknown, children?.[1]] as const,
        ),
      );
      const digest = fields.get('digest');
      const value: unknown = digest?.value;
      if (digest && isDigest(value)) {
        const mediaType = stringOf(fields.get('mediaType'));
        const size: unknown = fields.get('size')?.value;
        links.push({
          start: digest.offset + 1,
          end: digest.offset + digest.length - 1,
          location: {
            place,
            repository,
            digest: value,
            mediaType,
            size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0,
            kind: isIndexType(mediaType)
              ? 'index'
              : isManifestType(mediaType)
                ? 'manifest'
                : key === 'config'
                  ? 'config'
                  : 'blob',
            form: 'original',
          },
        });
      }
      for (const [name, child] of fields) {
        if (child) {
          visit(child, typeof name === 'string' ? name : '');
        }
      }
    } else if (node.type === 'array') {
      for (const child of node.children ?? []) {
        visit(child, key);
      }
    }
  };
  if (root) {
    visit(root, '');
  }
  return links;
}

function stringOf(node: Node | undefined): string {
  return typeof node?.value === 'string' ? node.value : '';
}
