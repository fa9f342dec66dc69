import assert from 'node:assert/strict';

/**
 * Fails when `work` takes `limit` milliseconds of this thread's processor in each of ten runs: what other processes take
 * does not count, and neither does a pause that falls elsewhere the next time.
 */
export function quick(limit: number, what: string, work: () => void): void {
  const times: number[] = [];
  do {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    times.push((user + system) / 1000);
  } while (Math.min(...times) >= limit && times.length < 10);
  assert.ok(Math.min(...times) < limit, `${what}: ${times.join(', ')} ms`);
}
