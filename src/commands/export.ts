import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { commands, l10n, Uri, window, workspace, type Disposable } from 'vscode';
import { layoutTarSize, writeLayoutTar } from '../archive/layoutTar.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { withTransfer } from '../host/withTransfer.ts';
import { copy } from '../oci/copy.ts';
import { isDigest, type Digest } from '../oci/digest.ts';
import { fileError, isOciError, OciError } from '../oci/errors.ts';
import { LayoutPlan } from '../oci/layout/layoutPlan.ts';
import { LayoutStore } from '../oci/layout/layoutStore.ts';
import { isLayoutFolder } from '../oci/layout/localRegistry.ts';
import { askPick, back } from './ask.ts';
import { askRef } from './askTarget.ts';
import { runCopies, type CopyJob } from './copying.ts';
import { runSteps } from './steps.ts';
import { confirmOverwrite, find } from './tag.ts';
import { isRefNode, nodesOf, pathOf, refTarget, shortText, shownText, type RefTarget } from './targets.ts';

/** How it is written, and what is. */
interface Wishes {
  readonly form: 'tar' | 'folder';
  readonly referrers: boolean;
}

/** One of them, with the name it gets in the layout. */
interface Named {
  readonly source: RefTarget;
  readonly tag: string | undefined;
}

/**
 * Writes tags and manifests as an OCI layout. A file or folder among the arguments says where to and asks nothing: all that is
 * attached comes along.
 */
export function registerExport(services: Services): Disposable {
  return registerCommand(Command.exportLayout, async (...args) => {
    const nodes = nodesOf(args, services).filter(isRefNode);
    const title = l10n.t('Export');
    const sources = nodes.length > 0 ? nodes.map(refTarget) : [await askRef(title, services)];
    const [first, ...others] = sources;
    if (!first) {
      return;
    }
    const what =
      others.length === 0
        ? shownText(first, first.ref)
        : l10n.t('{0} items of {1}', sources.length, shownText(first));
    const given = pathOf(args);
    const wishes: Wishes = given
      ? { form: /\.tar$/i.test(given) ? 'tar' : 'folder', referrers: true }
      : await askWishes(l10n.t('Export {0}', what));
    const all = named(sources);
    const path =
      wishes.form === 'tar'
        ? await exportTar(all, what, given, wishes, services)
        : await exportFolder(all, what, given, wishes, services);
    void tell(what, path);
  });
}

/** The same tag of two repositories goes by the end of the repository, too. */
function named(sources: readonly RefTarget[]): readonly Named[] {
  const count = (ref: string): number => sources.filter((each) => each.ref === ref).length;
  return sources.map((source) => {
    const { ref, repository } = source;
    const end = repository.slice(repository.lastIndexOf('/') + 1);
    return { source, tag: isDigest(ref) ? undefined : count(ref) > 1 ? `${end}-${ref}`.slice(0, 128) : ref };
  });
}

async function askWishes(title: string): Promise<Wishes> {
  const wishes = await runSteps<Partial<Wishes>>({}, [
    async (so, at) => {
      const form = await askPick<Wishes['form']>({
        ...at,
        title,
        placeholder: l10n.t('What to write'),
        choices: [
          {
            label: l10n.t('Tar of an OCI Layout'),
            detail: l10n.t('For skopeo, oras and regctl; of an image, for podman load and docker load'),
            value: 'tar',
          },
          {
            label: l10n.t('Folder with an OCI Layout'),
            detail: l10n.t('A new one, or added to the layout that is there'),
            value: 'folder',
          },
        ],
      });
      return form === back ? back : { ...so, form };
    },
    async (so, at) => {
      const referrers = await askPick<boolean>({
        ...at,
        title,
        placeholder: l10n.t('What comes along'),
        choices: [
          { label: l10n.t('Without Referrers'), value: false },
          {
            label: l10n.t('With Referrers'),
            detail: l10n.t('Signatures, SBOMs and whatever else is attached, and what is attached to that'),
            value: true,
          },
        ],
      });
      return referrers === back ? back : { ...so, referrers };
    },
  ]);
  return { form: wishes.form ?? 'tar', referrers: wishes.referrers === true };
}

async function exportTar(
  all: readonly Named[],
  what: string,
  given: string | undefined,
  wishes: Wishes,
  services: Services,
): Promise<string> {
  const path = given ?? (await askFile(what, fileName(all)));
  const retry = async (): Promise<void> =>
    void tell(what, await exportTar(all, what, path, wishes, services));
  await withTransfer(
    { kind: 'export', what, label: labelOf(all, what), where: path, retry },
    (move) =>
      move(l10n.t('Exporting {0}', what), async ({ signal, events, expect }) => {
        const plan = new LayoutPlan();
        const roots: Digest[] = [];
        for (const { source, tag } of all) {
          const src = source.place.registry.repository(source.repository);
          const { referrers } = wishes;
          roots.push((await copy(src, source.ref, plan, tag, { referrers, signal })).digest);
        }
        const files = plan.files(roots, (tag) => fullName(all, tag));
        expect(layoutTarSize(files));
        await writeLayoutTar(path, files, { signal, onBytes: events.onBytes });
      }),
    services.signal,
  );
  return path;
}

