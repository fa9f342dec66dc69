import type { Node } from '../browse/node.ts';

/** What is selected in the tree, for commands that come by key and bring no node. */
export interface Selection {
  get(): readonly Node[];
  /** Called by the tree: where to look when it is asked. Events do not do, as one that comes amid a refresh is empty. */
  follow(read: () => readonly Node[]): void;
}

export function createSelection(): Selection {
  let selected = (): readonly Node[] => [];
  return {
    get: () => selected(),
    follow: (read) => {
      selected = read;
    },
  };
}
