import { commands, Disposable, env, l10n, TabInputText, Uri, ViewColumn, window } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import type { Location } from '../browse/location.ts';
import { isJson } from '../browse/locationText.ts';
import type { ManifestNode, Node, TagNode } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { isIndexType } from '../oci/mediaTypes.ts';
import { looksBinary, maxBlob, type DocumentReader } from './readDocument.ts';
import { nameOf } from './nameOf.ts';

/** The commands that open something of the tree, or something a document names, as a document. */
export function registerOpen(services: Services, reader: DocumentReader): Disposable {
  const openManifest = async (...args: readonly unknown[]): Promise<void> => {
    const found = await completed(args, services);
    if (found) {
      const { node, named } = found;
      const kind = isIndexType(named.descriptor.mediaType) ? 'index' : 'manifest';
      await open(locationOf(node, named.descriptor, kind), isFromRow(args));
    }
  };
  const openConfig = async (...args: readonly unknown[]): Promise<void> => {
    const [given] = args;
    if (isNode(given) && given.kind === 'blob') {
      const kind = given.role === 'config' ? 'config' : 'blob';
      await openChecked(locationOf(given, given.descriptor, kind), isFromRow(args), services, reader);
      return;
    }
    const found = await completed(args, services);
    if (found) {
      const config = found.named.manifest?.kind === 'manifest' ? found.named.manifest.config : undefined;
      if (!config) {
        throw new OciError('not-found', 'This manifest has no config');
      }
      await openChecked(locationOf(found.node, config, 'config'), isFromRow(args), services, reader);
    }
  };
  const openReferrers = async (...args: readonly unknown[]): Promise<void> => {
    const [given] = args;
    if (isNode(given) && given.kind === 'referrers') {
      await open(locationOf(given, given.subject, 'referrers'), isFromRow(args));
      return;
    }
    const found = await completed(args, services);
    if (found) {
      await open(locationOf(found.node, found.named.descriptor, 'referrers'), isFromRow(args));
    }
  };
  const as = (form: Location['form']) => async (): Promise<void> => {
    const uri = window.activeTextEditor?.document.uri;
    const location = uri && fromUri(uri);
    if (location) {
      await show(toUri({ ...location, form }), ViewColumn.Active, false);
    }
  };
  return Disposable.from(
    registerCommand(Command.openManifest, openManifest),
    registerCommand(Command.openIndex, openManifest),
    registerCommand(Command.openConfig, openConfig),
    registerCommand(Command.openReferrers, openReferrers),
    registerCommand(Command.openOriginal, as('original')),
    registerCommand(Command.openFormatted, as('formatted')),
    registerCommand(Command.openDescriptor, async (given) => {
      // What a link of one of our documents names: checked as any other URI.
      const location =
        typeof given === 'string' && given.length < 16_384 ? fromUri(Uri.parse(given, true)) : undefined;
      if (location) {
        await openChecked(location, false, services, reader);
      }
    }),
  );
}

/** A blob may be anything: what is no text, or too long, says so instead of a tab that shows nothing. */
async function openChecked(
  location: Location,
  isPeek: boolean,
  { places, signal }: Services,
  reader: DocumentReader,
): Promise<void> {
  const { kind, size = 0, mediaType, digest } = location;
  const place = places.get(location.place);
  const isBlob = kind === 'blob' || kind === 'config';
  const isTooLarge = isBlob && size > maxBlob;
  const isBinary =
    isBlob &&
    !isTooLarge &&
    place !== undefined &&
    looksBinary(await reader.start(place, location, { signal }));
  if (!isTooLarge && !isBinary) {
    await open(location, isPeek);
    return;
  }
  const name = plainText(
    [nameOf(location, { mediaType, digest, size }), size > 0 ? humanSize(size) : '']
      .filter(Boolean)
      .join(' · '),
  );
  const what = isTooLarge
    ? l10n.t(
        '{0}: too large to open as a document ({1} at most). Pull the artifact to have it as a file.',
        name,
        humanSize(maxBlob),
      )
    : l10n.t('{0}: not a text. Pull the artifact to have it as a file.', name);
  // Not awaited: a message may stay open for ever.
  void ask(what, isTooLarge ? undefined : toUri({ ...location, form: 'original' }), digest);
}

async function ask(message: string, uri: Uri | undefined, digest: string): Promise<void> {
  const copy = l10n.t('Copy Digest');
  const anyway = l10n.t('Open Anyway');
  const chosen = await window.showInformationMessage(message, ...(uri ? [anyway] : []), copy);
  if (chosen === copy) {
    await env.clipboard.writeText(digest);
  } else if (chosen === anyway && uri) {
    await show(uri, ViewColumn.Active, false);
  }
}

/**
 * The original bytes, the formatted view beside them, or one of both, as the setting says.
 * @param isPeek a click on a row: the focus stays in the tree, so that the next row is one key away; the same row once more
 *   goes to the document and keeps it, as a double click in the Explorer does
 */
async function open(location: Location, isPeek: boolean): Promise<void> {
  const view = isJson(location) ? setting('manifestView') : 'original';
  const form = view === 'formatted' ? 'formatted' : 'original';
  const column = firstColumn();
  const uri = toUri({ ...location, form });
  const isAgain = isPeek && isShown(uri);
  const goes = !isPeek || isAgain;
  await show(uri, column, !goes, isAgain);
  if (view === 'both') {
    await show(toUri({ ...location, form: 'formatted' }), column + 1, true, isAgain);
  }
}

/** Where documents go: the active column, but not the one the formatted view has beside its original. */
function firstColumn(): number {
  const { activeTab, viewColumn } = window.tabGroups.activeTabGroup;
  const column: number = viewColumn;
  const location = activeTab?.input instanceof TabInputText ? fromUri(activeTab.input.uri) : undefined;
  const isBeside = setting('manifestView') === 'both' && location?.form === 'formatted';
  return isBeside && column > 1 ? column - 1 : column;
}

function isShown(uri: Uri): boolean {
  return window.tabGroups.all.some(
    ({ activeTab }) =>
      activeTab?.input instanceof TabInputText && activeTab.input.uri.toString() === uri.toString(),
  );
}

async function show(uri: Uri, viewColumn: number, preserveFocus: boolean, isKept = false): Promise<void> {
  await commands.executeCommand('vscode.open', uri, { preview: !isKept, viewColumn, preserveFocus });
}

function locationOf(
  node: Node & { readonly place: TagNode['place']; readonly repository: string },
  descriptor: Descriptor,
  kind: Location['kind'],
): Location {
  const { digest, size, mediaType } = descriptor;
  const tag = tagOf(node);
  return {
    place: node.place.id,
    repository: node.repository,
    kind,
    digest,
    size,
    mediaType,
    form: 'original',
    ...(tag === undefined ? {} : { tag }),
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

/** The manifest a command is about, read. */
async function completed([given]: readonly unknown[], services: Services) {
  let node: Node | undefined = isNode(given) ? given : services.selection.get()[0];
  while (node && node.kind !== 'tag' && node.kind !== 'manifest') {
    node = node.parent;
  }
  if (!node) {
    void window.showInformationMessage(l10n.t('Select a tag or a manifest in the view OCI Explorer first.'));
    return undefined;
  }
  const found: TagNode | ManifestNode = node;
  const named = await services.browser.read(found, services.signal);
  return named && { node: found, named };
}
