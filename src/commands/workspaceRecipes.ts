import { workspace, type WorkspaceFolder } from 'vscode';
import { parseRecipes, type PushRecipe } from '../packaging/pushRecipe.ts';
import { readRecipeFile } from '../packaging/recipeFile.ts';

export interface FoundRecipe {
  readonly folder: WorkspaceFolder;
  readonly recipe: PushRecipe;
}

/** Folders of the workspace that are on a disk. */
export function diskFolders(): readonly WorkspaceFolder[] {
  return (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
}

/** @throws {OciError} `recipe-invalid` */
export async function recipesOf(folder: WorkspaceFolder): Promise<readonly FoundRecipe[]> {
  const content = await readRecipeFile(folder.uri.fsPath);
  return content === undefined ? [] : parseRecipes(content).map((recipe) => ({ folder, recipe }));
}
