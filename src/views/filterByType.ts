import { l10n, QuickPickItemKind, ThemeIcon, window, type QuickPickItem } from 'vscode';
import { categoryIcons } from '../artifacts/icons.ts';
import type { Browser, TypeCount } from '../browse/browser.ts';
import { categoryToken, typeToken } from '../browse/filter.ts';
import type { RepositoryNode } from '../browse/node.ts';
import { categoryText } from '../host/categoryText.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';

interface Offer extends QuickPickItem {
  /** Of the filter. */
  readonly token?: string;
}

/** *Filter by Type…*: the types found so far, and the tags of the one that is chosen, of pages not loaded yet too. */
export async function filterByType(
  node: RepositoryNode,
  browser: Browser,
  outer: AbortSignal,
): Promise<void> {
  const types = await withProgress(
    l10n.t('Looking at the tags of {0}', node.repository),
    ({ signal }) => browser.types(node, signal),
    outer,
  );
  const chosen = await window.showQuickPick<Offer>([...typeOffers(types), ...categoryOffers(types)], {
    title: l10n.t('Filter {0} by Type', node.repository),
    placeHolder: l10n.t(
      'Types of the tags looked at so far; all others are looked at for the one you choose',
    ),
  });
  if (chosen?.token === undefined) {
    return;
  }
  browser.setFilter(node, chosen.token);
  await withProgress(
    l10n.t('Finding {0}', chosen.label),
    ({ signal, report }) => searched(node, browser, signal, report),
    outer,
  );
}

function typeOffers(types: readonly TypeCount[]): readonly Offer[] {
  return types.map(({ type, count }) => ({
    label: plainText(type.name),
    description: tagsText(count),
    iconPath: new ThemeIcon(categoryIcons[type.category]),
    token: typeToken(type),
  }));
}

function categoryOffers(types: readonly TypeCount[]): readonly Offer[] {
  const counts = new Map<TypeCount['type']['category'], number>();
  for (const { type, count } of types) {
    counts.set(type.category, (counts.get(type.category) ?? 0) + count);
  }
  const offers = [...counts].map(([category, count]) => ({
    label: categoryText(category),
    description: tagsText(count),
    iconPath: new ThemeIcon(categoryIcons[category]),
    token: categoryToken(category),
  }));
  return offers.length > 0
    ? [{ label: l10n.t('Categories'), kind: QuickPickItemKind.Separator }, ...offers]
    : [];
}

function tagsText(count: number): string {
  return count === 1 ? l10n.t('1 tag') : l10n.t('{0} tags', count);
}

/** Until the search has ended, or is ended by *Cancel*: what it found stays. */
function searched(
  node: RepositoryNode,
  browser: Browser,
  signal: AbortSignal,
  report: (message: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const looked = browser.searching(node);
      if (looked === undefined) {
        subscription.dispose();
        resolve();
      } else {
        report(l10n.t('{0} tags looked at', looked));
      }
    };
    const subscription = browser.onDidChange(look);
    signal.addEventListener('abort', () => browser.stopSearch(node), { once: true });
    look();
  });
}
