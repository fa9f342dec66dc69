import type { Named } from './browser.ts';
import type { Listing } from './listings.ts';
import type { TagNode } from './node.ts';

/** A tag was named: its date, and of the first one what the repository holds. */
export function learn(listing: Listing, node: TagNode, { type, created }: Named): void {
  listing.first ??= node;
  if (listing.first.tag === node.tag) {
    listing.firstType = type.name;
  }
  if (created) {
    listing.found.set(node.tag, created);
  }
}

/**
 * A page is named as a whole: only now rows move to where their dates put them, and the repository says what it holds.
 * @returns whether that changes what is shown
 */
export function settle(listing: Listing, sortsByDate: boolean): boolean {
  const { found, dates, holds, firstType } = listing;
  const moves = sortsByDate && [...found].some(([tag, date]) => dates.get(tag)?.getTime() !== date.getTime());
  listing.dates = new Map(found);
  listing.holds = firstType;
  return moves || holds !== firstType;
}
