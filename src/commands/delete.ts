import { commands, l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { canDelete, type Deleter, type Op, type ReadStore } from '../oci/store.ts';
import { confirm } from './ask.ts';
import { askRef } from './askTarget.ts';
import { impactOf, type Impact } from './impact.ts';
import {
  isPlaceNode,
  isRefNode,
  nodesOf,
  refTarget,
  shownText,
  type RefNode,
  type RefTarget,
} from './targets.ts';
import { tellDeleted, type KeptManifest } from './undo.ts';

/** Most names of one kind that a dialog lists. */
const maxListed = 20;

export function registerDelete(services: Services): Disposable {
  return registerCommand(Command.delete, async (...args) => {
    const chosen = nodesOf(args, services);
    if (chosen.length > 0 && chosen.every(isPlaceNode)) {
      // By the same key as everything else that goes.
      await commands.executeCommand(Command.removeRegistry, ...args);
      return;
    }
    const nodes = chosen.filter(isRefNode);
    if (nodes.length === 0) {
      const target = await askRef(l10n.t('Delete'), services);
      await deleteIn([{ ...target, kind: target.ref.includes(':') ? 'manifest' : 'tag' }], services);
      return;
    }
    // Kept in the order of the tree, one repository after another: nothing of the second goes before the first is done.
    for (const group of byRepository(nodes)) {
      await deleteIn(group, services);
    }
  });
}

type Target = RefTarget & { readonly kind: RefNode['kind'] };

export function byRepository(nodes: readonly RefNode[]): readonly (readonly Target[])[] {
  const groups = new Map<string, Target[]>();
  for (const node of nodes) {
    const key = JSON.stringify([node.place.id, node.repository]);
    groups.set(key, [...(groups.get(key) ?? []), { ...refTarget(node), kind: node.kind }]);
  }
  return [...groups.values()];
}

async function deleteIn(targets: readonly Target[], services: Services): Promise<void> {
  const [first] = targets;
  if (!first) {
    return;
  }
  const { place, repository } = first;
  const store = place.registry.repository(repository);
  if (!canDelete(store)) {
    throw new OciError('unsupported', `Nothing can be deleted in ${place.name}`, { host: place.host });
  }
  const tags = targets.filter(({ kind }) => kind === 'tag').map(({ ref }) => ref);
  const onlyTags = tags.length === targets.length;
  try {
    const outcome = onlyTags ? await untag(first, tags, store, services) : 'manifests';
    if (outcome !== 'done') {
      await deleteManifests(targets, store, services, outcome === 'unsupported');
    }
  } finally {
    services.events.changed.fire({ place: place.id, repository });
  }
}

/** @returns `manifests` when the person wants those gone, `unsupported` where the registry can only do that */
async function untag(
  target: Target,
  tags: readonly string[],
  store: ReadStore & Deleter,
  services: Services,
): Promise<'done' | 'manifests' | 'unsupported'> {
  const question =
    tags.length === 1
      ? l10n.t('Delete the tag {0}?', shownText(target, target.ref))
      : l10n.t('Delete {0} tags of {1}?', tags.length, shownText(target));
  const list = tags.length === 1 ? '' : `${listed(tags)}\n\n`;
  const detail = l10n.t(
    'Only the name goes: other tags, and the manifest by its digest, stay. “Delete Manifest…” looks up first what else would go.',
  );
  const tagButton = tags.length === 1 ? l10n.t('Delete Tag') : l10n.t('Delete Tags');
  const manifestButton = l10n.t('Delete Manifest…');
  const chosen = await window.showWarningMessage(
    question,
    { modal: true, detail: list + detail },
    tagButton,
    manifestButton,
  );
  if (chosen === undefined) {
    throw cancelled();
  }
  if (chosen !== tagButton) {
    return 'manifests';
  }
  return untagAll(target, tags, store, services);
}

/** @returns `unsupported` where the registry only deletes by digest */
export async function untagAll(
  target: RefTarget,
  tags: readonly string[],
  store: ReadStore & Deleter,
  services: Services,
): Promise<'done' | 'unsupported'> {
  const gone: KeptManifest[] = [];
  const tell = (): void => {
    const [only, ...others] = gone;
    if (only) {
      const message =
        others.length === 0
          ? l10n.t('Deleted the tag {0}', shownText(target, only.tags[0]))
          : l10n.t('Deleted {0} tags of {1}', gone.length, shownText(target));
      tellDeleted(message, { place: target.place, repository: target.repository, manifests: gone }, services);
    }
  };
  try {
    await withProgress(
      l10n.t('Deleting'),
      async ({ signal, report }) => {
        for (const [index, tag] of tags.entries()) {
          report(tag, index / tags.length);
          const found = await store.manifest(tag, { signal });
          await store.untag(tag, { signal });
          gone.push({ ...found, tags: [tag] });
        }
      },
      services.signal,
    );
  } catch (error) {
    if (isOciError(error, 'unsupported') && gone.length === 0) {
      return 'unsupported';
    }
    // Of what went before, too, it can be said that it can come back.
    tell();
    throw error;
  }
  tell();
  return 'done';
}

async function deleteManifests(
  targets: readonly Target[],
  store: ReadStore & Deleter,
  services: Services,
  isOnlyWay: boolean,
): Promise<void> {
  const { signal: outer } = services;
  const [first] = targets;
  if (!first) {
    return;
  }
  const { doomed, impact, kept } = await withProgress(
    l10n.t('Looking up what else would go'),
    async ({ signal, report }) => {
      const descriptors = await Promise.all(targets.map(({ ref }) => store.resolve(ref, { signal })));
      const unique = [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
      const onLooked = (count: number): void => {
        report(l10n.t('Tags looked at: {0}', count));
      };
      const found = await impactOf(store, unique, { signal, onLooked });
      // A layout drops what is below at once: nothing could come back there.
      const isKept = first.place.kind === 'remote';
      return {
        doomed: unique,
        impact: found,
        kept: isKept ? await keep(unique, found, store, { signal }) : [],
      };
    },
    outer,
  );
  const name =
    targets.length === 1
      ? shownText(first, first.ref)
      : l10n.t('{0} items of {1}', targets.length, shownText(first));
  const why = isOnlyWay ? `${l10n.t('{0} does not delete a tag alone.', first.place.name)}\n\n` : '';
  await confirm(
    l10n.t('Delete {0} by digest?', name),
    why + impactText(doomed, impact, targets, kept.length === doomed.length),
    l10n.t('Delete'),
  );
  const gone = new Set<Digest>();
  const tell = (): void => {
    const manifests = kept.filter(({ descriptor }) => gone.has(descriptor.digest));
    const message = l10n.t('Deleted {0}', gone.size === doomed.length ? name : [...gone].join(', '));
    if (manifests.length > 0) {
      tellDeleted(message, { place: first.place, repository: first.repository, manifests }, services);
    } else {
      void window.showInformationMessage(message);
    }
  };
  try {
    await withProgress(
      l10n.t('Deleting'),
      async ({ signal, report }) => {
        for (const [index, descriptor] of doomed.entries()) {
          report(descriptor.digest.slice(0, 19), index / doomed.length);
          await store.delete(descriptor, { signal });
          gone.add(descriptor.digest);
        }
      },
      outer,
    ).catch(deletesTell);
  } finally {
    if (gone.size > 0) {
      tell();
    }
  }
}

/** What is needed to put it back; a manifest that cannot be read goes for good. */
async function keep(
  doomed: readonly Descriptor[],
  { pointers }: Impact,
  store: ReadStore,
  op: Op,
): Promise<readonly KeptManifest[]> {
  const kept: KeptManifest[] = [];
  for (const { digest } of doomed) {
    try {
      const found = await store.manifest(digest, op);
      const tags = [...pointers].filter(([, to]) => to === digest).map(([tag]) => tag);
      kept.push({ ...found, tags });
    } catch (error) {
      if (!isOciError(error)) {
        throw error;
      }
    }
  }
  return kept;
}

/** Says of a registry that does not delete why. */
export function deletesTell(error: unknown): never {
  throw isOciError(error, 'unsupported')
    ? new OciError('unsupported', 'deletes are switched off there', { ...error.facts, cause: error })
    : error;
}

/** Everything that goes, in the words of the dialog. */
export function impactText(
  doomed: readonly Descriptor[],
  impact: Impact,
  targets: readonly Pick<Target, 'ref'>[],
  canComeBack = false,
): string {
  const asked = new Set(targets.map(({ ref }) => ref));
  const others = impact.tags.filter((tag) => !asked.has(tag));
  const parts = [
    l10n.t('Manifests that go:') + `\n${listed(doomed.map(({ digest }) => digest))}`,
    others.length > 0
      ? l10n.t('Other tags that go with them:') + `\n${listed(others)}`
      : l10n.t('No other tag of the {0} that were looked at points there.', impact.looked),
    impact.referrers.length > 0
      ? l10n.t('Referrers that lose their subject:') +
        `\n${listed(impact.referrers.map(({ digest, artifactType }) => `${artifactType ?? ''} ${digest}`.trim()))}`
      : l10n.t('No referrer points to them.'),
    ...(impact.isComplete ? [] : [l10n.t('There are more tags or referrers than could be looked at.')]),
    canComeBack
      ? l10n.t('“Undo” puts it back as long as the registry keeps the content below it.')
      : l10n.t('This cannot be undone.'),
  ];
  return parts.join('\n\n');
}

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).map((name) => `• ${plainText(name, 140)}`);
  const rest = names.length - shown.length;
  return [...shown, ...(rest > 0 ? [l10n.t('… and {0} more', rest)] : [])].join('\n');
}
