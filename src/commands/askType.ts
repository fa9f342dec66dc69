import { l10n, QuickPickItemKind } from 'vscode';
import { plainText } from '../host/plainText.ts';
import { isMediaType } from '../oci/mediaTypes.ts';
import type { AttachType } from '../packaging/attachTypes.ts';
import { askPick, type Back, type Choice, type StepInfo } from './ask.ts';

/** A type for what is attached: those that fit the files first, then the other known ones, or any that is typed. */
export function askAttachType(
  at: StepInfo,
  { fitting, others }: { readonly fitting: readonly AttachType[]; readonly others: readonly AttachType[] },
): Promise<string | Back> {
  const choice = ({ artifactType, label }: AttachType): Choice<string> => ({
    label: plainText(label),
    description: plainText(artifactType),
    value: artifactType,
  });
  return askPick<string>({
    ...at,
    placeholder: l10n.t('Type of the artifact: choose one, or type a media type'),
    choices: [
      ...fitting.map(choice),
      { label: l10n.t('Known types'), kind: QuickPickItemKind.Separator },
      ...others.map(choice),
    ],
    typed: (text) =>
      isMediaType(text) ? { label: text, description: l10n.t('artifactType'), value: text } : undefined,
  });
}
