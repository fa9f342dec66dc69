import { l10n, window, type Disposable } from 'vscode';
import { identify } from '../artifacts/identify.ts';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { OciError } from '../oci/errors.ts';
import { parseManifest } from '../oci/manifest.ts';
import { canDelete } from '../oci/store.ts';
import { shortDigest } from '../oci/digest.ts';
import { confirm } from './ask.ts';
import { askRef } from './askTarget.ts';
import { deletesTell } from './delete.ts';
import { isRefNode, nodeOf, refTarget, shownText } from './targets.ts';
import { tellDeleted } from './undo.ts';

/** Deletes a referrer; its subject stays. */
export function registerDetach(services: Services): Disposable {
  return registerCommand(Command.detach, async (...args) => {
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(l10n.t('Detach'), services);
    const { place, repository, ref } = target;
    const store = place.registry.repository(repository);
    if (!canDelete(store)) {
      throw new OciError('unsupported', `Nothing can be deleted in ${place.name}`, { host: place.host });
    }
    const found = await withProgress(
      l10n.t('Looking up {0}', shownText(target, ref)),
      ({ signal }) => store.manifest(ref, { signal }),
      services.signal,
    );
    const manifest = parseManifest(found.bytes, found.descriptor.mediaType);
    const { subject } = manifest;
    const type = identify(manifest, found.descriptor, {}, services.types.table());
    const name = `${plainText(type.name, 80)} ${shownText(target, ref)}`;
    if (!subject) {
      void window.showInformationMessage(l10n.t('{0} is attached to nothing: it names no subject.', name));
      return;
    }
    await confirm(
      l10n.t('Detach {0}?', name),
      l10n.t(
        'It is attached to {0}, which stays. The manifest {1} is deleted with its tags.',
        subject.digest,
        found.descriptor.digest,
      ),
      l10n.t('Detach'),
    );
    try {
      await withProgress(
        l10n.t('Detaching'),
        ({ signal }) => store.delete(found.descriptor, { signal }),
        services.signal,
      ).catch(deletesTell);
    } finally {
      services.events.changed.fire({ place: place.id, repository });
    }
    const message = l10n.t('Detached {0} from {1}', name, shortDigest(subject.digest));
    const tags = ref.includes(':') ? [] : [ref];
    if (place.kind === 'remote') {
      tellDeleted(message, { place, repository, manifests: [{ ...found, tags }] }, services);
    } else {
      void window.showInformationMessage(message);
    }
  });
}
