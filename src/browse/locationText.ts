import { isRecord } from '../oci/descriptor.ts';
import { isDigest, shortDigest } from '../oci/digest.ts';
import { isMediaType, manifestForms } from '../oci/mediaTypes.ts';
import { isRepository, isTag } from '../oci/reference.ts';
import type { Location } from './location.ts';

/** The parts of a document's URI, not encoded. */
export interface LocationParts {
  /** `/local/team/app:1.4.2 › manifest`: what people read. The last part is the title of the tab. */
  readonly path: string;
  /** A JSON object: what decides. */
  readonly query: string;
}

const kinds: ReadonlySet<string> = new Set<Location['kind']>([
  'manifest',
  'index',
  'config',
  'referrers',
  'blob',
]);

/** Longest query that is looked at; a repository, a digest, a media type and a path of a disk fit. */
const maxQuery = 8192;

/** Stands between what and which document of it; cannot be part of a repository or a tag. */
const separator = ' › ';

/** Endings that give a blob the language of its text; manifests and configs have theirs by name (`languages` of package.json). */
const endings: readonly (readonly [RegExp, string])[] = [
  [/[/+]json$/, '.json'],
  [/[/+]ya?ml$/, '.yaml'],
  [/[/+]xml$/, '.xml'],
  [/[/+]toml$/, '.toml'],
  [/\/markdown$/, '.md'],
  [/^text\//, '.txt'],
];

/** Same location, same parts. */
export function locationParts(location: Location): LocationParts {
  const { place, repository, kind, digest, size, tag, accept, name, form } = location;
  // A media type of a manifest may be any text; what breaks the grammar says nothing and is not carried along.
  const mediaType = isMediaType(location.mediaType) ? location.mediaType : '';
  const folder = placeSegment(place);
  const query = { place, repository, kind, digest, size, mediaType, tag, accept, name, form };
  return {
    path: `/${folder}/${repository.slice(0, repository.lastIndexOf('/') + 1)}${titleOf(location)}`,
    query: JSON.stringify(query),
  };
}

/** `app:1.4.2 › manifest`, `app:1.4.2 › manifest as Docker schema 1`, `app@9f3c21ab12cd › config (formatted)`, `app:1.4.2 › sbom.spdx.json`. */
export function titleOf(location: Location): string {
  const { repository, kind, digest, tag, name } = location;
  const short = repository.slice(repository.lastIndexOf('/') + 1);
  const version = tag ? `:${tag}` : `@${shortDigest(digest)}`;
  const form = formOf(location.accept);
  const what =
    kind === 'blob' ? (name ?? `blob ${shortDigest(digest)}`) : form ? `${kind} as ${form.name}` : kind;
  const ending = endingOf(location);
  const base = what.endsWith(ending) ? what.slice(0, what.length - ending.length) : what;
  return `${short}${version}${separator}${base}${location.form === 'formatted' ? ' (formatted)' : ''}${ending}`;
}

function formOf(accept: unknown): (typeof manifestForms)[number] | undefined {
  return manifestForms.find(({ mediaType }) => mediaType === accept);
}

/** True where the content says by its media type, by its name, or by what it is, that it is JSON. */
export function isJson({
  kind,
  mediaType,
  name = '',
}: Pick<Location, 'kind' | 'mediaType' | 'name'>): boolean {
  switch (kind) {
    case 'blob':
      return /(?:[/+]json|prettyjws)$/.test(mediaType) || /\.json$/i.test(name);
    case 'config':
      // Whatever its media type is called, it is JSON in practice, unless it says otherwise.
      return !endings.some(([pattern, ending]) => ending !== '.json' && pattern.test(mediaType));
    default:
      return true;
  }
}

/** Characters of a file name that can be shown in a title: no controls, no direction marks, nothing that looks like a path. */
const nameGrammar = /^(?!\.{1,2}$)[^\p{C}\p{Zl}\p{Zp}/\\›]{1,100}$/u;

/** The file name at the end of what a layer is called (`org.opencontainers.image.title`), where it can be shown. */
export function contentName(title: string | undefined): string | undefined {
  const name = title === undefined || title.length > 4096 ? undefined : title.split(/[/\\]/).at(-1)?.trim();
  return name !== undefined && nameGrammar.test(name) ? name : undefined;
}

/** What the title has to end with, so that the editor knows the language; manifests and configs have theirs by name. */
function endingOf({ kind, mediaType, name = '' }: Location): string {
  if (kind === 'blob' && isJson({ kind, mediaType, name })) {
    return /\.json$/i.exec(name)?.[0] ?? '.json';
  }
  if (isJson({ kind, mediaType })) {
    return '';
  }
  const own = /\.[\p{L}\p{N}]{1,12}$/u.exec(name)?.[0];
  return own ?? endings.find(([pattern]) => pattern.test(mediaType))?.[1] ?? '';
}

/** Of a layout the name of its folder alone: the title bar is no place for a path of the disk. */
function placeSegment(place: string): string {
  const last = place.startsWith('layout:') ? place.split(/[/\\]/).findLast((part) => part !== '') : place;
  return (last ?? place).replaceAll('/', '-');
}

/**
 * The location that gives exactly these parts. A URI is hostile input: it may come from a link, a restored window, another
 * extension; every part has its grammar, and what people read must agree with what decides.
 * @returns undefined for anything else
 */
export function parseLocationParts({ path, query }: LocationParts): Location | undefined {
  const location = query.length <= maxQuery ? parseQuery(query) : undefined;
  if (!location) {
    return undefined;
  }
  const again = locationParts(location);
  return again.path === path && again.query === query ? location : undefined;
}

function parseQuery(query: string): Location | undefined {
  let value: unknown;
  try {
    value = JSON.parse(query);
  } catch {
    return undefined;
  }
  return parseLocation(value);
}

/** A location out of data that crossed a border: a URI, the argument of a command. */
export function parseLocation(value: unknown): Location | undefined {
  if (!isRecord(value)) {
    return undefined;
  }
  const { place, repository, kind, digest, size, mediaType, tag, accept, name, form } = value;
  if (
    !isPlace(place) ||
    typeof repository !== 'string' ||
    !isRepository(repository) ||
    typeof kind !== 'string' ||
    !kinds.has(kind) ||
    !isDigest(digest) ||
    (size !== undefined && (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)) ||
    typeof mediaType !== 'string' ||
    (tag !== undefined && (typeof tag !== 'string' || !isTag(tag))) ||
    (accept !== undefined &&
      (!formOf(accept) || tag === undefined || (kind !== 'manifest' && kind !== 'index'))) ||
    (name !== undefined && (typeof name !== 'string' || kind !== 'blob' || contentName(name) !== name)) ||
    (form !== 'original' && form !== 'formatted')
  ) {
    return undefined;
  }
  return {
    place,
    repository,
    kind: kind as Location['kind'],
    digest,
    ...(size === undefined ? {} : { size }),
    mediaType: isMediaType(mediaType) ? mediaType : '',
    ...(tag === undefined ? {} : { tag }),
    ...(accept === undefined ? {} : { accept: accept as string }),
    ...(name === undefined ? {} : { name }),
    form,
  };
}

/** Ids of places are no secret grammar, but they have an end and are one line; `.` and `..` would be steps of a path. */
function isPlace(place: unknown): place is string {
  return (
    typeof place === 'string' &&
    place.length > 0 &&
    place.length <= 4096 &&
    !/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(place) &&
    !/^\.{1,2}$/.test(placeSegment(place))
  );
}
