import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { commands, Disposable, env, EventEmitter, l10n, Uri, window, workspace } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import type { Place } from '../browse/place.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { readMetadata, type Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { copy } from '../oci/copy.ts';
import { shortDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { isMediaType } from '../oci/mediaTypes.ts';
import { isRepository, isTag } from '../oci/reference.ts';
import { buildArtifact, type BuiltArtifact } from '../packaging/artifact.ts';
import { planPush, type PushPlan, type Source } from '../packaging/plan.ts';
import { previewText } from '../packaging/preview.ts';
import { pushTypes } from '../packaging/pushTypes.ts';
import { askPick, askText, back, pickOne } from './ask.ts';
import { askPlace, askRepository } from './askTarget.ts';
import { runSteps } from './steps.ts';
import { find, tagProblem } from './tag.ts';
import { nodeOf, shownText, targetText } from './targets.ts';

const previewScheme = 'oci-push';
const mebibyte = 1024 * 1024;

interface Answers {
  readonly place?: Place;
  readonly repository?: string;
  readonly tag?: string;
  readonly artifactType?: string;
  readonly annotations?: Metadata;
}

/** What was answered for a folder the last time. */
type Remembered = Partial<Record<'place' | 'repository' | 'artifactType', string>>;

export function registerPush(services: Services): Disposable {
  let preview = '';
  const changed = new EventEmitter<Uri>();
  const show = async (text: string): Promise<void> => {
    preview = text;
    const uri = Uri.from({ scheme: previewScheme, path: '/push preview.json' });
    changed.fire(uri);
    await window.showTextDocument(await workspace.openTextDocument(uri), { preview: true });
  };
  return Disposable.from(
    changed,
    workspace.registerTextDocumentContentProvider(previewScheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => preview,
    }),
    registerCommand(Command.pushWorkspace, async (...args) =>
      push([await workspaceFolder()], args, services, show),
    ),
    registerCommand(Command.pushFiles, async (first, all) => {
      const uris = (Array.isArray(all) ? all : [first]).filter(
        (uri): uri is Uri => uri instanceof Uri && uri.scheme === 'file',
      );
      if (uris.length > 0) {
        await push(uris, [], services, show);
      }
    }),
  );
}

async function workspaceFolder(): Promise<Uri> {
  const folders = workspace.workspaceFolders ?? [];
  const [only] = folders;
  if (!only) {
    throw new OciError('file-missing', 'No folder is open');
  }
  return folders.length === 1
    ? only.uri
    : pickOne({
        title: l10n.t('Push Workspace as Artifact'),
        choices: folders.map(({ name, uri }) => ({ label: name, description: uri.fsPath, value: uri })),
      });
}

async function push(
  uris: readonly Uri[],
  args: readonly unknown[],
  services: Services,
  show: (text: string) => Promise<void>,
): Promise<void> {
  const sources: readonly Source[] = uris.map(({ fsPath }) => ({ path: fsPath, title: basename(fsPath) }));
  const answers = await ask(sources, args, services);
  const { place, repository, tag, artifactType, annotations } = answers;
  const target = { place, repository };
  const temporary = services.context.globalStorageUri.fsPath;
  await mkdir(temporary, { recursive: true });
  // One notification for both: of more than three at once the editor hides the last, which is the one that tells.
  const { plan, built } = await withProgress(
    l10n.t('Packing'),
    async ({ signal, report }) => {
      const planned = await planPush(sources, { largeFile: setting('push.largeFile') * mebibyte, signal });
      let read = 0;
      const artifact = await buildArtifact(planned, {
        artifactType,
        annotations,
        keepFileTimes: setting('push.keepFileTimes'),
        temporary,
        signal,
        onBytes: (bytes) => {
          read += bytes;
          report(humanSize(read), read / (planned.size || 1));
        },
      });
      return { plan: planned, built: artifact };
    },
    services.signal,
  );
  try {
    const store = place.registry.repository(repository);
    const existing = await find(store, tag, { signal: services.signal });
    const replaced =
      existing && existing.digest !== built.root.digest
        ? l10n.t('{0} exists and will point to this artifact instead.', tag)
        : '';
    await agree(shownText(target, tag), plan, built, replaced, show);
    await send(built, shownText(target, tag), store, tag, services);
    services.events.changed.fire({ place: place.id, repository });
    void tell(built, targetText(target, tag), { place: place.id, repository, ref: tag });
  } finally {
    await built.dispose();
  }
}

