import { commands, type Disposable } from 'vscode';
import type { Descriptor } from '../oci/descriptor.ts';
import { identify, type IdentifyContext } from '../artifacts/identify.ts';
import type { ArtifactType } from '../artifacts/type.ts';
import { Command } from '../contributions.ts';
import type { ArtifactTypes } from './artifactTypes.ts';

const longestReference = 4096;

/** What `OciExplorerApi` promises; all that comes in is from others. */
export function createApi(types: ArtifactTypes) {
  return {
    version: 1,
    identify: (
      manifest: unknown,
      descriptor?: Partial<Descriptor>,
      context?: IdentifyContext,
    ): ArtifactType => {
      try {
        return identify(manifest, descriptor, context, types.table());
      } catch {
        // Only an object that throws when it is looked at comes here: what nobody can read is nothing.
        return identify(undefined, undefined, {}, types.table());
      }
    },
    registerArtifactType: (row: unknown): Disposable => types.register(row),
    open: async (reference: string): Promise<void> => {
      if (typeof reference !== 'string' || reference.trim() === '' || reference.length > longestReference) {
        throw new TypeError('Not a reference');
      }
      await commands.executeCommand(Command.goToReference, reference);
    },
  } as const;
}