function labelOf([one, ...others]: readonly Named[], what: string): string {
  return one && others.length === 0 ? shortText(one.source, one.source.ref) : what;
}

/** What docker and podman call it once it is loaded. */
function fullName(all: readonly Named[], tag: string): string {
  const { source } = all.find((each) => each.tag === tag) ?? all[0] ?? {};
  const host = source?.place.kind === 'remote' ? `${source.place.host}/` : '';
  const isOwn = source !== undefined && !isDigest(source.ref) && all.some((each) => each.tag === tag);
  return `${host}${source?.repository ?? ''}:${isOwn ? source.ref : tag}`;
}

/** `app-1.4.2`, safe on every system. */
function fileName([first, ...others]: readonly Named[]): string {
  const { repository = '', ref = '' } = first?.source ?? {};
  const end = isDigest(ref) ? ref.slice(ref.indexOf(':') + 1).slice(0, 12) : ref;
  return `${repository.slice(repository.lastIndexOf('/') + 1)}${others.length === 0 ? `-${end}` : ''}`;
}

async function askFile(what: string, name: string): Promise<string> {
  const start = workspace.workspaceFolders?.[0]?.uri;
  const file = await window.showSaveDialog({
    title: l10n.t('Export {0}', what),
    saveLabel: l10n.t('Export'),
    filters: { Tar: ['tar'] },
    ...(start?.scheme === 'file' ? { defaultUri: Uri.joinPath(start, `${name}.tar`) } : {}),
  });
  return onDisk(file);
}

function onDisk(uri: Uri | undefined): string {
  if (!uri) {
    throw cancelled();
  }
  if (uri.scheme !== 'file') {
    throw new OciError('unsupported', 'only a disk can be written', { host: uri.scheme });
  }
  return uri.fsPath;
}

async function exportFolder(
  all: readonly Named[],
  what: string,
  given: string | undefined,
  wishes: Wishes,
  services: Services,
): Promise<string> {
  const folder = given ?? (await askFolder(what));
  const path = (await isFree(folder)) ? folder : join(folder, fileName(all));
  if (path !== folder && !(await isFree(path))) {
    throw new OciError('path-taken', `${path} holds something else than a layout`, { url: path });
  }
  const dst = new LayoutStore(path);
  const jobs = all.map(({ source, tag }): CopyJob => {
    const src = source.place.registry.repository(source.repository);
    const { referrers } = wishes;
    return { name: shownText(source, source.ref), src, ref: source.ref, dst, tag, options: { referrers } };
  });
  await agree(jobs, services);
  const outcomes = await runCopies(
    {
      title: l10n.t('Exporting {0}', what),
      jobs,
      transfer: { kind: 'export', what, label: labelOf(all, what), where: path },
      again: async () => void tell(what, await exportFolder(all, what, folder, wishes, services)),
    },
    services,
  );
  const failed = outcomes.find(({ error }) => error !== undefined);
  if (failed) {
    throw failed.error;
  }
  return path;
}

async function askFolder(what: string): Promise<string> {
  const start = workspace.workspaceFolders?.[0]?.uri;
  const [folder] =
    (await window.showOpenDialog({
      title: l10n.t('Export {0}', what),
      openLabel: l10n.t('Export Here'),
      canSelectFolders: true,
      canSelectFiles: false,
      ...(start?.scheme === 'file' ? { defaultUri: start } : {}),
    })) ?? [];
  return onDisk(folder);
}

/** True for a layout, a folder with nothing in it, and what is not there yet. */
async function isFree(folder: string): Promise<boolean> {
  try {
    return (await isLayoutFolder(folder)) || (await readdir(folder)).length === 0;
  } catch (error) {
    const wrapped = fileError(error, folder);
    if (isOciError(wrapped, 'file-missing')) {
      return true;
    }
    throw wrapped;
  }
}

/** A tag of the layout that points to something else is not lost without a word. */
async function agree(jobs: readonly CopyJob[], { signal: outer }: Services): Promise<void> {
  for (const { src, ref, dst, tag } of jobs) {
    const existing = tag === undefined ? undefined : await find(dst, tag, { signal: outer });
    const { digest } = existing ? await src.resolve(ref, { signal: outer }) : {};
    if (existing && tag !== undefined && existing.digest !== digest) {
      await confirmOverwrite(tag, existing);
    }
  }
}

async function tell(what: string, path: string): Promise<void> {
  const open = l10n.t('Open Layout');
  const chosen = await window.showInformationMessage(
    l10n.t('Exported {0} to {1}', what, plainText(basename(path))),
    open,
  );
  if (chosen === open) {
    await commands.executeCommand(Command.openLayout, Uri.file(path));
  }
}
