/** Runs at most `width` tasks at once, in the order they came; one that is aborted while it waits never starts. */
export class Limiter {
  #width: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.#width) {
      await this.#wait(signal);
    } else {
      this.#running++;
    }
    try {
      return await task();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  /** What runs beyond a smaller width goes on to its end. */
  resize(width: number): void {
    this.#width = width;
    this.#next();
  }

  #next(): void {
    while (this.#running < this.#width) {
      const start = this.#waiting.shift();
      if (!start) {
        return;
      }
      this.#running++;
      start();
    }
  }

  /** Resolves when there is a place, which is taken by then. */
  #wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(signal?.reason as Error);
      };
      this.#waiting.push(start);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
