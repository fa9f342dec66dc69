import { Annotation, isRecord, parseDescriptor, type Descriptor } from '../descriptor.ts';
import { isDigest, type Digest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { isTag } from '../reference.ts';

/** Names of the files of a layout (image-spec image-layout.md). */
export const indexPath = 'index.json';
export const markerPath = 'oci-layout';

/** One entry of `index.json`: as it stands in the file, with what is read of it. */
export interface IndexEntry {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly descriptor: Descriptor;
  /** The name it goes by, when that is one. */
  readonly tag?: string;
}

/** `index.json`, its unknown fields kept: other tools write to the same file. */
export interface IndexFile {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly entries: readonly IndexEntry[];
  /** What stands in the list and cannot be read, as of an algorithm nobody registered: it stays, and hides nobody. */
  readonly unread?: readonly unknown[];
}

export const emptyIndexFile: IndexFile = {
  raw: { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' },
  entries: [],
};

/** @throws {OciError} `layout-invalid` */
export function parseIndexFile(bytes: Uint8Array, name: string): IndexFile {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new OciError('layout-invalid', `${name}: index.json is not JSON`, { url: name, cause });
  }
  if (!isRecord(json)) {
    throw new OciError('layout-invalid', `${name}: index.json is not an index`, { url: name });
  }
  const manifests = json['manifests'] ?? [];
  if (!Array.isArray(manifests)) {
    throw new OciError('layout-invalid', `${name}: index.json has no list of manifests`, { url: name });
  }
  const entries: IndexEntry[] = [];
  const unread: unknown[] = [];
  for (const [at, value] of manifests.entries()) {
    try {
      entries.push(entryOf(value, `${name}: manifests[${at}]`));
    } catch {
      unread.push(value);
    }
  }
  return { raw: json, entries: named(entries), unread };
}

/**
 * Gives tags to entries whose name is a whole reference, as buildah, docker and containerd write it. Two repositories in one
 * layout may have the same tag: the second goes by the end of its path, too.
 */
function named(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const taken = new Map(entries.flatMap(({ tag, descriptor }) => (tag ? [[tag, descriptor.digest]] : [])));
  return entries.map((entry) => {
    const name = entry.descriptor.annotations?.[Annotation.refName];
    if (name === undefined || entry.tag !== undefined) {
      return entry;
    }
    const tag = tagsOf(name).find((each) => [undefined, entry.descriptor.digest].includes(taken.get(each)));
    if (tag === undefined) {
      return entry;
    }
    taken.set(tag, entry.descriptor.digest);
    return { ...entry, tag };
  });
}

/** What a name that is no tag could be shown as, best first. */
function tagsOf(name: string): readonly string[] {
  const [, path = '', end = ''] = /^([^@]*?)(?::([^:/@]+))?(?:@.*)?$/.exec(name) ?? [];
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (isDigest(name)) {
    return [];
  }
  // `+` of a semantic version is written as helm writes it.
  return (end === '' ? [last] : [end, `${last}-${end}`])
    .map((tag) => tag.replaceAll('+', '_'))
    .filter((tag) => isTag(tag));
}

/** @throws {OciError} `manifest-invalid` */
export function entryOf(value: unknown, where: string): IndexEntry {
  const descriptor = parseDescriptor(value, where);
  const name = descriptor.annotations?.[Annotation.refName];
  return {
    raw: value as Readonly<Record<string, unknown>>,
    descriptor,
    ...(name !== undefined && isTag(name) ? { tag: name } : {}),
  };
}

export function encodeIndexFile(file: IndexFile): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      ...file.raw,
      manifests: [...file.entries.map(({ raw }) => raw), ...(file.unread ?? [])],
    }),
  );
}

/** An entry for a manifest; annotations and platform stay with what the manifest's own parent says. */
function newEntry(
  descriptor: Descriptor,
  artifactType: string | undefined,
  tag: string | undefined,
): IndexEntry {
  const annotations = tag === undefined ? undefined : { [Annotation.refName]: tag };
  const raw = {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(annotations ? { annotations } : {}),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  return entryOf(raw, 'new entry');
}

/** The entry as it stands, with another name or none: what other tools noted there stays. */
function renamed(entry: IndexEntry, tag: string | undefined): IndexEntry {
  const { annotations: old, ...fields } = entry.raw;
  const others = Object.entries(isRecord(old) ? old : {}).filter(([key]) => key !== Annotation.refName);
  const annotations = [...others, ...(tag === undefined ? [] : [[Annotation.refName, tag] as const])];
  return entryOf(
    { ...fields, ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) } : {}) },
    'entry',
  );
}

/** Lists the manifest, under `tag` if one is given; the manifest that had the tag stays listed without it. */
export function withManifest(
  file: IndexFile,
  descriptor: Descriptor,
  artifactType: string | undefined,
  tag: string | undefined,
): IndexFile {
  const listed = file.entries.filter((entry) => entry.descriptor.digest === descriptor.digest);
  if (tag === undefined) {
    return listed.length > 0
      ? file
      : { ...file, entries: [...file.entries, newEntry(descriptor, artifactType, undefined)] };
  }
  const others = file.entries.filter((entry) => entry.tag === tag && !listed.includes(entry));
  if (others.length === 0 && listed.some((entry) => entry.tag === tag)) {
    return file;
  }
  const untagged = withoutName(file, tag);
  // The plain entry of the same manifest becomes the tagged one.
  const plain = untagged.entries.find(
    (entry) =>
      entry.descriptor.digest === descriptor.digest &&
      entry.descriptor.annotations?.[Annotation.refName] === undefined,
  );
  const entry = plain ? renamed(plain, tag) : newEntry(descriptor, artifactType, tag);
  return { ...untagged, entries: [...untagged.entries.filter((each) => each !== plain), entry] };
}

/** Without the tag; what it named stays listed. */
export function withoutName(file: IndexFile, tag: string): IndexFile {
  const isListedElsewhere = (entry: IndexEntry): boolean =>
    file.entries.some((other) => other.tag !== tag && other.descriptor.digest === entry.descriptor.digest);
  const freed = new Set<Digest>();
  const entries = file.entries.flatMap((entry) => {
    if (entry.tag !== tag) {
      return [entry];
    }
    if (freed.has(entry.descriptor.digest) || isListedElsewhere(entry)) {
      return [];
    }
    freed.add(entry.descriptor.digest);
    return [renamed(entry, undefined)];
  });
  return { ...file, entries };
}

export function withoutManifest(file: IndexFile, digest: Digest): IndexFile {
  return { ...file, entries: file.entries.filter((entry) => entry.descriptor.digest !== digest) };
}
