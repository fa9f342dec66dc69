import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Disposable, l10n, Uri, window, workspace, type WorkspaceFolder } from 'vscode';
import { LruMap } from '../base/lru.ts';
import { humanSize } from '../artifacts/facts.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { withTransfer, type TransferFacts } from '../host/withTransfer.ts';
import type { Digest } from '../oci/digest.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import type { FetchedManifest, Op, ReadStore, Store } from '../oci/store.ts';
import { buildArtifact, type BuiltArtifact } from '../packaging/artifact.ts';
import { misfitOf, type Misfit } from '../packaging/fit.ts';
import { fileLayerCache } from '../packaging/layerCache.ts';
import { arrangeLayers } from '../packaging/packing.ts';
import { planPush, type PushPlan, type Source } from '../packaging/plan.ts';
import { preparePush } from '../packaging/preparePush.ts';
import { previewText } from '../packaging/preview.ts';
import { sendArtifact } from '../packaging/sendArtifact.ts';
import { sourcesOf } from '../packaging/sources.ts';
import { confirm, pickOne } from './ask.ts';
import { askPush, type PushAnswers, type PushStart } from './askPush.ts';
import { rememberPush } from './lastPush.ts';
import { detailOf, largest, misfitTexts, shownPath } from './pushDetail.ts';
import { askToMove, watchTag } from './tagWatch.ts';
import { tellPushed } from './tellPushed.ts';
import type { PushPreview } from './pushPreview.ts';
import { isNode, nodeOf, shortText, shownText, targetText, type RepositoryTarget } from './targets.ts';

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
export interface PushUi {
  readonly withProgress: typeof withProgress;
  /** @throws an abort when it does not */
  readonly agreeToSize: (plan: PushPlan) => Promise<void>;
  /** @throws an abort when it does not */
  readonly agree: (target: string, tag: string, packed: Packed) => Promise<void>;
  /** True: `agree` asked a person, who takes any time to answer. */
  readonly asks: boolean;
  /** The tag points elsewhere by now than `agree` was told. @throws where it is not to be overwritten */
  readonly agreeToMove: (target: string, tag: string, now: Digest | undefined) => Promise<void>;
  /** Of a push that is done again from the list of transfers; without it, none is. */
  readonly tell?: (pushed: Pushed, order: PushOrder) => void;
}

export function pushDialogs(services: Services, preview: PushPreview): PushUi {
  return {
    withProgress,
    agreeToSize,
    agree: (target, tag, packed) => agree(target, tag, packed, services, preview),
    asks: true,
    agreeToMove: askToMove,
    tell: (pushed, order) => void tellPushed(pushed, order, false),
  };
}

export interface Pushed {
  readonly built: BuiltArtifact;
  /** How many layers the target had already. */
  readonly present: number;
  readonly bytesSent: number;
}

export type PushOrder = Omit<PushAnswers, 'offered'> & { readonly keepFileTimes: boolean };

/** Packs, asks, sends: nothing is sent where `ui` does not agree. */
export async function pushSources(
  sources: readonly Source[],
  order: PushOrder,
  ui: PushUi,
  services: Services,
): Promise<Pushed> {
  const { place, repository, tag } = order;
  const packed = await pack(sources, order, ui, services);
  const { built } = packed;
  try {
    const store = place.registry.repository(repository);
    await ui.agree(shownText(order, tag), tag, packed);
    const { tell } = ui;
    const retry =
      tell && (async (): Promise<void> => tell(await pushSources(sources, order, ui, services), order));
    const sending = await send(packed, { place, repository, tag }, store, { ...ui, retry }, services);
    services.events.changed.fire({ place: place.id, repository });
    return { built, ...sending };
  } finally {
    await built.dispose();
  }
}

export interface Packed {
  readonly plan: PushPlan;
  readonly misfit: Misfit | undefined;
  readonly ownTag: string | undefined;
  readonly built: BuiltArtifact;
  /** What the tag points to before. */
  readonly existing: FetchedManifest | undefined;
}

