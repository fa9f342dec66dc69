import type { Node } from '../browse/node.ts';

/** What is selected in the tree, for commands that come by key and bring no node. */
export interface Selection {
  get(): readonly Node[];
  set(nodes: readonly Node[]): void;
}

export function createSelection(): Selection {
  let selected: readonly Node[] = [];
  return {
    get: () => selected,
    set: (nodes) => {
      selected = nodes;
    },
  };
}
