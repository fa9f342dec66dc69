import { l10n } from 'vscode';
import type { Category } from '../artifacts/type.ts';

const texts: Readonly<Record<Category, () => string>> = {
  image: () => l10n.t('image'),
  index: () => l10n.t('index'),
  chart: () => l10n.t('chart'),
  wasm: () => l10n.t('WebAssembly'),
  sbom: () => l10n.t('bill of materials'),
  signature: () => l10n.t('signature'),
  attestation: () => l10n.t('attestation'),
  policy: () => l10n.t('policy'),
  model: () => l10n.t('model'),
  config: () => l10n.t('configuration'),
  package: () => l10n.t('package'),
  bundle: () => l10n.t('bundle'),
  cache: () => l10n.t('cache'),
  vm: () => l10n.t('virtual machine'),
  iac: () => l10n.t('infrastructure as code'),
  metadata: () => l10n.t('metadata'),
  other: () => l10n.t('other'),
};

/** The category of a type, in the language of the editor. */
export function categoryText(category: Category): string {
  return texts[category]();
}
