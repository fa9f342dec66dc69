import {
  commands,
  l10n,
  QuickPickItemKind,
  ThemeIcon,
  window,
  type Disposable,
  type QuickInputButton,
} from 'vscode';
import { Command } from '../contributions.ts';
import type { Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { platformText } from '../oci/descriptor.ts';
import { shortDigest } from '../oci/digest.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import {
  membersOf,
  parsePlatform,
  pushIndex,
  withPlatform,
  type IndexMember,
} from '../packaging/imageIndex.ts';
import { askPick, askText, back, type Back, type Choice, type Separator, type StepInfo } from './ask.ts';
import { askAnnotations } from './askAnnotations.ts';
import { askRef } from './askTarget.ts';
import { runSteps } from './steps.ts';
import { confirmOverwrite, find, tagProblem } from './tag.ts';
import { isRefNode, nodesOf, refTarget, shownText, type RefTarget } from './targets.ts';

interface Answers {
  readonly members: readonly IndexMember[];
  readonly annotations: Metadata;
  readonly tag: string;
}

type Action =
  { readonly kind: 'continue' | 'add' } | { readonly kind: 'edit' | 'remove'; readonly at: number };

/** An index of the selected rows, in the repository of the first; others can be added by reference. */
export function registerCreateIndex(services: Services): Disposable {
  return registerCommand(Command.createIndex, async (...args) => {
    const nodes = nodesOf(args, services).filter(isRefNode);
    const targets =
      nodes.length > 0 ? nodes.map(refTarget) : [await askRef(l10n.t('Create Index'), services)];
    const [first] = targets;
    if (!first) {
      return;
    }
    const members = await read(targets, first, services);
    const { place, repository } = first;
    const store = place.registry.repository(repository);
    const answers = await ask(first, members, services);
    const name = shownText(first, answers.tag);
    const existing = await find(store, answers.tag, { signal: services.signal });
    if (existing) {
      await confirmOverwrite(answers.tag, existing);
    }
    const root = await withProgress(
      l10n.t('Pushing to {0}', name),
      ({ signal }) =>
        pushIndex(store, repository, answers.members, {
          signal,
          tag: answers.tag,
          annotations: answers.annotations,
        }),
      services.signal,
    ).finally(() => {
      services.events.changed.fire({ place: place.id, repository });
    });
    const show = l10n.t('Show in Tree');
    const message = l10n.t('{0} is {1}', name, shortDigest(root.digest));
    void window.showInformationMessage(message, show).then((chosen) => {
      if (chosen === show) {
        void commands.executeCommand(Command.showInTree, { place: place.id, repository, ref: answers.tag });
      }
    });
  });
}

/** @throws {OciError} `unsupported` for what is in another registry */
async function read(
  targets: readonly RefTarget[],
  { place: home }: RefTarget,
  services: Services,
): Promise<readonly IndexMember[]> {
  return withProgress(
    l10n.t('Reading platforms'),
    async ({ signal }) => {
      const found: IndexMember[] = [];
      for (const { place, repository, ref } of targets) {
        if (place.id !== home.id) {
          throw new OciError('unsupported', l10n.t('an index names manifests of its own registry alone'), {
            host: home.host,
          });
        }
        found.push(...(await membersOf(place.registry.repository(repository), repository, ref, { signal })));
      }
      return unique(found);
    },
    services.signal,
  );
}

function unique(members: readonly IndexMember[]): readonly IndexMember[] {
  return [...new Map(members.map((member) => [member.descriptor.digest, member])).values()];
}

async function ask(first: RefTarget, members: readonly IndexMember[], services: Services): Promise<Answers> {
  const title = l10n.t('Create Index in {0}', shownText(first));
  const answers = await runSteps<Partial<Answers>>({}, [
    async (so, at) => {
      const chosen = await askMembers({ ...at, title }, so.members ?? members, first, services);
      return chosen === back ? back : { ...so, members: chosen };
    },
    async (so, at) => {
      const annotations = await askAnnotations({ ...at, title }, so.annotations ?? {});
      return annotations === back ? back : { ...so, annotations };
    },
    async (so, at) => {
      const store = first.place.registry.repository(first.repository);
      const tag = await askText({
        ...at,
        title,
        prompt: l10n.t('Tag in {0}', shownText(first)),
        value: so.tag ?? '',
        validate: tagProblem,
        warn: async (value, signal) =>
          (await find(store, value, { signal }))
            ? l10n.t('{0} exists and would point somewhere else.', value)
            : undefined,
      });
      return tag === back ? back : { ...so, tag };
    },
  ]);
  return answers as Answers;
}

/** The manifests with their platforms, changed until the person goes on. */
async function askMembers(
  at: StepInfo,
  start: readonly IndexMember[],
  first: RefTarget,
  services: Services,
): Promise<readonly IndexMember[] | Back> {
  let members = start;
  for (;;) {
    const action = await askAction(at, members);
    if (action === back) {
      return back;
    }
    if (action.kind === 'continue') {
      return members;
    }
    try {
      members = await changed(at, members, action, first, services);
    } catch (error) {
      // Who leaves a question within goes back to the list.
      if (!isAbort(error) || services.signal.aborted) {
        throw error;
      }
    }
  }
}

async function changed(
  at: StepInfo,
  members: readonly IndexMember[],
  action: Exclude<Action, { readonly kind: 'continue' }>,
  first: RefTarget,
  services: Services,
): Promise<readonly IndexMember[]> {
  if (!('at' in action)) {
    return unique([
      ...members,
      ...(await read([await askRef(l10n.t('Add Manifest'), services)], first, services)),
    ]);
  }
  if (action.kind === 'remove') {
    return members.length > 1 ? members.filter((_, index) => index !== action.at) : members;
  }
  const { platform, digest } = members[action.at]?.descriptor ?? {};
  const text = await askText({
    ...at,
    canGoBack: true,
    prompt: l10n.t('Platform of {0}, as linux/arm64/v8. Empty for none.', digest ?? ''),
    value: platform ? platformText(platform) : '',
    validate: (value) =>
      value.trim() === '' || parsePlatform(value)
        ? undefined
        : l10n.t('A platform is os/architecture, with a variant where it has one.'),
  });
  if (text === back || (platform && text === platformText(platform))) {
    return members;
  }
  return members.map((member, index) =>
    index === action.at ? withPlatform(member, parsePlatform(text)) : member,
  );
}

function askAction(at: StepInfo, members: readonly IndexMember[]): Promise<Action | Back> {
  const remove: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: l10n.t('Remove') };
  const choices: readonly (Choice<Action> | Separator)[] = [
    { label: l10n.t('$(check) Continue'), value: { kind: 'continue' } },
    { label: l10n.t('$(add) Add Manifest…'), value: { kind: 'add' } },
    { label: l10n.t('Manifests'), kind: QuickPickItemKind.Separator },
    ...members.map(({ repository, descriptor }, index): Choice<Action> => ({
      label: descriptor.platform
        ? plainText(platformText(descriptor.platform))
        : plainText(descriptor.artifactType ?? l10n.t('no platform')),
      description: `${plainText(repository)} ${shortDigest(descriptor.digest)}`,
      buttons: [remove],
      value: { kind: 'edit', at: index },
    })),
  ];
  return askPick<Action>({
    ...at,
    placeholder: l10n.t('Manifests of the index: choose one to change its platform'),
    choices,
    onButton: ({ value }) => (value.kind === 'edit' ? { kind: 'remove', at: value.at } : undefined),
  });
}
