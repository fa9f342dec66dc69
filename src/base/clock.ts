/** Time as it is told to what waits or measures, so that tests need none to pass. */
export interface Clock {
  /** Milliseconds since any moment. */
  now(): number;
  /** Runs `task` after so many milliseconds. @returns ends the wait */
  after(ms: number, task: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
