import { Disposable, env, l10n } from 'vscode';
import { pullCommand } from '../artifacts/pullCommand.ts';
import { Command } from '../contributions.ts';
import { log } from '../host/log.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { askRef } from './askTarget.ts';
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
  let node = nodeOf(args, services);
  if (!isRefNode(node)) {
    const asked = await askRef(l10n.t('Copy Pull Command'), services);
    node = services.browser.locate(asked.place.id, asked.repository, asked.ref);
  }
  const named = isRefNode(node) ? await services.browser.complete(node, services.signal) : undefined;
  if (!isRefNode(node) || !named) {
    return;
  }
  const { place, repository } = node;
  const target = {
    kind: place.kind === 'layout' && !isWholeLayout(place, repository) ? 'local' : place.kind,
    registry: place.host,
    repository,
    digest: named.descriptor.digest,
    subject: named.manifest?.subject?.digest,
    plainHttp: place.kind === 'remote' && services.network.scheme(place.host) === 'http',
    ...(node.kind === 'tag' ? { tag: node.tag } : {}),
  };
  await env.clipboard.writeText(pullCommand(named.type, target, services.types.table()));
}