/** One notification for all: of more than three at once the editor hides the last, which is the one that tells. */
function pack(
  sources: readonly Source[],
  { place, repository, tag, type, annotations, packing, keepFileTimes }: PushOrder,
  ui: PushUi,
  services: Services,
): Promise<Packed> {
  return ui.withProgress(
    l10n.t('Packing'),
    async ({ signal, report }) => {
      const temporary = services.context.globalStorageUri.fsPath;
      await mkdir(temporary, { recursive: true });
      const largeFile = setting('push.largeFile') * mebibyte;
      const planned = await planPush(sources, { largeFile, ignore: packing.ignore, signal });
      await ui.agreeToSize(planned);
      const { lacking, ownTag, ...prepared } = await preparePush(planned, type, signal);
      const plan = await arrangeLayers(prepared.plan, type, { ...packing, keepFileTimes, signal });
      const existing = await findManifest(place.registry.repository(repository), tag, { signal });
      let read = 0;
      const built = await buildArtifact(plan, {
        ...prepared,
        annotations: { ...prepared.annotations, ...annotations },
        keepFileTimes,
        temporary,
        cache: fileLayerCache(join(temporary, 'layers.json')),
        signal,
        onBytes: (bytes) => {
          read += bytes;
          report(humanSize(read), read / (plan.size || 1));
        },
      });
      return { plan, misfit: misfitOf(type.row, planned, lacking), ownTag, built, existing };
    },
    services.signal,
  );
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

/** Shows what would be sent before a byte is; anything but *Push* ends here. */
async function agree(
  target: string,
  tag: string,
  { plan, built, existing, misfit, ownTag }: Packed,
  services: Services,
  preview: PushPreview,
): Promise<void> {
  const isReplaced = existing !== undefined && existing.descriptor.digest !== built.root.digest;
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
    await preview.decide(target, previewText(target, plan, built, shownPath, misfit), services.signal);
  } else if (chosen !== go) {
    throw cancelled();
  }
}

/** Blobs this window has sent, by place, repository and digest: what may be there is asked for before it is sent again. */
const sent = new LruMap<string, true>(10_000);

async function send(
  { built, existing }: Packed,
  target: RepositoryTarget & { readonly tag: string },
  store: Store,
  {
    withProgress: show,
    asks,
    agreeToMove,
    retry,
  }: Pick<PushUi, 'withProgress' | 'asks' | 'agreeToMove'> & Pick<TransferFacts, 'retry'>,
  services: Services,
): Promise<Pick<Pushed, 'present' | 'bytesSent'>> {
  const keyOf = (digest: Digest): string => `${target.place.id} ${target.repository} ${digest}`;
  const layers = new Set(built.layers.map(({ digest }) => digest));
  const what = shownText(target, target.tag);
  const beforeTag = watchTag({
    store,
    tag: target.tag,
    seen: existing?.descriptor.digest,
    to: built.root.digest,
    wasAsked: asks,
    agreeToMove: (now) => agreeToMove(what, target.tag, now),
  });
  let present = 0;
  let bytesSent = 0;
  await withTransfer(
    {
      kind: 'push',
      what,
      label: shortText(target, target.tag),
      where: targetText(target, target.tag),
      retry,
    },
    (move) =>
      move(l10n.t('Pushing to {0}', what), ({ signal, events, share }) =>
        sendArtifact(built, store, target.tag, {
          ...events,
          share,
          signal,
          existing,
          beforeTag,
          wasSent: (digest) => sent.get(keyOf(digest)) === true,
          onDone: (descriptor, how) => {
            sent.set(keyOf(descriptor.digest), true);
            present += how !== 'copied' && layers.has(descriptor.digest) ? 1 : 0;
            events.onDone(descriptor, how);
          },
          onBytes: (bytes) => {
            bytesSent += bytes;
            events.onBytes(bytes);
          },
        }).catch((error: unknown) => {
          // What was hashed a moment ago is not what is on the disk now.
          throw isOciError(error, 'digest-mismatch', 'size-mismatch')
            ? new OciError('file-changed', error.message, { cause: error })
            : error;
        }),
      ),
    services.signal,
    undefined,
    show,
  );
  return { present, bytesSent };
}

/** What a tag points to, if there is one; what it holds need not be sent. */
async function findManifest(store: ReadStore, tag: string, op: Op): Promise<FetchedManifest | undefined> {
  try {
    return await store.manifest(tag, op);
  } catch (error) {
    if (isOciError(error, 'not-found')) {
      return undefined;
    }
    throw error;
  }
}
