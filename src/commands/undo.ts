import { l10n, window, type Disposable } from 'vscode';
import type { Place } from '../browse/place.ts';
import { bodyOf } from '../base/bytes.ts';
import { Command } from '../contributions.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand, showError } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { isIndexType } from '../oci/mediaTypes.ts';
import type { FetchedManifest, Op, Repository } from '../oci/store.ts';

/** A manifest as it was before it, or some of its tags, went. */
export interface KeptManifest extends FetchedManifest {
  readonly tags: readonly string[];
}

/** What one deletion took, in the order it went. */
export interface Deleted {
  readonly place: Place;
  readonly repository: string;
  readonly manifests: readonly KeptManifest[];
}

/** Bytes of manifests that are kept, and deletions, for as long as the window is open. */
const maxBytes = 32 * 1024 * 1024;
const maxDeletions = 50;

/** The last one last. */
let kept: Deleted[] = [];

const sizeOf = ({ manifests }: Deleted): number =>
  manifests.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);

/** Says what was deleted, with *Undo* while it is kept. Not awaited: a message may stay open for ever. */
export function tellDeleted(message: string, deleted: Deleted, services: Services): void {
  kept.push(deleted);
  while (kept.length > maxDeletions || kept.reduce((sum, each) => sum + sizeOf(each), 0) > maxBytes) {
    kept.shift();
  }
  const undo = l10n.t('Undo');
  const buttons = kept.includes(deleted) ? [undo] : [];
  void window
    .showInformationMessage(message, ...buttons)
    .then((chosen) =>
      chosen === undo
        ? putBack(deleted, services).catch((error: unknown) => showError(error, undo))
        : undefined,
    );
}

/** The same from the palette, when the message is gone. */
export function registerUndo(services: Services): Disposable {
  return registerCommand(Command.undoDelete, async () => {
    const last = kept.at(-1);
    if (last) {
      await putBack(last, services);
    } else {
      void window.showInformationMessage(
        l10n.t('Nothing was deleted in this window that could be put back.'),
      );
    }
  });
}

async function putBack(deleted: Deleted, services: Services): Promise<void> {
  if (!kept.includes(deleted)) {
    void window.showInformationMessage(l10n.t('Nothing was deleted in this window that could be put back.'));
    return;
  }
  const { place, repository, manifests } = deleted;
  const store = place.registry.repository(repository);
  try {
    await withProgress(
      l10n.t('Putting back'),
      async ({ signal }) => {
        // An index is taken when what it names is there.
        const isIndex = ({ descriptor }: KeptManifest): number => Number(isIndexType(descriptor.mediaType));
        for (const manifest of [...manifests].sort((one, other) => isIndex(one) - isIndex(other))) {
          await restore(store, manifest, place.host, { signal });
        }
      },
      services.signal,
    );
    forget(deleted);
  } catch (error) {
    if (isOciError(error, 'unsupported')) {
      // What is below it does not come back: the one before is next.
      forget(deleted);
    }
    throw error;
  } finally {
    services.events.changed.fire({ place: place.id, repository });
  }
  const names = manifests.flatMap(({ tags, descriptor }) => (tags.length > 0 ? tags : [descriptor.digest]));
  void window.showInformationMessage(l10n.t('Put back: {0}', names.slice(0, 10).join(', ')));
}

function forget(deleted: Deleted): void {
  kept = kept.filter((each) => each !== deleted);
}

/**
 * Pushes a manifest again and gives it its tags back, where they do not point elsewhere by now.
 * @throws {OciError} `unsupported` when what is below it is gone, `tag-exists`
 */
async function restore(
  store: Repository,
  { descriptor, bytes, tags }: KeptManifest,
  host: string,
  op: Op,
): Promise<void> {
  for (const tag of tags) {
    const now = await store.resolve(tag, op).catch((error: unknown) => {
      if (isOciError(error, 'not-found')) {
        return undefined;
      }
      throw error;
    });
    if (now && now.digest !== descriptor.digest) {
      throw new OciError('tag-exists', `${tag} points to ${now.digest} by now`, { host });
    }
  }
  try {
    for (const tag of tags.length > 0 ? tags : [undefined]) {
      await store.push(descriptor, bodyOf(bytes), { ...op, tag });
    }
  } catch (error) {
    const isGone =
      isOciError(error) && (error.code === 'not-found' || /_UNKNOWN|unknown/.test(error.facts.detail ?? ''));
    throw isGone
      ? new OciError(
          'unsupported',
          l10n.t(
            'the content below {0} is gone, as the registry removed what nothing named',
            descriptor.digest,
          ),
          { host, cause: error },
        )
      : error;
  }
}
