import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

/**
 * The longest turn of the event loop while `work` runs, in milliseconds of processor time of this thread: the time that other
 * processes take from it does not count, so that the answer is the same on a busy machine.
 */
async function longestSlice(work: () => Promise<void>): Promise<number> {
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

/**
 * Fails when `work` holds the event loop for `limit` milliseconds. A single long turn may be the collector's or the
 * compiler's, and falls elsewhere the next time; what is slow by itself is slow in every one of ten runs.
 */
export async function shortSlices(limit: number, work: () => Promise<void>): Promise<void> {
  const longest: number[] = [];
  do {
    longest.push(await longestSlice(work));
  } while (Math.min(...longest) >= limit && longest.length < 10);
  assert.ok(Math.min(...longest) < limit, `${longest.map((time) => time.toFixed(1)).join(', ')} ms`);
}
