import type { Disposable } from 'vscode';
import type { IdentifyContext } from './artifacts/identify.ts';
import type { TypeRow } from './artifacts/table.ts';
import type { ArtifactType } from './artifacts/type.ts';
import type { Descriptor } from './oci/descriptor.ts';

/** What other extensions are given: `extensions.getExtension('oci-explorer.oci-explorer')?.activate()`. */
export interface OciExplorerApi {
  readonly version: 1;
  /**
   * What a manifest is, by the types in force; never throws, whatever it is given.
   * @param manifest as `JSON.parse` gives it @param descriptor as its parent holds it
   */
  identify(manifest: unknown, descriptor?: Partial<Descriptor>, context?: IdentifyContext): ArtifactType;
  /**
   * One more type until it is disposed: before the built-in ones, behind the user's own.
   * @throws {TypeError} that says what is wrong with the row @throws {RangeError} for too many
   */
  registerArtifactType(row: TypeRow): Disposable;
  /** Shows a reference in the tree and opens its manifest; what goes wrong is shown to the person. @throws {TypeError} for no text */
  open(reference: string): Promise<void>;
}
