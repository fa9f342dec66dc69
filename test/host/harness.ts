import { appendFileSync } from 'node:fs';

/** One test inside the extension host. Suites are files `*.host.ts` that call `test` when they are loaded. */
interface HostTest {
  readonly name: string;
  readonly body: () => Promise<void> | void;
  readonly limit: number;
}

const tests: HostTest[] = [];

/** @param limit milliseconds */
export function test(name: string, body: () => Promise<void> | void, limit = 20_000): void {
  tests.push({ name, body, limit });
}

/** A line of the results file. */
export interface HostResult {
  readonly name: string;
  readonly ms: number;
  /** Absent when it passed. */
  readonly error?: string;
}

/** Runs what the suites registered, in order, and appends one line of JSON a test to `results`. */
export async function runHostTests(results: string): Promise<void> {
  let failed = 0;
  for (const { name, body, limit } of tests) {
    const start = performance.now();
    const error = await outcome(body, limit);
    failed += error === undefined ? 0 : 1;
    const ms = Math.round(performance.now() - start);
    const result: HostResult = { name, ms, ...(error === undefined ? {} : { error }) };
    appendFileSync(results, `${JSON.stringify(result)}\n`);
  }
  if (failed > 0) {
    throw new Error(`${failed} tests failed in the extension host`);
  }
}

async function outcome(body: HostTest['body'], limit: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Did not end within ${limit} ms`)), limit);
  });
  try {
    await Promise.race([body(), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `probe` gives something, asking every 25 ms. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 10_000,
): Promise<T> {
  const deadline = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`Waited ${limit} ms in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
