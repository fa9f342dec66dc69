import { Lanes, type Places } from './lanes.ts';

/** The part of one member. */
export interface Share {
  /**
   * Runs a task when the member has a place for it; one that is aborted while it waits never starts.
   * @param size bytes it moves: what is small has places of its own
   */
  run<T>(size: number, task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The others may have its places. */
  leave(): void;
}

/**
 * Divides places evenly among members, however many tasks each of them has: who comes later begins at once, and the others begin
 * no more until their own part is free again. Nothing that runs is interrupted.
 */
export class Shares {
  readonly #places: Places;
  readonly #members = new Set<Lanes>();

  constructor(places: Places) {
    this.#places = places;
  }

  join(): Share {
    const lanes = new Lanes(this.#places);
    this.#members.add(lanes);
    this.#divide();
    return {
      run: (size, task, signal) => lanes.run(size, task, signal),
      leave: () => {
        this.#members.delete(lanes);
        this.#divide();
      },
    };
  }

  #divide(): void {
    const part = (places: number): number => Math.max(1, Math.floor(places / this.#members.size));
    for (const lanes of this.#members) {
      lanes.resize({ large: part(this.#places.large), small: part(this.#places.small) });
    }
  }
}
