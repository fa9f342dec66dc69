import { l10n, window, type Disposable } from 'vscode';
import { compareTags, tagKey } from '../browse/order.ts';
import { Command } from '../contributions.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { isDigest, shortDigest, type Digest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import type { TagDigests } from '../oci/tagDigests.ts';
import { pickOne, type Choice } from './ask.ts';
import { askRef } from './askTarget.ts';
import { isRefNode, nodeOf, refTarget, shownText, type RefTarget } from './targets.ts';

type Found = TagDigests & { readonly isKept: boolean; readonly digest: Digest };

const again = Symbol('again');

/** Which tags point to a manifest; the one that is chosen is shown in the tree. */
export function registerShowTags(services: Services): Disposable {
  return registerCommand(Command.showTags, async (...args) => {
    const title = l10n.t('Show Tags of Manifest');
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(title, services);
    const { place, repository } = target;
    for (;;) {
      const found = await look(target, services);
      const tags = [...found.digests].filter(([, digest]) => digest === found.digest).map(([tag]) => tag);
      const chosen = await choose(target, tags, found);
      if (chosen === undefined) {
        return;
      }
      if (chosen !== again) {
        services.events.reveal.fire({ place: place.id, repository, ref: chosen });
        return;
      }
      services.browser.pointers.forget(services.browser.find(place.id, repository));
    }
  });
}

/** Nothing is asked where it was before, until something there is refreshed. */
function look({ place, repository, ref }: RefTarget, { browser, signal: outer }: Services): Promise<Found> {
  const node = browser.find(place.id, repository);
  if (!node) {
    throw new OciError('not-found', `${place.name} is no longer there`, { host: place.host });
  }
  return withProgress(
    l10n.t('Looking up where tags point'),
    async ({ signal, report }) => {
      const found = await browser.pointers.of(node, {
        signal,
        onLooked: (count) => report(l10n.t('Tags looked at: {0}', count)),
      });
      const known = isDigest(ref) ? ref : found.digests.get(ref);
      const digest = known ?? (await place.registry.repository(repository).resolve(ref, { signal })).digest;
      return { ...found, digest };
    },
    outer,
  );
}

/** @returns undefined where there is nothing to choose */
async function choose(
  target: RefTarget,
  tags: readonly string[],
  { digest, looked, hasMore, error, isKept }: Found,
): Promise<string | typeof again | undefined> {
  const short = shortDigest(digest);
  const isCut = hasMore || error !== undefined;
  const more = isCut ? [l10n.t('Not all tags could be looked at.')] : [];
  if (tags.length === 0 && !isKept) {
    const none = l10n.t('No tag of {0} points to {1}; {2} were looked at.', shownText(target), short, looked);
    void window.showInformationMessage([none, ...more].join(' '));
    return undefined;
  }
  const sorted = tags.map((tag) => tagKey(tag, 'semver')).sort(compareTags);
  const choices: readonly Choice<string | typeof again>[] = sorted.map(({ tag }) => ({
    label: plainText(tag),
    description: tag === target.ref ? l10n.t('the chosen one') : '',
    value: tag,
  }));
  const refresh: Choice<typeof again> = {
    label: `$(refresh) ${l10n.t('Look Again')}`,
    description: l10n.t('as they were when they were looked at before'),
    value: again,
  };
  return pickOne<string | typeof again>({
    title: l10n.t('Tags of {0}', shownText(target, target.ref)),
    placeholder: [l10n.t('{0} of {1} tags point to {2}', tags.length, looked, short), ...more].join('. '),
    choices: [...choices, ...(isKept ? [refresh] : [])],
  });
}
