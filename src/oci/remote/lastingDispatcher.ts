import type { Dispatcher } from 'undici';
import Base from 'undici/lib/dispatcher/dispatcher.js';

/**
 * Connections that may be made anew, by other settings, while who has them goes on: what is under way ends on the old ones, and
 * its next request takes the new.
 */
export class LastingDispatcher extends Base {
  readonly #make: () => Dispatcher;
  #current: Dispatcher | undefined;
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
    this.#current = undefined;
    void old?.close();
  }

  override async destroy(): Promise<void> {
    this.#hasEnded = true;
    await this.#current?.destroy();
  }
}
