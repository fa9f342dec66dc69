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
