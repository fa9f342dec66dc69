import { l10n } from 'vscode';
import type { Place } from '../browse/place.ts';
import { plainText } from '../host/plainText.ts';
import type { Known } from '../host/questions.ts';
import type { Services } from '../host/services.ts';
import { isDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { isRepository, isTag } from '../oci/reference.ts';
import { askPick, back, type Back, type Choice, type StepInfo } from './ask.ts';
import { runSteps, type Step } from './steps.ts';
import type { RefTarget, RepositoryTarget } from './targets.ts';

/** Most names of a page that a quick pick is given. */
const maxNames = 1000;

export function askPlace(
  at: StepInfo,
  { places }: Pick<Services, 'places'>,
  fits: (place: Place) => boolean = () => true,
  current?: Place,
): Promise<Place | Back> {
  const choices = placeChoices(places.all().filter(fits));
  if (choices.length === 0) {
    throw new OciError('not-found', 'There is no registry to choose');
  }
  return askPick({
    ...at,
    placeholder: l10n.t('Registry'),
    choices,
    active: ({ value }) => value.id === current?.id,
  });
}

export function placeChoices(places: readonly Place[]): readonly Choice<Place>[] {
  const icons = { local: 'home', remote: 'server', layout: 'folder-library' } as const;
  return places.map((place) => ({
    label: `$(${icons[place.kind]}) ${plainText(place.name)}`,
    description: place.name === place.host ? '' : plainText(place.host),
    value: place,
  }));
}

/** One of the repositories of a place, or with `canBeNew` any valid name that is typed. */
export function askRepository(
  at: StepInfo,
  place: Place,
  options: {
    readonly canBeNew: boolean;
    readonly suggestions?: readonly string[];
    readonly current?: string | undefined;
  },
): Promise<string | Back> {
  const suggestions = [...new Set([...(options.suggestions ?? []), ...place.pinned])];
  return askPick<string>({
    ...at,
    placeholder: options.canBeNew
      ? l10n.t('Repository of {0}: choose one, or type a new name', plainText(place.name))
      : l10n.t('Repository of {0}', plainText(place.name)),
    choices: suggestions.map((name) => ({ label: name, value: name })),
    more: async (signal) => {
      const { items } = await place.registry.repositories({ limit: maxNames, signal });
      return items
        .filter((name) => !suggestions.includes(name))
        .map((name) => ({ label: name, value: name }));
    },
    typedFirst: options.canBeNew,
    active: ({ value }) => value === options.current,
    typed: (text) =>
      isRepository(text)
        ? { label: text, description: options.canBeNew ? l10n.t('new repository') : '', value: text }
        : undefined,
  });
}

/** A tag of a repository, or a digest that is typed. */
export function askTagOrDigest(
  at: StepInfo,
  { place, repository }: RepositoryTarget,
): Promise<string | Back> {
  return askPick<string>({
    ...at,
    placeholder: l10n.t('Tag or digest of {0}', repository),
    choices: [],
    more: async (signal) => {
      const { items } = await place.registry.repository(repository).tags({ limit: maxNames, signal });
      return items.map((tag): Choice<string> => ({ label: tag, value: tag }));
    },
    typed: (text) => (isTag(text) || isDigest(text) ? { label: text, value: text } : undefined),
  });
}

/** For commands that came from the palette, without a node: registry, repository, tag or digest. */
export async function askRef(
  title: string,
  services: Pick<Services, 'places'>,
  known: Known = {},
): Promise<RefTarget> {
  const { place, repository, ref } = await ask(title, services, known, questions);
  if (!place || repository === undefined || ref === undefined) {
    throw new OciError('internal', 'A question was left out');
  }
  return { place, repository, ref };
}

/** Registry and repository. */
export async function askRepositoryOf(
  title: string,
  services: Pick<Services, 'places'>,
  known: Known = {},
): Promise<RepositoryTarget> {
  const { place, repository } = await ask(title, services, known, questions.slice(0, -1));
  if (!place || repository === undefined) {
    throw new OciError('internal', 'A question was left out');
  }
  return { place, repository };
}

type Answers = Partial<RefTarget>;
type Question = (
  known: Answers,
  at: StepInfo,
  services: Pick<Services, 'places'>,
) => ReturnType<Step<Answers>>;

const questions: readonly Question[] = [
  async (known, at, services) => {
    const place = await askPlace(at, services);
    return place === back ? back : { ...known, place };
  },
  async (known, at) => {
    if (!known.place) {
      return undefined;
    }
    const repository = await askRepository(at, known.place, { canBeNew: false });
    return repository === back ? back : { ...known, repository };
  },
  async (known, at) => {
    if (!known.place || known.repository === undefined) {
      return undefined;
    }
    const ref = await askTagOrDigest(at, { place: known.place, repository: known.repository });
    return ref === back ? back : { ...known, ref };
  },
];

/** What is known is asked only of who goes back to it. */
function ask(
  title: string,
  services: Pick<Services, 'places'>,
  { place, repository }: Known,
  asked: readonly Question[],
): Promise<Answers> {
  const given: readonly Answers[] = !place
    ? []
    : repository === undefined
      ? [{ place }]
      : [{ place }, { place, repository }];
  const steps = asked.map(
    (question): Step<Answers> =>
      (known, at) =>
        question(known, { title, ...at }, services),
  );
  return runSteps<Answers>({}, steps, given);
}
