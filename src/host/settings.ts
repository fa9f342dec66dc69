import { isAbsolute } from 'node:path';
import { ConfigurationTarget, workspace, type Disposable } from 'vscode';
import type { RegistrySetting, Settings } from '../contributions.ts';
import { mergeRegistries, parseRegistries } from './registrySettings.ts';

const section = 'ociExplorer';

/** The value in force. Values of a wrong type, which only a hand-edited file can hold, become what package.json says. */
export function setting<K extends Exclude<keyof Settings, 'registries' | 'layouts' | 'artifactTypes'>>(
  name: K,
): Settings[K] {
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

/** Which file of settings: workspace settings are shared with everyone who opens the workspace. */
export type SettingTarget = 'user' | 'workspace';
export const settingTargets: readonly SettingTarget[] = ['user', 'workspace'];

/** The entries of one file of settings, as they stand there. */
export function registriesOf(target: SettingTarget): readonly RegistrySetting[] {
  return parseRegistries(valueIn('registries', target));
}

export async function writeRegistries(
  target: SettingTarget,
  entries: readonly RegistrySetting[],
): Promise<void> {
  await update('registries', entries.length > 0 ? entries : undefined, target);
}

/** Changes the entries of every file of settings where that changes anything. */
export async function changeRegistries(
  change: (entries: readonly RegistrySetting[]) => readonly RegistrySetting[],
): Promise<void> {
  for (const target of settingTargets) {
    const entries = registriesOf(target);
    const changed = change(entries);
    if (JSON.stringify(changed) !== JSON.stringify(entries)) {
      await writeRegistries(target, changed);
    }
  }
}

/** Layouts of the user and of the workspace together. */
export function layoutSettings(): readonly string[] {
  return [...new Set(settingTargets.flatMap(layoutsOf))];
}

export function layoutsOf(target: SettingTarget): readonly string[] {
  const value = valueIn('layouts', target);
  return Array.isArray(value)
    ? value.filter((path): path is string => typeof path === 'string' && isAbsolute(path))
    : [];
}

export async function writeLayouts(target: SettingTarget, paths: readonly string[]): Promise<void> {
  await update('layouts', paths.length > 0 ? paths : undefined, target);
}

/** False: there are no workspace settings to write to. */
export function hasWorkspace(): boolean {
  return workspace.workspaceFile !== undefined || (workspace.workspaceFolders ?? []).length > 0;
}

/** As it stands in one file of settings, unchecked. */
export function valueIn(name: 'registries' | 'layouts' | 'artifactTypes', target: SettingTarget): unknown {
  const found = workspace.getConfiguration(section).inspect(name);
  return target === 'user' ? found?.globalValue : found?.workspaceValue;
}

/** Application and machine settings only exist for the user. */
export async function update<K extends keyof Settings>(
  name: K,
  value: Settings[K] | undefined,
  target: SettingTarget = 'user',
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
