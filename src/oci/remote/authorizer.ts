import { Flights } from '../../base/flights.ts';
import { LruMap } from '../../base/lru.ts';
import { isOciError, type OciError } from '../errors.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { mayKnow, realmUrl } from './realms.ts';
import { Secrets } from './secrets.ts';
import type { Token, TokenRequest } from './tokenService.ts';

export interface AuthorizerOptions {
  readonly origin: string;
  /** As the user writes it; credentials are kept under this name. */
  readonly host: string;
  readonly credentials: CredentialSource;
  readonly requestToken: (wanted: TokenRequest, signal: AbortSignal) => Promise<Token>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A request that was refused with 401. */
export interface Refusal {
  /** `WWW-Authenticate`. */
  readonly challenge: string | string[] | undefined;
  readonly scopes: readonly string[];
  /** What was sent as `Authorization`. */
  readonly sent: string | undefined;
  /** True when `sent` was itself the answer to a challenge. */
  readonly isSecond: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Bearer {
  readonly kind: 'bearer';
  readonly realm: string;
  readonly service: string | undefined;
}

/** What the registry wants, learnt from its last challenge. */
type Wish = { readonly kind: 'basic' } | Bearer;

/** Most tokens that are kept; each goes for a repository and what is done there. */
const maxTokens = 256;
/** A token is not used any more this many milliseconds before it expires. */
const expirySkew = 5_000;
/** Longest list of scopes a registry may ask for in a challenge. */
const maxChallengedScopes = 10;

/** Authorization for one registry and one account: nothing is sent before a challenge asks for it. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new LruMap<string, Token>(maxTokens);
  readonly #flights = new Flights();
  /** What registries want beyond the scopes that are asked for. */
  readonly #moreScopes = new LruMap<string, readonly string[]>(maxTokens);
  readonly #secrets = new Secrets();
  #wish: Wish | undefined;
  /** By repository, as accounts may be kept for a namespace; empty: there is none. */
  readonly #basic = new LruMap<string, string>(maxTokens);
  /** Why a token is that of nobody, by its header: the account there may be could not be read. */
  readonly #unread = new LruMap<string, OciError>(maxTokens);
  #version: string | undefined;
  /** Counts the accounts, so that what was begun for one is not kept for the next. */
  #account = 0;
  #withheld: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Where the registry sends people to sign in: the origin of its token service, or its own. */
  get realm(): string | undefined {
    return this.#wish?.kind === 'bearer'
      ? new URL(this.#wish.realm).origin
      : this.#wish && this.#options.origin;
  }

  /** The token service of the last challenge. */
  get tokens(): Pick<Bearer, 'realm' | 'service'> | undefined {
    return this.#wish?.kind === 'bearer' ? this.#wish : undefined;
  }

  get scheme(): 'anonymous' | 'basic' | 'bearer' {
    return this.#wish?.kind ?? 'anonymous';
  }

  /** Origin of a token service that a known credential was not sent to, as nobody agreed to it. */
  get withheld(): string | undefined {
    return this.#withheld;
  }

  /** Why nobody's token was sent, when it was for want of an account that could not be read. */
  unreadable(sent: string | undefined): OciError | undefined {
    return sent === undefined ? undefined : this.#unread.get(sent);
  }

  /** What a server says, without what it was told in confidence. */
  redact(text: string): string {
    return this.#secrets.redact(text);
  }

  /** Counts the accounts: another number, another account. */
  get account(): number {
    return this.#account;
  }

  /** Looks whether there is another by now. */
  async currentAccount(): Promise<number> {
    const version = await this.#options.credentials.version?.();
    if (version !== this.#version) {
      this.#forget();
      this.#version = version;
    }
    return this.#account;
  }

  /** What is known to be wanted for these scopes; undefined before the first challenge. */
  async authorization(
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    await this.currentAccount();
    if (this.#wish?.kind === 'bearer') {
      return this.#token(this.#wish, scopes, undefined, signal);
    }
    const repository = repositoryOf(scopes);
    const known = this.#wish === undefined ? '' : this.#basic.get(repository);
    return known === undefined ? this.#findBasic(repository, signal) : known || undefined;
  }

  /** The answer to a 401; undefined when there is nothing (more) to say. */
  async challenged(refusal: Refusal): Promise<string | undefined> {
    const { scopes, sent, isSecond, signal } = refusal;
    const challenges = parseChallenges(refusal.challenge);
    const wish = this.#wishOf(challenges);
    if (!wish) {
      return undefined;
    }
    this.#wish = wish;
    if (wish.kind === 'basic') {
      const header = await this.#findBasic(repositoryOf(scopes), signal);
      return header === sent ? undefined : header;
    }
    const isWidened = sent?.startsWith('Bearer ') === true && this.#widen(scopes, challenges);
    if (isSecond && !isWidened) {
      return undefined;
    }
    const header = await this.#token(wish, scopes, sent, signal);
    return header === sent ? undefined : header;
  }

  #forget(): void {
    this.#account++;
    this.#withheld = undefined;
    for (const kept of [this.#tokens, this.#basic, this.#unread]) {
      for (const key of [...kept.keys()]) {
        kept.delete(key);
      }
    }
  }

  async #findBasic(repository: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const account = this.#account;
    const header = this.#basicOf(await this.#credential(repository, signal));
    if (account === this.#account) {
      this.#basic.set(repository, header ?? '');
    }
    return header;
  }

  #credential(repository: string, signal: AbortSignal | undefined): Promise<Credential | undefined> {
    const { credentials, host } = this.#options;
    return credentials(host, { signal, ...(repository === '' ? {} : { repository }) });
  }