async function ask(
  sources: readonly Source[],
  args: readonly unknown[],
  services: Services,
): Promise<Required<Answers>> {
  const [first] = sources;
  const path = first?.path ?? '';
  const key = `push:${path}`;
  const last = services.context.workspaceState.get<Remembered>(key) ?? {};
  const node = nodeOf(args, services);
  const given = node && 'place' in node ? node : undefined;
  const title = l10n.t('Push {0}', sources.map((source) => source.title).join(', '));
  const metadata = await readMetadata(sources.length === 1 ? path : dirname(path));
  const name = (first?.title ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const answers = await runSteps<Answers>({}, [
    async (so, at) => {
      const place = await askPlace(
        { ...at, title },
        services,
        () => true,
        given?.place ?? services.places.get(last.place ?? 'local'),
      );
      return place === back ? back : { ...so, place };
    },
    async (so, at) => {
      if (!so.place) {
        return undefined;
      }
      const here = given && 'repository' in given && given.place.id === so.place.id ? [given.repository] : [];
      const suggestions = [
        ...here,
        ...(last.repository ? [last.repository] : []),
        ...(isRepository(name) ? [name] : []),
      ];
      const repository = await askRepository({ ...at, title }, so.place, { canBeNew: true, suggestions });
      return repository === back ? back : { ...so, repository };
    },
    async (so, at) => {
      const version = metadata['org.opencontainers.image.version'];
      const tag = await askText({
        ...at,
        title,
        prompt: l10n.t('Tag'),
        value: version !== undefined && isTag(version) ? version : 'latest',
        validate: tagProblem,
      });
      return tag === back ? back : { ...so, tag };
    },
    async (so, at) => {
      const artifactType = await askPick<string>({
        ...at,
        title,
        placeholder: l10n.t('Type of the artifact: choose one, or type a media type'),
        choices: pushTypes.map((type) => ({
          label: type.label,
          description: type.artifactType,
          value: type.artifactType,
        })),
        typed: (text) => (isMediaType(text) ? { label: text, value: text } : undefined),
        active: ({ value }) => value === last.artifactType,
      });
      return artifactType === back ? back : { ...so, artifactType };
    },
    async (so, at) => {
      const text = await askText({
        ...at,
        title,
        prompt: l10n.t('Annotations as JSON'),
        value: JSON.stringify(metadata),
        validate: (value) =>
          parseAnnotationText(value) ? undefined : l10n.t('A JSON object whose values are texts'),
      });
      return text === back ? back : { ...so, annotations: parseAnnotationText(text) ?? {} };
    },
  ]);
  const { place, repository, artifactType } = answers;
  await services.context.workspaceState.update(key, { place: place?.id, repository, artifactType });
  return answers as Required<Answers>;
}

/** Undefined for anything but an object of texts. */
export function parseAnnotationText(text: string): Metadata | undefined {
  try {
    const json: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject && Object.values(json).every((value) => typeof value === 'string')
      ? (json as Metadata)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Shows what would be sent before a byte is; anything but *Push* ends here. */
async function agree(
  target: string,
  plan: PushPlan,
  built: BuiltArtifact,
  replaced: string,
  show: (text: string) => Promise<void>,
): Promise<void> {
  const files = plan.layers.flatMap((layer) => layer.entries).filter(({ kind }) => kind !== 'folder').length;
  const total = built.layers.reduce((sum, { size }) => sum + size, 0);
  const isLarge = total > setting('push.largeTotal') * mebibyte;
  const detail = [
    l10n.t('{0} files in {1} layers, {2} to send.', files, built.layers.length, humanSize(total)),
    replaced,
    isLarge ? l10n.t('That is more than the setting push.largeTotal allows without asking.') : '',
    ...plan.concerns
      .slice(0, 8)
      .map(({ path, kind, size }) =>
        kind === 'secret'
          ? l10n.t('May hold a secret: {0}', plainText(path))
          : l10n.t('Large: {0} ({1})', plainText(path), humanSize(size)),
      ),
    plan.skipped.length > 0
      ? l10n.t(
          '{0} left out: {1}',
          plan.skipped.length,
          [...new Set(plan.skipped.map(({ reason }) => reason))].join(', '),
        )
      : '',
    built.root.digest,
  ];
  const go = l10n.t('Push');
  const look = l10n.t('Show Preview');
  const chosen = await window.showWarningMessage(
    l10n.t('Push to {0}?', target),
    { modal: true, detail: detail.filter(Boolean).join('\n') },
    go,
    look,
  );
  if (chosen === look) {
    await show(previewText(target, plan, built));
    // Not modal, so that the preview can be read.
    if ((await window.showInformationMessage(l10n.t('Push to {0}?', target), go, l10n.t('Cancel'))) !== go) {
      throw cancelled();
    }
  } else if (chosen !== go) {
    throw cancelled();
  }
}

async function send(
  built: BuiltArtifact,
  target: string,
  store: Parameters<typeof copy>[2],
  tag: string,
  services: Services,
): Promise<void> {
  const start = performance.now();
  let sent = 0;
  let total = 0;
  await withProgress(
    l10n.t('Pushing to {0}', target),
    ({ signal, report }) =>
      copy(built.store, built.root.digest, store, tag, {
        signal,
        onPlan: ({ size }) => {
          total += size;
        },
        onBytes: (bytes) => {
          sent += bytes;
          const rate = sent / Math.max(0.001, (performance.now() - start) / 1000);
          report(
            l10n.t('{0} of {1}, {2}/s', humanSize(sent), humanSize(total), humanSize(rate)),
            sent / (total || 1),
          );
        },
      }),
    services.signal,
  );
}

async function tell({ root }: BuiltArtifact, reference: string, target: object): Promise<void> {
  const show = l10n.t('Show in Tree');
  const copyIt = l10n.t('Copy Reference');
  const chosen = await window.showInformationMessage(
    l10n.t('Pushed {0}, digest {1}', plainText(reference), shortDigest(root.digest)),
    show,
    copyIt,
  );
  if (chosen === show) {
    await commands.executeCommand(Command.showInTree, target);
  } else if (chosen === copyIt) {
    await env.clipboard.writeText(reference);
  }
}
