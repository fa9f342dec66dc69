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
  'unknown',
]);

const longest = 40;

/** Types that any content may have: what they are called says nothing about what it is. */
const plainNames: ReadonlyMap<string, string> = new Map([
  ['application/octet-stream', 'File'],
  ['application/json', 'JSON'],
  ['application/yaml', 'YAML'],
  ['application/x-yaml', 'YAML'],
  ['application/xml', 'XML'],
  ['text/plain', 'Text'],
  ['application/gzip', 'Gzip file'],
  ['application/x-gzip', 'Gzip file'],
  ['application/zstd', 'Zstandard file'],
  ['application/zip', 'ZIP archive'],
  ['archive/zip', 'ZIP archive'],
  ['application/x-tar', 'Tar archive'],
  ['application/tar+gzip', 'Tar archive'],
]);

const version = /^v?\d+(?:(?:alpha|beta|rc)\d*)?$/i;

/** The part that says what, as plain words: what a server sends is cut before it is looked at, and only ASCII is shown. */
function wordsOf(mediaType: string): readonly string[] {
  const [essence = ''] = mediaType.slice(0, 512).split(';', 1);
  const subtype = essence.split('/').at(-1) ?? '';
  return (subtype.split('+', 1)[0] ?? '')
    .split(/[._-]/)
    .map((part) => part.replace(/[^a-z0-9]/gi, ''))
    .filter((part) => part !== '');
}

function tellingWords(mediaType: string): readonly string[] {
  return wordsOf(mediaType).filter((word) => !version.test(word) && !fillers.has(word.toLowerCase()));
}

/** True for a media type that any content may have, or that has no word in it. */
export function saysNothing(mediaType: string): boolean {
  return plainNames.has(mediaType.toLowerCase()) || tellingWords(mediaType).length === 0;
}

/**
 * A short name for a media type no row knows: its last two telling parts, without tree, version and suffix.
 * `application/vnd.acme.rocket.config.v1+json` → `acme rocket`. Never empty, at most 40 characters.
 */
export function generatedName(mediaType: string): string {
  const name =
    plainNames.get(mediaType.toLowerCase()) ??
    tellingWords(mediaType).slice(-2).join(' ').slice(0, longest).trim();
  return name || 'Untyped artifact';
}
