import { performance } from 'node:perf_hooks';

/**
 * The longest turn of the event loop while `work` runs, in milliseconds of processor time of this thread: the time that other
 * processes take from it does not count, so that the answer is the same on a busy machine.
 */
export async function longestSlice(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = process.threadCpuUsage();
  let lastWall = performance.now();
  let next: NodeJS.Immediate;
  const tick = (): void => {
    const now = process.threadCpuUsage();
    const wall = performance.now();
    // Never more than what passed on the clock: accounting of the system is coarse.
    const cpu = (now.user - last.user + now.system - last.system) / 1000;
    longest = Math.max(longest, Math.min(cpu, wall - lastWall));
    last = now;
    lastWall = wall;
    next = setImmediate(tick);
  };
  next = setImmediate(tick);
  try {
    await work();
    await new Promise(setImmediate);
    return longest;
  } finally {
    clearImmediate(next);
  }
}
