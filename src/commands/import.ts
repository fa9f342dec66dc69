import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { l10n, window, type Disposable } from 'vscode';
import { Limiter } from '../base/limiter.ts';
import type { Node } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest, shortDigest } from '../oci/digest.ts';
import { fileError, OciError } from '../oci/errors.ts';
import { folderFiles } from '../oci/layout/files.ts';
import { LayoutReader } from '../oci/layout/layoutReader.ts';
import { archiveFiles, repositoryNameOf } from '../oci/layout/layoutRegistry.ts';
import { isLayoutFolder } from '../oci/layout/localRegistry.ts';
import { allItems } from '../oci/pages.ts';
import { isDigestTag } from '../oci/referrersTag.ts';
import type { Op } from '../oci/store.ts';
import { askMarked, back, pickOne } from './ask.ts';
import { askCopyTarget, type CopyTarget } from './askCopyTarget.ts';
import { copyAndTell } from './copyAndTell.ts';
import type { CopyJob } from './copying.ts';
import { find } from './tag.ts';
import { nodeOf, pathOf, shownText, targetText } from './targets.ts';

/** Most lines of one kind that the dialog lists. */
const maxListed = 12;

/** Requests at once before anything is written. */
const width = 6;

/** From a layout as a folder or tar, or from an archive of `docker save`, into a repository. */
export function registerImport(services: Services): Disposable {
  return registerCommand(Command.importLayout, async (...args) => {
    const path = pathOf(args) ?? (await askPath());
    await importFrom(path, nodeOf(args, services), services);
  });
}

/** What is to be imported. */
interface Archive {
  readonly reader: LayoutReader;
  readonly form: 'layout' | 'docker';
  /** What it holds under names, or by digest. */
  readonly items: readonly Item[];
  readonly suggestions: readonly string[];
}

interface Item {
  readonly ref: string;
  readonly root: Descriptor;
}

async function importFrom(path: string, node: Node | undefined, services: Services): Promise<void> {
  const name = plainText(basename(path));
  const title = l10n.t('Import {0}', name);
  const archive = await withProgress(
    l10n.t('Looking at {0}', name),
    ({ signal }) => openArchive(path, { signal }),
    services.signal,
  );
  if (archive.items.length === 0) {
    void window.showInformationMessage(l10n.t('{0} holds nothing to import.', name));
    return;
  }
  const items = archive.items.length === 1 ? archive.items : await askItems(title, archive.items);
  const [first, ...others] = items;
  const given =
    node && 'place' in node
      ? { place: node.place, ...('repository' in node ? { repository: node.repository } : {}) }
      : undefined;
  const ref = first?.ref ?? '';
  const target = await askCopyTarget(
    {
      title,
      suggestions: archive.suggestions,
      tag: others.length > 0 ? undefined : isDigest(ref) ? '' : ref,
      given,
    },
    services,
  );
  const dst = target.place.registry.repository(target.repository);
  const jobs = items.map((item): CopyJob => {
    const own = isDigest(item.ref) ? undefined : item.ref;
    const tag = others.length === 0 ? target.tag : own;
    return { name: item.ref, src: archive.reader, ref: item.ref, dst, tag, options: { referrers: true } };
  });
  await agree(title, name, archive.form, items, jobs, target, services);
  await run(name, jobs, target, services);
}

/** Desktop dialogs choose either files or folders. */
async function askPath(): Promise<string> {
  const title = l10n.t('Import');
  const isFolder = await pickOne({
    title,
    placeholder: l10n.t('What to import'),
    choices: [
      { label: l10n.t('Tar of an OCI Layout, or Docker Archive…'), description: 'docker save', value: false },
      { label: l10n.t('Folder with an OCI Layout…'), value: true },
    ],
  });
  const [uri] =
    (await window.showOpenDialog({
      title,
      openLabel: l10n.t('Import'),
      canSelectFiles: !isFolder,
      canSelectFolders: isFolder,
      canSelectMany: false,
    })) ?? [];
  const path = pathOf([uri]);
  if (path === undefined) {
    throw cancelled();
  }
  return path;
}

