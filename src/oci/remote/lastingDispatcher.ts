import type { Dispatcher } from 'undici';
import Base from 'undici/lib/dispatcher/dispatcher.js';

/**
 * Connections that may be made anew, by other settings, while who has them goes on: what is under way ends on the old ones, and
 * its next request takes the new.
 */
export class LastingDispatcher extends Base {
  readonly #make: () => Dispatcher;
  #current: Dispatcher | undefined;
  /** Those before, as long as requests are under way there. */
  readonly #old = new Set<Dispatcher>();
  #hasEnded = false;

  constructor(make: () => Dispatcher) {
    super();
    this.#make = make;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#hasEnded) {
      throw new Error('All connections have ended');
    }
    return (this.#current ??= this.#make()).dispatch(options, handler);
  }

  /** Later requests take new connections; the old ones are closed when their requests have ended. */
  renew(): void {
    const old = this.#current;
    if (old) {
      this.#current = undefined;
      this.#old.add(old);
      void old.close().finally(() => this.#old.delete(old));
    }
  }

  override async destroy(): Promise<void> {
    this.#hasEnded = true;
    const all = [...this.#old, ...(this.#current ? [this.#current] : [])];
    await Promise.all(all.map((each) => each.destroy()));
  }
}
