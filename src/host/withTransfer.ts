import { l10n } from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { realClock } from '../base/clock.ts';
import { Shares, type Share } from '../base/shares.ts';
import type { CopyEvents } from '../oci/store.ts';
import { cancelled } from './cancelled.ts';
import { withProgress, type Progress } from './progress.ts';
import { TransferList, type Transfer, type TransferStart } from './transferList.ts';

/** Transfers of this window; the view shows them. */
export const transfers = new TransferList(realClock);

/** Blobs under way in this window, of all transfers: one alone is slowed by nothing. */
const shares = new Shares({ large: 8, small: 32 });

/** What a transfer is, but for how it is cancelled. */
export type TransferFacts = Omit<TransferStart, 'cancel'>;

export interface Moving {
  readonly signal: AbortSignal;
  /** Where all that moves is told. */
  readonly events: Required<CopyEvents>;
  /** The part of this transfer in what the machine does at once. */
  readonly share: Share;
  /** Begins anew, with so many bytes to move, where no descriptor says it. */
  readonly expect: (bytes: number) => void;
}

/**
 * Enters what `task` does in the list of transfers, from where it can be cancelled.
 * @param task `move` shows a part of it as `withProgress` does, with bytes, of how many as far as is known, and rate
 * @param failure why what is returned is a failure all the same
 * @param show in place of a notification
 */
export async function withTransfer<T>(
  facts: TransferFacts,
  task: (
    move: <R>(title: string, part: (moving: Moving) => Promise<R>, before?: () => string) => Promise<R>,
    signal: AbortSignal,
  ) => Promise<T>,
  outer: AbortSignal,
  failure?: (result: T) => unknown,
  show = withProgress,
): Promise<T> {
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const share = shares.join();
  const transfer = transfers.start({ ...facts, cancel: () => controller.abort(cancelled()) });
  try {
    const result = await task(
      (title, part, before) =>
        show(title, (progress) => part(movingOf(transfer, share, progress, before)), signal),
      signal,
    );
    transfers.end(transfer, failure?.(result));
    return result;
  } catch (error) {
    transfers.end(transfer, error ?? new Error('Unknown'));
    throw error;
  } finally {
    share.leave();
  }
}

function movingOf(
  transfer: Transfer,
  share: Share,
  { signal, report }: Progress,
  before?: () => string,
): Moving {
  const { events } = transfer;
  return {
    signal,
    share,
    expect: (bytes) => transfer.expect(bytes),
    events: {
      ...events,
      onBytes: (bytes) => {
        events.onBytes(bytes);
        const { bytes: moved, total } = transfer;
        const rate = humanSize(transfer.rate());
        const text = l10n.t('{0} of {1}, {2}/s', humanSize(moved), humanSize(total), rate);
        report([before?.() ?? '', text].filter(Boolean).join(' · '), moved / (total || 1));
      },
    },
  };
}
