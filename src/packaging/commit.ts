import { chmod, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, OciError } from '../oci/errors.ts';
import type { Op } from '../oci/store.ts';
import { makeTarget, moveInto, statOf, takeBack, type Undo } from './placement.ts';
import { stillPresent, type PresentFile } from './pullPresent.ts';
import type { Staging } from './staging.ts';
import type { StagedFolder } from './unpack.ts';

/** The last step of a pull: all that is staged comes into the target, or nothing does. */
export class Commit {
  readonly #staging: Staging;
  readonly #ready: string;
  readonly #folders: readonly StagedFolder[];
  readonly #replaced: ReadonlySet<string>;
  readonly #present: readonly PresentFile[];
  #state: 'staged' | 'done' | 'stuck' = 'staged';

  constructor(
    staging: Staging,
    ready: string,
    folders: readonly StagedFolder[],
    replaced: readonly string[],
    present: readonly PresentFile[],
  ) {
    this.#present = present;
    this.#staging = staging;
    this.#ready = ready;
    this.#folders = folders;
    this.#replaced = new Set(replaced);
  }

  /** @throws {OciError} `path-taken` where something is in the way that was not when it was looked at */
  async run({ signal }: Op = {}): Promise<void> {
    const { target, path } = this.#staging;
    const aside = join(path, 'old');
    const undo: Undo[] = [];
    const merged = new Set<string>();
    try {
      signal?.throwIfAborted();
      await stillPresent(this.#present);
      if (await this.#inOne(undo, signal)) {
        this.#state = 'done';
        await this.#close(merged);
        return;
      }
      await makeTarget(target, undo);
      await moveInto(this.#ready, target, {
        signal,
        replacing: { paths: this.#replaced, aside },
        undo,
        merged,
      });
    } catch (error) {
      await takeBack(undo).catch((cause: unknown) => {
        this.#state = 'stuck';
        throw new OciError('file-error', `Not all could be put back; what was replaced is in ${aside}`, {
          cause,
        });
      });
      throw fileError(error, target);
    }
    this.#state = 'done';
    await this.#close(merged);
  }

  /** A target that is not there comes all at once, so that even a kill finds it whole or not at all. */
  async #inOne(undo: Undo[], signal: AbortSignal | undefined): Promise<boolean> {
    const { target } = this.#staging;
    if (await statOf(target)) {
      return false;
    }
    await makeTarget(dirname(target), undo);
    signal?.throwIfAborted();
    return rename(this.#ready, target).then(
      () => true,
      () => false,
    );
  }

  /** Folders their owner may not change could not have been moved. */
  async #close(merged: ReadonlySet<string>): Promise<void> {
    const { target, fileSystem } = this.#staging;
    for (const { parts, mode } of this.#folders) {
      const path = join(target, ...parts);
      const isOpen = (mode & 0o700) === 0o700;
      if (!isOpen && !merged.has(path)) {
        await chmod(path, mode & fileSystem.allowedMode).catch(() => undefined);
      }
    }
  }

  async dispose(): Promise<void> {
    if (this.#state !== 'stuck') {
      await this.#staging.remove(this.#state === 'staged');
    }
  }
}
