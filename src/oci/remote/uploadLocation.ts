import { OciError } from '../errors.ts';
import type { Answer } from './answer.ts';
import { checkedHop } from './checkedHop.ts';

/**
 * Where an upload goes on: any origin the rules of a redirect allow.
 * @param origin of the registry
 * @returns path and query below `origin`, else a whole URL
 * @throws {OciError} `not-a-registry` where the answer names none
 */
export function uploadLocation(answer: Answer, origin: string): string {
  const location = answer.headers['location'];
  if (typeof location !== 'string' || location === '') {
    throw new OciError('not-a-registry', 'The registry named no place to upload to', {
      ...answer.facts,
    });
  }
  const from = new URL(answer.url);
  const named = URL.parse(location, from.href);
  if (named?.protocol === 'http:' && from.protocol === 'https:' && named.hostname === from.hostname) {
    // A registry behind a proxy that ends TLS for it may not know that it is spoken to with TLS.
    const isSamePort = named.port === '' || named.port === from.port;
    if (isSamePort) {
      return `${named.pathname}${named.search}`;
    }
  }
  const next = checkedHop(from, location, origin);
  // The query stays as it is: signed ones must not be written anew.
  return next.origin === origin ? `${next.pathname}${next.search}` : next.href;
}
