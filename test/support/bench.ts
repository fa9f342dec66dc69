/** What one run of a job took. */
export interface Result {
  readonly seconds: number;
  /** Most memory of the process, in MB; of ours above the idle process. */
  readonly mb?: number | undefined;
  /** Of what the case counts: requests, or what is kept in the end. */
  readonly count?: number | undefined;
}

/** Someone who does the job, in a process of its own. */
export interface Contender {
  readonly name: string;
  /** Before each run, untimed. */
  readonly before?: () => Promise<void>;
  readonly run: () => Promise<Result>;
  /** After each run, untimed, whether it went well or not. */
  readonly after?: () => Promise<void>;
}

/** What cannot be left out of a job, for the floor of the machine; bytes, but for `files` and `trips`. */
export interface Work {
  readonly hashed?: number;
  readonly compressed?: number;
  /** Over loopback, once for each hop. */
  readonly sent?: number;
  readonly written?: number;
  readonly files?: number;
  /** Requests that wait for one another. */
  readonly trips?: number;
  /** Seconds that are added to each of them. */
  readonly delay?: number;
}

export interface Prepared {
  /** Ours first. */
  readonly contenders: readonly Contender[];
  readonly work: Work;
}

export interface Goal {
  /** Ours by the best peer, at most. */
  readonly ratio?: number;
  /** Ours, at most. */
  readonly seconds?: number;
  /** Of ours. */
  readonly count?: number;
}

/** One row of the tables. */
export interface Case<Site> {
  readonly name: string;
  readonly title: string;
  readonly goal: Goal;
  /** What `count` counts. */
  readonly counts?: 'requests' | 'kept';
  readonly prepare: (site: Site) => Promise<Prepared>;
}

/** The medians of what one did. */
export interface Measured {
  readonly name: string;
  readonly seconds: number;
  readonly mb: number | undefined;
  readonly count: number | undefined;
}

/** Seconds of one round from which on fewer rounds are made. */
const long = 10;
const rounds = { usual: 5, long: 3 } as const;

/**
 * Runs them by turns, so that what the machine does besides hits all: the first, the second, the first again.
 * @param only so many rounds
 */
export async function measure(
  contenders: readonly Contender[],
  only?: number,
): Promise<{ readonly measured: readonly Measured[]; readonly rounds: number }> {
  const results = contenders.map((): Result[] => []);
  let wanted: number = only ?? rounds.usual;
  for (let round = 0; round < wanted; round++) {
    const start = performance.now();
    for (const [index, { before, run, after }] of contenders.entries()) {
      try {
        await before?.();
        results[index]?.push(await run());
      } finally {
        await after?.();
      }
    }
    if (only === undefined && (performance.now() - start) / 1000 > long) {
      wanted = rounds.long;
    }
  }
  const measured = contenders.map(({ name }, index) => {
    const of = results[index] ?? [];
    const each = (value: (result: Result) => number | undefined): number | undefined =>
      median(of.flatMap((result) => value(result) ?? []));
    return {
      name,
      seconds: each(({ seconds }) => seconds) ?? NaN,
      // The most of all runs: a limit of memory is one for each.
      mb: of.reduce<number | undefined>(
        (most, { mb }) => (mb === undefined ? most : Math.max(most ?? 0, mb)),
        undefined,
      ),
      count: each(({ count }) => count),
    };
  });
  return { measured, rounds: wanted };
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
