import type { Digest } from '../oci/digest.ts';
import { isOciError } from '../oci/errors.ts';
import { listsUntagged } from '../oci/store.ts';
import type { Listing } from './listings.ts';
import type { RepositoryNode } from './node.ts';

/** Most manifests without a tag that stand behind the tags. */
const maxUntagged = 500;

/** What a layout holds that has no name; a registry cannot say. What cannot be read hides no tag. */
export async function untaggedOf(
  { place, repository }: RepositoryNode,
  { list, filter }: Listing,
  signal?: AbortSignal,
): Promise<readonly Digest[]> {
  if (list.error !== undefined || filter) {
    return [];
  }
  try {
    const store = place.registry.repository(repository);
    return listsUntagged(store) ? (await store.untagged({ limit: maxUntagged, signal })).items : [];
  } catch (error) {
    if (isOciError(error)) {
      return [];
    }
    throw error;
  }
}
