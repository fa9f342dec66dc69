import { l10n, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import { age, humanSize } from '../artifacts/facts.ts';
import { categoryIcons, nodeIcons } from '../artifacts/icons.ts';
import type { Browser, Named } from '../browse/browser.ts';
import type { Node, NoteNode } from '../browse/node.ts';
import { Command } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { plainText } from '../host/plainText.ts';
import { Annotation, platformText } from '../oci/descriptor.ts';
import { shortDigest } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';

const { Collapsed, Expanded, None } = TreeItemCollapsibleState;

/** A row: its name, then its short type name before everything else that is known. */
export function treeItem(node: Node, browser: Browser): TreeItem {
  const named = browser.named(node);
  const item = new TreeItem(labelOf(node), stateOf(node));
  item.id = node.id;
  item.contextValue = flagsOf(node, named, browser).sort().join(';');
  item.iconPath = iconOf(node, named);
  const description = descriptionOf(node, named);
  item.description = description;
  item.accessibilityInformation = {
    label: [plainText(labelOf(node)), description].filter(Boolean).join(', '),
  };
  const command = commandOf(node);
  if (command) {
    item.command = { command, title: '', arguments: [node.kind === 'more' ? node.parent : node] };
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
      return node.descriptor.platform
        ? plainText(platformText(node.descriptor.platform))
        : shortDigest(node.descriptor.digest);
    case 'blob':
      return node.role === 'config'
        ? l10n.t('config')
        : plainText(node.descriptor.annotations?.[Annotation.title] ?? l10n.t('layer {0}', node.index + 1));
    case 'referrers':
      return l10n.t('referrers');
    case 'more':
      return node.capped
        ? l10n.t('{0} shown: filter to see others', node.shown)
        : l10n.t('Load more… ({0} shown)', node.shown);
    case 'failure':
      return errorText(node.error).message;
    case 'note':
      return noteText(node.note);
  }
}

function noteText(note: NoteNode['note']): string {
  const texts: Readonly<Record<NoteNode['note'], string>> = {
    'empty-registry': l10n.t('No repositories'),
    'empty-local': l10n.t('Nothing here yet'),
    'empty-repository': l10n.t('No tags'),
    'no-match': l10n.t('Nothing matches the filter'),
    searching: l10n.t('Searching…'),
    'no-catalog': l10n.t('This registry does not list its repositories: pin one, or go to a reference'),
    'no-referrers': l10n.t('No referrers'),
  };
  return texts[note];
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

/** What `when` clauses of package.json ask for. */
function flagsOf(node: Node, named: Named | OciError | undefined, browser: Browser): string[] {
  const flags: string[] = [node.kind];
  if ('place' in node) {
    flags.push(node.place.kind);
  }
  if (node.kind === 'blob') {
    flags.push(node.role);
  }
  if (
    named &&
    !(named instanceof OciError) &&
    (named.manifest?.kind === 'index' || /index|list/.test(named.descriptor.mediaType))
  ) {
    flags.push('index');
  }
  if (node.kind === 'repository' && node.place.pinned.includes(node.repository)) {
    flags.push('pinned');
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

function descriptionOf(node: Node, named: Named | OciError | undefined): string {
  switch (node.kind) {
    case 'place':
      return (
        { local: l10n.t('Local registry'), remote: l10n.t('registry'), layout: l10n.t('OCI layout') }[
          node.place.kind
        ] +
        (node.place.kind === 'remote' && node.place.name !== node.place.host
          ? ` · ${plainText(node.place.host)}`
          : '')
      );
    case 'group':
      return l10n.t('group');
    case 'repository':
      return l10n.t('repository');
    case 'referrers':
      return l10n.t('list');
    case 'tag':
    case 'manifest':
    case 'blob':
      return factsText(node, named);
    default:
      return '';
  }
}

function factsText(node: Node, named: Named | OciError | undefined): string {
  if (named === undefined) {
    return '';
  }
  if (named instanceof OciError) {
    return l10n.t('unreadable · {0}', errorText(named).message);
  }
  const platforms =
    named.manifest?.kind === 'index'
      ? named.manifest.manifests.filter(({ platform }) => platform && platform.os !== 'unknown').length
      : 0;
  const parts = [
    plainText(named.type.name),
    platforms > 0 ? l10n.t('{0} platforms', platforms) : '',
    named.size === undefined ? '' : humanSize(named.size),
    named.created ? age(named.created, new Date()) : '',
    node.kind === 'manifest' && node.descriptor.platform ? shortDigest(named.descriptor.digest) : '',
  ];
  return parts.filter(Boolean).join(' · ');
}

function commandOf(node: Node): string | undefined {
  switch (node.kind) {
    case 'tag':
    case 'manifest':
      return Command.openManifest;
    case 'blob':
      return node.role === 'config' ? Command.openConfig : undefined;
    case 'more':
      return node.capped ? Command.filter : Command.loadMore;
    case 'failure':
      return errorText(node.error).remedies[0]?.command;
    default:
      return undefined;
  }
}
