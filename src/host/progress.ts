import { ProgressLocation, window } from 'vscode';
import { cancelled } from './cancelled.ts';

export interface Progress {
  readonly signal: AbortSignal;
  /** One line; `part` from 0 to 1 moves the bar. At most ten a second are shown. */
  readonly report: (message: string, part?: number) => void;
}

const minInterval = 100;

/**
 * Runs `task` behind a notification with *Cancel*, which aborts the signal; the task itself ends the work it began.
 */
export async function withProgress<T>(
  title: string,
  task: (progress: Progress) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  return window.withProgress(options, async (bar, token) => {
    const controller = new AbortController();
    const signal = outer ? AbortSignal.any([outer, controller.signal]) : controller.signal;
    const subscription = token.onCancellationRequested(() => {
      controller.abort(cancelled());
    });
    let shown = 0;
    let last = -Infinity;
    const report = (message: string, part?: number): void => {
      const now = performance.now();
      if (now - last < minInterval) {
        return;
      }
      last = now;
      const percent = part === undefined ? shown : Math.min(100, Math.max(0, part * 100));
      bar.report({ message, ...(percent > shown ? { increment: percent - shown } : {}) });
      shown = Math.max(shown, percent);
    };
    try {
      return await task({ signal, report });
    } finally {
      subscription.dispose();
    }
  });
}
