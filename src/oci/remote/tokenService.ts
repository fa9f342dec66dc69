import request from 'undici/lib/api/api-request.js';
import { isRecord } from '../descriptor.ts';
import { OciError } from '../errors.ts';
import { answerOf, discard, readBytes, readText, type Answer } from './answer.ts';
import { basicHeader } from './authorizer.ts';
import { cleanUrl } from './cleanUrl.ts';
import type { ClientOptions } from './client.ts';
import type { Credential } from './credential.ts';
import { networkError } from './errors.ts';
import { retryAfter } from './retryAfter.ts';

export interface Token {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Scopes it says it is for; undefined: it does not say. */
  readonly granted?: readonly string[] | undefined;
}

export interface TokenServiceOptions extends Pick<ClientOptions, 'dispatcher' | 'userAgent' | 'log'> {
  /** Of the registry the tokens are for. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of every token that was asked for; nothing in it is secret. */
  readonly onToken?: ((exchange: TokenExchange) => void) | undefined;
}

/** What a token service was asked, and what it gave. */
export interface TokenExchange {
  /** Without its query. */
  readonly realm: string;
  readonly scopes: readonly string[];
  /** Undefined: it gave a token that does not say. */
  readonly granted: readonly string[] | undefined;
  /** Seconds the token is used; undefined: it gave none. */
  readonly life: number | undefined;
  /** Whether it was told who asks. */
  readonly told: 'sent' | 'withheld' | 'nobody';
}

export interface TokenRequest {
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** Undefined: as anonymous. A ready bearer token never goes to a token service. */
  readonly credential: Exclude<Credential, { readonly kind: 'registry-token' }> | undefined;
  /** Origin of the realm, when there is a credential it may not know. */
  readonly withheld: string | undefined;
}

/** Tokens without a stated life live this long, and none is taken to live shorter (distribution, token specification). */
const leastLife = 60;
const mostLife = 24 * 60 * 60;
const maxTokenBody = 128 * 1024;
/** Refusals of the one way of asking that may take the other. */
const otherWay: ReadonlySet<number> = new Set([400, 404, 405]);

/**
 * Asks once for a token: no redirect is followed, whatever is in hand.
 * @throws {OciError} none of which holds anything the service said, which may echo what it was sent
 */
export async function requestToken(
  options: TokenServiceOptions,
  wanted: TokenRequest,
  signal: AbortSignal,
): Promise<Token> {
  const { credential, withheld, realm, scopes } = wanted;
  const tell = (token: Token | undefined): void =>
    options.onToken?.({
      realm: cleanUrl(new URL(realm)),
      scopes,
      granted: token?.granted,
      life: token && Math.round((token.expires - options.now()) / 1000),
      told: credential ? 'sent' : withheld === undefined ? 'nobody' : 'withheld',
    });
  try {
    const token = await ask(options, wanted, signal);
    tell(token);
    return token;
  } catch (error) {
    tell(undefined);
    throw error;
  }
}

async function ask(options: TokenServiceOptions, wanted: TokenRequest, signal: AbortSignal): Promise<Token> {
  const asked = options.now();
  const { credential } = wanted;
  let answer = await (credential?.kind === 'identity-token'
    ? post(options, wanted, credential, signal)
    : get(options, wanted, credential, signal));
  if (credential?.kind === 'password' && otherWay.has(answer.status)) {
    await discard(answer);
    answer = await post(options, wanted, credential, signal);
  }
  if (answer.status < 200 || answer.status >= 300) {
    await readText(answer, maxTokenBody);
    throw refusal(answer, options, wanted);
  }
  return parseToken(answer, (await readBytes(answer, maxTokenBody)).toString('utf8'), asked);
}

function refusal(answer: Answer, { host, now }: TokenServiceOptions, wanted: TokenRequest): OciError {
  const { status } = answer;
  const wait = retryAfter(answer, now());
  const code = status === 429 ? 'rate-limited' : status >= 500 ? 'server-error' : 'unauthorized';
  return new OciError(code, `The token service of ${host} answered ${status}`, {
    ...answer.facts,
    ...(wait === undefined ? {} : { retryAfter: wait }),
    ...(wanted.withheld === undefined ? {} : { realm: wanted.withheld }),
  });
}

