import type { OciError } from '../oci/errors.ts';
import { isByType, type Listed, type Listing } from './listings.ts';
import type { GroupNode, Node, NoteNode, PlaceNode } from './node.ts';
import type { Nodes } from './nodes.ts';

interface Shown {
  /** Rows before the end. */
  readonly shown: number;
  /** Whether there are more than may be shown. */
  readonly cut: boolean;
  /** What to say where there is nothing. */
  readonly empty: NoteNode['note'];
  /** Tags that stand elsewhere. */
  readonly folded?: number;
}

/** What stands behind the names: a failure, notes, and the way to the next page. */
export function listEnd(
  nodes: Nodes,
  node: Listed | GroupNode,
  listing: Listing,
  { shown, cut, empty, folded = 0 }: Shown,
): readonly Node[] {
  const end: Node[] = [];
  const { list, filter, search, typeSearch } = listing;
  const error = list.error ?? typeSearch.error;
  const isOpen = list.hasMore || typeSearch.paused;
  if (node.kind === 'group') {
    // What is told of the list is told once, at the place.
  } else if (error) {
    end.push(
      node.kind === 'place' && hasNoCatalog(node, error)
        ? nodes.note(node, 'no-catalog')
        : nodes.failure(node, error),
    );
  } else if (search) {
    end.push(nodes.note(node, 'searching', isByType(listing) ? typeSearch.looked : 0));
  } else if (shown + folded === 0 && !isOpen) {
    end.push(nodes.note(node, filter === undefined ? empty : 'no-match'));
  }
  if (node.kind === 'place' && list.leftOut > 0) {
    end.push(nodes.note(node, 'left-out', list.leftOut));
  }
  if (!search && node.place.countsReads && isByType(listing)) {
    end.push(nodes.note(node, 'types-unread'));
  }
  if (folded > 0) {
    end.push(nodes.note(node, 'folded', folded));
  }
  if (cut || (isOpen && !search)) {
    end.push(nodes.more(node, shown, cut));
  }
  return end;
}

/** There is no list to read, which is no fault where repositories are pinned. */
function hasNoCatalog({ place }: PlaceNode, { code }: OciError): boolean {
  return (
    code === 'unsupported' ||
    code === 'not-found' ||
    (place.pinned.length > 0 && (code === 'denied' || code === 'unauthorized'))
  );
}
