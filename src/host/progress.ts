import { setTimeout as delay } from 'node:timers/promises';
import { ProgressLocation, window } from 'vscode';
import { cancelled } from './cancelled.ts';

export interface Progress {
  readonly signal: AbortSignal;
  /** One line; `part` from 0 to 1 moves the bar. At most ten a second are shown. */
  readonly report: (message: string, part?: number) => void;
}

const minInterval = 100;

/**
 * Milliseconds before there is anything to see. What is quick needs no notification; and of more than three at once the
 * editor hides the last, which is the one that tells how it ended.
 */
const patience = 400;

/**
 * Runs `task`, behind a notification with *Cancel* when it takes its time; cancelling aborts the signal, and the task itself
 * ends the work it began.
 */
export async function withProgress<T>(
  title: string,
  task: (progress: Progress) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const signal = outer ? AbortSignal.any([outer, controller.signal]) : controller.signal;
  let show: ((message: string, part: number | undefined) => void) | undefined;
  let waiting: readonly [message: string, part: number | undefined] | undefined;
  let last = -Infinity;
  const report = (message: string, part?: number): void => {
    waiting = [message, part];
    const now = performance.now();
    if (show && now - last >= minInterval) {
      last = now;
      show(message, part);
    }
  };
  const work = task({ signal, report });
  const ended = work.then(
    () => true,
    () => true,
  );
  const early = new AbortController();
  const isQuick = await Promise.race([
    ended,
    delay(patience, false, { signal: early.signal }).catch(() => true),
  ]);
  early.abort();
  if (!isQuick) {
    const options = { location: ProgressLocation.Notification, title, cancellable: true };
    await window.withProgress(options, async (bar, token) => {
      const subscription = token.onCancellationRequested(() => {
        controller.abort(cancelled());
      });
      let shown = 0;
      show = (message, part) => {
        const percent = part === undefined ? shown : Math.min(100, Math.max(0, part * 100));
        bar.report({ message, ...(percent > shown ? { increment: percent - shown } : {}) });
        shown = Math.max(shown, percent);
      };
      if (waiting) {
        show(...waiting);
      }
      await ended;
      subscription.dispose();
    });
  }
  return work;
}
