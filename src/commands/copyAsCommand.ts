import { env, l10n, QuickPickItemKind, type Disposable } from 'vscode';
import { toolCommands, toolGaps, type GapReason, type ToolAction } from '../artifacts/toolCommands.ts';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { pickOne, type Choice, type Separator } from './ask.ts';
import { askRef } from './askTarget.ts';
import { commandTargetOf } from './pullTarget.ts';
import { isRefNode, nodeOf, refTarget, shownText } from './targets.ts';

export function registerCopyAsCommand(services: Services): Disposable {
  return registerCommand(Command.copyAsCommand, (...args) => copyAsCommand(args, services));
}

/** What other tools are to do with a tag or manifest, chosen from a list and copied; nothing is run. */
async function copyAsCommand(args: readonly unknown[], services: Services): Promise<void> {
  const title = l10n.t('Copy as Command');
  let node = nodeOf(args, services);
  if (!isRefNode(node)) {
    const asked = await askRef(title, services);
    node = services.browser.locate(asked.place.id, asked.repository, asked.ref);
  }
  const named = isRefNode(node) ? await services.browser.complete(node, services.signal) : undefined;
  if (!isRefNode(node) || !named) {
    return;
  }
  const target = commandTargetOf(node, named, services);
  const actions: Readonly<Record<ToolAction, string>> = {
    pull: l10n.t('Pull to the current folder'),
    copy: l10n.t('Copy to the reference in TARGET'),
    push: l10n.t('Push the files in the current folder again'),
  };
  const commands = toolCommands(target, named.manifest);
  const gaps = toolGaps(target, named.manifest);
  const choices = (Object.keys(actions) as ToolAction[]).flatMap(
    (action): readonly (Choice<string | undefined> | Separator)[] => {
      const rows = [
        ...commands
          .filter((each) => each.action === action)
          .map(({ tool, command, without }) => ({
            label: `${tool} ${action}`,
            ...(without ? { description: l10n.t('without links, and without what can be run') } : {}),
            detail: plainText(command),
            value: command,
          })),
        // What a tool cannot do is said, and copies nothing.
        ...gaps
          .filter((each) => each.action === action)
          .map(({ tool, why }) => ({
            label: `$(circle-slash) ${tool} ${action}`,
            description: gapText(why),
            value: undefined,
          })),
      ];
      return rows.length === 0
        ? []
        : [{ label: actions[action], kind: QuickPickItemKind.Separator }, ...rows];
    },
  );
  const { ref } = refTarget(node);
  const placeholder = l10n.t('Command for {0}', shownText(node, ref));
  const command = await pickOne<string | undefined>({ title, placeholder, choices });
  if (command !== undefined) {
    await env.clipboard.writeText(command);
  }
}

function gapText(why: GapReason): string {
  const texts: Readonly<Record<GapReason, string>> = {
    gzip: l10n.t('knows only folders that are compressed by gzip'),
    split: l10n.t('makes one layer of a folder'),
    folders: l10n.t('packs folders in another way'),
    nested: l10n.t('mixes up these folders and files'),
  };
  return texts[why];
}
