import { dirname, basename } from 'node:path';
import { l10n, QuickPickItemKind } from 'vscode';
import type { TypeTable } from '../artifacts/table.ts';
import type { Node } from '../browse/node.ts';
import type { Place } from '../browse/place.ts';
import { readMetadata, type Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import { shortDigest } from '../oci/digest.ts';
import { isRepository, isTag } from '../oci/reference.ts';
import type { Packing } from '../packaging/packing.ts';
import type { Source } from '../packaging/plan.ts';
import { filesType, pushMediaType, pushTypes, typedType, type PushType } from '../packaging/pushTypes.ts';
import { askPick, askText, back, type Back, type Choice, type Separator, type StepInfo } from './ask.ts';
import { askAnnotations } from './askAnnotations.ts';
import {
  changedPacking,
  chosenPacking,
  hasFolder,
  packingFor,
  packingRows,
  usualFor,
  type PackingField,
} from './askPacking.ts';
import { askPlace, askRepository } from './askTarget.ts';
import { runSteps, type Step } from './steps.ts';
import { find, tagProblem } from './tag.ts';
import { shownText } from './targets.ts';

export interface PushAnswers {
  readonly place: Place;
  readonly repository: string;
  readonly tag: string;
  readonly type: PushType;
  readonly annotations: Metadata;
  readonly packing: Packing;
  /** What git and the files said, before anything was changed. */
  readonly offered: Metadata;
}

/** What was answered for a folder the last time. */
type Remembered = Partial<Record<'place' | 'repository' | 'type', string>> & {
  readonly packing?: Partial<Packing>;
};

/** The row of the tree a push starts at. */
export interface PushStart {
  readonly node: Node | undefined;
  /** True: things were dropped on it, or it was clicked; false: it only happens to be selected. */
  readonly isChosen: boolean;
}

/** Where, what type, which annotations. */
export async function askPush(
  sources: readonly Source[],
  { node, isChosen }: PushStart,
  services: Services,
): Promise<PushAnswers> {
  const path = sources[0]?.path ?? '';
  const key = `push:${path}`;
  const last = services.context.workspaceState.get<Remembered>(key) ?? {};
  const title = l10n.t('Push {0}', plainText(sources.map((source) => source.title).join(', '), 80));
  const metadata = await metadataOf(sources);
  const isPacked = await hasFolder(sources);
  const given = givenBy(node);
  const steps: readonly Step<Partial<PushAnswers>>[] = [
    async (so, at) => {
      const preferred = given.place ?? services.places.get(last.place ?? 'local');
      const place = await askPlace({ ...at, title }, services, () => true, preferred);
      return place === back ? back : { ...so, place };
    },
    async (so, at) => {
      if (!so.place) {
        return undefined;
      }
      const isGiven = given.place?.id === so.place.id;
      const name = repositoryName(path);
      const suggestions = [
        isGiven ? given.repository : undefined,
        isGiven && given.group !== undefined ? `${given.group}/${name}` : undefined,
        last.repository,
        name,
      ].filter((each) => each !== undefined && isRepository(each));
      const repository = await askRepository({ ...at, title }, so.place, {
        canBeNew: true,
        suggestions: suggestions as readonly string[],
      });
      return repository === back ? back : { ...so, repository };
    },
    async (so, at) => {
      const { place, repository } = so;
      if (!place || repository === undefined) {
        return undefined;
      }
      const version = metadata['org.opencontainers.image.version'];
      const usual = version !== undefined && isTag(version) ? version : 'latest';
      const tag = await askText({
        ...at,
        title,
        prompt: l10n.t('Tag in {0}', shownText({ place, repository })),
        value: repository === given.repository ? (given.tag ?? usual) : usual,
        validate: tagProblem,
        warn: async (value, signal) => {
          const existing = await find(place.registry.repository(repository), value, { signal });
          return existing
            ? l10n.t('{0} exists ({1}) and would be overwritten.', value, shortDigest(existing.digest))
            : undefined;
        },
      });
      return tag === back ? back : { ...so, tag };
    },
    async (so, at) => {
      const type = await askType({ ...at, title }, last.type, services.types.table());
      return type === back ? back : { ...so, type };
    },
    async (so, at) => {
      const { type = filesType } = so;
      let packing = so.packing ?? usualFor(last.packing);
      const annotations = await askAnnotations(
        { ...at, title },
        so.annotations ?? metadata,
        isPacked
          ? {
              rows: () => packingRows(type, packing),
              choose: async (row) => {
                packing = await changedPacking({ ...at, title }, packing, row as PackingField);
              },
            }
          : undefined,
      );
      return annotations === back ? back : { ...so, annotations, packing };
    },
  ];
  const answers = await runSteps({}, steps, isChosen ? answersOf(given) : []);
  const { place, repository, type = filesType, packing = usualFor(last.packing) } = answers;
  const remembered: Remembered = {
    ...(place ? { place: place.id } : {}),
    ...(repository === undefined ? {} : { repository }),
    type: type.id,
    packing: chosenPacking(packing),
  };
  await services.context.workspaceState.update(key, remembered);
  return { ...answers, packing: packingFor(type, packing), offered: metadata } as PushAnswers;
}

/** What git and the files say of what is pushed. */
export function metadataOf(sources: readonly Source[]): Promise<Metadata> {
  const path = sources[0]?.path ?? '';
  return readMetadata(sources.length === 1 ? path : dirname(path));
}

/** One of the known types, the one of the last time, or any media type that is typed. */
function askType(at: StepInfo, last: string | undefined, table: TypeTable): Promise<PushType | Back> {
  const knownTypes = pushTypes(table);
  const choice = (type: PushType): Choice<PushType> => ({
    label: type.id === filesType.id ? l10n.t('Files') : plainText(type.label),
    description: plainText(pushMediaType(type)),
    // What its layers are, so that files can be told to fit before they are sent.
    ...(type.layers.length > 0
      ? { detail: plainText(type.layers.map(({ mediaType }) => mediaType).join(', ')) }
      : {}),
    value: type,
  });
  const all = [filesType, ...knownTypes];
  const used = last === undefined ? undefined : (all.find(({ id }) => id === last) ?? typedType(last, table));
  const active = used ?? filesType;
  const choices: readonly (Choice<PushType> | Separator)[] = [
    ...(used && used !== filesType
      ? [
          {
            ...choice(used),
            description: [
              ...(used.label === pushMediaType(used) ? [] : [plainText(pushMediaType(used))]),
              l10n.t('used the last time'),
            ].join(' · '),
          },
        ]
      : []),
    choice(filesType),
    { label: l10n.t('Known types'), kind: QuickPickItemKind.Separator },
    ...knownTypes.filter(({ id }) => id !== used?.id).map(choice),
  ];
  return askPick<PushType>({
    ...at,
    placeholder: l10n.t('Type of the artifact: choose one, or type a media type'),
    choices,
    typed: (text) => {
      const type = typedType(text, table);
      const description = type?.label === text ? l10n.t('artifactType') : plainText(type?.label ?? '');
      return type && { label: text, description, value: type };
    },
    active: ({ value }) => value.id === active.id,
  });
}

interface Given {
  readonly place?: Place;
  readonly group?: string;
  readonly repository?: string;
  readonly tag?: string;
}

/** What the row of the tree says already. */
function givenBy(node: Node | undefined): Given {
  if (!node || !('place' in node)) {
    return {};
  }
  return {
    place: node.place,
    ...(node.kind === 'group' ? { group: node.path } : {}),
    ...('repository' in node ? { repository: node.repository } : {}),
    ...(node.kind === 'tag' ? { tag: node.tag } : {}),
  };
}

/** Who starts at a row, or drops on it, has said where; only who goes back is asked again. */
function answersOf({ place, repository }: Given): readonly Partial<PushAnswers>[] {
  if (!place) {
    return [];
  }
  return repository === undefined ? [{ place }] : [{ place }, { place, repository }];
}

/** The name of a file or folder as one of a repository; may be none. */
function repositoryName(path: string): string {
  return basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