function get(
  options: TokenServiceOptions,
  { realm, service, scopes }: TokenRequest,
  credential: (Credential & { readonly kind: 'password' }) | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(realm);
  if (service !== undefined) {
    url.searchParams.set('service', service);
  }
  for (const scope of scopes) {
    url.searchParams.append('scope', scope);
  }
  return send(options, url, signal, credential && { authorization: basicHeader(credential) });
}

function post(
  options: TokenServiceOptions,
  { realm, service, scopes }: TokenRequest,
  credential: TokenRequest['credential'] & object,
  signal: AbortSignal,
): Promise<Answer> {
  const secret: Readonly<Record<string, string>> =
    credential.kind === 'password'
      ? { grant_type: 'password', username: credential.username, password: credential.password }
      : { grant_type: 'refresh_token', refresh_token: credential.token };
  const form = new URLSearchParams({
    client_id: 'oci-explorer',
    scope: scopes.join(' '),
    ...(service === undefined ? {} : { service }),
    ...secret,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return send(options, new URL(realm), signal, headers, form.toString());
}

async function send(
  { dispatcher, userAgent, log, host }: TokenServiceOptions,
  url: URL,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> | undefined,
  form?: string,
): Promise<Answer> {
  const method = form === undefined ? 'GET' : 'POST';
  const start = performance.now();
  let status = 0;
  try {
    const answer = await request.call(dispatcher, {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: {
        'user-agent': userAgent,
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...headers,
      },
      body: form ?? null,
      signal,
    });
    status = answer.statusCode;
    return answerOf(answer, method, url, host);
  } catch (error) {
    // What is wrong below HTTP is wrong with the token service, not with the registry.
    throw networkError(error, { method, url: cleanUrl(url), host: url.host });
  } finally {
    log?.({ method, url: cleanUrl(url), status, milliseconds: performance.now() - start });
  }
}

function parseToken({ facts }: Answer, body: string, asked: number): Token {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // Without its cause, which quotes the body.
    throw new OciError('not-a-registry', 'The token service did not answer with JSON', facts);
  }
  const fields = isRecord(json) ? json : {};
  const token = [fields['token'], fields['access_token']].find(
    (text) => typeof text === 'string' && /^[\x21-\x7e]+$/.test(text),
  );
  if (typeof token !== 'string') {
    throw new OciError('not-a-registry', 'The token service gave no token', facts);
  }
  const stated = fields['expires_in'];
  const life = typeof stated === 'number' ? Math.min(mostLife, Math.max(leastLife, stated)) : leastLife;
  return { header: `Bearer ${token}`, expires: asked + life * 1000, granted: grantedOf(fields, token) };
}

const maxGranted = 50;

/** `scope` of the answer, else the claim `access` of a token that is a JWT, whose signature is the registry's to check. */
function grantedOf(fields: Readonly<Record<string, unknown>>, token: string): readonly string[] | undefined {
  const { scope } = fields;
  if (typeof scope === 'string') {
    return scope.split(' ').filter(Boolean).slice(0, maxGranted);
  }
  const access = accessOf(token);
  return access
    ?.slice(0, maxGranted)
    .filter(isRecord)
    .map(({ type, name, actions }) =>
      [type, name, Array.isArray(actions) ? actions.join(',') : ''].map(String).join(':').slice(0, 512),
    );
}

function accessOf(token: string): readonly unknown[] | undefined {
  const [, claims, signature] = token.split('.');
  if (claims === undefined || signature === undefined) {
    return undefined;
  }
  try {
    const json: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const access = isRecord(json) ? (json['access'] ?? []) : undefined;
    return Array.isArray(access) ? access : undefined;
  } catch {
    return undefined;
  }
}
