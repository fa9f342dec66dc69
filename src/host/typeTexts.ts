import { l10n } from 'vscode';
import type { Ignored, Rule } from '../artifacts/type.ts';

/** Where a type can be found, in the order of precedence. */
export const ruleTexts: Readonly<Record<Rule, () => string>> = {
  'manifest-media-type': () => l10n.t('Media type of the manifest'),
  'artifact-type': () => l10n.t('artifactType of the manifest, unless it says only how something is stored'),
  'config-media-type': () => l10n.t('Media type of the config'),
  'child-media-type': () => l10n.t('Media types of the manifests of an index'),
  'descriptor-annotation': () => l10n.t('Annotations in the list that names it'),
  'layer-media-type': () => l10n.t('Media types of the layers'),
  'manifest-annotation': () => l10n.t('Annotations of the manifest'),
  'layer-annotation': () => l10n.t('Annotations of the layers'),
  'child-annotation': () => l10n.t('Annotations of the manifests of an index'),
  'config-label': () => l10n.t('Labels of an image config'),
  'tag-pattern': () => l10n.t('The tag, as a hint'),
  generated: () => l10n.t('No type is known for it: a name made of the media type that says most'),
};

export const ignoredTexts: Readonly<Record<Ignored['why'], () => string>> = {
  generic: () => l10n.t('says only how something is stored'),
  unknown: () => l10n.t('no type is known for it'),
  outranked: () => l10n.t('what decided comes before it'),
};
