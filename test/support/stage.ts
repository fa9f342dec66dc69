import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { run as runTests } from 'node:test';
import { root, say } from './cache.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

export interface StageOptions {
  /** Seconds after which what still runs is ended and counted as failed. */
  readonly limit: number;
  /** Files at the same time; by default one more than there are processors, because some wait. */
  readonly concurrency?: number;
}

/** Runs test files by node:test, each in a process of its own; prints failures only. */
export async function runStage(pattern: string, options: StageOptions): Promise<Counts> {
  const files = globSync(pattern, { cwd: root }).map((file) => path.join(root, file));
  if (files.length === 0) {
    return { passed: 0, failed: 0 };
  }
  const limit = AbortSignal.timeout(options.limit * 1_000);
  const events = runTests({
    files: files.sort(),
    concurrency: options.concurrency ?? availableParallelism() + 1,
    signal: limit,
  });
  const output = new Map<string, string>();
  const keep = ({ file, message }: { file: string; message: string }): void => {
    output.set(file, (output.get(file) ?? '') + message);
  };
  let counts = { passed: 0, failed: 0 };
  events.on('test:stdout', keep);
  events.on('test:stderr', keep);
  events.on('test:fail', ({ name, file, details }) => {
    printFailure(name, file ?? '', details.error);
  });
  events.on('test:summary', ({ file, success, counts: found }) => {
    if (file === undefined) {
      const idle = found.skipped + found.todo;
      counts = { passed: found.passed, failed: found.tests - found.passed - idle };
      if (idle > 0) {
        say(`${idle} tests did not run (skip, todo)`);
      }
    } else if (!success && output.has(file)) {
      say(`--- output of ${path.relative(root, file)}\n${output.get(file)?.slice(-8_000) ?? ''}`);
    }
  });
  await finished(events.resume());
  if (limit.aborted) {
    say(`${pattern} did not end within ${options.limit} s`);
    return { passed: counts.passed, failed: Math.max(1, counts.failed) };
  }
  return counts;
}

function printFailure(name: string, file: string, error: Error): void {
  const cause = error.cause instanceof Error ? error.cause : error;
  // The parent of a failed test only repeats that one of its children failed.
  if ('failureType' in error && error.failureType === 'subtestsFailed') {
    return;
  }
  say(
    `✖ ${path.relative(root, file)}: ${name}\n  ${(cause.stack ?? cause.message).replaceAll('\n', '\n  ')}`,
  );
}
