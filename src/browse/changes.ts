import type { Node } from './node.ts';

type Listener = (nodes: readonly Node[] | undefined) => void;

/** Collects what changed and tells it in one call, some milliseconds later. */
export class Changes {
  readonly #schedule: (run: () => void) => void;
  readonly #listeners = new Set<Listener>();
  readonly #nodes = new Map<string, Node>();
  #everything = false;
  #scheduled = false;

  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  /** @param node undefined: everything */
  add(node: Node | undefined): void {
    if (node) {
      this.#nodes.set(node.id, node);
    } else {
      this.#everything = true;
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#schedule(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  listen(listener: Listener): { dispose(): void } {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }

  dispose(): void {
    this.#listeners.clear();
  }

  /** Tells what is waiting at once, for what comes right after it and needs it told. */
  flush(): void {
    if (this.#everything || this.#nodes.size > 0) {
      this.#tell();
    }
  }

  #tell(): void {
    const nodes = this.#everything ? undefined : [...this.#nodes.values()];
    this.#everything = false;
    this.#nodes.clear();
    for (const listener of this.#listeners) {
      listener(nodes);
    }
  }
}
