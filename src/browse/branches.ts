import type { Node } from './node.ts';
import { isBelow } from './nodes.ts';

interface Run {
  /** Id of the node it was started for. */
  readonly id: string;
  readonly controller: AbortController;
}

/** What is under way, by the node it was started for, so that collapsing a branch ends what the branch asked for. */
export class Branches {
  readonly #runs = new Set<Run>();

  /** Runs `work` until the branch it belongs to is ended, or `signal` is aborted: its own signal is aborted then. */
  async run<T>({ id }: Node, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal?.reason);
    const run: Run = { id, controller };
    this.#runs.add(run);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await work(controller.signal);
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#runs.delete(run);
    }
  }

  /** Ends what the branch started (everything without a node). @returns whether anything was under way */
  end(top?: Node): boolean {
    const ended = [...this.#runs].filter(({ id }) => isBelow(id, top));
    for (const run of ended) {
      this.#runs.delete(run);
      run.controller.abort();
    }
    return ended.length > 0;
  }
}
