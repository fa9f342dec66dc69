import type { Event, ExtensionContext } from 'vscode';
import type { Browser } from '../browse/browser.ts';
import type { Place, Places } from '../browse/place.ts';
import type { ManifestCache } from '../oci/store.ts';
import type { Accounts } from './accounts.ts';
import type { ArtifactTypes } from './artifactTypes.ts';
import type { Events } from './events.ts';
import type { Network } from './network.ts';
import type { Questions } from './questions.ts';
import type { Selection } from './selection.ts';

export interface PlacesChange {
  /** True where other places are there than before, or in another order. */
  readonly isList: boolean;
  /** Those of them that are spoken to, named or listed in another way. */
  readonly places: readonly Place[];
}

/** Places that follow the settings. */
export interface PlaceList extends Places {
  readonly onDidChange: Event<PlacesChange>;
}

/** What views, commands and editors are given. Everything in it is made when it is first used. */
export interface Services {
  readonly context: ExtensionContext;
  readonly events: Events;
  readonly places: PlaceList;
  readonly browser: Browser;
  readonly types: ArtifactTypes;
  readonly manifests: ManifestCache;
  readonly accounts: Accounts;
  readonly network: Network;
  readonly questions: Questions;
  /** Kept by the tree, for commands that come by key. */
  readonly selection: Selection;
  /** Aborted when the extension ends. */
  readonly signal: AbortSignal;
}
