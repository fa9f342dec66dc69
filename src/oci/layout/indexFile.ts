import { Annotation, isRecord, parseDescriptor, type Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
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
  return { raw: json, entries: manifests.map((value, at) => entryOf(value, `${name}: manifests[${at}]`)) };
}

/** @throws {OciError} `manifest-invalid` */
export function entryOf(value: unknown, where: string): IndexEntry {
  const descriptor = parseDescriptor(value, where);
  const tag = tagOf(descriptor.annotations?.[Annotation.refName]);
  return {
    raw: value as Readonly<Record<string, unknown>>,
    descriptor,
    ...(tag === undefined ? {} : { tag }),
  };
}

/** Most tools write the tag; some write a whole reference. */
function tagOf(name: string | undefined): string | undefined {
  if (name === undefined || isTag(name)) {
    return name;
  }
  const end = /:([^:/@]+)$/.exec(name)?.[1];
  return end !== undefined && isTag(end) ? end : undefined;
}

export function encodeIndexFile(file: IndexFile): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({ ...file.raw, manifests: file.entries.map(({ raw }) => raw) }),
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

/** The entry without the name it goes by; undefined when the manifest is listed elsewhere anyway. */
function withoutTag(entry: IndexEntry, others: readonly IndexEntry[]): IndexEntry | undefined {
  if (others.some(({ descriptor }) => descriptor.digest === entry.descriptor.digest)) {
    return undefined;
  }
  const annotations = Object.entries(entry.descriptor.annotations ?? {}).filter(
    ([key]) => key !== Annotation.refName,
  );
  const fields = Object.entries(entry.raw).filter(([key]) => key !== 'annotations');
  const raw = Object.fromEntries(
    annotations.length > 0 ? [...fields, ['annotations', Object.fromEntries(annotations)]] : fields,
  );
  return entryOf(raw, 'entry');
}

/** Lists the manifest, under `tag` if one is given; the manifest that had the tag stays listed without it. */
export function withManifest(
  file: IndexFile,
  descriptor: Descriptor,
  artifactType: string | undefined,
  tag: string | undefined,
): IndexFile {
  if (tag === undefined) {
    const isListed = file.entries.some((entry) => entry.descriptor.digest === descriptor.digest);
    return isListed
      ? file
      : { ...file, entries: [...file.entries, newEntry(descriptor, artifactType, undefined)] };
  }
  const untagged = withoutName(file, tag, descriptor.digest);
  // The plain entry of the same manifest becomes the tagged one.
  const kept = untagged.entries.filter(
    (entry) => entry.tag !== undefined || entry.descriptor.digest !== descriptor.digest,
  );
  return { ...file, entries: [...kept, newEntry(descriptor, artifactType, tag)] };
}

/** Without the tag; what it named stays listed, unless it is `replacedBy` the same manifest. */
export function withoutName(file: IndexFile, tag: string, replacedBy?: Digest): IndexFile {
  const others = file.entries.filter((entry) => entry.tag !== tag);
  const freed = file.entries
    .filter((entry) => entry.tag === tag && entry.descriptor.digest !== replacedBy)
    .flatMap((entry) => withoutTag(entry, others) ?? []);
  return { ...file, entries: [...others, ...freed] };
}

export function withoutManifest(file: IndexFile, digest: Digest): IndexFile {
  return { ...file, entries: file.entries.filter((entry) => entry.descriptor.digest !== digest) };
}
