import { setTimeout as delay } from 'node:timers/promises';
import {
  commands,
  Disposable,
  EventEmitter,
  InputBoxValidationSeverity,
  l10n,
  ThemeIcon,
  TreeItem,
  window,
  type TreeDataProvider,
} from 'vscode';
import { typeMatcher } from '../browse/filter.ts';
import type { Node, PlaceNode, RepositoryNode } from '../browse/node.ts';
import { Command, Context, View, type TagOrder } from '../contributions.ts';
import { createFolderWatch } from '../host/folderWatch.ts';
import { describeError, log } from '../host/log.ts';
import { knownOf } from '../host/questions.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import { dragAndDrop } from './dragAndDrop.ts';
import { filterByType } from './filterByType.ts';
import { refreshChanged } from './refreshChanged.ts';
import { errorTooltip, tooltipOf } from './tooltip.ts';
import { treeItem } from './treeItem.ts';

/** How often a row is revealed, and milliseconds until it has to be selected. */
const maxReveals = 4;
const revealPatience = 300;

/** The tree *Registries* and the commands that only change what it shows. */
export function registerViews(services: Services): Disposable {
  const { browser, events, places, selection } = services;
  const changed = new EventEmitter<Node | Node[] | undefined>();
  /** What is to be revealed last. */
  let wanted: (() => Node | undefined) | undefined;
  const folders = createFolderWatch({ places, changed: (change) => events.changed.fire(change) });
  const provider: TreeDataProvider<Node> = {
    onDidChangeTreeData: changed.event,
    getTreeItem: (node) => treeItem(node, browser),
    getParent: (node) => node.parent,
    getChildren: async (node) => {
      if (!node) {
        folders.start();
        return [...browser.roots()];
      }
      try {
        return [...(await browser.children(node, services.signal))];
      } catch (error) {
        if (isAbort(error)) {
          return [];
        }
        throw error;
      }
    },
    resolveTreeItem: async (item, node, token) => {
      const controller = new AbortController();
      const subscription = token.onCancellationRequested(() => controller.abort());
      try {
        item.tooltip = (await tooltipOf(node, services, controller.signal)) ?? item.tooltip;
      } catch (error) {
        item.tooltip = errorTooltip(error) ?? item.tooltip;
      } finally {
        subscription.dispose();
      }
      return item;
    },
  };
  const view = window.createTreeView(View.registries, {
    treeDataProvider: provider,
    showCollapseAll: true,
    canSelectMany: true,
    dragAndDropController: dragAndDrop(),
  });
  const showPlaces = (): void => {
    void commands.executeCommand('setContext', Context.noRegistries, places.all().length === 1);
  };
  const showFilters = (): void => {
    const filters = browser.roots().flatMap((root) => browser.filter(root) ?? []);
    view.message = filters.length > 0 ? l10n.t('Filter: {0}', filters.join(', ')) : '';
    void commands.executeCommand('setContext', Context.filtered, browser.filtered().length > 0);
  };
  showPlaces();
  selection.follow(() => view.selection);
  return Disposable.from(
    view,
    // Below Local, which is always there: what to do first, as long as no registry was added.
    window.createTreeView(View.welcome, {
      treeDataProvider: { getChildren: () => [], getTreeItem: () => new TreeItem('') },
    }),
    changed,
    browser.onDidChange((nodes) => {
      changed.fire(nodes ? [...nodes] : undefined);
      showFilters();
    }),
    places.onDidChange(({ isList, places: others }) => {
      showPlaces();
      // While the editor draws the whole tree, rows that are opened close again.
      if (isList) {
        changed.fire(undefined);
      }
      for (const root of browser.roots().filter(({ place }) => others.includes(place))) {
        browser.refresh(root);
      }
      showFilters();
    }),
    view.onDidCollapseElement(({ element }) => browser.collapse(element)),
    folders,
    events.changed.event((change) => refreshChanged(change, browser)),
    events.reveal.event(({ place, repository, ref }) => {
      const find = (): Node | undefined =>
        repository === '' ? rootOf(place) : browser.locate(place, repository, ref);
      // A row that is gone meanwhile is not worth a message.
      reveal(find).catch((error: unknown) => log().warn(`Reveal: ${describeError(error)}`));
    }),
    registerCommand(Command.refresh, refresh),
    registerCommand(Command.retry, refresh),
    registerCommand(Command.loadMore, (node) =>
      isTreeNode(node)
        ? browser.loadMore(node.kind === 'more' ? node.parent : node, services.signal)
        : undefined,
    ),
    registerCommand(Command.filter, (node) => filter(target(node))),
    registerCommand(Command.filterByType, async (node) => {
      const repository = await repositoryOf(node, l10n.t('Filter by Type'));
      void view.reveal(repository, { select: false, expand: true });
      await filterByType(repository, browser, services.signal);
    }),
    registerCommand(Command.stopSearch, (node) => {
      for (const each of isTreeNode(node) ? [target(node)] : browser.roots()) {
        if (each) {
          browser.stopSearch(each);
        }
      }
    }),
    registerCommand(Command.clearFilter, (node) => {
      for (const each of isTreeNode(node) ? [target(node)] : browser.filtered()) {
        if (each) {
          browser.setFilter(each, undefined);
        }
      }
    }),
    registerCommand(Command.toggleFoldedTags, async (node) => {
      const repository = await repositoryOf(node, l10n.t('Show or Fold Signature and Attestation Tags'));
      browser.setFolds(repository, !browser.folds(repository));
    }),
    registerCommand(Command.sortTags, async (node) =>
      sortTags(await repositoryOf(node, l10n.t('Sort Tags'))),
    ),
  );

  function refresh(node: unknown): void {
    services.accounts.askAgain();
    browser.refresh(isTreeNode(node) ? (node.kind === 'failure' ? node.parent : node) : undefined);
  }

  function rootOf(place: string): PlaceNode | undefined {
    return browser.roots().find((root) => root.place.id === place);
  }

  /**
   * A refresh that is under way may drop the row that is to be selected: then once more, behind it, and as it is by then. Who
   * wants to see another row meanwhile is not led back.
   */
  async function reveal(find: () => Node | undefined): Promise<void> {
    wanted = find;
    let focus = true;
    for (let attempt = 1; ; attempt++) {
      const node = find();
      if (wanted !== find || (!node && attempt === maxReveals)) {
        return;
      }
      if (!node) {
        // What was written to the settings a moment ago is in the tree when the editor has told of it.
        await delay(revealPatience);
        continue;
      }
      try {
        // The focus is taken once: a person may be elsewhere by now.
        const first = focus;
        focus = false;
        await revealOnce(node, first);
        if ((await isSelected(node)) || attempt === maxReveals) {
          return;
        }
      } catch (error) {
        if (attempt === maxReveals) {
          throw error;
        }
        await delay(revealPatience);
      }
    }
  }

  /** The editor tells of the selection a moment after the row was revealed. */
  async function isSelected({ id }: Node): Promise<boolean> {
    const found = (): boolean => view.selection.some((selected) => selected.id === id);
    for (let waited = 0; !found() && waited < revealPatience; waited += revealPatience / 10) {
      await delay(revealPatience / 10);
    }
    return found();
  }

  /** Parents are loaded from the root down, as the tree shows only what it was given. */
  async function revealOnce(node: Node, focus: boolean): Promise<void> {
    const above: Node[] = [];
    for (let parent = node.parent; parent; parent = parent.parent) {
      above.unshift(parent);
    }
    for (const parent of above) {
      await view.reveal(parent, { select: false, expand: true });
    }
    await view.reveal(node, { select: true, focus });
  }

  /** The registry or repository a node is, stands in, or is selected. */
  function target(node: unknown): PlaceNode | RepositoryNode | undefined {
    let at: Node | undefined = isTreeNode(node) ? node : (selection.get()[0] ?? browser.roots()[0]);
    while (at && at.kind !== 'place' && at.kind !== 'repository') {
      at = at.parent;
    }
    return at;
  }

  /** Asked for where no row says it; what changes is to be seen, so it is shown then. */
  async function repositoryOf(node: unknown, title: string): Promise<RepositoryNode> {
    const from = isTreeNode(node) ? node : selection.get()[0];
    const found = from && target(from);
    if (found?.kind === 'repository') {
      return found;
    }
    const { place, repository } = await services.questions.repository(title, knownOf(from));
    const asked = browser.locate(place.id, repository);
    if (asked?.kind !== 'repository') {
      throw new OciError('not-found', `${repository} is in no registry of the tree`);
    }
    await reveal(() => browser.locate(place.id, repository));
    void view.reveal(asked, { select: false, expand: true });
    return asked;
  }

  function filter(node: PlaceNode | RepositoryNode | undefined): void {
    if (!node) {
      return;
    }
    const input = window.createInputBox();
    const name = node.kind === 'place' ? node.place.name : node.repository;
    const before = browser.filter(node);
    let accepted = false;
    input.title = l10n.t('Filter {0}', name);
    input.placeholder =
      node.kind === 'place'
        ? l10n.t('Words a name contains; empty shows everything')
        : l10n.t('Words a tag contains, type:helm, category:sbom; empty shows everything');
    input.value = before ?? '';
    input.onDidChangeValue((text) => {
      browser.setFilter(node, text);
      input.validationMessage =
        node.kind === 'place' && typeMatcher(text)
          ? {
              message: l10n.t('Types and categories are told of tags: filter a repository by them.'),
              severity: InputBoxValidationSeverity.Info,
            }
          : undefined;
    });
    input.onDidAccept(() => {
      accepted = true;
      input.hide();
    });
    input.onDidHide(() => {
      if (!accepted) {
        browser.setFilter(node, before);
      }
      input.dispose();
    });
    input.show();
    void view.reveal(node, { select: false, expand: true });
  }

  async function sortTags(node: RepositoryNode): Promise<void> {
    const orders: readonly { readonly label: string; readonly order: TagOrder }[] = [
      { label: l10n.t('Versions, newest first'), order: 'semver' },
      { label: l10n.t('Newest content first'), order: 'newest' },
      { label: l10n.t('Name'), order: 'name' },
    ];
    const now = browser.order(node);
    const picked = await window.showQuickPick(
      orders.map((choice) => ({
        ...choice,
        ...(choice.order === now ? { iconPath: new ThemeIcon('check') } : {}),
      })),
      { title: l10n.t('Sort the tags of {0}', node.repository) },
    );
    if (picked) {
      browser.setOrder(node, picked.order);
    }
  }
}

function isTreeNode(value: unknown): value is Node {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    'id' in value &&
    !(value instanceof TreeItem)
  );
}
