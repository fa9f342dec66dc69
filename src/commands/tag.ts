import { commands, l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { findTag } from '../oci/attached.ts';
import { shortDigest } from '../oci/digest.ts';
import { isTag } from '../oci/reference.ts';
import type { Op, ReadStore } from '../oci/store.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { confirm, inputOne } from './ask.ts';
import { askRef } from './askTarget.ts';
import { isRefNode, nodeOf, refTarget, shownText } from './targets.ts';

export function registerTag(services: Services): Disposable {
  return registerCommand(Command.tag, async (...args) => {
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(l10n.t('Tag'), services);
    const { place, repository, ref } = target;
    const store = place.registry.repository(repository);
    const tag = await inputOne({
      title: l10n.t('Tag {0}', shownText(target, ref)),
      prompt: l10n.t('The new tag. Letters, digits, “.”, “_” and “-”.'),
      validate: tagProblem,
      warn: async (value, signal) =>
        (await find(store, value, { signal }))
          ? l10n.t('{0} exists and would point somewhere else.', value)
          : undefined,
    });
    const { descriptor, existing } = await withProgress(
      l10n.t('Looking up {0}', tag),
      async ({ signal }) => ({
        descriptor: await store.resolve(ref, { signal }),
        existing: await find(store, tag, { signal }),
      }),
      services.signal,
    );
    if (existing && existing.digest !== descriptor.digest) {
      await confirmOverwrite(tag, existing);
    }
    await withProgress(
      l10n.t('Tagging'),
      ({ signal }) => store.tag(descriptor, tag, { signal }),
      services.signal,
    );
    services.events.changed.fire({ place: place.id, repository });
    const show = l10n.t('Show in Tree');
    const message = l10n.t('{0} is {1}', shownText(target, tag), shortDigest(descriptor.digest));
    void window.showInformationMessage(message, show).then((chosen) => {
      if (chosen === show) {
        void commands.executeCommand(Command.showInTree, { place: place.id, repository, ref: tag });
      }
    });
  });
}

export function tagProblem(value: string): string | undefined {
  return isTag(value)
    ? undefined
    : l10n.t(
        'A tag has at most 128 letters, digits, “.”, “_” and “-”, and begins with a letter, digit or “_”.',
      );
}

export async function confirmOverwrite(tag: string, existing: Descriptor): Promise<void> {
  await confirm(
    l10n.t('{0} exists. Let it point to something else?', tag),
    l10n.t('It points to {0}, which stays reachable by its digest only.', existing.digest),
    l10n.t('Overwrite'),
  );
}

/** Where a tag points, if there is one. */
export function find(store: ReadStore, ref: string, op: Op): Promise<Descriptor | undefined> {
  return findTag(store, ref, op);
}
