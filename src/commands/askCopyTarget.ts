import { commands, l10n } from 'vscode';
import type { Place } from '../browse/place.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { shortDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { repositoryNameOf } from '../oci/layout/layoutRegistry.ts';
import { parsePasted } from '../oci/pasted.ts';
import { canonicalHost, isRepository, type Pasted } from '../oci/reference.ts';
import { askPick, askText, back, type Back, type Choice, type StepInfo } from './ask.ts';
import { askRepository, placeChoices } from './askTarget.ts';
import { findLocal } from './localReference.ts';
import { runSteps, type Step } from './steps.ts';
import { find, tagProblem } from './tag.ts';
import { shownText, type RepositoryTarget } from './targets.ts';

/** Where things are copied to. */
export interface CopyTarget extends RepositoryTarget {
  /** Where a tag was asked for; empty: by digest only. */
  readonly tag?: string;
}

export interface CopyTargetQuestion {
  readonly title: string;
  /** Names that are likely, the best first. */
  readonly suggestions: readonly string[];
  /** The tag to begin with, empty for none; undefined: tags are not asked for. */
  readonly tag?: string | undefined;
  /** True: a tag there has to be. */
  readonly needsTag?: boolean;
  /** What is known already. */
  readonly given?: { readonly place: Place; readonly repository?: string } | undefined;
}

type Answers = Partial<CopyTarget>;

/** A place that is written to: any registry of the tree, Local, a layout as a folder. A reference may be typed instead. */
export async function askCopyTarget(question: CopyTargetQuestion, services: Services): Promise<CopyTarget> {
  const { title, given, tag: firstTag } = question;
  const steps: readonly Step<Answers>[] = [
    async (_, at) => askPlaceOrReference({ ...at, title }, services),
    async (so, at) => {
      const { place } = so;
      if (!place || so.repository !== undefined) {
        return undefined;
      }
      const only = await onlyRepository(place, services);
      if (only !== undefined) {
        return { ...so, repository: only };
      }
      const [current, ...others] = suggestionsFor(place, question.suggestions);
      const repository = await askRepository({ ...at, title }, place, {
        canBeNew: true,
        suggestions: current === undefined ? [] : [current, ...others],
        current,
      });
      return repository === back ? back : { ...so, repository };
    },
    ...(firstTag === undefined ? [] : [tagStep(firstTag, question)]),
  ];
  const known: readonly Answers[] = !given
    ? []
    : given.repository === undefined
      ? [{ place: given.place }]
      : [{ place: given.place }, { place: given.place, repository: given.repository }];
  const { place, repository, tag } = await runSteps<Answers>({}, steps, known);
  if (!place || repository === undefined) {
    throw new OciError('internal', 'A question was left out');
  }
  return { place, repository, ...(tag === undefined || tag === '' ? {} : { tag }) };
}

function tagStep(firstTag: string, question: CopyTargetQuestion): Step<Answers> {
  return async (so, at) => {
    const { place, repository } = so;
    if (!place || repository === undefined) {
      return undefined;
    }
    const { title } = question;
    const tag = await askTag({ ...at, title }, { place, repository }, so.tag ?? firstTag, question);
    return tag === back ? back : { ...so, tag };
  };
}

async function askPlaceOrReference(at: StepInfo, services: Services): Promise<Answers | Back> {
  const places = services.places.all().filter(isWritable);
  const choices: readonly Choice<Answers | string>[] = placeChoices(places).map((choice) => ({
    ...choice,
    value: { place: choice.value },
  }));
  const chosen = await askPick<Answers | string>({
    ...at,
    placeholder: l10n.t('Where to: choose a registry or layout, or type a reference'),
    choices,
    typed: (text) =>
      referenceOf(text, services)
        ? { label: text, description: l10n.t('reference'), value: text, alwaysShow: true }
        : undefined,
  });
  return typeof chosen === 'string' ? targetOf(chosen, services) : chosen;
}

/** A tar is a layout, too, and not written to. */
function isWritable({ kind, host }: Place): boolean {
  return kind !== 'layout' || !/\.tar$/i.test(host);
}

/** What was typed as a reference with a repository; `app` alone is a word that filters. */
function referenceOf(text: string, { places }: Services): (Pasted & { readonly place?: Place }) | undefined {
  const local = findLocal(text, places);
  if (local) {
    return local;
  }
  try {
    const pasted = parsePasted(text);
    return /[/.:]/.test(text) ? pasted : undefined;
  } catch {
    return undefined;
  }
}

/** The registry of a reference is added where it is not known yet. */
async function targetOf(text: string, services: Services): Promise<Answers> {
  const pasted = referenceOf(text, services);
  const known = (): Place | undefined =>
    pasted?.place ??
    services.places
      .all()
      .find(({ kind, host }) => kind === 'remote' && host === canonicalHost(pasted?.registry ?? ''));
  let place = known();
  if (!place) {
    await commands.executeCommand(Command.addRegistry, text);
    place = known();
  }
  if (!place) {
    throw cancelled();
  }
  const { repository, tag } = pasted ?? {};
  return {
    place,
    ...(repository === undefined ? {} : { repository }),
    ...(tag === undefined ? {} : { tag }),
  };
}

/** A layout by itself has one repository, which nobody has to name. */
async function onlyRepository(place: Place, { signal }: Services): Promise<string | undefined> {
  if (place.kind !== 'layout') {
    return undefined;
  }
  const { items } = await place.registry.repositories({ limit: 2, signal });
  const [only] = items;
  return items.length === 1 && only === repositoryNameOf(place.host) ? only : undefined;
}

/** In the namespace of the place, where it has one. */
function suggestionsFor({ namespace }: Place, names: readonly string[]): readonly string[] {
  const all = names.map((name) =>
    namespace === undefined || name.startsWith(`${namespace}/`)
      ? name
      : `${namespace}/${name.slice(name.lastIndexOf('/') + 1)}`,
  );
  return [...new Set(all)].filter((name) => isRepository(name));
}

function askTag(
  at: StepInfo,
  target: RepositoryTarget,
  value: string,
  { needsTag }: CopyTargetQuestion,
): Promise<string | Back> {
  const isFree = needsTag !== true;
  return askText({
    ...at,
    prompt: isFree
      ? l10n.t('Tag in {0}; empty: by digest only', shownText(target))
      : l10n.t('Tag in {0}', shownText(target)),
    value,
    validate: (text) => (isFree && text === '' ? undefined : tagProblem(text)),
    warn: async (text, signal) => {
      const existing = await find(target.place.registry.repository(target.repository), text, { signal });
      return existing
        ? l10n.t('{0} is there: {1}', plainText(text), shortDigest(existing.digest))
        : undefined;
    },
  });
}
