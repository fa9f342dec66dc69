import type { Event, ExtensionContext } from 'vscode';
import type { Browser } from '../browse/browser.ts';
import type { Places } from '../browse/place.ts';
import type { ManifestCache } from '../oci/store.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';

/** Places that follow the settings. */
export interface PlaceList extends Places {
  readonly onDidChange: Event<void>;
}

/** What views, commands and editors are given. Everything in it is made when it is first used. */
export interface Services {
  readonly context: ExtensionContext;
  readonly events: Events;
  readonly places: PlaceList;
  readonly browser: Browser;
  readonly manifests: ManifestCache;
  readonly accounts: Accounts;
  /** Aborted when the extension ends. */
  readonly signal: AbortSignal;
}
