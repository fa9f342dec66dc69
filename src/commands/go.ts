import { commands, env, l10n, window, type Disposable } from 'vscode';
import type { Node } from '../browse/node.ts';
import type { Place } from '../browse/place.ts';
import { Command } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { isRecord } from '../oci/descriptor.ts';
import { isOciError } from '../oci/errors.ts';
import { parsePasted } from '../oci/pasted.ts';
import { canonicalHost, type Pasted } from '../oci/reference.ts';
import { inputOne, pickOne } from './ask.ts';
import { askRef } from './askTarget.ts';
import { findLocal } from './localReference.ts';
import { isRefNode, nodesOf, refTarget, targetText } from './targets.ts';

export function registerGo(services: Services): readonly Disposable[] {
  return [
    registerCommand(Command.goToReference, (...args) => goToReference(args, services)),
    registerCommand(Command.showInTree, (...args) => {
      const [target] = args;
      const isTarget = isRecord(target) && typeof target['place'] === 'string';
      if (isTarget && typeof target['repository'] === 'string') {
        const ref = typeof target['ref'] === 'string' ? { ref: target['ref'] } : {};
        services.events.reveal.fire({
          place: target['place'] as string,
          repository: target['repository'],
          ...ref,
        });
      }
    }),
    registerCommand(Command.copyReference, (...args) => copyReferences(args, services)),
    registerCommand(Command.copyDigest, (...args) => copyDigests(args, services)),
  ];
}

/** Takes what a reference is pasted as; `args[0]` may be the text itself. */
async function goToReference([given]: readonly unknown[], services: Services): Promise<void> {
  const title = l10n.t('Go to Reference');
  const text =
    typeof given === 'string'
      ? given
      : await inputOne({
          title,
          prompt: l10n.t('A reference, a URL or a pull command'),
          placeholder: 'ghcr.io/owner/app:1.4.2',
          value: await suggestion(),
          validate: pastedProblem,
        });
  const local = findLocal(text, services.places);
  const pasted = local ?? parsePasted(text);
  const place = local?.place ?? (await placeFor(pasted, title, services));
  if (!place) {
    await commands.executeCommand(Command.addRegistry, text);
    return;
  }
  if (pasted.repository === undefined) {
    services.events.reveal.fire({ place: place.id, repository: '' });
    return;
  }
  const { repository } = pasted;
  const ref = pasted.digest ?? pasted.tag;
  if (ref === undefined) {
    services.events.reveal.fire({ place: place.id, repository });
    return;
  }
  // Asked first, so that a wrong name is told and not shown.
  await place.registry.repository(repository).resolve(ref, { signal: services.signal });
  services.events.reveal.fire({ place: place.id, repository, ref });
  const node = services.browser.locate(place.id, repository, ref);
  if (node) {
    await commands.executeCommand(Command.openManifest, node);
  }
}

export function pastedProblem(text: string): string | undefined {
  if (text.trim() === '') {
    return l10n.t('Paste a host, a URL, a reference or a pull command.');
  }
  try {
    parsePasted(text);
    return undefined;
  } catch (error) {
    return isOciError(error, 'reference-invalid') && !/^[/.]|^local\//i.test(text.trim())
      ? l10n.t('That names no registry. It looks like host:port/repository:tag.')
      : undefined;
  }
}

/** What is on the clipboard, when it names something; nothing of it is kept or sent. */
async function suggestion(): Promise<string> {
  const text = (await env.clipboard.readText()).trim();
  if (text.length > 400 || /\s/.test(text)) {
    return '';
  }
  try {
    return parsePasted(text).repository === undefined || !text.includes('/') ? '' : text;
  } catch {
    return '';
  }
}

async function placeFor(pasted: Pasted, title: string, { places }: Services): Promise<Place | undefined> {
  const host = canonicalHost(pasted.registry);
  const found = places.all().filter((place) => place.kind === 'remote' && place.host === host);
  const [only] = found;
  if (found.length > 1) {
    return pickOne({
      title,
      placeholder: l10n.t('{0} is there more than once', host),
      choices: found.map((place) => ({ label: plainText(place.name), value: place })),
    });
  }
  if (only) {
    return only;
  }
  const add = l10n.t('Add Registry');
  const message = l10n.t('{0} is not among your registries.', host);
  return (await window.showInformationMessage(message, add)) === add
    ? undefined
    : Promise.reject(cancelled());
}

async function copyReferences(args: readonly unknown[], services: Services): Promise<void> {
  const texts = nodesOf(args, services).flatMap((node) => referenceOf(node) ?? []);
  if (texts.length > 0) {
    await copyText(texts);
    return;
  }
  const target = await askRef(l10n.t('Copy Reference'), services);
  await copyText([targetText(target, target.ref)]);
}

/** What a node is called outside of the editor. */
export function referenceOf(node: Node): string | undefined {
  switch (node.kind) {
    case 'place':
      return node.place.host;
    case 'group':
      return `${node.place.host}/${node.path}`;
    case 'repository':
      return targetText(node);
    case 'tag':
    case 'manifest':
      return targetText(node, refTarget(node).ref);
    case 'blob':
      return targetText(node, node.descriptor.digest);
    case 'referrers':
      return targetText(node, node.subject.digest);
    default:
      return undefined;
  }
}

async function copyDigests(args: readonly unknown[], services: Services): Promise<void> {
  const nodes = nodesOf(args, services);
  const known = nodes.flatMap((node) => ('descriptor' in node ? [node.descriptor.digest] : []));
  const tags = nodes.filter(isRefNode).filter(({ kind }) => kind === 'tag');
  const resolved = await Promise.all(tags.map((node) => digestOf(refTarget(node), services)));
  if (known.length + resolved.length > 0) {
    await copyText([...known, ...resolved]);
    return;
  }
  await copyText([await digestOf(await askRef(l10n.t('Copy Digest'), services), services)]);
}

async function digestOf(
  { place, repository, ref }: ReturnType<typeof refTarget>,
  { signal }: Services,
): Promise<string> {
  return (await place.registry.repository(repository).resolve(ref, { signal })).digest;
}

export async function copyText(texts: readonly string[]): Promise<void> {
  await env.clipboard.writeText(texts.join('\n'));
  const [first = ''] = texts;
  window.setStatusBarMessage(
    texts.length === 1
      ? l10n.t('Copied {0}', plainText(first, 100))
      : l10n.t('Copied {0} lines', texts.length),
    4000,
  );
}
