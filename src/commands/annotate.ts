import { commands, l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import type { Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { shortDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { parseManifest } from '../oci/manifest.ts';
import { annotated, moveTag, mustHaveAnnotations, pushByDigest } from '../packaging/annotated.ts';
import { askPick, back, type Choice } from './ask.ts';
import { askAnnotations } from './askAnnotations.ts';
import { askRef } from './askTarget.ts';
import { runSteps } from './steps.ts';
import { isRefNode, nodeOf, refTarget, shownText } from './targets.ts';

interface Answers {
  readonly annotations: Metadata;
  readonly move: boolean;
}

/** Other annotations are another manifest: the old one stays under its digest, and the tag moves only when that is said. */
export function registerAnnotate(services: Services): Disposable {
  return registerCommand(Command.annotate, async (...args) => {
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(l10n.t('Annotate'), services);
    const { place, repository, ref } = target;
    const store = place.registry.repository(repository);
    const name = shownText(target, ref);
    const before = await withProgress(
      l10n.t('Looking up {0}', name),
      ({ signal }) => store.manifest(ref, { signal }),
      services.signal,
    );
    mustHaveAnnotations(before.descriptor);
    const named = isRefNode(node) && node.kind === 'tag' ? services.browser.named(node) : undefined;
    if (named && !(named instanceof OciError) && named.descriptor.digest !== before.descriptor.digest) {
      services.events.changed.fire({ place: place.id, repository });
      throw new OciError('tag-exists', l10n.t('{0} points to something else than what was shown', name));
    }
    const tag = ref.includes(':') ? undefined : ref;
    const { annotations: old = {} } = parseManifest(before.bytes, before.descriptor.mediaType);
    const { annotations, move } = await ask(name, tag, { ...old });
    const after = annotated(before, annotations);
    if (after.descriptor.digest === before.descriptor.digest) {
      void window.showInformationMessage(l10n.t('Nothing was changed.'));
      return;
    }
    try {
      await withProgress(
        l10n.t('Annotating {0}', name),
        async ({ signal }) => {
          await pushByDigest(store, after, { signal });
          if (tag !== undefined && move) {
            await moveTag(store, tag, before.descriptor.digest, after.descriptor, { signal });
          }
        },
        services.signal,
      );
    } finally {
      services.events.changed.fire({ place: place.id, repository });
    }
    const show = l10n.t('Show in Tree');
    const message = l10n.t('The new manifest of {0} is {1}', name, shortDigest(after.descriptor.digest));
    void window.showInformationMessage(message, show).then((chosen) => {
      if (chosen === show) {
        const at = tag !== undefined && move ? tag : after.descriptor.digest;
        void commands.executeCommand(Command.showInTree, { place: place.id, repository, ref: at });
      }
    });
  });
}

async function ask(name: string, tag: string | undefined, old: Metadata): Promise<Answers> {
  const title = l10n.t('Annotate {0}', name);
  return (await runSteps<Partial<Answers>>({}, [
    async (so, at) => {
      const annotations = await askAnnotations({ ...at, title }, so.annotations ?? old);
      return annotations === back ? back : { ...so, annotations };
    },
    async (so, at) => {
      const choices: readonly Choice<boolean>[] = [
        ...(tag === undefined
          ? []
          : [
              {
                label: l10n.t('Move the tag {0}', plainText(tag)),
                description: l10n.t('only if it still points where it did'),
                value: true,
              },
            ]),
        {
          label: l10n.t('Push by digest only'),
          description: l10n.t('tags stay where they are'),
          value: false,
        },
      ];
      const move = await askPick<boolean>({
        ...at,
        title,
        placeholder: l10n.t('A new manifest is pushed; the old one stays under its digest'),
        choices,
      });
      return move === back ? back : { ...so, move };
    },
  ])) as Answers;
}