/** @throws {OciError} `layout-invalid` where there is nothing to import, and as `archiveFiles` */
async function openArchive(path: string, op: Op): Promise<Archive> {
  const stats = await stat(path).catch((error: unknown) => {
    throw fileError(error, path);
  });
  if (stats.isDirectory() && !(await isLayoutFolder(path))) {
    throw new OciError('layout-invalid', `${path} is not an OCI image layout`, { url: path });
  }
  const { files, form } = stats.isDirectory()
    ? { files: folderFiles(path), form: 'layout' as const }
    : await archiveFiles(path, op);
  const reader = new LayoutReader(files);
  const tags = await Array.fromAsync(allItems((page) => reader.tags(page), { ...op, limit: 1000 }));
  const untagged = await Array.fromAsync(allItems((page) => reader.untagged(page), { ...op, limit: 1000 }));
  const items: Item[] = [];
  // What cosign and referrers lists keep under tags comes along with what it is about.
  for (const ref of [...tags.filter((tag) => !isDigestTag(tag)), ...untagged]) {
    items.push({ ref, root: await reader.resolve(ref, op) });
  }
  return { reader, form, items, suggestions: [...(await reader.origins()), repositoryNameOf(path)] };
}

async function askItems(title: string, items: readonly Item[]): Promise<readonly Item[]> {
  const chosen = await askMarked({
    title,
    placeholder: l10n.t('Which of them?'),
    choices: items.map((item) => ({
      label: isDigest(item.ref) ? shortDigest(item.ref) : plainText(item.ref),
      description: isDigest(item.ref) ? l10n.t('untagged') : shortDigest(item.root.digest),
      value: item,
    })),
  });
  if (chosen === back) {
    throw cancelled();
  }
  return chosen;
}

/** Says where everything goes and what would be another. */
async function agree(
  title: string,
  name: string,
  form: Archive['form'],
  items: readonly Item[],
  jobs: readonly CopyJob[],
  target: CopyTarget,
  { signal: outer }: Services,
): Promise<void> {
  const existing = await withProgress(
    title,
    ({ signal }) => {
      const limiter = new Limiter(width);
      return Promise.all(
        jobs.map(({ dst, tag }) =>
          limiter.run(async () => (tag === undefined ? undefined : find(dst, tag, { signal })), signal),
        ),
      );
    },
    outer,
  );
  const replaced = jobs.flatMap(({ tag }, at) => {
    const before = existing[at];
    return before && before.digest !== items[at]?.root.digest
      ? [{ tag: tag ?? '', digest: before.digest }]
      : [];
  });
  const to = shownText(target, jobs.length === 1 ? jobs[0]?.tag : undefined);
  const button = l10n.t('Import');
  const detail = [
    form === 'docker'
      ? l10n.t(
          'An archive of docker save: config and layers keep their digests. It holds no manifest, so an OCI manifest is made of them.',
        )
      : l10n.t('An OCI layout: everything keeps its digest, and what is attached comes along.'),
    ...listed(
      items.map(({ root }, at) => {
        const tag = jobs[at]?.tag;
        return tag === undefined ? root.digest : `${tag}: ${root.digest}`;
      }),
    ),
    l10n.t('To {0}', plainText(targetText(target, jobs.length === 1 ? jobs[0]?.tag : undefined))),
    ...listed(
      replaced.map(({ tag, digest }) =>
        l10n.t('{0} exists. It will point to this artifact, and no more to {1}.', tag, digest),
      ),
    ),
  ];
  const question =
    replaced.length === 0
      ? l10n.t('Import {0} to {1}?', name, to)
      : l10n.t('Import {0} to {1} and overwrite what is there?', name, to);
  const options = { modal: true, detail: detail.join('\n') };
  if ((await window.showWarningMessage(question, options, button)) !== button) {
    throw cancelled();
  }
}

function listed(lines: readonly string[]): readonly string[] {
  const rest = lines.length - maxListed;
  return [...lines.slice(0, maxListed), ...(rest > 0 ? [l10n.t('… and {0} more', rest)] : [])];
}

async function run(
  name: string,
  jobs: readonly CopyJob[],
  target: CopyTarget,
  services: Services,
): Promise<void> {
  const [first, ...others] = jobs;
  const isOne = others.length === 0;
  const to = shownText(target, isOne ? first?.tag : undefined);
  const again = (failed: readonly CopyJob[]): Promise<void> => run(name, failed, target, services);
  await copyAndTell(
    Command.importLayout,
    {
      title: l10n.t('Importing {0} to {1}', name, to),
      done: l10n.t('Imported {0} to {1}', name, to),
      jobs,
      transfer: { kind: 'import', what: name, where: shownText(target, target.tag) },
      again,
    },
    target,
    services,
  );
}
