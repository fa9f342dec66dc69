import { commands, env, l10n, window } from 'vscode';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { shortDigest } from '../oci/digest.ts';
import type { BuiltArtifact } from '../packaging/artifact.ts';
import { targetText, type RepositoryTarget } from './targets.ts';

interface Told {
  readonly built: Pick<BuiltArtifact, 'root' | 'layers'>;
  readonly present: number;
}

/** Says how a push ended. @param canSave offers to save it as a recipe */
export async function tellPushed(
  { built: { root, layers }, present }: Told,
  { place, repository, tag }: RepositoryTarget & { readonly tag: string },
  canSave: boolean,
): Promise<void> {
  const show = l10n.t('Show in Tree');
  const copyIt = l10n.t('Copy Reference');
  const save = l10n.t('Save Recipe…');
  const reference = targetText({ place, repository }, tag);
  const done = l10n.t('Pushed {0}, digest {1}', plainText(reference), shortDigest(root.digest));
  const chosen = await window.showInformationMessage(
    present > 0
      ? `${done}. ${l10n.t('Layers that were there already: {0} of {1}', present, layers.length)}`
      : done,
    show,
    copyIt,
    ...(canSave ? [save] : []),
  );
  if (chosen === show) {
    await commands.executeCommand(Command.showInTree, { place: place.id, repository, ref: tag });
  } else if (chosen === copyIt) {
    await env.clipboard.writeText(reference);
  } else if (chosen === save) {
    await commands.executeCommand(Command.savePushRecipe);
  }
}
