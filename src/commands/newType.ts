import { commands, l10n, window, type Disposable } from 'vscode';
import { newTypeRow, signalOf } from '../artifacts/newTypeRow.ts';
import { parseTypeRow } from '../artifacts/parseTypeRow.ts';
import { isRecord } from '../oci/descriptor.ts';
import { Command } from '../contributions.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { hasWorkspace, update, valueIn, type SettingTarget } from '../host/settings.ts';
import { inputOne, pickOne } from './ask.ts';
import { askRef } from './askTarget.ts';
import { isRefNode, nodeOf } from './targets.ts';

/** *New Artifact Type…*: a row of settings made from the manifest in front of the user. */
export function registerNewType(services: Services): Disposable {
  return registerCommand(Command.newArtifactType, async (...args) => {
    const title = l10n.t('New Artifact Type');
    let node = nodeOf(args, services);
    if (!isRefNode(node)) {
      const { place, repository, ref } = await askRef(title, services);
      node = services.browser.locate(place.id, repository, ref);
    }
    const named = node && (await services.browser.read(node, services.signal));
    const signal = named?.manifest && signalOf(named.manifest);
    if (!named || !signal) {
      void window.showInformationMessage(
        l10n.t('Nothing in this manifest says what it is: no artifactType, no media type of its own.'),
      );
      return;
    }
    const row = (name: string) =>
      newTypeRow(signal, name, named.type.category, (id) => isTaken(id, services));
    const name = await inputOne({
      title,
      prompt: l10n.t('Short name for what has {0} = {1}', signal.field, signal.mediaType),
      value: signal.name,
      validate: (text) => {
        const parsed = parseTypeRow(row(text.trim()));
        return 'problem' in parsed ? parsed.problem : undefined;
      },
    });
    const target = hasWorkspace() ? await askSettings(title) : 'user';
    const before = valueIn('artifactTypes', target);
    await update(
      'artifactTypes',
      [...(Array.isArray(before) ? (before as unknown[]) : []), row(name.trim())],
      target,
    );
    await commands.executeCommand(
      target === 'user' ? 'workbench.action.openSettingsJson' : 'workbench.action.openWorkspaceSettingsFile',
      { revealSetting: { key: 'ociExplorer.artifactTypes' } },
    );
  });
}

/** Rows that are wrong count too: when they are put right, their ids must not meet. */
function isTaken(id: string, { types }: Services): boolean {
  return (
    types.table().byId.has(id) ||
    (['user', 'workspace'] as const).some((target) => {
      const rows = valueIn('artifactTypes', target);
      return Array.isArray(rows) && rows.some((row) => isRecord(row) && row['id'] === id);
    })
  );
}

function askSettings(title: string): Promise<SettingTarget> {
  return pickOne<SettingTarget>({
    title,
    placeholder: l10n.t('Where the type is kept'),
    choices: [
      { label: l10n.t('User settings'), description: l10n.t('for all folders'), value: 'user' },
      {
        label: l10n.t('Workspace settings'),
        description: l10n.t('shared with the folder'),
        value: 'workspace',
      },
    ],
  });
}
