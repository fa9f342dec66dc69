import type { Op } from '../oci/store.ts';
import type { Compression } from './compression.ts';
import type { PushPlan } from './plan.ts';
import type { PushType } from './pushTypes.ts';
import { splitFolder, type Split } from './splitLayers.ts';

/** What a person chooses of how folders are packed. */
export interface Packing {
  readonly split: Split;
  readonly compression: Compression;
  /** Patterns in the style of `.gitignore`, relative to each folder that is pushed; they count before those of files. */
  readonly ignore: readonly string[];
}

/** As oras packs: a layer of each folder, gzip, and only what files of patterns leave out left out. */
export const usualPacking: Packing = { split: 'none', compression: 'gzip', ignore: [] };

/** Whether a type leaves it open how its folders are packed: one that says what its layers are does not. */
export function isPackedFreely({ row, push }: PushType): boolean {
  return (row?.layers ?? []).length === 0 && push.configFile === undefined;
}

/**
 * The layers of a plan as they were chosen, where the type leaves that open.
 * @throws {OciError} as `splitFolder`
 */
export async function arrangeLayers(
  plan: PushPlan,
  type: PushType,
  options: Packing & Op & { readonly keepFileTimes: boolean },
): Promise<PushPlan> {
  if (!isPackedFreely(type)) {
    return plan;
  }
  const { compression } = options;
  const layers = await Promise.all(
    plan.layers.map((layer) =>
      splitFolder(
        layer.kind === 'folder' && compression !== usualPacking.compression
          ? { ...layer, compression }
          : layer,
        options,
      ),
    ),
  );
  return { ...plan, layers: layers.flat() };
}
