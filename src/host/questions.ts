import type { Node } from '../browse/node.ts';
import type { Place } from '../browse/place.ts';

/** What is known already; it is not asked. */
export interface Known {
  readonly place?: Place | undefined;
  readonly repository?: string | undefined;
}

/** For commands that come from the palette and find no row they are about. Each throws an abort when the person leaves. */
export interface Questions {
  repository(title: string, known: Known): Promise<{ readonly place: Place; readonly repository: string }>;
  /** A tag or digest. */
  ref(
    title: string,
    known: Known,
  ): Promise<{ readonly place: Place; readonly repository: string; readonly ref: string }>;
}

/** What a row says of where it stands; nothing without a row. */
export function knownOf(node: Node | undefined): Known {
  return {
    place: node && 'place' in node ? node.place : undefined,
    repository: node && 'repository' in node ? node.repository : undefined,
  };
}
