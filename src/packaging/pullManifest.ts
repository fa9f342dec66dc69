import { checkSize } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { parseManifest, type Index, type Manifest } from '../oci/manifest.ts';
import type { Op, ReadStore } from '../oci/store.ts';

/** Deepest nesting of indexes. */
const maxDepth = 8;

/**
 * The manifest to pull. An index of one manifest means that one; else `choose` says which, at every level.
 * @throws {OciError} as `ReadStore.manifest`; `size-mismatch`; `unsupported` for docker schema 1; `manifest-invalid` for an index of nothing or of too many levels
 */
export async function manifestToPull(
  store: ReadStore,
  ref: string,
  choose: (choices: readonly Descriptor[], index: Index) => Promise<Descriptor>,
  op: Op = {},
): Promise<{ readonly descriptor: Descriptor; readonly manifest: Manifest }> {
  let next = ref;
  let listed: Descriptor | undefined;
  for (let depth = 0; depth < maxDepth; depth++) {
    const { descriptor, bytes } = await store.manifest(next, op);
    if (listed) {
      checkSize(listed, bytes.byteLength);
    }
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (manifest.kind === 'manifest' && manifest.history) {
      throw new OciError('unsupported', 'docker schema 1 does not say how long its layers are');
    }
    if (manifest.kind === 'manifest') {
      return { descriptor, manifest };
    }
    const choices = choicesOf(manifest);
    const [only] = choices;
    if (!only) {
      throw new OciError('manifest-invalid', 'The index lists no manifest');
    }
    listed = choices.length === 1 ? only : await choose(choices, manifest);
    next = listed.digest;
  }
  throw new OciError('manifest-invalid', 'The indexes are nested too deep');
}

/** What BuildKit says about the others of the list is nothing to pull, unless there is nothing else. */
function choicesOf({ manifests }: Index): readonly Descriptor[] {
  const real = manifests.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
  );
  const choices = real.length > 0 ? real : manifests;
  return [...new Map(choices.map((choice) => [choice.digest, choice])).values()];
}
