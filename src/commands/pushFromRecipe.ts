import { l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { pickOne } from './ask.ts';
import { pushSources, type PushUi } from './push.ts';
import { recipeOrder } from './recipeOrder.ts';
import { tellPushed } from './tellPushed.ts';
import { diskFolders, recipesOf, type FoundRecipe } from './workspaceRecipes.ts';

/** *Push from Recipe*: the steps of any push, but for the questions. @param dialogs those of any other push */
export function registerPushFromRecipe(services: Services, dialogs: PushUi): Disposable {
  return registerCommand(Command.pushFromRecipe, async () => {
    const folders = diskFolders();
    const found = (await Promise.all(folders.map(recipesOf))).flat();
    if (found.length === 0) {
      void window.showInformationMessage(
        l10n.t('There is no recipe in .oci/push.json yet: push something, then choose Save Recipe….'),
      );
      return;
    }
    const { folder, recipe } = await choose(found);
    const roots = folders.map(({ uri }) => uri.fsPath);
    const { sources, order } = await recipeOrder(recipe, folder.uri.fsPath, roots, services);
    void tellPushed(await pushSources(sources, order, dialogs, services), order, false);
  });
}

async function choose(found: readonly FoundRecipe[]): Promise<FoundRecipe> {
  const [only] = found;
  return only && found.length === 1
    ? only
    : pickOne<FoundRecipe>({
        title: l10n.t('Push from Recipe'),
        placeholder: l10n.t('Recipe'),
        choices: found.map((value) => ({
          label: plainText(value.recipe.name),
          description: plainText(value.recipe.target),
          detail: plainText([value.folder.name, ...value.recipe.files].join(' · ')),
          value,
        })),
      });
}
