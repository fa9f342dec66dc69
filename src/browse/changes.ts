import type { Node } from './node.ts';

type Listener = (nodes: readonly Node[] | undefined) => void;

/** Collects what changed and tells it in one call, some milliseconds later. */
export class Changes {
  readonly #schedule: (run: () => void) => void;
  readonly #listeners = new Set<Listener>();
  readonly #nodes = new Map<string, Node>();
  readonly #marks = new Set<{ readonly id: string; isOld: boolean }>();
  #everything = false;
  #scheduled = false;

  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  /** @param node undefined: everything */
  add(node: Node | undefined): void {
    for (const mark of this.#marks) {
      mark.isOld ||= node === undefined || node.id === mark.id;
    }
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

  /**
   * What `work` gives of a node; a change that came meanwhile is told once more behind it. An editor takes what it is given last
   * for what there is, and asks no second time while it still waits for the first answer.
   */
  async during<T>(node: Node, work: () => Promise<T>): Promise<T> {
    const mark = { id: node.id, isOld: false };
    this.#marks.add(mark);
    try {
      return await work();
    } finally {
      this.#marks.delete(mark);
      if (mark.isOld) {
        this.add(node);
      }
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
