import type { OciError } from '../../errors.ts';

/** What is looked at, in the order of `steps.ts`. */
export type StepId =
  | 'name'
  | 'proxy'
  | 'connection'
  | 'tls'
  | 'api'
  | 'account'
  | 'authorization'
  | 'clock'
  | 'catalog'
  | 'tags'
  | 'referrers'
  | 'deletes';

/** What a value is about; the words for it are the table of who shows it. */
export type FactName =
  | 'addresses'
  | 'way'
  | 'namedBy'
  | 'proxySignIn'
  | 'tried'
  | 'protocol'
  | 'certificate'
  | 'issuer'
  | 'valid'
  | 'names'
  | 'fingerprint'
  | 'trustedBy'
  | 'clientCertificate'
  | 'status'
  | 'server'
  | 'version'
  | 'challenge'
  | 'realm'
  | 'account'
  | 'kind'
  | 'told'
  | 'asked'
  | 'granted'
  | 'life'
  | 'difference'
  | 'repository'
  | 'page'
  | 'digest'
  | 'support'
  | 'level'
  | 'limit';

/** A value that is words and not data; `{0}` and so on stand for `of`. */
export type SayingId =
  | 'direct-off'
  | 'direct-none'
  | 'direct-loopback'
  | 'direct-listed'
  | 'resolved-by-proxy'
  | 'no-lookup'
  | 'yes'
  | 'no'
  | 'connected'
  | 'not-connected'
  | 'plain-http'
  | 'valid'
  | 'not-valid'
  | 'trusted-by-you'
  | 'trusted-by-file'
  | 'trusted-by-system'
  | 'trusted-by-extra'
  | 'trusted-by-node'
  | 'trusted-by-nobody'
  | 'insecure-by'
  | 'no-challenge'
  | 'no-account'
  | 'password'
  | 'identity-token'
  | 'registry-token'
  | 'account-sent'
  | 'account-withheld'
  | 'account-none'
  | 'no-scope'
  | 'not-said'
  | 'seconds'
  | 'clock-right'
  | 'clock-behind'
  | 'clock-ahead'
  | 'no-date'
  | 'page-more'
  | 'page-all'
  | 'page-refused'
  | 'no-catalog'
  | 'catalog-denied'
  | 'referrers-api'
  | 'referrers-tag'
  | 'level-1-1'
  | 'level-1-0'
  | 'deletes-yes'
  | 'deletes-no'
  | 'deletes-denied'
  | 'no-repository'
  | 'no-tag';

export interface Saying {
  readonly say: SayingId;
  readonly of?: readonly string[];
}

/** Never a secret; whatever a server says is bounded, and is to be escaped where it is shown. */
export interface Fact {
  readonly name: FactName;
  readonly value: string | Saying;
}

export type Finding = {
  readonly step: StepId;
  readonly facts: readonly Fact[];
} & (
  | { readonly outcome: 'good' | 'note' }
  | { readonly outcome: 'failed'; readonly error: OciError }
  /** `because` is what has to work first; undefined: there is nothing to ask it of. */
  | { readonly outcome: 'skipped'; readonly because?: StepId | undefined }
);

export interface Diagnosis {
  readonly host: string;
  /** Where the API is asked: `https://registry-1.docker.io`. */
  readonly origin: string;
  readonly repository?: string | undefined;
  readonly findings: readonly Finding[];
}
