/** Bytes that moved and how fast, over the last seconds; the clock is given. */
export class Meter {
  readonly #now: () => number;
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  #bytes = 0;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#samples.push({ at: now(), bytes: 0 });
  }

  /** Negative when a retry starts again. */
  add(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes + bytes);
    const at = this.#now();
    this.#samples.push({ at, bytes: this.#bytes });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > window) {
      this.#samples.shift();
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes a second over the last five; 0 while there is nothing to tell. */
  get rate(): number {
    const first = this.#samples[0];
    const elapsed = this.#now() - (first?.at ?? 0);
    return first && elapsed > 0 ? Math.max(0, ((this.#bytes - first.bytes) * 1000) / elapsed) : 0;
  }
}

const window = 5000;
