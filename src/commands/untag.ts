import { l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { isDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { canDelete } from '../oci/store.ts';
import { confirm } from './ask.ts';
import { askRef } from './askTarget.ts';
import { byRepository, listed, untagAll } from './delete.ts';
import { isRefNode, nodesOf, shownText, type RefTarget } from './targets.ts';

/** Removes tags and nothing else; several at once, with *Undo*. */
export function registerUntag(services: Services): Disposable {
  return registerCommand(Command.untag, async (...args) => {
    const nodes = nodesOf(args, services).filter((node) => isRefNode(node) && node.kind === 'tag');
    if (nodes.length > 0) {
      for (const group of byRepository(nodes.filter(isRefNode))) {
        await untag(group, services);
      }
      return;
    }
    await untag([await askRef(l10n.t('Untag'), services)], services);
  });
}

async function untag(targets: readonly RefTarget[], services: Services): Promise<void> {
  const tags = targets.map(({ ref }) => ref).filter((ref) => !isDigest(ref));
  const [first] = targets;
  if (!first || tags.length === 0) {
    void window.showInformationMessage(l10n.t('A digest is no tag: delete the manifest instead.'));
    return;
  }
  const { place, repository } = first;
  const store = place.registry.repository(repository);
  if (!canDelete(store)) {
    throw new OciError('unsupported', `Nothing can be deleted in ${place.name}`, { host: place.host });
  }
  await confirm(
    tags.length === 1
      ? l10n.t('Delete the tag {0}?', shownText(first, first.ref))
      : l10n.t('Delete {0} tags of {1}?', tags.length, shownText(first)),
    [listed(tags), l10n.t('Only names go: other tags, and the manifests by their digests, stay.')].join(
      '\n\n',
    ),
    tags.length === 1 ? l10n.t('Delete Tag') : l10n.t('Delete Tags'),
  );
  try {
    if ((await untagAll(first, tags, store, services)) === 'unsupported') {
      void window.showInformationMessage(
        l10n.t(
          '{0} does not delete a tag alone: a manifest goes there with all its tags.',
          plainText(place.name),
        ),
      );
    }
  } finally {
    services.events.changed.fire({ place: place.id, repository });
  }
}
