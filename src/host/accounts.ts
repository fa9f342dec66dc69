import type { Credential, CredentialSource } from '../oci/remote/credential.ts';
import type { Op } from '../oci/store.ts';

/** What there is to choose from on signing in. */
export interface Offers {
  /** The source of this machine that has an account: `~/.docker/config.json`. */
  readonly machine: string | undefined;
  /** The credential helper that docker is set up with for this host: `docker-credential-pass`. */
  readonly helper: string | undefined;
  /** Whether it is the registry of GitHub, whose session the editor may have. */
  readonly github: boolean;
}

/** Accounts of one place that are remembered here. */
export interface Remembered {
  readonly names: readonly string[];
  /** Undefined: what the machine has is used. */
  readonly used: string | undefined;
}

/** Who the user is at each registry. Only `auth` and this port see a secret. */
export interface Accounts {
  /**
   * Asked by the client of one place after a challenge: the one that was chosen here, else what docker knows, else what the
   * tools of containers know, else, at GitHub's registry, the editor's session there.
   */
  source(place: string): CredentialSource;
  /** What the machine or, at GitHub's registry, the editor's session there has, whatever was chosen here. */
  readonly machine: CredentialSource;
  /** The source that answered last for a place; undefined: none was asked, or none had an account. */
  answered(place: string): string | undefined;
  /** True when an account that was chosen here is used, as opposed to one of docker. */
  isSignedIn(place: string): Promise<boolean>;
  offers(host: string, op?: Op): Promise<Offers>;
  remembered(place: string): Promise<Remembered>;
  /** Remembers an account, which is used from now on. */
  signIn(place: string, host: string, credential: Credential): Promise<void>;
  /** The editor's session at GitHub, which is asked for when there is none. @throws an abort when the person refuses */
  gitHub(canWrite: boolean): Promise<Credential>;
  /** From now on the session at GitHub is used. */
  signInByGitHub(place: string, canWrite: boolean): Promise<void>;
  /**
   * Stores with the credential helper that docker is set up with; `config.json` stays as it is.
   * @throws {OciError} `credentials-unreadable` when there is none, or it fails
   */
  signInByHelper(place: string, host: string, credential: Credential, op?: Op): Promise<void>;
  /** Uses one of those that are remembered; undefined: what the machine has, also at the token services agreed to. */
  use(place: string, name: string | undefined, realms?: readonly string[]): Promise<void>;
  /** Forgets one that is remembered. */
  forget(place: string, name: string): Promise<void>;
  /** Forgets the account that is used, if it is ours: here, or what was stored with a helper for this place. */
  signOut(place: string, host: string, op?: Op): Promise<void>;
  /** Forgets all that is remembered here. */
  clear(place: string): Promise<void>;
  /** What was stored for a place is that of another, too. */
  copy(from: string, to: string): Promise<void>;
  /** What helpers said may be another by now. */
  askAgain(): void;
  dispose(): void;
}
