import { l10n, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import { age, humanSize } from '../artifacts/facts.ts';
import { statementsOf } from '../artifacts/layerName.ts';
import { categoryIcons, nodeIcons } from '../artifacts/icons.ts';
import type { Browser, Named } from '../browse/browser.ts';
import { isAttestation } from '../browse/folding.ts';
import type {
  BlobNode,
  ManifestNode,
  MoreNode,
  Node,
  NoteNode,
  PlaceNode,
  RepositoryNode,
} from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { errorTitle } from '../host/errorTitle.ts';
import { plainText } from '../host/plainText.ts';
import { Annotation, platformText } from '../oci/descriptor.ts';
import { shortDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';
import { isIndexType, layersField } from '../oci/mediaTypes.ts';

const { Collapsed, Expanded, None } = TreeItemCollapsibleState;

/** A row: its name, then its short type name before everything else that is known. */
export function treeItem(node: Node, browser: Browser): TreeItem {
  const named = browser.named(node);
  const label = labelOf(node);
  const item = new TreeItem(label, stateOf(node));
  item.id = node.id;
  item.contextValue = flagsOf(node, named, browser).sort().join(';');
  item.iconPath = iconOf(node, named);
  const description = descriptionOf(node, named, browser);
  item.description = description;
  item.accessibilityInformation = {
    label: [label, roleOf(node, browser), ...description.split(' · ')].filter(Boolean).join(', '),
  };
  if (node.kind === 'note') {
    item.tooltip = noteText(node).join(': ');
  }
  const command = commandOf(node, named, browser);
  if (command) {
    item.command = {
      command,
      title: '',
      arguments: [node.kind === 'more' || node.kind === 'note' ? node.parent : node],
    };
  }
  return item;
}

function labelOf(node: Node): string {
  switch (node.kind) {
    case 'place':
      return plainText(node.place.name);
    case 'group':
      return node.path.slice(node.path.lastIndexOf('/') + 1);
    case 'repository':
      return node.repository.slice(node.repository.lastIndexOf('/') + 1);
    case 'tag':
      return node.tag;
    case 'manifest':
      return manifestLabel(node);
    case 'blob':
      return node.role === 'config'
        ? l10n.t('config')
        : plainText(node.descriptor.annotations?.[Annotation.title] ?? '') || layerText(node);
    case 'referrers':
      return l10n.t('referrers');
    case 'more':
      return moreLabel(node);
    case 'failure':
      return errorTitle(node.error);
    case 'note':
      return noteText(node)[0];
  }
}

function layerText({ index, owner }: BlobNode): string {
  return layersField(owner.mediaType) === 'blobs'
    ? l10n.t('blob {0}', index + 1)
    : l10n.t('layer {0}', index + 1);
}

/** An attestation of BuildKit stands below what it is about; where that is not listed, with its digest in the index. */
function manifestLabel({ descriptor, role }: ManifestNode): string {
  const { platform, digest } = descriptor;
  if (role === 'attestation') {
    return l10n.t('attestation');
  }
  if (isAttestation(descriptor)) {
    return l10n.t('attestation {0}', shortDigest(digest));
  }
  return platform && platform.os !== 'unknown' ? plainText(platformText(platform)) : shortDigest(digest);
}

/** What an attestation states, where its layers say so: `SLSA provenance, SPDX SBOM`. */
function typeText(node: Node, { type, manifest }: Named): string {
  const states =
    node.kind === 'manifest' && isAttestation(node.descriptor) && manifest?.kind === 'manifest'
      ? statementsOf(manifest.layers)
      : [];
  return plainText(states.length > 0 ? states.join(', ') : type.name);
}

function moreLabel({ parent, shown, capped }: MoreNode): string {
  if (!capped) {
    return l10n.t('Load more… ({0} shown)', shown);
  }
  return parent.kind === 'place' || parent.kind === 'group' || parent.kind === 'repository'
    ? l10n.t('{0} shown: filter to see others', shown)
    : l10n.t('{0} shown: open the document to see all', shown);
}

/** For the spoken label, where the description does not say it. */
function roleOf(node: Node, browser: Browser): string {
  switch (node.kind) {
    case 'repository':
      return browser.holds(node) === undefined ? '' : l10n.t('repository');
    case 'tag':
      return l10n.t('tag');
    case 'manifest':
      return l10n.t('manifest');
    case 'blob':
      return node.role === 'layer' ? l10n.t('layer') : '';
    default:
      return '';
  }
}

/** What there is to say, short enough for a narrow side bar, and what else is known or can be done. */
function noteText({ note, count }: NoteNode): readonly [text: string, more?: string] {
  switch (note) {
    case 'empty-registry':
      return [l10n.t('No repositories')];
    case 'empty-local':
      return [l10n.t('Nothing here yet'), l10n.t('push a folder to make the first artifact')];
    case 'empty-repository':
      return [l10n.t('No tags')];
    case 'no-match':
      return [l10n.t('Nothing matches the filter')];
    case 'searching':
      return count > 0
        ? [l10n.t('Searching… {0} tags', count), l10n.t('click to stop')]
        : [l10n.t('Searching…')];
    case 'types-unread':
      return [l10n.t('Types not known'), l10n.t('reads are counted here, and no tag is opened for a filter')];
    case 'no-catalog':
      return [l10n.t('Repositories are not listed'), l10n.t('pin one, or go to a reference')];
    case 'left-out':
      return [l10n.t('Not all are listed'), l10n.t('{0} lists left out: pin what is missing', count)];
    case 'no-referrers':
      return [l10n.t('No referrers')];
    case 'folded':
      return [
        count === 1 ? l10n.t('1 tag folded') : l10n.t('{0} tags folded', count),
        l10n.t('signatures and attestations'),
      ];
    case 'too-deep':
      return [l10n.t('Nested too deep'), l10n.t('or in itself: open the document')];
  }
}

function stateOf(node: Node): TreeItemCollapsibleState {
  switch (node.kind) {
    case 'place':
      return node.place.kind === 'local' ? Expanded : Collapsed;
    case 'blob':
    case 'more':
    case 'failure':
    case 'note':
      return None;
    default:
      return Collapsed;
  }
}

function isIndex(named: Named | OciError | undefined): boolean {
  return (
    !!named &&
    !(named instanceof OciError) &&
    (named.manifest?.kind === 'index' || isIndexType(named.descriptor.mediaType))
  );
}

/** What `when` clauses of package.json ask for. */
function flagsOf(node: Node, named: Named | OciError | undefined, browser: Browser): string[] {
  const flags: string[] = [node.kind];
  if ('place' in node) {
    flags.push(node.place.kind);
  }
  if (node.kind === 'blob') {
    flags.push(node.role);
  }
  if (node.kind === 'manifest' && node.role === 'referrer') {
    flags.push('attached');
  }
  if (isIndex(named)) {
    flags.push('index');
  }
  if (isUnread(node, named)) {
    flags.push('unread');
  }
  if (node.kind === 'failure') {
    // `signIn`, `useHttp`, `trustCertificate`: what package.json offers of it.
    flags.push(...errorText(node.error).remedies.map(({ command }) => command.replace(/^.*\./, '')));
  }
  if (node.kind === 'repository' && node.place.pinned.includes(node.repository)) {
    flags.push('pinned');
  }
  if (node.kind === 'place' && (node.place.pinned.length > 0 || node.place.pinnedOnly)) {
    flags.push('pins');
  }
  if ((node.kind === 'place' || node.kind === 'repository') && browser.filter(node) !== undefined) {
    flags.push('filtered');
  }
  return flags;
}

function iconOf(node: Node, named: Named | OciError | undefined): ThemeIcon {
  switch (node.kind) {
    case 'place':
      return new ThemeIcon(nodeIcons[node.place.kind]);
    case 'failure':
      return new ThemeIcon(nodeIcons.failure, new ThemeColor('problemsErrorIcon.foreground'));
    case 'blob':
      return new ThemeIcon(node.role === 'config' ? nodeIcons.config : nodeIcons.layer);
    case 'tag':
    case 'manifest':
      return named instanceof OciError
        ? new ThemeIcon('warning', new ThemeColor('problemsWarningIcon.foreground'))
        : new ThemeIcon(named ? categoryIcons[named.type.category] : nodeIcons.tag);
    default:
      return new ThemeIcon(nodeIcons[node.kind]);
  }
}

function descriptionOf(node: Node, named: Named | OciError | undefined, browser: Browser): string {
  switch (node.kind) {
    case 'place':
      return joined(
        placeText[node.place.kind](),
        node.place.kind === 'remote' && node.place.name !== node.place.host ? plainText(node.place.host) : '',
        node.place.countsReads ? l10n.t('counts reads') : '',
        filterText(node, browser),
      );
    case 'group':
      return l10n.t('group');
    case 'repository':
      // What it holds is what a narrow side bar has room for; the icon and the spoken label tell a repository.
      return joined(plainText(browser.holds(node) ?? '') || l10n.t('repository'), filterText(node, browser));
    case 'referrers':
      return l10n.t('list');
    case 'tag':
    case 'manifest':
    case 'blob':
      return factsText(node, named);
    case 'more':
      return node.capped
        ? l10n.t('note')
        : joined(
            l10n.t('next page'),
            node.parent.kind === 'repository' ? orderText[browser.order(node.parent)]() : '',
          );
    case 'failure': {
      const { message, remedies } = errorText(node.error);
      return joined(l10n.t('failure'), remedies.map(({ title }) => title).join(', '), message);
    }
    case 'note':
      return joined(l10n.t('note'), noteText(node)[1] ?? '');
  }
}

const placeText = {
  local: () => l10n.t('Local registry'),
  remote: () => l10n.t('registry'),
  layout: () => l10n.t('OCI layout'),
} as const;

/** What is not loaded is not sorted in: the row that stands for it says so. */
const orderText = {
  semver: () => l10n.t('versions sorted among those shown'),
  newest: () => l10n.t('newest first among those shown'),
  name: () => '',
} as const;

function filterText(node: PlaceNode | RepositoryNode, browser: Browser): string {
  const filter = browser.filter(node);
  return filter === undefined ? '' : l10n.t('filter: {0}', plainText(filter, 60));
}

function joined(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(' · ');
}

/** Where reads are counted a row is named by a `HEAD` alone, until it is opened or hovered. */
function isUnread(node: Node, named: Named | OciError | undefined): boolean {
  return (
    node.kind === 'tag' && node.place.countsReads && !!named && !(named instanceof OciError) && named.partial
  );
}

function factsText(node: Node, named: Named | OciError | undefined): string {
  if (named === undefined) {
    return '';
  }
  if (named instanceof OciError) {
    return joined(l10n.t('unreadable'), errorTitle(named), errorText(named).message);
  }
  const platforms =
    named.manifest?.kind === 'index'
      ? named.manifest.manifests.filter(({ platform }) => platform && platform.os !== 'unknown').length
      : 0;
  return joined(
    typeText(node, named),
    isUnread(node, named) ? l10n.t('not read yet') : '',
    platforms === 1 ? l10n.t('1 platform') : platforms > 1 ? l10n.t('{0} platforms', platforms) : '',
    named.size === undefined ? '' : humanSize(named.size),
    named.created ? age(named.created, new Date()) : '',
    node.kind === 'manifest' && node.descriptor.platform ? shortDigest(named.descriptor.digest) : '',
  );
}

function commandOf(node: Node, named: Named | OciError | undefined, browser: Browser): string | undefined {
  switch (node.kind) {
    case 'tag':
    case 'manifest':
      return isIndex(named) ? Command.openIndex : Command.openManifest;
    case 'blob':
      return node.role === 'config' ? Command.openConfig : undefined;
    case 'more':
      return node.capped ? wholeOf(node.parent, browser) : Command.loadMore;
    case 'failure':
      return Command.refresh;
    case 'note':
      return noteCommands[node.note];
    default:
      return undefined;
  }
}

/** Where to see what has no room below a node. */
function wholeOf(node: Node, browser: Browser): string {
  switch (node.kind) {
    case 'referrers':
      return Command.openReferrers;
    case 'tag':
    case 'manifest':
      return isIndex(browser.named(node)) ? Command.openIndex : Command.openManifest;
    default:
      return Command.filter;
  }
}

/** What to do where there is nothing. */
const noteCommands: Partial<Record<NoteNode['note'], string>> = {
  'empty-local': Command.pushWorkspace,
  'no-match': Command.clearFilter,
  searching: Command.stopSearch,
  'no-catalog': Command.goToReference,
  'left-out': Command.goToReference,
  folded: Command.toggleFoldedTags,
};
