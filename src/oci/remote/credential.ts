import type { Op } from '../store.ts';

/** Who someone is for one registry. */
export type Credential = (
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token: goes to the token service only. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A ready bearer token: goes to the registry only. */
  | { readonly kind: 'registry-token'; readonly token: string }
) & {
  /** Where it comes from, to show: `~/.docker/config.json`. */
  readonly source: string;
  /** Origins of token services the owner has agreed to, when they are others than the registry's. */
  readonly realms?: readonly string[];
};

export interface CredentialOp extends Op {
  /** What is asked for, as accounts may be kept for a namespace of a registry; absent for the registry as a whole. */
  readonly repository?: string | undefined;
}

/** Asked only after the registry of `host` has challenged; undefined: go on as anonymous. */
export interface CredentialSource {
  (host: string, op?: CredentialOp): Promise<Credential | undefined>;
  /** Changes when the answer may be another than before: then everything that came of it is forgotten. */
  readonly version?: () => Promise<string>;
}
