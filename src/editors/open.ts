import { commands, Disposable, l10n, Uri, window } from 'vscode';
import type { Location } from '../browse/location.ts';
import { contentName } from '../browse/locationText.ts';
import { hasSize } from '../browse/naming.ts';
import type { ManifestNode, Node, TagNode } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { knownOf } from '../host/questions.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { isIndexType } from '../oci/mediaTypes.ts';
import type { DocumentReader } from './readDocument.ts';
import { showDocument } from './showDocument.ts';

/** The commands that open something of the tree, or something a document names, as a document. */
export function registerOpen(services: Services, reader: DocumentReader): Disposable {
  const open = (location: Location, isPeek: boolean): Promise<void> =>
    showDocument(location, isPeek, services, reader);
  const manifestBy =
    (title: () => string) =>
    async (...args: readonly unknown[]): Promise<void> => {
      const found = await completed(args, title(), services);
      if (found) {
        const { node, named } = found;
        const kind = isIndexType(named.descriptor.mediaType) ? 'index' : 'manifest';
        await open(locationOf(node, named.descriptor, kind), isFromRow(args));
      }
    };
  const openConfig = async (...args: readonly unknown[]): Promise<void> => {
    const [given] = args;
    if (isNode(given) && given.kind === 'blob' && given.role === 'config') {
      await open(locationOf(given, given.descriptor, 'config'), isFromRow(args));
      return;
    }
    const found = await completed(args, l10n.t('Open Config'), services);
    if (found) {
      const config = found.named.manifest?.kind === 'manifest' ? found.named.manifest.config : undefined;
      if (!config) {
        throw new OciError('not-found', 'This manifest has no config');
      }
      await open(locationOf(found.node, config, 'config'), isFromRow(args));
    }
  };
  const openReferrers = async (...args: readonly unknown[]): Promise<void> => {
    const [given] = args;
    if (isNode(given) && given.kind === 'referrers') {
      await open(locationOf(given, given.subject, 'referrers'), isFromRow(args));
      return;
    }
    const found = await completed(args, l10n.t('Open Referrers'), services);
    if (found) {
      await open(locationOf(found.node, found.named.descriptor, 'referrers'), isFromRow(args));
    }
  };
  const as = (form: Location['form']) => async (): Promise<void> => {
    const uri = window.activeTextEditor?.document.uri;
    const location = uri && fromUri(uri);
    if (location) {
      await commands.executeCommand('vscode.open', toUri({ ...location, form }));
    }
  };
  return Disposable.from(
    registerCommand(
      Command.openManifest,
      manifestBy(() => l10n.t('Open Manifest')),
    ),
    registerCommand(
      Command.openIndex,
      manifestBy(() => l10n.t('Open Index')),
    ),
    registerCommand(Command.openConfig, openConfig),
    registerCommand(Command.openReferrers, openReferrers),
    registerCommand(Command.openBlob, async (...args) => {
      const [given] = args;
      if (isNode(given) && given.kind === 'blob') {
        await open(locationOf(given, given.descriptor, 'blob'), isFromRow(args));
      }
    }),
    registerCommand(Command.openOriginal, as('original')),
    registerCommand(Command.openFormatted, as('formatted')),
    registerCommand(Command.openDescriptor, async (given) => {
      // What a link of one of our documents names: checked as any other URI.
      const location =
        typeof given === 'string' && given.length < 16_384 ? fromUri(Uri.parse(given, true)) : undefined;
      if (location) {
        await open(location, false);
      }
    }),
  );
}

function locationOf(
  node: Node & { readonly place: TagNode['place']; readonly repository: string },
  descriptor: Descriptor,
  kind: Location['kind'],
): Location {
  const { digest, mediaType } = descriptor;
  const size = node.kind === 'blob' && !hasSize(node) ? undefined : descriptor.size;
  const tag = tagOf(node);
  const name = kind === 'blob' ? contentName(descriptor.annotations?.[Annotation.title]) : undefined;
  return {
    place: node.place.id,
    repository: node.repository,
    kind,
    digest,
    ...(size === undefined ? {} : { size }),
    mediaType,
    form: 'original',
    ...(tag === undefined ? {} : { tag }),
    ...(name === undefined ? {} : { name }),
  };
}

/** Of what is directly behind a tag; a platform or a referrer goes by its digest. */
function tagOf(node: Node): string | undefined {
  const owner = node.kind === 'blob' || node.kind === 'referrers' ? node.parent : node;
  return owner?.kind === 'tag' ? owner.tag : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value && 'id' in value;
}

/** A row hands itself alone to its command; a menu adds what is selected, a key and the palette hand nothing. */
function isFromRow(args: readonly unknown[]): boolean {
  return args.length === 1 && isNode(args[0]);
}

/** The manifest a command is about, read: of its row, else of what is selected, else the one that is asked for. */
async function completed([given]: readonly unknown[], title: string, services: Services) {
  const { browser, questions, selection, signal } = services;
  const from: Node | undefined = isNode(given) ? given : selection.get()[0];
  let node = from;
  while (node && node.kind !== 'tag' && node.kind !== 'manifest') {
    node = node.parent;
  }
  if (!node) {
    const { place, repository, ref } = await questions.ref(title, knownOf(from));
    const found = browser.locate(place.id, repository, ref);
    if (found?.kind !== 'tag' && found?.kind !== 'manifest') {
      return undefined;
    }
    node = found;
  }
  const found: TagNode | ManifestNode = node;
  const named = await browser.read(found, signal);
  return named && { node: found, named };
}
