import type { ErrorFacts } from '../oci/errors.ts';
import { isRecord } from '../oci/descriptor.ts';
import { canonicalHost } from '../oci/reference.ts';
import type { ManifestNode, Node, PlaceNode, RepositoryNode, TagNode } from '../browse/node.ts';
import type { Place } from '../browse/place.ts';
import { isWholeLayout } from './localReference.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';

/** A tag or a digest of a repository. */
export interface RefTarget {
  readonly place: Place;
  readonly repository: string;
  /** Tag or digest. */
  readonly ref: string;
}

export interface RepositoryTarget {
  readonly place: Place;
  readonly repository: string;
}

export function isNode(value: unknown): value is Node {
  return isRecord(value) && typeof value['kind'] === 'string' && typeof value['id'] === 'string';
}

/**
 * The nodes a command is about: of its arguments as the tree gives them (the clicked one, all selected ones), else what is
 * selected. A clicked node outside of the selection stands alone.
 */
export function nodesOf(
  args: readonly unknown[],
  { selection }: Pick<Services, 'selection'>,
): readonly Node[] {
  const [clicked, all] = args;
  if (!isNode(clicked)) {
    return args.length > 0 && clicked !== undefined ? [] : selection.get();
  }
  const selected = Array.isArray(all) ? all.filter(isNode) : [];
  return selected.some(({ id }) => id === clicked.id) ? selected : [clicked];
}

export function nodeOf(args: readonly unknown[], services: Pick<Services, 'selection'>): Node | undefined {
  return nodesOf(args, services)[0];
}

/** A file or folder of this machine among the arguments of a command: of the Explorer, or of who runs it. */
export function pathOf(args: readonly unknown[]): string | undefined {
  const uri = args.find(
    (arg) => isRecord(arg) && arg['scheme'] === 'file' && typeof arg['fsPath'] === 'string',
  );
  return (uri as { readonly fsPath: string } | undefined)?.fsPath;
}

/** The place a node stands in, or that an error is about. */
export function placeOf(
  args: readonly unknown[],
  { places, selection }: Pick<Services, 'places' | 'selection'>,
): Place | undefined {
  const [first] = args;
  if (!isNode(first) && isRecord(first)) {
    const facts: ErrorFacts = first;
    const host = canonicalHost(facts.host ?? '');
    return places.all().find((place) => place.kind === 'remote' && place.host === host);
  }
  let node = nodeOf(args, { selection });
  while (node?.parent && !('place' in node)) {
    node = node.parent;
  }
  return node && 'place' in node ? (places.get(node.place.id) ?? node.place) : undefined;
}

/** What went wrong, of a failure node or of the button of a message. */
export function factsOf(args: readonly unknown[]): ErrorFacts {
  const [first] = args;
  if (isNode(first)) {
    return first.kind === 'failure' ? first.error.facts : {};
  }
  if (!isRecord(first)) {
    return {};
  }
  return {
    ...(typeof first['host'] === 'string' ? { host: first['host'] } : {}),
    ...(typeof first['certificate'] === 'string' ? { certificate: first['certificate'] } : {}),
  };
}

export type RefNode = TagNode | ManifestNode;

export function isRefNode(node: Node | undefined): node is RefNode {
  return node?.kind === 'tag' || node?.kind === 'manifest';
}

export function isRepositoryNode(node: Node | undefined): node is RepositoryNode {
  return node?.kind === 'repository';
}

export function isPlaceNode(node: Node | undefined): node is PlaceNode {
  return node?.kind === 'place';
}

export function refTarget(node: RefNode): RefTarget {
  return {
    place: node.place,
    repository: node.repository,
    ref: node.kind === 'tag' ? node.tag : node.descriptor.digest,
  };
}

/** `host/repository:tag` or `host/repository@digest`; of Local and of layouts, with their folder before it. */
export function targetText({ place, repository }: RepositoryTarget, ref?: string): string {
  const base = isWholeLayout(place, repository) ? place.host : `${place.host}/${repository}`;
  return ref === undefined ? base : `${base}${ref.includes(':') ? '@' : ':'}${ref}`;
}

/** As people read it: `Local/app:1.4.2`. */
export function shownText({ place, repository }: RepositoryTarget, ref?: string): string {
  return plainText(`${place.name}/${repository}${refText(ref)}`);
}

/** As a row has room for: `app:1.4.2`, without the registry and the path. */
export function shortText({ repository }: RepositoryTarget, ref?: string): string {
  return plainText(`${repository.slice(repository.lastIndexOf('/') + 1)}${refText(ref)}`);
}

function refText(ref: string | undefined): string {
  if (ref?.includes(':') === true) {
    return `@${ref.slice(0, ref.indexOf(':') + 13)}`;
  }
  return ref ? `:${ref}` : '';
}
