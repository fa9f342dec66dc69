import type { ArtifactType } from '../artifacts/type.ts';
import type { TagOrder } from '../contributions.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { OciError } from '../oci/errors.ts';
import type { AnyManifest } from '../oci/manifest.ts';
import type { GroupNode, Node, PlaceNode, RepositoryNode } from './node.ts';
import type { TagPointers } from './tagPointers.ts';

/** What is known of a node; grows as answers arrive. */
export interface Named {
  readonly type: ArtifactType;
  /** Of the manifest, or of the blob. */
  readonly descriptor: Descriptor;
  /** Parsed and checked; absent for blobs, where only a `HEAD` was made, and where too many large ones were read since. */
  readonly manifest?: AnyManifest;
  /** Bytes: the blob itself, or the sum of config and layers; of an index nothing. */
  readonly size?: number;
  /** When the content says it was made. */
  readonly created?: Date;
  /** Of a layer of docker schema 1: the command that made it. */
  readonly createdBy?: string;
  /** True where the registry counts reads and the row is named by a `HEAD` alone. */
  readonly partial: boolean;
  /** What the name was made of besides the manifest: the labels of its config as `config.Labels`; null where it could not be read. */
  readonly config?: unknown;
}

/** How many tags are of a type. */
export interface TypeCount {
  readonly type: ArtifactType;
  readonly count: number;
}

/** The tree as data: what is loaded, what is known, what is filtered. Knows nothing of TreeItem. */
export interface Browser {
  /** Where the tags of a repository point, as far as somebody asked. */
  readonly pointers: Pick<TagPointers, 'of' | 'forget'>;
  roots(): readonly PlaceNode[];
  /**
   * The children as they stand; loads the first page when nothing is loaded. Never rejects but for an abort: a failure is a
   * node. The names of tags arrive later, by `onDidChange`.
   */
  children(node: Node, signal?: AbortSignal): Promise<readonly Node[]>;
  /** One more page under `parent`; a second call while one is under way joins it. */
  loadMore(parent: Node, signal?: AbortSignal): Promise<void>;
  /** Forgets the lists of the branch (everything without a node); tags are asked again, digests stay known. */
  refresh(node?: Node): void;
  /** Ends the requests the branch started: pages, searches, manifests, names. They go on when `children` is asked again. */
  collapse(node: Node): void;
  /** What is known of a tag, manifest or blob; undefined while nothing is, an error when the last try failed. */
  named(node: Node): Named | OciError | undefined;
  /** The manifest of a tag or digest, read if it was not: 0 requests for a row that was named by reading it. */
  read(node: Node, signal?: AbortSignal): Promise<Named | undefined>;
  /** All that can be told, the config read too where it may refine the name: for a node that is hovered. */
  complete(node: Node, signal?: AbortSignal): Promise<Named | undefined>;
  /** Shows only names that contain `text` (case-insensitive), of pages not loaded yet too. */
  setFilter(node: PlaceNode | RepositoryNode, text: string | undefined): void;
  filter(node: PlaceNode | RepositoryNode): string | undefined;
  /** Everything that has a filter. */
  filtered(): readonly (PlaceNode | RepositoryNode)[];
  /** Undefined: back to the setting. */
  setOrder(node: RepositoryNode, order: TagOrder | undefined): void;
  order(node: RepositoryNode): TagOrder;
  /** Tags looked at by a search that is under way; 0 for one by names alone, undefined when there is none. */
  searching(node: PlaceNode | RepositoryNode): number | undefined;
  /** Ends a search where it stands; `loadMore` goes on. */
  stopSearch(node: PlaceNode | RepositoryNode): void;
  /** The types of the tags that are known so far; where none is, of the first page, which is named for it. @throws {OciError} */
  types(node: RepositoryNode, signal?: AbortSignal): Promise<readonly TypeCount[]>;
  /** Undefined: back to the setting. */
  setFolds(node: RepositoryNode, folds: boolean | undefined): void;
  /** Whether tags that only say what is attached to a manifest are shown below that one alone. */
  folds(node: RepositoryNode): boolean;
  /** Short name of the type of the first tag that has one, once the visible ones are named. */
  holds(node: RepositoryNode): string | undefined;
  /** A repository with its parents, whether the tree shows it or not. */
  find(place: string, repository: string): RepositoryNode | undefined;
  /** What stands below a path, whether the tree shows it or not. */
  group(place: string, path: string): GroupNode | undefined;
  /**
   * The node of a tag or digest with its parents, for `reveal`: from now on the tree shows it, whether its list was loaded or
   * not, and a filter that would hide it is cleared.
   */
  locate(place: string, repository: string, ref?: string): Node | undefined;
  /** The table of types is another one: every row that is known is named anew, without a request. */
  rename(): void;
  /** Nodes whose own row or children changed; undefined: everything. Changes of one moment come as one call. */
  onDidChange(listener: (nodes: readonly Node[] | undefined) => void): { dispose(): void };
  dispose(): void;
}
