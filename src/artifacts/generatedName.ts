/** Parts of a media type that say how, and not what. */
const fillers: ReadonlySet<string> = new Set([
  'vnd',
  'prs',
  'x',
  'config',
  'manifest',
  'layer',
  'content',
  'artifact',
  'tar',
  'json',
]);

const longest = 40;

/**
 * A short name for a media type no row knows: its last two telling parts, without tree, version and suffix.
 * `application/vnd.acme.rocket.config.v1+json` → `acme rocket`. Never empty.
 */
export function generatedName(mediaType: string): string {
  // What a server sends is cut before it is looked at, and only plain characters are shown.
  const text = mediaType.slice(0, 512).trim();
  const subtype = (text.split('/').at(-1) ?? '').replace(/[;+].*$/, '');
  const parts = subtype.split(/[._-]+/).map((part) => part.replace(/[^\p{L}\p{N}]/gu, ''));
  const telling = parts.filter(
    (part) => part !== '' && !/^v?\d+(?:alpha|beta|rc)?\d*$/i.test(part) && !fillers.has(part.toLowerCase()),
  );
  const name = telling.slice(-2).join(' ').slice(0, longest);
  return name === ''
    ? subtype.replace(/[^\p{L}\p{N}.+-]/gu, '').slice(0, longest) || 'Untyped artifact'
    : name;
}
