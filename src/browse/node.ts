import type { Descriptor } from '../oci/descriptor.ts';
import type { OciError } from '../oci/errors.ts';
import type { Place } from './place.ts';

interface Common {
  /** Unique in the whole tree and stable: the path of kinds and names from the root. */
  readonly id: string;
  readonly parent?: Node;
}

interface InRepository extends Common {
  readonly place: Place;
  readonly repository: string;
}

export interface PlaceNode extends Common {
  readonly kind: 'place';
  readonly place: Place;
}

/** A `/`-separated part of repository names: `team` of `team/app` and `team/web`. */
export interface GroupNode extends Common {
  readonly kind: 'group';
  readonly place: Place;
  /** The whole prefix, without a trailing slash. */
  readonly path: string;
}

export interface RepositoryNode extends InRepository {
  readonly kind: 'repository';
}

export interface TagNode extends InRepository {
  readonly kind: 'tag';
  readonly tag: string;
}

/** A manifest or index reached by its digest. */
export interface ManifestNode extends InRepository {
  readonly kind: 'manifest';
  readonly descriptor: Descriptor;
  readonly role: 'platform' | 'nested' | 'referrer' | 'untagged' | 'attestation';
}

export interface BlobNode extends InRepository {
  readonly kind: 'blob';
  readonly role: 'config' | 'layer';
  readonly descriptor: Descriptor;
  /** Position among the layers, from 0. */
  readonly index: number;
  /** The manifest that lists it. */
  readonly owner: Descriptor;
}

/** The folder of a manifest's referrers. */
export interface ReferrersNode extends InRepository {
  readonly kind: 'referrers';
  readonly subject: Descriptor;
}

/** The last child of a list that goes on. */
export interface MoreNode extends Common {
  readonly kind: 'more';
  readonly parent: Node;
  /** How many are shown so far. */
  readonly shown: number;
  /** True when the cap of children under one node is reached: filter, or open the document instead. */
  readonly capped: boolean;
}

/** What could not be read, where its children would be. */
export interface FailureNode extends Common {
  readonly kind: 'failure';
  readonly parent: Node;
  readonly error: OciError;
}

/** A sentence where children would be: nothing here, nothing matches. */
export interface NoteNode extends Common {
  readonly kind: 'note';
  readonly parent: Node;
  readonly note:
    | 'empty-registry'
    | 'empty-local'
    | 'empty-repository'
    | 'no-match'
    | 'types-unread'
    | 'searching'
    | 'no-catalog'
    | 'no-referrers'
    | 'too-deep'
    | 'left-out'
    | 'folded';
  /** Of what is folded or left out: how many. */
  readonly count: number;
}

export type Node =
  | PlaceNode
  | GroupNode
  | RepositoryNode
  | TagNode
  | ManifestNode
  | BlobNode
  | ReferrersNode
  | MoreNode
  | FailureNode
  | NoteNode;
