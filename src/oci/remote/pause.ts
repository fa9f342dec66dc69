import type { OciError } from '../errors.ts';

/** Longest that a registry is left alone, in milliseconds, whatever it says: the window of Docker Hub. */
const longest = 6 * 60 * 60 * 1000;

export interface Held {
  /** The account that was refused: another may have more left. */
  readonly account: number;
  /** What was refused. */
  readonly of: 'manifests' | 'others';
  readonly refusal: OciError;
}

/** The clock of one registry that was asked too often, for all who ask it. */
export class Pause {
  readonly #now: () => number;
  #until = 0;
  #held: Held | undefined;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param milliseconds from now on; a pause that ends later stays */
  begin(milliseconds: number, held: Held): void {
    const until = this.#now() + Math.min(milliseconds, longest);
    if (until >= this.#until) {
      this.#held = held;
      this.#until = until;
    }
  }

  /** Milliseconds until it is over. */
  get left(): number {
    return Math.max(0, this.#until - this.#now());
  }

  /** Undefined when it is over. */
  get held(): Held | undefined {
    return this.left > 0 ? this.#held : undefined;
  }

  /** It is over before its time, unless it is another by now. */
  end(held: Held | undefined): void {
    if (held !== undefined && held === this.#held) {
      this.#until = 0;
    }
  }
}

/** @param url path, or a whole one */
export function kindOf(url: string): Held['of'] {
  return url.includes('/manifests/') ? 'manifests' : 'others';
}
