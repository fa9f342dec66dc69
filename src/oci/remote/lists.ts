import { LruMap } from '../../base/lru.ts';
import { isRecord } from '../descriptor.ts';
import { OciError } from '../errors.ts';
import { defaultPageSize } from '../pages.ts';
import { parseBounded } from '../parseBounded.ts';
import type { Page, PageOp } from '../store.ts';
import { registryHeader } from './answer.ts';
import type { Client } from './client.ts';
import { nextLink, nextPage } from './links.ts';

/** Most bytes of one page: 20,000 long names of a registry that knows no pages, and some. */
const maxPageBytes = 16 * 1024 * 1024;

/** What came in one answer beyond the page that was asked for, so that the rest costs no request. */
export interface Rest {
  readonly items: readonly string[];
  readonly next: string | undefined;
}

export type Lists = LruMap<string, Rest>;

export function createLists(): Lists {
  return new LruMap(16);
}

/** What stands in front of the address of a page: its rest is here, or no `Link` led to it. */
const restToken = /^(?:rest:\d+|counted:([^:]*)):/;
let restCount = 0;

/**
 * One page of names: one request, or none where the last answer held more than its page.
 * @param field of the JSON answer: `tags`, `repositories`
 * @throws {OciError} `not-a-registry` when the answer is no such list
 */
export async function listPage(
  client: Client,
  lists: Lists,
  endpoint: string,
  field: string,
  isName: (text: string) => boolean,
  scopes: readonly string[],
  op: PageOp,
): Promise<Page<string>> {
  const limit = op.limit ?? defaultPageSize;
  const rest = op.page === undefined ? undefined : lists.get(op.page);
  const { items, next } = rest ?? (await ask(client, endpoint, field, isName, scopes, limit, op));
  if (items.length <= limit) {
    return { items, ...(next === undefined ? {} : { next }) };
  }
  const token = `rest:${++restCount}:${endpoint}?last=${encodeURIComponent(items[limit - 1] ?? '')}&n=${limit}`;
  lists.set(token, { items: items.slice(limit), next });
  return { items: items.slice(0, limit), next: token };
}

async function ask(
  client: Client,
  endpoint: string,
  field: string,
  isName: (text: string) => boolean,
  scopes: readonly string[],
  limit: number,
  op: PageOp,
): Promise<Rest> {
  // A rest that was forgotten meanwhile is asked for again, behind the last name that was shown.
  const url = wider(op.page?.replace(restToken, ''), limit) ?? `${endpoint}?n=${limit}`;
  if (!url.startsWith(`${endpoint}?`)) {
    throw new OciError('internal', 'A page of another list');
  }
  const answer = await client.read(
    { method: 'GET', url, headers: { accept: 'application/json' }, scopes, signal: op.signal },
    maxPageBytes,
  );
  const { facts } = answer;
  let json: unknown;
  try {
    json = parseBounded(answer.bytes.toString('utf8'));
  } catch (cause) {
    throw new OciError('not-a-registry', 'The list is not JSON', { ...facts, cause });
  }
  const names = isRecord(json) ? (json[field] ?? []) : undefined;
  if (!Array.isArray(names)) {
    throw new OciError('not-a-registry', `The answer has no list of ${field}`, facts);
  }
  const items = names.filter((name): name is string => typeof name === 'string' && isName(name));
  const params = new URLSearchParams(url.slice(url.indexOf('?')));
  const last = params.get('last');
  const known = last === null ? -1 : items.indexOf(last);
  // A server that ignores `last` starts from the beginning again.
  const rest = known < 0 ? items : items.slice(known + 1);
  const counted = op.page === undefined ? undefined : restToken.exec(op.page)?.[1];
  const first = op.page === undefined ? (items[0] ?? '') : decodeURIComponent(counted ?? '');
  if (counted !== undefined && (counted === '' ? (rest[0] ?? '') <= (last ?? '') : rest[0] === first)) {
    // Behind its last name crane's registry begins anew.
    return { items: [], next: undefined };
  }
  const link = nextLink(registryHeader(answer, 'link'));
  if (link === undefined && rest.length > 0 && params.get('n') === String(names.length)) {
    // As many as were asked for: a server that sends no `Link` may have more, as crane's does.
    const behind = encodeURIComponent(rest.at(-1) ?? '');
    return {
      items: rest,
      next: `counted:${encodeURIComponent(first)}:${endpoint}?last=${behind}&n=${names.length}`,
    };
  }
  return { items: rest, next: nextPage(link, endpoint, url) };
}

/** A link repeats the page size of the first request; a search wants more at a time. All else in it stays as it is. */
function wider(link: string | undefined, limit: number): string | undefined {
  return link?.replace(/([?&]n=)(\d{1,9})(?=&|$)/, (whole, name: string, size: string) =>
    Number(size) < limit ? `${name}${limit}` : whole,
  );
}
