import { Limiter } from './limiter.ts';

/** The part of one member. */
export interface Share {
  /** Runs a task when the member has a place for it; one that is aborted while it waits never starts. */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The others may have its places. */
  leave(): void;
}

/**
 * Divides places evenly among members, however many tasks each of them has: who comes later begins at once, and the others begin
 * no more until their own part is free again. Nothing that runs is interrupted.
 */
export class Shares {
  readonly #places: number;
  readonly #members = new Set<Limiter>();

  constructor(places: number) {
    this.#places = places;
  }

  join(): Share {
    const limiter = new Limiter(this.#places);
    this.#members.add(limiter);
    this.#divide();
    return {
      run: (task, signal) => limiter.run(task, signal),
      leave: () => {
        this.#members.delete(limiter);
        this.#divide();
      },
    };
  }

  #divide(): void {
    const each = Math.max(1, Math.floor(this.#places / this.#members.size));
    for (const limiter of this.#members) {
      limiter.resize(each);
    }
  }
}
