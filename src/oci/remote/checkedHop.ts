import { OciError } from '../errors.ts';
import { mayLead, reachOfName } from './addresses.ts';
import { cleanUrl } from './cleanUrl.ts';

/**
 * A target that another server named.
 * @param origin of the registry
 * @throws {OciError} `origin-refused` for one without TLS behind one with it, and for an inner address named by an outer host
 */
export function checkedHop(from: URL, location: string, origin: string): URL {
  const next = URL.parse(location, from.href);
  const registry = new URL(origin);
  const facts = { url: next ? cleanUrl(next) : '', host: registry.host };
  if (!next || (next.protocol !== 'https:' && next.protocol !== 'http:')) {
    throw new OciError('origin-refused', 'Redirected to something that is no web address', facts);
  }
  if (from.protocol === 'https:' && next.protocol === 'http:') {
    throw new OciError('origin-refused', 'Redirected from HTTPS to plain HTTP', facts);
  }
  if (next.origin !== from.origin && !mayLead(reachOfName(registry.hostname), reachOfName(next.hostname))) {
    throw new OciError('origin-refused', 'Redirected to an address of this machine or network', facts);
  }
  next.username = '';
  next.password = '';
  next.hash = '';
  return next;
}
