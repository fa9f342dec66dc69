import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands until it is told to go on. */
export interface HandClock extends Clock {
  /** Goes on by so many milliseconds, and does what is due on the way. */
  pass(ms: number): void;
}

export function handClock(): HandClock {
  let now = 0;
  const waiting = new Set<{ readonly at: number; readonly task: () => void }>();
  return {
    now: () => now,
    after: (ms, task) => {
      const entry = { at: now + ms, task };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
    pass: (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = [...waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) {
          break;
        }
        waiting.delete(next);
        now = next.at;
        next.task();
      }
      now = end;
    },
  };
}
