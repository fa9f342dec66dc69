import { basename } from 'node:path';
import { commands, l10n, Uri, window, workspace, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { localPlace } from '../host/places.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import {
  changedAnnotations,
  parseRecipes,
  recipePacking,
  withRecipe,
  type PushRecipe,
} from '../packaging/pushRecipe.ts';
import { readRecipeFile, recipeNames, recipePath, writeRecipeFile } from '../packaging/recipeFile.ts';
import { confirm, inputOne } from './ask.ts';
import { lastPush, type LastPush } from './lastPush.ts';
import { targetText } from './targets.ts';

/** *Save Push Recipe*: the last push of this window as a recipe in its folder of the workspace. */
export function registerSaveRecipe(services: Services): Disposable {
  return registerCommand(Command.savePushRecipe, async () => {
    const last = lastPush(services);
    if (!last) {
      void window.showInformationMessage(l10n.t('Nothing was pushed in this window yet.'));
      return;
    }
    const found = folderOf(last.paths);
    if (!found) {
      void window.showWarningMessage(
        l10n.t('A recipe names what is in one folder of the workspace; what was pushed is not.'),
      );
      return;
    }
    await save(last, found);
  });
}

interface Found {
  readonly folder: string;
  readonly files: readonly string[];
}

/** The innermost folder of the workspace that all of it is in. */
function folderOf(paths: readonly string[]): Found | undefined {
  return (workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => ({ folder: uri.fsPath, files: recipeNames(uri.fsPath, paths) }))
    .filter((found): found is Found => found.files !== undefined)
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

async function save({ answers, keepFileTimes }: LastPush, { folder, files }: Found): Promise<void> {
  const { place, repository, tag, type } = answers;
  const content = await readRecipeFile(folder);
  const names = content === undefined ? [] : parseRecipes(content).map((each) => each.name);
  const annotations = changedAnnotations(answers.annotations, answers.offered);
  const recipe = (name: string): PushRecipe => ({
    name,
    target:
      // Where Local is differs from machine to machine.
      place.id === localPlace ? `${localPlace}/${repository}:${tag}` : targetText({ place, repository }, tag),
    type: type.id,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    files,
    keepFileTimes,
    ...recipePacking(answers.packing),
  });
  const name = await inputOne({
    title: l10n.t('Save Push Recipe'),
    prompt: l10n.t('Name of the recipe'),
    value: basename(repository),
    validate: (value) => (isName(value) ? undefined : l10n.t('A name of at most 100 characters')),
  });
  if (names.includes(name)) {
    await confirm(
      l10n.t('Replace the recipe {0}?', plainText(name)),
      l10n.t('It is in {0}.', plainText(recipePath(folder))),
      l10n.t('Replace'),
    );
  }
  await writeRecipeFile(folder, withRecipe(content, recipe(name)));
  await commands.executeCommand('vscode.open', Uri.file(recipePath(folder)));
}

/** Anything else that is wrong is told when it is saved. */
function isName(name: string): boolean {
  try {
    withRecipe(undefined, { name, target: 'local/x:x', type: 'x', files: ['.'], keepFileTimes: false });
    return true;
  } catch {
    return false;
  }
}
