import { l10n, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { errorText } from '../host/errorText.ts';
import { errorTitle } from '../host/errorTitle.ts';
import { plainText } from '../host/plainText.ts';
import type { Transfer, TransferKind, TransferState } from '../host/transferList.ts';
import { OciError } from '../oci/errors.ts';

const icons: Readonly<Record<TransferState, readonly [icon: string, color?: string]>> = {
  running: ['sync~spin'],
  done: ['pass', 'testing.iconPassed'],
  failed: ['error', 'list.errorForeground'],
  cancelled: ['circle-slash'],
};

/** A row: what is moved, then the kind of transfer before all that is known of it. */
export function transferItem(transfer: Transfer): TreeItem {
  const label = plainText(transfer.label);
  const facts = [kindText(transfer.kind), ...factsOf(transfer)];
  const [icon, color] = icons[transfer.state];
  const item = new TreeItem(label, TreeItemCollapsibleState.None);
  item.id = transfer.id;
  item.description = facts.join(' · ');
  item.iconPath = new ThemeIcon(icon, color === undefined ? undefined : new ThemeColor(color));
  item.contextValue = [
    'transfer',
    transfer.state,
    ...(transfer.retry && isUnfinished(transfer) ? ['again'] : []),
  ].join(';');
  item.tooltip = tooltipLines(transfer).join('\n');
  item.accessibilityInformation = {
    label: [plainText(transfer.what), ...facts, toText(transfer)].join(', '),
  };
  return item;
}

function isUnfinished({ state }: Transfer): boolean {
  return state === 'failed' || state === 'cancelled';
}

function kindText(kind: TransferKind): string {
  const texts: Readonly<Record<TransferKind, () => string>> = {
    push: () => l10n.t('Push'),
    pull: () => l10n.t('Pull'),
    copy: () => l10n.t('Copy'),
    mirror: () => l10n.t('Mirror'),
    export: () => l10n.t('Export'),
    import: () => l10n.t('Import'),
    attach: () => l10n.t('Attach'),
  };
  return texts[kind]();
}

function toText({ where }: Transfer): string {
  return l10n.t('To {0}', plainText(where));
}

function factsOf(transfer: Transfer): readonly string[] {
  const left = transfer.left();
  switch (transfer.state) {
    case 'running':
      return transfer.total === 0
        ? [l10n.t('under way')]
        : [
            movedText(transfer),
            ...(transfer.bytes > 0 ? [rateText(transfer)] : []),
            ...(left === undefined ? [] : [l10n.t('{0} left', spanText(left))]),
          ];
    case 'done':
      return [l10n.t('done'), [humanSize(transfer.bytes), ...thereText(transfer)].join(', ')];
    case 'failed':
      return [l10n.t('failed'), reasonText(transfer.error)];
    case 'cancelled':
      return [l10n.t('cancelled'), movedText(transfer)];
  }
}

function movedText({ bytes, total }: Transfer): string {
  // A manifest that is written once more, under its tag, is in no plan.
  return l10n.t('{0} of {1}', humanSize(bytes), humanSize(Math.max(bytes, total)));
}

function rateText(transfer: Transfer): string {
  return l10n.t('{0}/s', humanSize(transfer.rate()));
}

function spanText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) {
    return l10n.t('{0} s', whole);
  }
  return whole < 3600 ? l10n.t('{0} min', Math.ceil(whole / 60)) : l10n.t('{0} h', (whole / 3600).toFixed(1));
}

/** Blobs that did not travel, of all. */
function thereText({ blobs, present, mounted, bytes, saved }: Transfer): readonly string[] {
  if (present + mounted > 0) {
    return [l10n.t('{0} of {1} blobs were there', present + mounted, blobs)];
  }
  return bytes === 0 && saved > 0 ? [l10n.t('all was there')] : [];
}

function reasonText(error: unknown): string {
  return error instanceof OciError ? errorTitle(error) : plainText(errorText(error).message, 80);
}

function tooltipLines(transfer: Transfer): readonly string[] {
  const { state, error, present, mounted, blobs, saved } = transfer;
  const left = transfer.left();
  return [
    plainText(transfer.what),
    `${kindText(transfer.kind)} · ${state === 'running' ? l10n.t('under way') : (factsOf(transfer)[0] ?? '')}`,
    toText(transfer),
    ...(state === 'failed' ? [plainText(errorText(error).message)] : []),
    l10n.t('Moved: {0}', movedText(transfer)),
    l10n.t('Rate: {0}', rateText(transfer)),
    state === 'running'
      ? l10n.t('Time left: {0}', left === undefined ? l10n.t('not known') : spanText(left))
      : l10n.t('Time taken: {0}', spanText(transfer.seconds())),
    ...(blobs > 0 ? [l10n.t('Blobs: {0}, there already: {1}, mounted: {2}', blobs, present, mounted)] : []),
    ...(saved > 0 ? [l10n.t('Not sent, as it was there: {0}', humanSize(saved))] : []),
  ];
}
