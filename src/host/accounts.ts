import type { Credential, CredentialSource } from '../oci/remote/credential.ts';
import type { Op } from '../oci/store.ts';

/** Where an account comes from; `editor` is what *Sign In* keeps. */
export type SourceId = 'editor' | 'docker' | 'containers' | 'github';

/** A source that has an account for a registry. */
export interface AccountChoice {
  readonly id: SourceId;
  /** To show: `~/.docker/config.json`. */
  readonly source: string;
  /** Undefined for a token without one. */
  readonly username: string | undefined;
  /** True for the one that is used. */
  readonly isUsed: boolean;
}

/** Who the user is at each registry. Only `auth` and this port see a secret. */
export interface Accounts {
  /**
   * Asked by the client of one place after a challenge: what the user chose, else what was stored for it, else what docker
   * knows, else what the tools of containers know.
   */
  source(place: string): CredentialSource;
  /** The source that answered last for a place; undefined: none was asked, or none had an account. */
  answered(place: string): string | undefined;
  /** True when the user signed in here, as opposed to with docker. */
  isSignedIn(place: string): Promise<boolean>;
  signIn(place: string, host: string, credential: Credential): Promise<void>;
  /** Forgets what `signIn` stored and what was chosen. */
  signOut(place: string, host: string): Promise<void>;
  /** What was stored or chosen for a place is that of another, too. */
  copy(from: string, to: string): Promise<void>;
  /** All sources with an account for this host, the one that is asked first before the others; those that fail are left out. */
  choices(place: string, host: string, op?: Op): Promise<readonly AccountChoice[]>;
  /** Asks this source alone for a place from now on, until the next sign in or sign out. */
  choose(place: string, id: SourceId): Promise<void>;
  dispose(): void;
}
