import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Disposable, l10n, Uri, window, workspace, type WorkspaceFolder } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress, type Progress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { OciError } from '../oci/errors.ts';
import type { FetchedManifest, ReadStore } from '../oci/store.ts';
import { buildArtifact, type ArtifactOptions, type BuiltArtifact } from '../packaging/artifact.ts';
import { misfitOf, type Misfit } from '../packaging/fit.ts';
import { fileLayerCache } from '../packaging/layerCache.ts';
import { arrangeLayers } from '../packaging/packing.ts';
import { planPush, type PushPlan, type Source } from '../packaging/plan.ts';
import { preparePush } from '../packaging/preparePush.ts';
import { previewText } from '../packaging/preview.ts';
import { sourcesOf } from '../packaging/sources.ts';
import { confirm, pickOne } from './ask.ts';
import { askPush, type PushAnswers, type PushStart } from './askPush.ts';
import { rememberPush } from './lastPush.ts';
import { detailOf, largest, misfitTexts, shownPath } from './pushDetail.ts';
import { findManifest, sendPush, type SendUi, type Sent } from './sendPush.ts';
import { askToMove } from './tagWatch.ts';
import { tellPushed } from './tellPushed.ts';
import type { PushPreview } from './pushPreview.ts';
import { isNode, nodeOf, shownText } from './targets.ts';

const mebibyte = 1024 * 1024;

export function registerPush(services: Services, preview: PushPreview): Disposable {
  return Disposable.from(
    registerCommand(Command.pushWorkspace, async (...args) =>
      push(
        await workspaceFolders(),
        { node: nodeOf(args, services), isChosen: isNode(args[0]) },
        services,
        preview,
      ),
    ),
    // The Explorer gives the clicked one and all selected; the tree, when they were dropped on it, the row behind them.
    registerCommand(Command.pushFiles, async (first, all, target) => {
      const uris = (Array.isArray(all) && all.length > 0 ? all : [first]).filter((uri) => uri instanceof Uri);
      await push(uris, { node: isNode(target) ? target : undefined, isChosen: true }, services, preview);
    }),
  );
}

async function workspaceFolders(): Promise<readonly Uri[]> {
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const [only] = folders;
  if (!only) {
    throw new OciError('file-missing', 'No folder is open', { url: l10n.t('A folder of the workspace') });
  }
  if (folders.length === 1) {
    return [only.uri];
  }
  const one = ({ name, uri }: WorkspaceFolder): { label: string; description: string; value: Uri[] } => ({
    label: name,
    description: uri.fsPath,
    value: [uri],
  });
  return pickOne<readonly Uri[]>({
    title: l10n.t('Push Workspace as Artifact'),
    placeholder: l10n.t('Folder of the workspace'),
    choices: [
      ...folders.map(one),
      {
        label: l10n.t('All {0} folders', folders.length),
        description: l10n.t('one layer each'),
        value: folders.map(({ uri }) => uri),
      },
    ],
  });
}

async function push(
  uris: readonly Uri[],
  start: PushStart,
  services: Services,
  preview: PushPreview,
): Promise<void> {
  const paths = uris.filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath);
  if (paths.length === 0 || paths.length < uris.length) {
    void window.showWarningMessage(
      uris.length === 0
        ? l10n.t('Nothing was chosen. Choose files or folders in the Explorer.')
        : l10n.t('Only files and folders of a disk can be pushed.'),
    );
    return;
  }
  const roots = (workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  const sources = sourcesOf(paths, roots);
  const answers = await askPush(sources, start, services);
  const keepFileTimes = setting('push.keepFileTimes');
  const ui = pushDialogs(services, preview);
  const pushed = await pushSources(sources, { ...answers, keepFileTimes }, ui, services);
  rememberPush(services, { paths, answers, keepFileTimes });
  void tellPushed(pushed, answers, true);
}

/** How a push is shown while it is under way, and who says that it goes on. */
export interface PushUi extends SendUi {
  /** True: whoever agrees is told what a tag that is there would point to, so it is packed first. */
  readonly tellsDigest: boolean;
  /** @throws an abort when it does not */
  readonly agreeToSize: (plan: PushPlan) => Promise<void>;
  /** @throws an abort when it does not */
  readonly agree: (target: string, tag: string, planned: PlannedPush) => Promise<void>;
  /** Of a push that is done again from the list of transfers; without it, none is. */
  readonly tell?: (pushed: Pushed, order: PushOrder) => void;
}

export function pushDialogs(services: Services, preview: PushPreview): PushUi {
  return {
    withProgress,
    tellsDigest: true,
    agreeToSize,
    agree: (target, tag, planned) => agree(target, tag, planned, services, preview),
    asks: true,
    agreeToMove: askToMove,
    tell: (pushed, order) => void tellPushed(pushed, order, false),
  };
}

export interface Pushed extends Sent {
  readonly built: BuiltArtifact;
}

export type PushOrder = Omit<PushAnswers, 'offered'> & { readonly keepFileTimes: boolean };

/**
 * Looks, asks, then packs and sends at once; what has to be shown is packed before, and then sent as it was shown. Nothing is sent
 * where `ui` does not agree.
 */
