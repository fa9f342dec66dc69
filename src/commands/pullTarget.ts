import { pullCommand, type PullTarget } from '../artifacts/pullCommand.ts';
import { toolCommands, toolGaps, type CommandTarget } from '../artifacts/toolCommands.ts';
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

/** What a command of another tool has to name. */
export function commandTargetOf(
  node: RefNode,
  named: Named,
  services: Pick<Services, 'network'>,
): CommandTarget {
  const { place } = node;
  const { network } = services;
  return {
    ...pullTargetOf(node, named, services),
    // Other tools do not know what was trusted here, and may not read what lets this machine go without.
    insecure:
      place.kind === 'remote' &&
      (network.trusted(place.host) !== undefined || network.insecureBy(place.host) !== undefined),
  };
}

/** What to type to get it: of the tool of its type, or of another where that one cannot unpack it. */
export function commandToPull(
  node: RefNode,
  named: Named,
  services: Pick<Services, 'network' | 'types'>,
): string {
  const target = commandTargetOf(node, named, services);
  const { manifest } = named;
  const command = pullCommand(named.type, target, services.types.table());
  const isGap = toolGaps(target, manifest).some(({ tool, action }) =>
    command.startsWith(`${tool} ${action} `),
  );
  const other = isGap
    ? toolCommands(target, manifest).find(({ tool, action }) => tool === 'regctl' && action === 'pull')
    : undefined;
  return other?.command ?? command;
}