  /** Bearer before Basic, whichever comes first, unless its token service is none that may be asked. */
  #wishOf(challenges: readonly Challenge[]): Wish | undefined {
    const { origin, host } = this.#options;
    const bearer = challenges.find(
      ({ scheme, params }) => scheme === 'bearer' && params['realm'] !== undefined,
    );
    const basic = challenges.some(({ scheme }) => scheme === 'basic')
      ? ({ kind: 'basic' } as const)
      : undefined;
    if (!bearer) {
      return basic;
    }
    try {
      const { realm = '', service } = bearer.params;
      return { kind: 'bearer', realm: realmUrl(realm, origin, host), service };
    } catch (error) {
      if (basic) {
        return basic;
      }
      throw error;
    }
  }

  #basicOf(credential: Credential | undefined): string | undefined {
    this.#secrets.add(credential);
    switch (credential?.kind) {
      case 'password':
        return basicHeader(credential);
      case 'registry-token':
        return `Bearer ${credential.token}`;
      default:
        return undefined;
    }
  }

  #widened(scopes: readonly string[]): readonly string[] {
    // Some token services look at the first only.
    return mergeScopes([...(this.#moreScopes.get(scopes.join(' ')) ?? []), ...scopes]);
  }

  /** True when the challenge to a token asks for a scope that was not asked for yet. */
  #widen(scopes: readonly string[], challenges: readonly Challenge[]): boolean {
    const asked = this.#widened(scopes);
    const more = challenges
      .flatMap(({ scheme, params }) => (scheme === 'bearer' ? (params['scope'] ?? '').split(' ') : []))
      .filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/.test(scope) && !isCovered(scope, asked));
    const key = scopes.join(' ');
    const known = this.#moreScopes.get(key) ?? [];
    if (more.length === 0 || known.length + more.length > maxChallengedScopes) {
      return false;
    }
    this.#moreScopes.set(key, [...more, ...known]);
    return true;
  }

  /** The header of a token that is not the refused one. One request per realm and set of scopes, shared by all that wait. */
  async #token(
    wish: Bearer,
    scopes: readonly string[],
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const repository = repositoryOf(scopes);
    const wanted = this.#widened(scopes);
    // The account goes by the repository, and all of them are forgotten with a change of accounts.
    const key = JSON.stringify([wish.realm, wish.service, repository, [...wanted].sort()]);
    const known = this.#tokens.get(key);
    if (known && known.header !== refused && known.expires - expirySkew > this.#options.now()) {
      return known.header;
    }
    const account = this.#account;
    const token = await this.#flights.run(
      `${account} ${key}`,
      (ending) => this.#fetchToken(wish, wanted, repository, ending),
      signal,
    );
    if (account === this.#account) {
      this.#tokens.set(key, token);
    }
    return token.header;
  }

  async #fetchToken(
    wish: Bearer,
    scopes: readonly string[],
    repository: string,
    signal: AbortSignal,
  ): Promise<Token> {
    const { origin, requestToken } = this.#options;
    let found: Credential | undefined;
    let unreadable: OciError | undefined;
    try {
      found = await this.#credential(repository, signal);
    } catch (error) {
      if (!isOciError(error, 'credentials-unreadable')) {
        throw error;
      }
      // What is public stays so, whatever is wrong with this machine.
      unreadable = error;
    }
    this.#secrets.add(found);
    if (found?.kind === 'registry-token') {
      return { header: `Bearer ${found.token}`, expires: Number.POSITIVE_INFINITY };
    }
    const credential = found && mayKnow(wish.realm, origin, found) ? found : undefined;
    this.#withheld = found && !credential ? new URL(wish.realm).origin : undefined;
    const { realm, service } = wish;
    let token: Token;
    try {
      token = await requestToken({ realm, service, scopes, credential, withheld: this.#withheld }, signal);
    } catch (error) {
      throw unreadable && isOciError(error, 'unauthorized') ? unreadable : error;
    }
    if (unreadable) {
      this.#unread.set(token.header, unreadable);
    } else {
      this.#unread.delete(token.header);
    }
    this.#secrets.add({ kind: 'registry-token', token: token.header.slice('Bearer '.length), source: '' });
    return token;
  }
}

/** `repository:name:actions`, its actions all among those asked for there. A name may hold colons (a port). */
function isCovered(scope: string, asked: readonly string[]): boolean {
  const [resource, actions] = partsOf(scope);
  const same = asked.map(partsOf).filter(([name]) => name === resource);
  const all = new Set(same.flatMap(([, list]) => list));
  return same.length > 0 && (all.has('*') || actions.every((action) => all.has(action)));
}

/** One scope per resource, with the actions of all of them, in the order they first come in. */
function mergeScopes(scopes: readonly string[]): readonly string[] {
  const merged = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const [resource, actions] = partsOf(scope);
    merged.set(resource, new Set([...(merged.get(resource) ?? []), ...actions]));
  }
  return [...merged].map(([resource, actions]) =>
    actions.size === 0 ? resource : `${resource}:${[...actions].join(',')}`,
  );
}

/** Whose account is asked for: the first repository, as of a mount the one that is written; empty for none. */
function repositoryOf([scope = '']: readonly string[]): string {
  const [resource] = partsOf(scope);
  return resource.startsWith('repository:') ? resource.slice('repository:'.length) : '';
}

function partsOf(scope: string): readonly [string, readonly string[]] {
  const colon = scope.lastIndexOf(':');
  return colon < 0 ? [scope, []] : [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}

export function basicHeader({ username, password }: Credential & { readonly kind: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
