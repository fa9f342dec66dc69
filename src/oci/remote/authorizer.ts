import { isRecord } from '../descriptor.ts';
import { OciError } from '../errors.ts';
import { isLoopback } from '../reference.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { trustedRealmHosts } from './quirks.ts';

/** Sends one request to a token service; the client's own sending, without its authorization. */
export type TokenRequest = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly authorization?: string | undefined;
  readonly form?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}) => Promise<{ readonly status: number; readonly body: string }>;

export interface AuthorizerOptions {
  readonly origin: string;
  /** As the user writes it; credentials are kept under this name. */
  readonly host: string;
  readonly credentials: CredentialSource;
  readonly send: TokenRequest;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

interface Token {
  readonly header: string;
  readonly expires: number;
}

/** What the registry wants, learnt from its last challenge. */
type Wish =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service: string | undefined };

/** Tokens without a stated life live this long (distribution, token specification). */
const defaultLife = 60;
const expirySkew = 5_000;
/** Answers of token services that refuse the one way of asking and may take the other. */
const otherWay: ReadonlySet<number> = new Set([400, 401, 404, 405]);

/** Authorization for one registry and one account: nothing is sent before a challenge asks for it. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  #wish: Wish | undefined;
  #basic: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Which credential answered last, to show; undefined for anonymous. */
  source: string | undefined;

  /** Where the registry sends people to sign in: the origin of its token service, or its own. */
  get realm(): string | undefined {
    return this.#wish?.kind === 'bearer'
      ? new URL(this.#wish.realm).origin
      : this.#wish && this.#options.origin;
  }

  get scheme(): 'anonymous' | 'basic' | 'bearer' {
    return this.#wish?.kind ?? 'anonymous';
  }

  /** What is known to be wanted for these scopes; undefined before the first challenge. */
  async authorization(
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    if (this.#wish?.kind !== 'bearer') {
      return this.#basic;
    }
    return (await this.#token(this.#wish, scopes, signal)).header;
  }

  /** The answer to a 401; undefined when there is nothing (more) to say. */
  async challenged(
    header: string | string[] | undefined,
    scopes: readonly string[],
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const wish = this.#wishOf(parseChallenges(header));
    if (!wish) {
      return undefined;
    }
    this.#wish = wish;
    if (wish.kind === 'basic') {
      const credential = await this.#options.credentials(this.#options.host, { signal });
      this.#basic =
        credential?.kind === 'password'
          ? basicHeader(credential)
          : credential?.kind === 'registry-token'
            ? `Bearer ${credential.token}`
            : undefined;
      this.source = this.#basic === undefined ? undefined : credential?.source;
      return this.#basic === refused ? undefined : this.#basic;
    }
    this.#tokens.delete(keyOf(wish, scopes));
    const { header: answer } = await this.#token(wish, scopes, signal);
    return answer === refused ? undefined : answer;
  }

  #wishOf(challenges: readonly Challenge[]): Wish | undefined {
    const bearer = challenges.find(
      ({ scheme, params }) => scheme === 'bearer' && params['realm'] !== undefined,
    );
    if (bearer) {
      return {
        kind: 'bearer',
        realm: this.#realm(bearer.params['realm'] ?? ''),
        service: bearer.params['service'],
      };
    }
    return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
  }

  /** @throws {OciError} `origin-refused` for a realm without TLS, unless the registry has none either */
  #realm(text: string): string {
    const { origin, host } = this.#options;
    const realm = text.length <= 2048 ? URL.parse(text, origin) : null;
    const isPlain = realm?.protocol === 'http:' && (origin.startsWith('http:') || isLoopback(realm.host));
    if (!realm || realm.username !== '' || (realm.protocol !== 'https:' && !isPlain)) {
      throw new OciError('origin-refused', `${host} names a token service that is not to be trusted`, {
        host,
        detail: text.slice(0, 200),
      });
    }
    return realm.href;
  }

  /** One request per realm and set of scopes, shared by all that wait for it. */
  #token(
    wish: Wish & { kind: 'bearer' },
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const key = keyOf(wish, scopes);
    const known = this.#tokens.get(key);
    const now = this.#options.now ?? Date.now;
    if (known) {
      return known.then((token) => {
        if (token.expires - expirySkew > now()) {
          return token;
        }
        this.#tokens.delete(key);
        return this.#token(wish, scopes, signal);
      });
    }
    // Others may wait for the same token, so the first one's signal does not end it.
    const fresh = this.#fetchToken(wish, scopes);
    this.#tokens.set(key, fresh);
    fresh.catch(() => this.#tokens.delete(key));
    return fresh;
  }

  async #fetchToken(wish: Wish & { kind: 'bearer' }, scopes: readonly string[]): Promise<Token> {
    const { host, credentials } = this.#options;
    const found = await credentials(host);
    if (found?.kind === 'registry-token') {
      this.source = found.source;
      return { header: `Bearer ${found.token}`, expires: Number.POSITIVE_INFINITY };
    }
    const credential = found && this.#mayKnow(wish.realm, found) ? found : undefined;
    this.source = credential?.source;
    const { status, body } = await this.#ask(wish, scopes, credential);
    if (status < 200 || status >= 300) {
      const code = status === 429 ? 'rate-limited' : status >= 500 ? 'server-error' : 'unauthorized';
      throw new OciError(code, `The token service of ${host} answered ${status}`, {
        method: 'GET',
        url: new URL(wish.realm).origin,
        status,
        host,
        ...(found && !credential
          ? { detail: `${new URL(wish.realm).host} is on another site than ${host}` }
          : {}),
      });
    }
    return this.#parseToken(body, wish);
  }

  /** The registry's own site, a well-known pair, or what the owner agreed to; anyone else gets an anonymous request. */
  #mayKnow(realm: string, credential: Credential): boolean {
    const { origin } = this.#options;
    const to = new URL(realm);
    const from = new URL(origin);
    return (
      to.hostname === from.hostname ||
      (to.protocol === 'https:' &&
        (siteOf(to.hostname) === siteOf(from.hostname) ||
          trustedRealmHosts(from.hostname).includes(to.hostname))) ||
      credential.realms?.includes(to.origin) === true
    );
  }

  async #ask(
    wish: Wish & { kind: 'bearer' },
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<{ status: number; body: string }> {
    const byForm = credential?.kind === 'identity-token';
    const first = await (byForm ? this.#post(wish, scopes, credential) : this.#get(wish, scopes, credential));
    if (credential?.kind === 'password' && otherWay.has(first.status) && first.status !== 401) {
      return this.#post(wish, scopes, credential);
    }
    return first;
  }

  #get(
    wish: Wish & { kind: 'bearer' },
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<{ status: number; body: string }> {
    const url = new URL(wish.realm);
    if (wish.service !== undefined) {
      url.searchParams.set('service', wish.service);
    }
    for (const scope of scopes) {
      url.searchParams.append('scope', scope);
    }
    const authorization = credential?.kind === 'password' ? basicHeader(credential) : undefined;
    return this.#options.send({ method: 'GET', url: url.href, authorization });
  }

  #post(
    wish: Wish & { kind: 'bearer' },
    scopes: readonly string[],
    credential: Credential,
  ): Promise<{ status: number; body: string }> {
    const form = new URLSearchParams({ client_id: 'oci-explorer', scope: scopes.join(' ') });
    if (wish.service !== undefined) {
      form.set('service', wish.service);
    }
    if (credential.kind === 'password') {
      form.set('grant_type', 'password');
      form.set('username', credential.username);
      form.set('password', credential.password);
    } else {
      form.set('grant_type', 'refresh_token');
      form.set('refresh_token', credential.token);
    }
    return this.#options.send({ method: 'POST', url: wish.realm, form: form.toString() });
  }

  #parseToken(body: string, wish: Wish & { kind: 'bearer' }): Token {
    const { host } = this.#options;
    let json: unknown;
    try {
      json = JSON.parse(body);
    } catch (cause) {
      throw new OciError('not-a-registry', `The token service of ${host} did not answer with JSON`, {
        host,
        url: new URL(wish.realm).origin,
        cause,
      });
    }
    const fields = isRecord(json) ? json : {};
    const token = [fields['token'], fields['access_token']].find(
      (text) => typeof text === 'string' && /^[\x21-\x7e]+$/.test(text),
    );
    if (typeof token !== 'string') {
      throw new OciError('unauthorized', `The token service of ${host} gave no token`, {
        host,
        url: new URL(wish.realm).origin,
      });
    }
    const life =
      typeof fields['expires_in'] === 'number' ? Math.max(defaultLife, fields['expires_in']) : defaultLife;
    const now = this.#options.now ?? Date.now;
    return { header: `Bearer ${token}`, expires: now() + life * 1000 };
  }
}

function keyOf(wish: Wish & { kind: 'bearer' }, scopes: readonly string[]): string {
  return JSON.stringify([wish.realm, wish.service, [...scopes].sort()]);
}

function basicHeader(credential: Credential & { kind: 'password' }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/**
 * The part of a name that one owner has: the last two labels, three where the last two are a country's own (`co.uk`). An
 * address is a site of its own.
 */
export function siteOf(hostname: string): string {
  if (/^[\d.]+$|^\[/.test(hostname)) {
    return hostname;
  }
  const labels = hostname.split('.');
  const isCountry = /^[a-z]{2}$/.test(labels.at(-1) ?? '') && (labels.at(-2) ?? '').length <= 3;
  return labels.slice(isCountry ? -3 : -2).join('.');
}
