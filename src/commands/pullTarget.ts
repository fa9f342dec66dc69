import type { PullTarget } from '../artifacts/pullCommand.ts';
import type { Named } from '../browse/browser.ts';
import type { Services } from '../host/services.ts';
import { isWholeLayout } from './localReference.ts';
import type { RefNode } from './targets.ts';

/** What a pull command has to name. */
export function pullTargetOf(
  node: RefNode,
  { descriptor, manifest }: Named,
  { network }: Pick<Services, 'network'>,
): PullTarget {
  const { place, repository } = node;
  return {
    kind: place.kind === 'layout' && !isWholeLayout(place, repository) ? 'local' : place.kind,
    registry: place.host,
    repository,
    digest: descriptor.digest,
    subject: manifest?.subject?.digest,
    plainHttp: place.kind === 'remote' && network.scheme(place.host) === 'http',
    ...(node.kind === 'tag' ? { tag: node.tag } : {}),
  };
}
