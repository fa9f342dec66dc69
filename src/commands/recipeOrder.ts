import type { Place, Places } from '../browse/place.ts';
import { localPlace } from '../host/places.ts';
import type { Services } from '../host/services.ts';
import { OciError } from '../oci/errors.ts';
import { canonicalHost, isRepository, isTag } from '../oci/reference.ts';
import { isPackedFreely } from '../packaging/packing.ts';
import { annotationsBy, packingOf, type PushRecipe } from '../packaging/pushRecipe.ts';
import { filesType, pushTypes, typedType, type PushType } from '../packaging/pushTypes.ts';
import { recipePaths } from '../packaging/recipeFile.ts';
import { sourcesOf } from '../packaging/sources.ts';
import type { Source } from '../packaging/plan.ts';
import { annotationProblem } from './askAnnotations.ts';
import { metadataOf } from './askPush.ts';
import { findLocal } from './localReference.ts';
import type { PushOrder } from './push.ts';
import type { RepositoryTarget } from './targets.ts';

/**
 * What a recipe of a folder of the workspace orders, as a person would have answered: the target is a place of theirs, the
 * files are in the folder.
 * @param roots absolute paths of the folders of the workspace
 * @throws {OciError} `recipe-invalid`, `file-missing`
 */
export async function recipeOrder(
  recipe: PushRecipe,
  folder: string,
  roots: readonly string[],
  { places, types }: Pick<Services, 'places' | 'types'>,
): Promise<{ readonly sources: readonly Source[]; readonly order: PushOrder }> {
  const target = findTarget(recipe.target, places);
  if (!target) {
    throw new OciError('recipe-invalid', `${recipe.target} is in no registry of the tree`);
  }
  const table = types.table();
  const type: PushType | undefined =
    [filesType, ...pushTypes(table)].find(({ id }) => id === recipe.type) ?? typedType(recipe.type, table);
  if (!type) {
    throw new OciError('recipe-invalid', `${recipe.type} is no type that is pushed`);
  }
  const sources = sourcesOf(await recipePaths(folder, recipe), roots);
  const annotations = annotationsBy(recipe, await metadataOf(sources));
  for (const [key, value] of Object.entries(annotations)) {
    const problem = annotationProblem(key, value);
    if (problem !== undefined) {
      throw new OciError('recipe-invalid', `${key}: ${problem}`);
    }
  }
  const packing = packingOf(recipe);
  if (!isPackedFreely(type) && (packing.split !== 'none' || packing.compression !== 'gzip')) {
    throw new OciError('recipe-invalid', `${recipe.type} says what its layers are: no split, no compression`);
  }
  return { sources, order: { ...target, type, annotations, packing, keepFileTimes: recipe.keepFileTimes } };
}

interface Target extends RepositoryTarget {
  readonly tag: string;
}

function findTarget(text: string, places: Places): Target | undefined {
  const colon = text.lastIndexOf(':');
  const [name, tag] = [text.slice(0, colon), text.slice(colon + 1)];
  const slash = name.indexOf('/');
  const [first, repository] = [name.slice(0, slash), name.slice(slash + 1)];
  if (first === '') {
    const found = findLocal(text, places);
    return found?.repository !== undefined && found.tag !== undefined
      ? { place: found.place, repository: found.repository, tag: found.tag }
      : undefined;
  }
  const place = first === localPlace ? places.get(localPlace) : remotePlace(first, repository, places);
  return place && isRepository(repository) && isTag(tag) ? { place, repository, tag } : undefined;
}

/** Of several entries of one host the one whose namespace it is in. */
function remotePlace(host: string, repository: string, places: Places): Place | undefined {
  const all = places.all().filter(({ kind, host: own }) => kind === 'remote' && own === canonicalHost(host));
  const inside = all.find(
    ({ namespace }) => namespace !== undefined && repository.startsWith(`${namespace}/`),
  );
  return inside ?? all.find(({ namespace }) => namespace === undefined) ?? all[0];
}
