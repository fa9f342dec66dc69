import { basename } from 'node:path';
import { commands, l10n, Uri, window, workspace, type Disposable } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import type { Metadata } from '../host/metadata.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { withTransfer } from '../host/withTransfer.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import type { Store } from '../oci/store.ts';
import {
  buildAttachment,
  pushAttachment,
  type AttachedFile,
  type AttachmentOptions,
} from '../packaging/attachment.ts';
import { attachTypes, documentTypeOf } from '../packaging/attachTypes.ts';
import { planPush, type PushPlan } from '../packaging/plan.ts';
import { sourcesOf } from '../packaging/sources.ts';
import { back, confirm } from './ask.ts';
import { askAnnotations } from './askAnnotations.ts';
import { askRef } from './askTarget.ts';
import { askAttachType } from './askType.ts';
import { runSteps } from './steps.ts';
import { isRefNode, nodeOf, refTarget, shownText, type RefTarget } from './targets.ts';

const mebibyte = 1024 * 1024;

interface Answers {
  readonly artifactType: string;
  readonly annotations: Metadata;
}

/** Also called with files as its third argument, behind the row and all that are selected; then none are asked for. */
export function registerAttach(services: Services): Disposable {
  return registerCommand(Command.attach, async (...args) => {
    const node = nodeOf(args, services);
    const target = isRefNode(node) ? refTarget(node) : await askRef(l10n.t('Attach File'), services);
    const given = Array.isArray(args[2]) ? args[2].filter((uri): uri is Uri => uri instanceof Uri) : [];
    const paths = given.length > 0 ? given.map(({ fsPath }) => fsPath) : await askFiles(target);
    // The tag may point elsewhere than when the row was named.
    const known = node?.kind === 'manifest' ? node.descriptor : undefined;
    await attach(paths, target, known, services);
  });
}

async function askFiles(target: RefTarget): Promise<readonly string[]> {
  const start = workspace.workspaceFolders?.[0]?.uri;
  const chosen = await window.showOpenDialog({
    canSelectMany: true,
    ...(start?.scheme === 'file' ? { defaultUri: start } : {}),
    title: l10n.t('Attach to {0}', shownText(target, target.ref)),
    openLabel: l10n.t('Attach'),
  });
  if (!chosen || chosen.length === 0) {
    throw cancelled();
  }
  if (chosen.some(({ scheme }) => scheme !== 'file')) {
    throw new OciError('unsupported', 'only files on a disk can be attached', {
      host: chosen[0]?.scheme ?? '',
    });
  }
  return chosen.map(({ fsPath }) => fsPath);
}

async function attach(
  paths: readonly string[],
  target: RefTarget,
  known: Descriptor | undefined,
  services: Services,
): Promise<void> {
  const { place, repository, ref } = target;
  const { plan, types } = await look(paths, services);
  const name = shownText(target, ref);
  const { artifactType, annotations } = await ask(name, types, services);
  const store = place.registry.repository(repository);
  const subject = known ?? (await store.resolve(ref, { signal: services.signal }));
  await agree(name, artifactType, subject, plan);
  const files = plan.layers.flatMap(({ title, entries }, index): readonly AttachedFile[] => {
    const [entry] = entries;
    return entry ? [{ entry, title, mediaType: types[index] }] : [];
  });
  const titles = plainText(plan.layers.map(({ title }) => title).join(', '), 80);
  const options = { subject, artifactType, files, annotations };
  await send(options, store, { what: titles, where: name }, services, () => tell(titles, target, services));
}

/** Builds and sends; it can be done again as it is. */
async function send(
  options: Omit<AttachmentOptions, 'created'>,
  store: Store,
  shown: { readonly what: string; readonly where: string },
  services: Services,
  done: () => void,
): Promise<void> {
  await withTransfer(
    { kind: 'attach', ...shown, retry: () => send(options, store, shown, services, done) },
    (move) =>
      move(l10n.t('Attaching to {0}', shown.where), async ({ signal, events }) => {
        const created = `${new Date().toISOString().slice(0, 19)}Z`;
        await pushAttachment(store, await buildAttachment({ ...options, created, signal }), {
          ...events,
          signal,
        });
      }),
    services.signal,
  );
  done();
}

function tell(titles: string, target: RefTarget, services: Services): void {
  const { place, repository, ref } = target;
  services.events.changed.fire({ place: place.id, repository });
  const show = l10n.t('Show in Tree');
  const message = l10n.t('Attached {0} to {1}', titles, shownText(target, ref));
  void window.showInformationMessage(message, show).then((chosen) => {
    if (chosen === show) {
      void commands.executeCommand(Command.showInTree, { place: place.id, repository, ref });
    }
  });
}

/** Files, by their own names where these are not the same, and what each of them is. */
async function look(
  paths: readonly string[],
  { signal }: Services,
): Promise<{ readonly plan: PushPlan; readonly types: readonly (string | undefined)[] }> {
  const unique = [...new Set(paths)];
  const names = new Set(unique.map((path) => basename(path)));
  const sources =
    names.size === unique.length
      ? unique.map((path) => ({ path, title: basename(path) }))
      : sourcesOf(unique, []);
  const plan = await planPush(sources, { largeFile: setting('push.largeFile') * mebibyte, signal });
  return { plan, types: await Promise.all(unique.map((path) => documentTypeOf(path))) };
}

async function ask(
  name: string,
  types: readonly (string | undefined)[],
  services: Services,
): Promise<Answers> {
  const title = l10n.t('Attach to {0}', name);
  const found = types.filter((type) => type !== undefined);
  const offered = attachTypes(found, services.types.table());
  return (await runSteps<Partial<Answers>>({}, [
    async (so, at) => {
      const artifactType = await askAttachType({ ...at, title }, offered);
      return artifactType === back ? back : { ...so, artifactType };
    },
    async (so, at) => {
      const annotations = await askAnnotations({ ...at, title }, so.annotations ?? {});
      return annotations === back ? back : { ...so, annotations };
    },
  ])) as Answers;
}

async function agree(
  name: string,
  artifactType: string,
  subject: Descriptor,
  { layers, concerns }: PushPlan,
): Promise<void> {
  const secrets = concerns.filter(({ kind }) => kind === 'secret').map(({ path }) => basename(path));
  await confirm(
    l10n.t('Attach to {0}?', name),
    [
      ...layers.map(({ title, size }) => `• ${plainText(title)} (${humanSize(size)})`),
      ...(secrets.length > 0
        ? [l10n.t('May hold secrets:'), ...secrets.map((path) => `• ${plainText(path)}`)]
        : []),
      artifactType,
      subject.digest,
    ].join('\n'),
    l10n.t('Attach'),
  );
}
