import { commands, Disposable, l10n, Uri, ViewColumn, window } from 'vscode';
import type { Location } from '../browse/location.ts';
import type { ManifestNode, Node, TagNode } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { fromUri, toUri } from '../host/ociUri.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { isIndexType } from '../oci/mediaTypes.ts';

/** The commands that open something of the tree, or something a document names, as a document. */
export function registerOpen(services: Services): Disposable {
  const openManifest = async (given: unknown): Promise<void> => {
    const node = manifestNode(given, services);
    const named = node && (await services.browser.complete(node, services.signal));
    if (node && named) {
      await open(
        locationOf(node, named.descriptor, isIndexType(named.descriptor.mediaType) ? 'index' : 'manifest'),
      );
    }
  };
  const openConfig = async (given: unknown): Promise<void> => {
    if (isNode(given) && given.kind === 'blob') {
      await open(locationOf(given, given.descriptor, given.role === 'config' ? 'config' : 'blob'));
      return;
    }
    const node = manifestNode(given, services);
    const named = node && (await services.browser.complete(node, services.signal));
    const config = named?.manifest?.kind === 'manifest' ? named.manifest.config : undefined;
    if (node && !config) {
      throw new OciError('not-found', 'This manifest has no config');
    }
    if (node && config) {
      await open(locationOf(node, config, 'config'));
    }
  };
  const openReferrers = async (given: unknown): Promise<void> => {
    if (isNode(given) && given.kind === 'referrers') {
      await open(locationOf(given, given.subject, 'referrers'));
      return;
    }
    const node = manifestNode(given, services);
    const named = node && (await services.browser.complete(node, services.signal));
    if (node && named) {
      await open(locationOf(node, named.descriptor, 'referrers'));
    }
  };
  const as = (form: Location['form']) => async (): Promise<void> => {
    const location = activeLocation();
    if (location) {
      await show(toUri({ ...location, form }), ViewColumn.Active);
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
        await open(location);
      }
    }),
  );
}

/** The original bytes, the formatted view beside them, or one of both, as the setting says. */
async function open(location: Location): Promise<void> {
  const view = setting('manifestView');
  if (view !== 'formatted') {
    await show(toUri({ ...location, form: 'original' }), ViewColumn.Active);
  }
  if (view !== 'original') {
    await show(
      toUri({ ...location, form: 'formatted' }),
      view === 'both' ? ViewColumn.Beside : ViewColumn.Active,
    );
  }
}

async function show(uri: Uri, viewColumn: ViewColumn): Promise<void> {
  await commands.executeCommand('vscode.open', uri, { preview: true, viewColumn });
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

function manifestNode(given: unknown, services: Services): TagNode | ManifestNode | undefined {
  let node: Node | undefined = isNode(given) ? given : services.selection.get()[0];
  while (node && node.kind !== 'tag' && node.kind !== 'manifest') {
    node = node.parent;
  }
  if (!node) {
    void window.showInformationMessage(l10n.t('Select a tag or a manifest in the view OCI Explorer first.'));
  }
  return node;
}

function activeLocation(): Location | undefined {
  const uri = window.activeTextEditor?.document.uri;
  return uri && fromUri(uri);
}
