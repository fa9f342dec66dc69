import { commands, Disposable, EventEmitter, window } from 'vscode';
import { realClock } from '../base/clock.ts';
import { createRedraws } from '../base/redraws.ts';
import { Command, Context, View } from '../contributions.ts';
import { registerCommand } from '../host/registerCommand.ts';
import { Transfer } from '../host/transferList.ts';
import { transfers } from '../host/withTransfer.ts';
import { transferItem } from './transferItem.ts';

/** Milliseconds between two draws, and until rates are told anew where nothing moves. */
const interval = 250;
const stalled = 1_000;

/** The tree *Transfers*: what is or was under way in this window. */
export function registerTransfers(): Disposable {
  const changed = new EventEmitter<Transfer | Transfer[] | undefined>();
  let drawn: readonly Transfer[] = [];
  let isKnown = false;
  let stop: (() => void) | undefined;
  const view = window.createTreeView<Transfer>(View.transfers, {
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getTreeItem: transferItem,
      getParent: () => undefined,
      getChildren: (transfer) => (transfer ? [] : [...transfers.all()]),
    },
  });
  const redraws = createRedraws({
    clock: realClock,
    interval,
    isVisible: () => view.visible,
    draw: () => {
      const all = transfers.all();
      const running = all.filter(({ state }) => state === 'running');
      changed.fire(all === drawn ? running : undefined);
      drawn = all;
      stop?.();
      stop = running.length > 0 ? realClock.after(stalled, redraws.wanted) : undefined;
    },
  });
  const unfollow = transfers.onDidChange(() => {
    if (!isKnown) {
      isKnown = true;
      void commands.executeCommand('setContext', Context.hasTransfers, true);
    }
    redraws.wanted();
  });
  return Disposable.from(
    view,
    changed,
    new Disposable(unfollow),
    new Disposable(() => {
      stop?.();
      redraws.dispose();
    }),
    view.onDidChangeVisibility(redraws.wanted),
    registerCommand(Command.cancelTransfer, (transfer) => {
      if (transfer instanceof Transfer) {
        transfer.cancel();
      }
    }),
    registerCommand(Command.retryTransfer, (transfer) =>
      transfer instanceof Transfer ? transfer.retry?.() : undefined,
    ),
    registerCommand(Command.clearTransfers, () => transfers.clearFinished()),
  );
}
