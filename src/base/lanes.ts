import { Limiter } from './limiter.ts';

/** Up to here a content is small: asking for it costs more time than moving it. Bytes. */
export const smallContent = 256 * 1024;

/** Tasks under way at once. */
export interface Places {
  /** Of contents that keep a connection, a hash and memory busy: more of them at once are not faster. */
  readonly large: number;
  /** Of contents that mostly wait for an answer. */
  readonly small: number;
}

/** Two limiters, so that what is small never waits for what is large. */
export class Lanes {
  readonly #large: Limiter;
  readonly #small: Limiter;

  constructor({ large, small }: Places) {
    this.#large = new Limiter(large);
    this.#small = new Limiter(small);
  }

  /**
   * Runs a task when its lane has a place for it; one that is aborted while it waits never starts.
   * @param size bytes it moves
   */
  run<T>(size: number, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return (size <= smallContent ? this.#small : this.#large).run(task, signal);
  }

  /** What runs beyond a smaller width goes on to its end. */
  resize({ large, small }: Places): void {
    this.#large.resize(large);
    this.#small.resize(small);
  }
}
