import { commands, l10n, Uri, window, workspace, type Disposable } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { digestFileName, knownFileNames, needsConfig } from '../artifacts/fileNames.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { log } from '../host/log.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { withTransfer, type Moving } from '../host/withTransfer.ts';
import { readVerified } from '../oci/content.ts';
import { platformText, type Descriptor } from '../oci/descriptor.ts';
import { shortDigest } from '../oci/digest.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { maxManifestSize, parseJson, type Manifest } from '../oci/manifest.ts';
import type { Op, ReadStore } from '../oci/store.ts';
import { lookAtTarget, stagePull, type StagedPull } from '../packaging/pull.ts';
import { manifestToPull } from '../packaging/pullManifest.ts';
import { planPull, type PullPlan } from '../packaging/pullPlan.ts';
import { confirm, pickOne } from './ask.ts';
import { askRef } from './askTarget.ts';
import { isRefNode, nodeOf, refTarget, shortText, shownText, type RefTarget } from './targets.ts';

/** Most names a dialog lists. */
const maxListed = 12;

export function registerPull(services: Services): Disposable {
  return registerCommand(Command.pull, async (...args) => {
    const node = nodeOf(args, services);
    const source = isRefNode(node) ? refTarget(node) : await askRef(l10n.t('Pull to Folder'), services);
    await pull(source, services);
  });
}

async function pull(source: RefTarget, services: Services): Promise<void> {
  const shown = shownText(source, source.ref);
  const store = source.place.registry.repository(source.repository);
  const plan = await withProgress(
    l10n.t('Reading {0}', shown),
    async ({ signal }) => {
      const { manifest } = await manifestToPull(store, source.ref, (all) => choosePlatform(shown, all), {
        signal,
      });
      const config = needsConfig(manifest) ? await configOf(store, manifest, { signal }) : undefined;
      const known = planPull(manifest, knownFileNames(manifest, config));
      return known.layers.length > 0 ? known : withDigestNames(manifest, known);
    },
    services.signal,
  );
  if (plan.layers.length === 0) {
    void window.showInformationMessage(l10n.t('{0} holds no files: what it says is in its manifest.', shown));
    return;
  }
  await agreeToNames(plan, source, services);
  const folder = await askFolder(shown, plan);
  const { target, replaced } = await withProgress(
    l10n.t('Reading {0}', plainText(folder)),
    ({ signal }) => lookAtTarget(plan, folder, { signal }),
    services.signal,
  );
  await agree(target, { replaced, concerns: [] });
  const short = shortText(source, source.ref);
  const job: PullJob = { store, plan, folder, shown, short, replaced };
  await pullTo(job, services);
}

interface PullJob {
  readonly store: ReadStore;
  readonly plan: PullPlan;
  readonly folder: string;
  readonly shown: string;
  readonly short: string;
  /** What the person agreed to have replaced. */
  readonly replaced: readonly string[];
}

/** All that comes after the first questions; it can be done again as it is. */
async function pullTo(job: PullJob, services: Services): Promise<void> {
  const { plan, folder, shown, short, replaced } = job;
  const retry = (): Promise<void> => pullTo(job, services);
  await withTransfer(
    { kind: 'pull', what: shown, label: short, where: folder, retry },
    async (move, outer) => {
      const staged = await fetchAll(job, move);
      try {
        const agreed = new Set(replaced);
        const more = staged.replaced.filter((path) => !agreed.has(path));
        await agree(staged.target, { replaced: more, concerns: staged.concerns });
        await withProgress(
          l10n.t('Writing to {0}', plainText(folder)),
          ({ signal }) => staged.commit({ signal }),
          outer,
        );
        for (const { name, reason } of staged.skipped) {
          log().info(`Pull of ${shown}: left out ${JSON.stringify(name)} (${reason})`);
        }
        void tell(shown, folder, plan, staged);
      } finally {
        await staged.dispose();
      }
    },
    services.signal,
  );
}

