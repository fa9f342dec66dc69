import { Disposable, env } from 'vscode';
import { pullCommand } from '../artifacts/pullCommand.ts';
import { Command } from '../contributions.ts';
import { log } from '../host/log.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { registerDelete } from './delete.ts';
import { registerGo } from './go.ts';
import { registerPull } from './pull.ts';
import { isWholeLayout } from './localReference.ts';
import { registerPush } from './push.ts';
import { registerRegistries } from './registries.ts';
import { registerTag } from './tag.ts';
import { isRefNode, nodeOf } from './targets.ts';

/** Every command that asks or changes something. */
export function registerCommands(services: Services): Disposable {
  return Disposable.from(
    ...registerRegistries(services),
    ...registerGo(services),
    registerTag(services),
    registerPush(services),
    registerPull(services),
    registerDelete(services),
    registerCommand(Command.copyPullCommand, (...args) => copyPullCommand(args, services)),
    registerCommand(Command.showLog, () => log().show()),
  );
}

async function copyPullCommand(args: readonly unknown[], services: Services): Promise<void> {
  const node = nodeOf(args, services);
  const named = node && isRefNode(node) ? await services.browser.complete(node, services.signal) : undefined;
  if (!node || !isRefNode(node) || !named) {
    return;
  }
  const { place, repository } = node;
  const target = {
    kind: place.kind === 'layout' && !isWholeLayout(place, repository) ? 'local' : place.kind,
    registry: place.host,
    repository,
    digest: named.descriptor.digest,
    plainHttp: place.kind === 'remote' && services.network.scheme(place.host) === 'http',
    ...(node.kind === 'tag' ? { tag: node.tag } : {}),
  };
  await env.clipboard.writeText(pullCommand(named.type, target));
}