export async function pushSources(
  sources: readonly Source[],
  order: PushOrder,
  ui: PushUi,
  services: Services,
): Promise<Pushed> {
  const { place, repository, tag } = order;
  const store = place.registry.repository(repository);
  let built: BuiltArtifact | undefined;
  try {
    const { options, ...planned } = await ui.withProgress(
      l10n.t('Packing'),
      async (progress) => {
        const found = await findOut(sources, order, store, ui, progress.signal, services);
        if (found.existing && ui.tellsDigest) {
          built = await packed(found, progress);
        }
        return found;
      },
      services.signal,
    );
    const build = async (): Promise<BuiltArtifact> =>
      (built ??= await ui.withProgress(
        l10n.t('Packing'),
        (progress) => packed({ ...planned, options }, progress),
        services.signal,
      ));
    await ui.agree(shownText(order, tag), tag, { ...planned, built, build });
    const { tell } = ui;
    const retry =
      tell && (async (): Promise<void> => tell(await pushSources(sources, order, ui, services), order));
    const { plan, existing } = planned;
    const target = { place, repository, tag };
    const sent = await sendPush(
      built ?? { plan, options },
      existing,
      target,
      store,
      { ...ui, retry },
      services,
    );
    ({ built } = sent);
    services.events.changed.fire({ place: place.id, repository });
    return { ...sent, built };
  } finally {
    await built?.dispose();
  }
}

export interface PlannedPush {
  readonly plan: PushPlan;
  readonly misfit: Misfit | undefined;
  readonly ownTag: string | undefined;
  /** What the tag points to before. */
  readonly existing: FetchedManifest | undefined;
  /** What would be sent, where it is known already. */
  readonly built: BuiltArtifact | undefined;
  /** Makes it, to be looked at before it is sent. */
  readonly build: () => Promise<BuiltArtifact>;
}

type Found = Omit<PlannedPush, 'built' | 'build'> & { readonly options: ArtifactOptions };

/** One notification for all: of more than three at once the editor hides the last, which is the one that tells. */
async function findOut(
  sources: readonly Source[],
  { tag, type, annotations, packing, keepFileTimes }: PushOrder,
  store: ReadStore,
  ui: PushUi,
  signal: AbortSignal,
  services: Services,
): Promise<Found> {
  const temporary = services.context.globalStorageUri.fsPath;
  await mkdir(temporary, { recursive: true });
  const largeFile = setting('push.largeFile') * mebibyte;
  const planned = await planPush(sources, { largeFile, ignore: packing.ignore, signal });
  await ui.agreeToSize(planned);
  const { lacking, ownTag, ...prepared } = await preparePush(planned, type, signal);
  const plan = await arrangeLayers(prepared.plan, type, { ...packing, keepFileTimes, signal });
  const existing = await findManifest(store, tag, { signal });
  return {
    plan,
    options: {
      ...prepared,
      annotations: { ...prepared.annotations, ...annotations },
      keepFileTimes,
      temporary,
      cache: fileLayerCache(join(temporary, 'layers.json')),
    },
    misfit: misfitOf(type.row, planned, lacking),
    ownTag,
    existing,
  };
}

function packed(
  { plan, options }: Pick<Found, 'plan' | 'options'>,
  progress: Progress,
): Promise<BuiltArtifact> {
  let read = 0;
  return buildArtifact(plan, {
    ...options,
    signal: progress.signal,
    onBytes: (bytes) => {
      read += bytes;
      progress.report(humanSize(read), read / (plan.size || 1));
    },
  });
}

/** Asked before anything is packed: that takes the time, and the room on the disk. */
async function agreeToSize(plan: PushPlan): Promise<void> {
  const limit = setting('push.largeTotal') * mebibyte;
  if (plan.size > limit) {
    await confirm(
      l10n.t('Pack {0}?', humanSize(plan.size)),
      [
        l10n.t('That is more than {0}, the setting push.largeTotal.', humanSize(limit)),
        ...largest(plan).map(({ path, size }) => `• ${shownPath(path)} (${humanSize(size)})`),
      ].join('\n'),
      l10n.t('Pack'),
    );
  }
}

/** Says what would be sent before a byte is, and shows it whole to who wants to see it; anything but *Push* ends here. */
async function agree(
  target: string,
  tag: string,
  { plan, built, build, existing, misfit, ownTag }: PlannedPush,
  services: Services,
  preview: PushPreview,
): Promise<void> {
  const isReplaced = existing !== undefined && existing.descriptor.digest !== built?.root.digest;
  const go = l10n.t('Push');
  const look = l10n.t('Show Preview');
  const detail = [
    isReplaced
      ? l10n.t(
          '{0} exists. It will point to this artifact, and no more to {1}.',
          tag,
          existing.descriptor.digest,
        )
      : '',
    ...(misfit ? misfitTexts(misfit) : []),
    ownTag !== undefined && ownTag !== tag
      ? l10n.t('Its version is {0}: helm does not find it by the tag {1}.', plainText(ownTag), tag)
      : '',
    ...detailOf(plan, built),
  ];
  const chosen = await window.showWarningMessage(
    isReplaced ? l10n.t('Overwrite {0}?', target) : l10n.t('Push to {0}?', target),
    { modal: true, detail: detail.filter(Boolean).join('\n') },
    go,
    look,
  );
  if (chosen === look) {
    const shown = built ?? (await build());
    await preview.decide(target, previewText(target, plan, shown, shownPath, misfit), services.signal);
  } else if (chosen !== go) {
    throw cancelled();
  }
}
