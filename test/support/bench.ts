/** One line of a benchmark: the quickest of its runs, because everything else only adds time. */
export interface Measured {
  readonly name: string;
  readonly ms: number;
}

/** Runs `job` and prints the quickest of `runs`. */
export async function measure(name: string, job: () => Promise<void>, runs = 3): Promise<Measured> {
  let ms = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await job();
    ms = Math.min(ms, performance.now() - start);
  }
  console.log(`${name.padEnd(60)} ${ms.toFixed(0).padStart(8)} ms`);
  return { name, ms };
}

export interface Result {
  readonly milliseconds: number;
  /** Most memory of the process, in bytes. */
  readonly peak: number;
}

/** Someone who does the job, in a process of its own. */
export interface Contender {
  readonly name: string;
  /** Before each run, untimed. */
  readonly before?: () => Promise<void>;
  /** @returns nothing where the time of the whole process counts */
  readonly run: () => Promise<Result | undefined>;
}

/** Runs them by turns, so that what the machine does besides hits all, and prints the quickest of each beside the first. */
export async function compare(job: string, contenders: readonly Contender[], rounds = 2): Promise<void> {
  const best = contenders.map(() => Infinity);
  let peak = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      await contender.before?.();
      const start = performance.now();
      const result = await contender.run();
      peak = Math.max(peak, result?.peak ?? 0);
      best[index] = Math.min(best[index] ?? Infinity, result?.milliseconds ?? performance.now() - start);
    }
  }
  const [first = Infinity] = best;
  const columns = contenders.map(({ name }, index) => {
    const milliseconds = best[index] ?? Infinity;
    const ratio = index === 0 ? '' : ` (${(first / milliseconds).toFixed(2)})`;
    return `${name} ${(milliseconds / 1000).toFixed(2)} s${ratio}`.padEnd(22);
  });
  const memory = peak > 0 ? `peak ${(peak / 1024 ** 2).toFixed(0)} MiB` : '';
  console.log(`${job.padEnd(46)} ${columns.join(' ')} ${memory}`.trimEnd());
}
