import { orAbort } from './orAbort.ts';

interface Flight {
  readonly promise: Promise<unknown>;
  readonly controller: AbortController;
  waiting: number;
}

/** One piece of work for all who ask for the same at once; it is ended when the last of them has gone. */
export class Flights {
  readonly #running = new Map<string, Flight>();

  async run<T>(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#running.get(key) ?? this.#start(key, work);
    flight.waiting++;
    try {
      return (await orAbort(flight.promise, signal)) as T;
    } finally {
      flight.waiting--;
      if (flight.waiting === 0 && this.#running.get(key) === flight) {
        this.#running.delete(key);
        flight.controller.abort();
      }
    }
  }

  #start<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Flight {
    const controller = new AbortController();
    const promise = work(controller.signal).finally(() => {
      if (this.#running.get(key) === flight) {
        this.#running.delete(key);
      }
    });
    // Everyone who waits may have gone before it fails.
    promise.catch(() => undefined);
    const flight: Flight = { promise, controller, waiting: 0 };
    this.#running.set(key, flight);
    return flight;
  }
}
