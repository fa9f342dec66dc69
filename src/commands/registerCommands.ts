import { Disposable, env, l10n } from 'vscode';
import { Command } from '../contributions.ts';
import { log } from '../host/log.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { askRef } from './askTarget.ts';
import { registerCopyAsCommand } from './copyAsCommand.ts';
import { registerCopyTo } from './copyTo.ts';
import { registerAnnotate } from './annotate.ts';
import { registerAttach } from './attach.ts';
import { registerCreateIndex } from './createIndex.ts';
import { registerDetach } from './detach.ts';
import { registerExplainType } from './explainType.ts';
import { registerNewType } from './newType.ts';
import { registerDiagnose } from './diagnose.ts';
import { registerDelete } from './delete.ts';
import { registerExport } from './export.ts';
import { registerGo } from './go.ts';
import { registerImport } from './import.ts';
import { registerMirror } from './mirror.ts';
import { registerOpenAs } from './openAs.ts';
import { registerPull } from './pull.ts';
import { commandToPull } from './pullTarget.ts';
import { pushDialogs, registerPush } from './push.ts';
import { registerPushFromRecipe } from './pushFromRecipe.ts';
import { registerPushPreview } from './pushPreview.ts';
import { registerPushTask } from './pushTask.ts';
import { registerRegistries } from './registries.ts';
import { registerSaveRecipe } from './saveRecipe.ts';
import { registerShowTags } from './showTags.ts';
import { registerTag } from './tag.ts';
import { registerUndo } from './undo.ts';
import { registerUntag } from './untag.ts';
import { isRefNode, nodeOf } from './targets.ts';

/** Every command that asks or changes something. */
export function registerCommands(services: Services): Disposable {
  const preview = registerPushPreview();
  return Disposable.from(
    preview,
    ...registerRegistries(services),
    ...registerGo(services),
    registerCopyTo(services),
    registerMirror(services),
    registerExport(services),
    registerImport(services),
    registerShowTags(services),
    registerTag(services),
    registerUntag(services),
    registerAttach(services),
    registerDetach(services),
    registerAnnotate(services),
    registerCreateIndex(services),
    registerPush(services, preview),
    registerPushFromRecipe(services, pushDialogs(services, preview)),
    registerPushTask(services),
    registerSaveRecipe(services),
    registerPull(services),
    registerDelete(services),
    registerUndo(services),
    registerDiagnose(services),
    registerOpenAs(services),
    registerExplainType(services),
    registerNewType(services),
    registerCommand(Command.copyPullCommand, (...args) => copyPullCommand(args, services)),
    registerCopyAsCommand(services),
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
  await env.clipboard.writeText(commandToPull(node, named, services));
}
