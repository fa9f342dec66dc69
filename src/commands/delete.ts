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
      await deleteAll([[{ ...target, kind: target.ref.includes(':') ? 'manifest' : 'tag' }]], services);
      return;
    }
    await deleteAll(byRepository(nodes), services);
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

/** What goes in one repository. */
interface Group {
  readonly first: Target;
  readonly targets: readonly Target[];
  readonly store: ReadStore & Deleter;
}

function groupOf(targets: readonly Target[]): readonly Group[] {
  const [first] = targets;
  if (!first) {
    return [];
  }
  const store = first.place.registry.repository(first.repository);
  if (!canDelete(store)) {
    const { name, host } = first.place;
    throw new OciError('unsupported', `Nothing can be deleted in ${name}`, { host });
  }
  return [{ first, targets, store }];
}

/**
 * Asks once, however many repositories they are of. Kept in the order of the tree, one repository after another: nothing of
 * the second goes before the first is done.
 */
async function deleteAll(all: readonly (readonly Target[])[], services: Services): Promise<void> {
  const groups = all.flatMap(groupOf);
  const onlyTags = groups.every(({ targets }) => targets.every(({ kind }) => kind === 'tag'));
  try {
    if (!onlyTags || (await wantManifests(groups))) {
      await deleteManifests(groups, services, false);
      return;
    }
    const left: Group[] = [];
    for (const group of groups) {
      const tags = group.targets.map(({ ref }) => ref);
      if ((await untagAll(group.first, tags, group.store, services)) === 'unsupported') {
        left.push(group);
      }
    }
    await deleteManifests(left, services, true);
  } finally {
    for (const { first } of groups) {
      services.events.changed.fire({ place: first.place.id, repository: first.repository });
    }
  }
}

/** Of several repositories their names, as a dialog has room for. */
function namesOf(groups: readonly Group[]): string {
  const names = groups.slice(0, 3).map(({ first }) => shownText(first));
  return [...names, ...(groups.length > 3 ? ['…'] : [])].join(', ');
}

/** @returns false when only the tags are to go; an abort when nothing is */
async function wantManifests(groups: readonly Group[]): Promise<boolean> {
  const [{ first } = { first: undefined }, ...others] = groups;
  const targets = groups.flatMap((group) => group.targets);
  const isOne = targets.length === 1;
  const question =
    isOne && first
      ? l10n.t('Delete the tag {0}?', shownText(first, first.ref))
      : l10n.t('Delete {0} tags of {1}?', targets.length, namesOf(groups));
  const names = targets.map((target) => (others.length === 0 ? target.ref : shownText(target, target.ref)));
  const detail = l10n.t(
    'Only the name goes: other tags, and the manifest by its digest, stay. “Delete Manifest…” looks up first what else would go.',
  );
  const tagButton = isOne ? l10n.t('Delete Tag') : l10n.t('Delete Tags');
  const chosen = await window.showWarningMessage(
    question,
    { modal: true, detail: (isOne ? '' : `${listed(names)}\n\n`) + detail },
    tagButton,
    l10n.t('Delete Manifest…'),
  );
  if (chosen === undefined) {
    throw cancelled();
  }
  return chosen !== tagButton;
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

/** What goes with a group, and what of it can come back. */
interface Doomed extends Group {
  readonly doomed: readonly Descriptor[];
  readonly impact: Impact;
  readonly kept: readonly KeptManifest[];
}

async function deleteManifests(
  groups: readonly Group[],
  services: Services,
  isOnlyWay: boolean,
): Promise<void> {
  const [{ first } = { first: undefined }] = groups;
  if (!first) {
    return;
  }
  const all = await lookUp(groups, services.signal);
  const targets = groups.flatMap((group) => group.targets);
  const nameOf = (some: readonly Target[], where: string): string =>
    some.length === 1 && some[0]
      ? shownText(some[0], some[0].ref)
      : l10n.t('{0} items of {1}', some.length, where);
  const why = isOnlyWay ? `${l10n.t('{0} does not delete a tag alone.', first.place.name)}\n\n` : '';
  const texts = all.map(({ doomed, impact, kept, ...group }) => {
    const text = impactText(doomed, impact, group.targets, kept.length === doomed.length);
    return all.length === 1 ? text : `${shownText(group.first)}\n${text}`;
  });
  await confirm(
    l10n.t('Delete {0} by digest?', nameOf(targets, namesOf(groups))),
    why + texts.join('\n\n'),
    l10n.t('Delete'),
  );
  for (const each of all) {
    await deleteDoomed(each, nameOf(each.targets, shownText(each.first)), services);
  }
}

function lookUp(groups: readonly Group[], outer: AbortSignal): Promise<readonly Doomed[]> {
  return withProgress(
    l10n.t('Looking up what else would go'),
    async ({ signal, report }) => {
      const found: Doomed[] = [];
      for (const group of groups) {
        const { first, targets, store } = group;
        const descriptors = await Promise.all(targets.map(({ ref }) => store.resolve(ref, { signal })));
        const unique = [...new Map(descriptors.map((each) => [each.digest, each])).values()];
        const onLooked = (count: number): void => {
          report(l10n.t('Tags looked at: {0}', count));
        };
        const impact = await impactOf(store, unique, { signal, onLooked });
        // A layout drops what is below at once: nothing could come back there.
        const isKept = first.place.kind === 'remote';
        const kept = isKept ? await keep(unique, impact, store, { signal }) : [];
        found.push({ ...group, doomed: unique, impact, kept });
      }
      return found;
    },
    outer,
  );
}

async function deleteDoomed(
  { first, store, doomed, kept }: Doomed,
  name: string,
  services: Services,
): Promise<void> {
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
      services.signal,
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
    l10n.t('Manifests that go:') +
      `\n${listed(doomed.map(({ digest }) => manifestText(digest, impact, asked)))}`,
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

/** Under the tags that were chosen, by which a person knows it. */
function manifestText(digest: Digest, { pointers }: Impact, asked: ReadonlySet<string>): string {
  const tags = [...asked].filter((ref) => pointers.get(ref) === digest);
  return tags.length === 0 ? digest : `${plainText(tags.join(', '), 60)}: ${digest}`;
}

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).map((name) => `• ${plainText(name, 140)}`);
  const rest = names.length - shown.length;
  return [...shown, ...(rest > 0 ? [l10n.t('… and {0} more', rest)] : [])].join('\n');
}
