import { OciError } from './errors.ts';
import type { Page, PageOp } from './store.ts';

/** Most pages that are followed: at 1,000 items each, a million names. */
const maxPages = 1000;
/** Most pages in a row that bring nothing: a registry that filters gives empty ones. */
const maxIdle = 50;

/**
 * The items of all pages in one sequence that is sure to end, whatever the server says; the reader may stop early.
 * @throws {OciError} `endless-list` for a page token that repeats, a page of items that are all known, or too many pages
 */
export async function* allItems<T>(
  fetchPage: (op: PageOp) => Promise<Page<T>>,
  op: PageOp = {},
  key: (item: T) => unknown = (item) => item,
): AsyncGenerator<T, void, undefined> {
  const tokens = new Set<string>();
  const seen = new Set<unknown>();
  let page = op.page;
  let idle = 0;
  for (let count = 0; count < maxPages; count++) {
    const { items, next } = await fetchPage({ ...op, page });
    const before = seen.size;
    for (const item of items) {
      const name = key(item);
      if (!seen.has(name)) {
        seen.add(name);
        yield item;
      }
    }
    if (next === undefined) {
      return;
    }
    idle = seen.size === before ? idle + 1 : 0;
    if (tokens.has(next) || (items.length > 0 && idle > 0) || idle > maxIdle) {
      break;
    }
    tokens.add(next);
    page = next;
  }
  throw new OciError('endless-list', 'The registry gives a list that does not end');
}

/** One page of a list that is here already; the token is the position of the next item. */
export function pageOf<T>(items: readonly T[], op: PageOp): Page<T> {
  const start = Number(op.page ?? 0);
  const end = start + (op.limit ?? defaultPageSize);
  return { items: items.slice(start, end), ...(end < items.length ? { next: String(end) } : {}) };
}

export const defaultPageSize = 100;
