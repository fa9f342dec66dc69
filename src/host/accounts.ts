import type { Credential, CredentialSource } from '../oci/remote/credential.ts';

/** Who the user is at each registry. Only `auth` and this port see a secret. */
export interface Accounts {
  /** Asked by the client of one place after a challenge: what the user stored for it, else what docker knows. */
  source(place: string): CredentialSource;
  /** True when the user signed in here, as opposed to with docker. */
  isSignedIn(place: string): Promise<boolean>;
  signIn(place: string, host: string, credential: Credential): Promise<void>;
  signOut(place: string, host: string): Promise<void>;
  dispose(): void;
}
