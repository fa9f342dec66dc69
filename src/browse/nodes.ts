import type { Descriptor } from '../oci/descriptor.ts';
import type {
  BlobNode,
  FailureNode,
  GroupNode,
  ManifestNode,
  MoreNode,
  Node,
  NoteNode,
  PlaceNode,
  ReferrersNode,
  RepositoryNode,
  TagNode,
} from './node.ts';
import type { OciError } from '../oci/errors.ts';
import type { Place } from './place.ts';
import { groupsOf } from './grouping.ts';

/** Ids are paths, so what is below a node starts with its id and a slash. Repositories stand below their place directly. */
export const idOf = {
  place: (place: string) => encodeURIComponent(place),
  group: (place: string, path: string) => `${idOf.place(place)}/group:${encodeURIComponent(path)}`,
  repository: (place: string, name: string) => `${idOf.place(place)}/repository:${encodeURIComponent(name)}`,
  tag: (place: string, repository: string, tag: string) => `${idOf.repository(place, repository)}/tag:${tag}`,
} as const;

/**
 * Whether an id is that of `top` or stands below it; without a node everything does. Groups are no part of the ids of what
 * they hold, so they go by the names.
 */
export function isBelow(id: string, top: Node | undefined): boolean {
  if (top === undefined || id === top.id || id.startsWith(`${top.id}/`)) {
    return true;
  }
  if (top.kind !== 'group') {
    return false;
  }
  const { place, path } = top;
  return [idOf.repository, idOf.group].some((of) => id.startsWith(of(place.id, `${path}/`)));
}

/** Most entries before those that nobody holds any more are looked for. */
const sweepAt = 10_000;

/**
 * Makes nodes, the same object for the same id as long as anyone holds it: trees tell nodes apart by identity. Nothing is kept
 * alive here.
 */
export class Nodes {
  readonly #held = new Map<string, WeakRef<Node>>();
  #sweepAt = sweepAt;

  place(place: Place): PlaceNode {
    return this.#same({ kind: 'place', id: idOf.place(place.id), place }, (old) => old.place === place);
  }

  group(place: Place, path: string): GroupNode {
    const parent = this.#above(place, path);
    return this.#same(
      { kind: 'group', id: idOf.group(place.id, path), place, path, parent },
      (old) => old.parent === parent,
    );
  }

  repository(place: Place, repository: string): RepositoryNode {
    const parent = this.#above(place, repository);
    const id = idOf.repository(place.id, repository);
    return this.#same({ kind: 'repository', id, place, repository, parent }, (old) => old.parent === parent);
  }

  tag(parent: RepositoryNode, tag: string): TagNode {
    const { place, repository } = parent;
    const id = idOf.tag(place.id, repository, tag);
    return this.#same({ kind: 'tag', id, place, repository, tag, parent }, (old) => old.parent === parent);
  }

  /** A tag that stands below what it is about, and not among the others. */
  attached(parent: ReferrersNode, tag: string): TagNode {
    const { place, repository } = parent;
    const id = `${parent.id}/tag:${tag}`;
    return this.#same({ kind: 'tag', id, place, repository, tag, parent }, (old) => old.parent === parent);
  }

  /** @param occurrence how many with the same digest stand before it in the same list */
  manifest(
    parent: RepositoryNode | TagNode | ManifestNode | ReferrersNode,
    descriptor: Descriptor,
    role: ManifestNode['role'],
    occurrence = 0,
  ): ManifestNode {
    const { place, repository } = parent;
    // What is about a manifest is not mixed up with what it lists.
    const path = role === 'attestation' ? role : 'manifest';
    const id = `${parent.id}/${path}:${descriptor.digest}${suffix(occurrence)}`;
    return this.#same(
      { kind: 'manifest', id, place, repository, descriptor, role, parent },
      (old) => old.parent === parent && old.role === role && isSame(old.descriptor, descriptor),
    );
  }

  /** @param index among the layers; 0 for the config */
  blob(
    parent: TagNode | ManifestNode,
    descriptor: Descriptor,
    role: BlobNode['role'],
    index: number,
    owner: Descriptor,
  ): BlobNode {
    const { place, repository } = parent;
    const id = `${parent.id}/${role}:${index}:${descriptor.digest}`;
    return this.#same(
      { kind: 'blob', id, place, repository, role, descriptor, index, owner, parent },
      (old) =>
        old.parent === parent && isSame(old.descriptor, descriptor) && old.owner.digest === owner.digest,
    );
  }

  referrers(parent: TagNode | ManifestNode, subject: Descriptor): ReferrersNode {
    const { place, repository } = parent;
    return this.#same(
      { kind: 'referrers', id: `${parent.id}/referrers`, place, repository, subject, parent },
      (old) => old.parent === parent && old.subject.digest === subject.digest,
    );
  }

  more(parent: Node, shown: number, capped: boolean): MoreNode {
    return { kind: 'more', id: `${parent.id}/more`, parent, shown, capped };
  }

  failure(parent: Node, error: OciError): FailureNode {
    return { kind: 'failure', id: `${parent.id}/failure`, parent, error };
  }

  note(parent: Node, note: NoteNode['note'], count = 0): NoteNode {
    return { kind: 'note', id: `${parent.id}/note:${note}`, parent, note, count };
  }

  /** The group a path stands in, or its place. */
  #above(place: Place, path: string): PlaceNode | GroupNode {
    const group = groupsOf(path, place.namespace).at(-1);
    return group === undefined ? this.place(place) : this.group(place, group);
  }

  #same<T extends Node>(made: T, isSame: (old: T) => boolean): T {
    const old = this.#held.get(made.id)?.deref() as T | undefined;
    if (old && isSame(old)) {
      return old;
    }
    if (this.#held.size >= this.#sweepAt) {
      this.#sweep();
    }
    this.#held.set(made.id, new WeakRef<Node>(made));
    return made;
  }

  #sweep(): void {
    for (const [id, held] of this.#held) {
      if (!held.deref()) {
        this.#held.delete(id);
      }
    }
    this.#sweepAt = Math.max(sweepAt, this.#held.size * 2);
  }
}

function suffix(occurrence: number): string {
  return occurrence === 0 ? '' : `#${occurrence}`;
}

function isSame(a: Descriptor, b: Descriptor): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
