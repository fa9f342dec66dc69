import { Annotation, isRecord, type Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { isDigestTag, referrersTag } from '../referrersTag.ts';
import { entryOf, type IndexEntry, type IndexFile } from './indexFile.ts';

/**
 * A layout says nothing of referrers (image-spec image-layout.md). We find them by their `subject`, as oras does; regclient
 * looks under the fallback tag, and so does olareg until it first served the layout: then it moves the entry under this
 * annotation and marks `index.json`.
 */
const subjectAnnotation = 'org.olareg.referrer.subject';
const movedAnnotation = 'org.olareg.referrer.convert';

/** The entry of the index that lists the referrers of `subject`. */
export function referrersEntry(index: IndexFile, subject: Digest): IndexEntry | undefined {
  const tag = referrersTag(subject);
  return index.entries.find(
    (entry) => entry.descriptor.annotations?.[subjectAnnotation] === subject || entry.tag === tag,
  );
}

/** True for what keeps the referrers of some manifest, and is none of a person's artifacts. */
export function isReferrersEntry({ descriptor, tag }: IndexEntry): boolean {
  return descriptor.annotations?.[subjectAnnotation] !== undefined || (tag !== undefined && isDigestTag(tag));
}

/** With `list` as the index of the referrers of `subject`; with none, without one. */
export function withReferrersEntry(
  index: IndexFile,
  subject: Digest,
  list: Descriptor | undefined,
): IndexFile {
  const old = referrersEntry(index, subject);
  const others = index.entries.filter((entry) => entry !== old);
  if (!list) {
    return { ...index, entries: others };
  }
  const annotations = isMoved(index)
    ? { [subjectAnnotation]: subject }
    : { [Annotation.refName]: referrersTag(subject) };
  const { mediaType, digest, size } = list;
  return {
    ...index,
    entries: [...others, entryOf({ mediaType, digest, size, annotations }, 'referrers entry')],
  };
}

function isMoved(index: IndexFile): boolean {
  const annotations = index.raw['annotations'];
  return isRecord(annotations) && annotations[movedAnnotation] === 'true';
}