/** How this machine is called in an index. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

async function choosePlatform(shown: string, choices: readonly Descriptor[]): Promise<Descriptor> {
  const here = `${process.platform}/${architectures[process.arch] ?? process.arch}`;
  return pickOne({
    title: l10n.t('Pull {0}', shown),
    placeholder: l10n.t('It is an index. Which of its manifests?'),
    choices: choices.map((value) => ({
      label: plainText(
        value.platform ? platformText(value.platform) : (value.artifactType ?? value.mediaType),
      ),
      description: shortDigest(value.digest),
      value,
    })),
    active: ({ value }) => value.platform !== undefined && platformText(value.platform).startsWith(here),
  });
}

/** Undefined where it is no JSON: then its names are not known. */
async function configOf(store: ReadStore, { config }: Manifest, op: Op): Promise<unknown> {
  if (!config || config.size > maxManifestSize) {
    return undefined;
  }
  const bytes = await readVerified(store.fetch(config, op), config, maxManifestSize);
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

/** Where nothing has a name, every layer gets one of its digest. */
function withDigestNames(manifest: Manifest, { untitled }: PullPlan): PullPlan {
  return planPull(manifest, new Map(untitled.map((layer) => [layer.digest, digestFileName(layer)])));
}

/** Names nobody gave are shown first, with what else there is to do. */
async function agreeToNames(plan: PullPlan, source: RefTarget, services: Services): Promise<void> {
  const made = plan.layers.filter(({ descriptor, title }) => title === digestFileName(descriptor));
  if (made.length < plan.layers.length) {
    return;
  }
  const write = l10n.t('Write Layers');
  const command = l10n.t('Copy Pull Command');
  const node = services.browser.locate(source.place.id, source.repository, source.ref);
  const chosen = await window.showWarningMessage(
    l10n.t('{0} gives its files no names', shownText(source, source.ref)),
    {
      modal: true,
      detail: [
        l10n.t('Its layers can be written as they are, named by their digests:'),
        ...listed(made.map(({ title, descriptor }) => `${title} (${humanSize(descriptor.size)})`)),
        ...(node
          ? ['', l10n.t('What it is made for is done by its own tool; its command can be copied.')]
          : []),
      ].join('\n'),
    },
    write,
    ...(node ? [command] : []),
  );
  if (chosen === command) {
    await commands.executeCommand(Command.copyPullCommand, node);
  }
  if (chosen !== write) {
    throw cancelled();
  }
}

async function askFolder(shown: string, plan: PullPlan): Promise<string> {
  const names = plan.layers.map(({ title, kind }) =>
    kind === 'folder' ? `${title.replace(/\/$/, '')}/` : title,
  );
  const some = names.length > 3 ? [...names.slice(0, 2), l10n.t('{0} more', names.length - 2)] : names;
  const start = workspace.workspaceFolders?.[0]?.uri;
  const chosen = await window.showOpenDialog({
    title: plainText(
      l10n.t('Pull {0} ({1}, {2}) to a folder', shown, some.join(', '), humanSize(plan.size)),
      200,
    ),
    openLabel: l10n.t('Pull Here'),
    canSelectFolders: true,
    canSelectFiles: false,
    ...(start?.scheme === 'file' ? { defaultUri: start } : {}),
  });
  const [folder] = chosen ?? [];
  if (!folder) {
    throw cancelled();
  }
  if (folder.scheme !== 'file') {
    throw new OciError('unsupported', 'only folders on a disk can be written', { host: folder.scheme });
  }
  return folder.fsPath;
}

/** Modal, and only where something of the person's would change or be obeyed. */
async function agree(
  folder: string,
  { replaced, concerns }: Pick<StagedPull, 'replaced' | 'concerns'>,
): Promise<void> {
  if (replaced.length === 0 && concerns.length === 0) {
    return;
  }
  const relative = replaced.map((path) => (path.startsWith(folder) ? path.slice(folder.length + 1) : path));
  const parts = [
    ...(concerns.length > 0 ? [l10n.t('Tools run or obey what is in these:'), ...listed(concerns), ''] : []),
    ...(relative.length > 0 ? [l10n.t('These are there and would be replaced:'), ...listed(relative)] : []),
  ];
  const question =
    replaced.length === 0
      ? l10n.t('Write to {0}?', plainText(folder))
      : replaced.length === 1
        ? l10n.t('Replace a file in {0}?', plainText(folder))
        : l10n.t('Replace {0} files in {1}?', replaced.length, plainText(folder));
  await confirm(
    question,
    parts.join('\n').trim(),
    replaced.length === 0 ? l10n.t('Write') : l10n.t('Replace'),
  );
}

function listed(names: readonly string[]): readonly string[] {
  const shown = names.slice(0, maxListed).map((name) => `  ${plainText(name, 120)}`);
  const left = names.length - shown.length;
  return left > 0 ? [...shown, `  ${l10n.t('and {0} more', left)}`] : shown;
}

async function fetchAll(
  { store, plan, folder, shown }: PullJob,
  move: (title: string, part: (moving: Moving) => Promise<StagedPull>) => Promise<StagedPull>,
): Promise<StagedPull> {
  const fetchOnce = (anyRatio: boolean): Promise<StagedPull> =>
    move(l10n.t('Pulling {0}', shown), ({ signal, events, expect, share }) => {
      expect(plan.size);
      return stagePull(store, plan, folder, {
        signal,
        share,
        anyRatio,
        onBytes: events.onBytes,
        onPresent: (descriptor) => events.onDone(descriptor, 'present'),
      });
    });
  try {
    return await fetchOnce(false);
  } catch (error) {
    if (!isOciError(error, 'ratio-exceeded')) {
      throw error;
    }
    await confirm(
      l10n.t('{0} unpacks to far more than it takes', shown),
      l10n.t(
        'It may be made to fill the disk, or hold disk images that are mostly empty. Nothing was written yet.',
      ),
      l10n.t('Unpack Anyway'),
    );
    return fetchOnce(true);
  }
}

async function tell(shown: string, folder: string, plan: PullPlan, staged: StagedPull): Promise<void> {
  const uri = Uri.file(folder);
  const isOpen = workspace.getWorkspaceFolder(uri) !== undefined;
  const reveal = isOpen ? l10n.t('Reveal in Explorer') : l10n.t('Open Folder');
  const showLog = l10n.t('Show Log');
  const pulled = l10n.t(
    'Pulled {0} to {1}. Files: {2}, {3}.',
    shown,
    plainText(folder),
    staged.files,
    humanSize(staged.size),
  );
  const left =
    staged.skipped.length > 0 ? ` ${l10n.t('{0} left out; the log says why.', staged.skipped.length)}` : '';
  const chosen = await window.showInformationMessage(
    `${pulled}${left}`,
    reveal,
    ...(staged.skipped.length > 0 ? [showLog] : []),
  );
  if (chosen === showLog) {
    await commands.executeCommand(Command.showLog);
  } else if (chosen === reveal && isOpen) {
    const [first] = plan.layers;
    await commands.executeCommand('revealInExplorer', Uri.joinPath(uri, ...(first?.parts ?? [])));
  } else if (chosen === reveal) {
    await commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: true });
  }
}
