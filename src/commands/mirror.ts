import { l10n, window, type Disposable } from 'vscode';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand, showError } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { compareTags, type ComparedTag } from '../oci/mirror.ts';
import { allItems } from '../oci/pages.ts';
import { inputOne, pickOne } from './ask.ts';
import { askCopyTarget } from './askCopyTarget.ts';
import { askRepositoryOf } from './askTarget.ts';
import { runCopies, tellOutcome, type CopyJob } from './copying.ts';
import { chosenTags, patternsOf, type TagFilter } from './tagFilter.ts';
import { nodeOf, shortText, shownText, targetText, type RepositoryTarget } from './targets.ts';

/** Most names that the dialog lists. */
const maxListed = 12;

/** How many versions are offered first, and most that can be asked for. */
const usualVersions = 10;
const maxVersions = 100_000;

/** The tags of a repository to another one. */
export function registerMirror(services: Services): Disposable {
  return registerCommand(Command.mirror, async (...args) => {
    const node = nodeOf(args, services);
    const source =
      node && 'repository' in node
        ? { place: node.place, repository: node.repository }
        : await askRepositoryOf(l10n.t('Mirror Repository'), services);
    await mirror(source, services);
  });
}

async function mirror(source: RepositoryTarget, services: Services): Promise<void> {
  const { signal: outer } = services;
  const from = shownText(source);
  const title = l10n.t('Mirror {0}', from);
  const src = source.place.registry.repository(source.repository);
  const listed = await withProgress(
    l10n.t('Listing the tags of {0}', from),
    ({ signal }) => Array.fromAsync(allItems((page) => src.tags(page), { limit: 1000, signal })),
    outer,
  );
  // Those that are offered, and counted.
  const all = chosenTags(listed, { kind: 'all' });
  const tags = chosenTags(all, await askFilter(title, all));
  if (tags.length === 0) {
    void window.showInformationMessage(
      l10n.t('None of the {0} tags of {1} is meant by that.', all.length, from),
    );
    return;
  }
  const target = await askCopyTarget({ title, suggestions: [source.repository] }, services);
  if (target.place.id === source.place.id && target.repository === source.repository) {
    void window.showWarningMessage(
      l10n.t('{0} is the repository that is to be mirrored. Choose another one.', from),
    );
    return;
  }
  const dst = target.place.registry.repository(target.repository);
  const compared = await withProgress(
    l10n.t('Looking what {0} has already', shownText(target)),
    ({ signal, report }) =>
      compareTags(src, dst, tags, {
        signal,
        onCompared: (count) => report(l10n.t('Tags looked at: {0}', count), count / tags.length),
      }),
    outer,
  );
  const referrers = await agree(source, target, all.length, compared);
  const isSame = ({ source: there, target: here }: ComparedTag): boolean =>
    there !== undefined && there === here;
  const jobs = compared
    .filter((each) => referrers || !isSame(each))
    .map(({ tag }): CopyJob => ({ name: tag, src, ref: tag, dst, tag, options: { referrers } }));
  await run(source, target, jobs, services);
}

/** All, some by their names, or the newest. */
async function askFilter(title: string, all: readonly string[]): Promise<TagFilter> {
  const count = (filter: TagFilter): string => l10n.t('Tags: {0}', chosenTags(all, filter).length);
  const versions: TagFilter = { kind: 'newest', count: maxVersions };
  const kind = await pickOne<TagFilter['kind']>({
    title,
    placeholder: l10n.t('Which tags?'),
    choices: [
      { label: l10n.t('All Tags'), description: count({ kind: 'all' }), value: 'all' },
      { label: l10n.t('Tags by Name…'), description: '1.*  *-alpine', value: 'names' },
      {
        label: l10n.t('Newest Versions…'),
        description: count(versions),
        detail: l10n.t('Whole versions such as 1.4.2, releases before pre-releases'),
        value: 'newest',
      },
    ],
  });
  switch (kind) {
    case 'all':
      return { kind };
    case 'names': {
      const filterOf = (text: string): TagFilter => ({ kind, patterns: patternsOf(text) });
      const text = await inputOne({
        title,
        prompt: l10n.t('Names of tags, * for anything, with spaces between'),
        placeholder: '1.* *-alpine',
        validate: (value) =>
          chosenTags(all, filterOf(value)).length > 0 ? undefined : l10n.t('No tag is called so.'),
      });
      return filterOf(text);
    }
    case 'newest': {
      const text = await inputOne({
        title,
        prompt: l10n.t('How many of the newest versions'),
        value: String(usualVersions),
        validate: (value) =>
          /^[1-9]\d{0,4}$/.test(value.trim()) ? undefined : l10n.t('A number from 1 on.'),
      });
      return { kind, count: Number(text.trim()) };
    }
  }
}

