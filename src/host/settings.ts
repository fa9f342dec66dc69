import { ConfigurationTarget, workspace, type Disposable } from 'vscode';
import type { RegistrySetting, Settings } from '../contributions.ts';
import { mergeRegistries, parseRegistries } from './registrySettings.ts';

const section = 'ociExplorer';

/** The value in force. Values of a wrong type, which only a hand-edited file can hold, become what package.json says. */
export function setting<K extends Exclude<keyof Settings, 'registries'>>(name: K): Settings[K] {
  const settings = workspace.getConfiguration(section);
  const value = settings.get(name);
  const usual = settings.inspect(name)?.defaultValue;
  const isSame = typeof value === typeof usual && Array.isArray(value) === Array.isArray(usual);
  return (isSame ? value : usual) as Settings[K];
}

/** Of the user and of the workspace together: a shared workspace adds registries and hides none. */
export function registrySettings(): readonly RegistrySetting[] {
  const found = workspace.getConfiguration(section).inspect('registries');
  return mergeRegistries([
    parseRegistries(found?.globalValue),
    parseRegistries(found?.workspaceValue),
    parseRegistries(found?.workspaceFolderValue),
  ]);
}

export type RegistryTarget = 'user' | 'workspace';

/** The entries of one file of settings, as they stand there. */
export function registriesOf(target: RegistryTarget): readonly RegistrySetting[] {
  const found = workspace.getConfiguration(section).inspect('registries');
  return parseRegistries(target === 'user' ? found?.globalValue : found?.workspaceValue);
}

export async function writeRegistries(
  target: RegistryTarget,
  entries: readonly RegistrySetting[],
): Promise<void> {
  await update('registries', entries.length > 0 ? entries : undefined, target);
}

/** Application and machine settings only exist for the user. */
export async function update<K extends keyof Settings>(
  name: K,
  value: Settings[K] | undefined,
  target: RegistryTarget = 'user',
): Promise<void> {
  await workspace
    .getConfiguration(section)
    .update(name, value, target === 'user' ? ConfigurationTarget.Global : ConfigurationTarget.Workspace);
}

/** Calls `listener` when one of the settings changes. */
export function onSettings(names: readonly (keyof Settings)[], listener: () => void): Disposable {
  return workspace.onDidChangeConfiguration((event) => {
    if (names.some((name) => event.affectsConfiguration(`${section}.${name}`))) {
      listener();
    }
  });
}
