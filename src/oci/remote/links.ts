/** Longest `Link` header that is read. */
const maxHeader = 8 * 1024;

/**
 * The target of `rel="next"` (RFC 8288), as it stands: several links in a line, any order of parameters, quoted or not.
 */
export function nextLink(header: string | readonly string[] | undefined): string | undefined {
  const text = (typeof header === 'string' ? header : (header ?? []).join(',')).slice(0, maxHeader);
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    const end = text.indexOf('>', at);
    if (end < 0) {
      return undefined;
    }
    const following = text.indexOf('<', end);
    const params = text.slice(end + 1, following < 0 ? undefined : following);
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(params)) {
      return text.slice(at + 1, end);
    }
    at = end;
  }
  return undefined;
}

/**
 * The page behind `link` as path and query below the registry's own origin. Only `n` and `last` (or the server's own opaque
 * names) are taken from it: hosts, and paths that gained or lost a prefix behind a proxy, are the endpoint's.
 */
export function nextPage(link: string | undefined, endpoint: string, current: string): string | undefined {
  if (link === undefined) {
    return undefined;
  }
  const question = link.indexOf('?');
  const query = question < 0 ? '' : link.slice(question + 1).replace(/#.*$/, '');
  if (query === '' || !/^[\x21-\x7e]*$/.test(query)) {
    return undefined;
  }
  const next = `${endpoint}?${query}`;
  return next === current ? undefined : next;
}
