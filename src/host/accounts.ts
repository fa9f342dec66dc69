import type { Credential, CredentialSource } from '../oci/remote/credential.ts';

/** Who the user is at each registry. Only `auth` and this port see a secret. */
export interface Accounts {
  /**
   * Asked by the client of one place after a challenge: what was stored for it, else what docker knows, else what the tools of containers know.
   */
  source(place: string): CredentialSource;
  /** The source that answered last for a place; undefined: none was asked, or none had an account. */
  answered(place: string): string | undefined;
  /** True when the user signed in here, as opposed to with docker. */
  isSignedIn(place: string): Promise<boolean>;
  signIn(place: string, host: string, credential: Credential): Promise<void>;
  /** Forgets what `signIn` stored. */
  signOut(place: string, host: string): Promise<void>;
  /** What was stored for a place is that of another, too. */
  copy(from: string, to: string): Promise<void>;
  dispose(): void;
}
