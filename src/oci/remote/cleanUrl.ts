const shownQuery: ReadonlySet<string> = new Set([
  'n',
  'last',
  'digest',
  'mount',
  'from',
  'artifactType',
  'scope',
  'service',
]);

/** For logs and messages: no userinfo, and of the query only what cannot be a secret, still encoded. */
export function cleanUrl(url: URL): string {
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => shownQuery.has(pair.split('=', 1)[0] ?? ''));
  return `${url.origin}${url.pathname}${kept.length > 0 ? `?${kept.join('&')}` : ''}`;
}