/** Says what would be done. @returns whether what is attached comes along */
async function agree(
  source: RepositoryTarget,
  target: RepositoryTarget,
  all: number,
  compared: readonly ComparedTag[],
): Promise<boolean> {
  const [from, to] = [shownText(source), shownText(target)];
  const unread = compared.filter(({ error }) => error !== undefined);
  const known = compared.filter(({ error }) => error === undefined);
  const missing = known.filter((each) => each.target === undefined);
  const others = known.filter((each) => each.target !== undefined && each.target !== each.source);
  const present = known.length - missing.length - others.length;
  const count = compared.length - present;
  const alone = l10n.t('Mirror');
  const together = l10n.t('Mirror with Referrers');
  const detail = [
    l10n.t('From {0}', plainText(targetText(source))),
    l10n.t('To {0}', plainText(targetText(target))),
    l10n.t('Chosen: {0} of {1} tags', compared.length, all),
    l10n.t('New there: {0}', missing.length),
    ...(present > 0 ? [l10n.t('There already with the same content, and skipped: {0}', present)] : []),
    ...named(l10n.t('There with other content, and overwritten: {0}', others.length), others),
    ...named(l10n.t('Could not be compared, and are tried: {0}', unread.length), unread),
    l10n.t(
      'With referrers: signatures, SBOMs and whatever else is attached comes along, and what is attached to that.',
    ),
  ];
  const chosen = await window.showWarningMessage(
    count === 0
      ? l10n.t('All chosen tags of {0} are in {1} already. Look for what is attached to them?', from, to)
      : l10n.t('Mirror {0} to {1}? Tags to copy: {2}', from, to, count),
    { modal: true, detail: detail.join('\n') },
    ...(count === 0 ? [] : [alone]),
    together,
  );
  if (chosen !== alone && chosen !== together) {
    throw cancelled();
  }
  return chosen === together;
}

function named(title: string, tags: readonly ComparedTag[]): readonly string[] {
  if (tags.length === 0) {
    return [];
  }
  const rest = tags.length - maxListed;
  return [
    title,
    ...tags.slice(0, maxListed).map(({ tag }) => `• ${plainText(tag)}`),
    ...(rest > 0 ? [l10n.t('… and {0} more', rest)] : []),
  ];
}

async function run(
  source: RepositoryTarget,
  target: RepositoryTarget,
  jobs: readonly CopyJob[],
  services: Services,
): Promise<void> {
  const { place, repository } = target;
  const [from, to] = [shownText(source), shownText(target)];
  const again = (failed: readonly CopyJob[]): Promise<void> => run(source, target, failed, services);
  let outcomes;
  try {
    outcomes = await runCopies(
      {
        title: l10n.t('Mirroring {0} to {1}', from, to),
        jobs,
        transfer: { kind: 'mirror', what: from, label: shortText(source), where: to },
        again,
      },
      services,
    );
  } finally {
    services.events.changed.fire({ place: place.id, repository });
  }
  const told = tellOutcome(
    outcomes,
    {
      done: l10n.t('Mirrored {0} to {1}. Tags copied: {2}', from, to, outcomes.length),
      target: { place: place.id, repository },
      reference: targetText(target),
    },
    again,
  );
  // Not awaited: a message may stay open for ever.
  void told.catch((error: unknown) => showError(error, Command.mirror));
}
