import type { Clock } from './clock.ts';

export interface RedrawOptions {
  readonly clock: Clock;
  /** Milliseconds between two draws at least. */
  readonly interval: number;
  /** Nothing is drawn where nobody sees it. */
  readonly isVisible: () => boolean;
  readonly draw: () => void;
}

export interface Redraws {
  /** There is something new: drawn at once, or when the interval is over. */
  readonly wanted: () => void;
  readonly dispose: () => void;
}

/** Draws what changes often now and then only. */
export function createRedraws({ clock, interval, isVisible, draw }: RedrawOptions): Redraws {
  let last = -Infinity;
  let stop: (() => void) | undefined;
  const now = (): void => {
    stop = undefined;
    if (isVisible()) {
      last = clock.now();
      draw();
    }
  };
  return {
    wanted: () => {
      if (stop || !isVisible()) {
        return;
      }
      const wait = last + interval - clock.now();
      if (wait <= 0) {
        now();
      } else {
        stop = clock.after(wait, now);
      }
    },
    dispose: () => stop?.(),
  };
}
