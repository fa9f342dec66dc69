import { EventEmitter } from 'vscode';

/** A repository whose content changed; without `repository`, the whole place. */
export interface Change {
  readonly place: string;
  readonly repository?: string | undefined;
  /** By another window or program. `names`: repositories came or went there too. Undefined: by this window. */
  readonly elsewhere?: 'content' | 'names' | undefined;
}

export interface RevealTarget {
  readonly place: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly ref?: string;
}

/** Where views, commands and editors meet without knowing one another. */
export interface Events {
  readonly changed: EventEmitter<Change>;
  readonly reveal: EventEmitter<RevealTarget>;
}

export function createEvents(): Events & { dispose(): void } {
  const changed = new EventEmitter<Change>();
  const reveal = new EventEmitter<RevealTarget>();
  return {
    changed,
    reveal,
    dispose: () => {
      changed.dispose();
      reveal.dispose();
    },
  };
}
