import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import request from 'undici/lib/api/api-request.js';
import { isAbort, isOciError, OciError, type ErrorFacts } from '../errors.ts';
import type { Body, Op } from '../store.ts';
import { answerOf, discard, readBytes, readText, type Answer } from './answer.ts';
import type { Authorizer } from './authorizer.ts';
import { checkedHop } from './checkedHop.ts';
import { cleanUrl } from './cleanUrl.ts';
import { Crowd } from './crowd.ts';
import { networkError, statusError } from './errors.ts';
import { kindOf, Pause, type Held } from './pause.ts';
import type { Traits } from './quirks.ts';
import { rateLimitOf, type RateLimit } from './rateLimit.ts';
import { canRetry } from './canRetry.ts';
import { retryAfter } from './retryAfter.ts';
import { speaksTls } from './speaksTls.ts';
import { warningsOf } from './warnings.ts';

/** One request that was answered or failed; nothing in it is secret. */
export interface RequestLog {
  readonly method: string;
  /** Without the query, but for the names and numbers of lists. */
  readonly url: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly milliseconds: number;
}

export interface ClientOptions {
  /** `https://registry.example.com:5000`. */
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly authorizer: Authorizer;
  readonly userAgent: string;
  readonly log?: ((entry: RequestLog) => void) | undefined;
  /** Text of `Warning: 299` headers (distribution-spec, Warnings), at most 4,096 characters. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Milliseconds; a test gives its own. */
  readonly sleep?: ((milliseconds: number, signal?: AbortSignal) => Promise<void>) | undefined;
  readonly random?: (() => number) | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
  /** Milliseconds that a document may take from its headers to its end; default two minutes. */
  readonly patience?: number | undefined;
  /** Where plain HTTP is a guess: what authorizes at its HTTPS origin, once the server was seen to speak TLS. */
  readonly atTls?: ((origin: string) => Authorizer) | undefined;
}

export interface Request extends Op {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the origin, or a whole URL where a server's `Location` named one. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of no size where the end is not known when it begins: HTTP has a form for that, which not every server takes. */
  readonly body?: { readonly content: Body | Uint8Array; readonly size?: number } | undefined;
  /** What the token has to allow, the most wanted first. */
  readonly scopes: readonly string[];
  /** Statuses that are answers and no failures. 2xx always are. */
  readonly expect?: readonly number[] | undefined;
  /** False: a failure is reported at once. */
  readonly retry?: boolean | undefined;
  /** Sent as such to the origin of `url` and to no other, whatever is asked there; null: nothing is. */
  readonly authorization?: string | null | undefined;
}

const maxTries = 5;
/** Most milliseconds that are waited in all before a person is told. */
const maxWait = 10_000;
const maxRedirects = 5;
const maxErrorBody = 64 * 1024;

/** HTTP to one registry: authorization, redirects, retries, errors, log. */
export class Client {
  readonly #options: ClientOptions;
  readonly #pause: Pause;
  readonly #crowd = new Crowd();
  #origin: string;
  #authorizer: Authorizer;
  #headers: Answer['headers'] = {};
  #rateLimit: RateLimit | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#pause = new Pause(() => this.#now());
    this.#origin = options.origin;
    this.#authorizer = options.authorizer;
  }

  get origin(): string {
    return this.#origin;
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  get authorizer(): Authorizer {
    return this.#authorizer;
  }

  /** What the registry showed of itself so far. */
  get traits(): Traits {
    const { tokens } = this.authorizer;
    return { headers: this.#headers, realm: tokens?.realm, service: tokens?.service };
  }

  /** What it last said of how often it may be asked. */
  get rateLimit(): RateLimit | undefined {
    return this.#rateLimit;
  }

  /**
   * The answer, its body unread: read or dump it.
   * @throws {OciError} for anything but 2xx and what is expected
   */
  send(wanted: Request): Promise<Answer> {
    return this.#retried(wanted, (answer) => Promise.resolve(answer));
  }

  /**
   * The answer with its body, which is asked for again when the connection breaks on the way.
   * @throws {OciError} as `send`, and `too-large` for a body of more than `limit` bytes
   */
  read(wanted: Request, limit: number): Promise<Answer & { readonly bytes: Buffer }> {
    return this.#retried(wanted, async (answer) => ({
      ...answer,
      bytes: isSuccess(answer)
        ? await readBytes(answer, limit)
        : await readBytes(answer, Math.min(limit, maxErrorBody), true),
    }));
  }

  /** A pause of so many milliseconds to twice as many, so that those who get in each other's way part. */
  rest(least: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(least * (1 + (this.#options.random ?? Math.random)()), signal);
  }

  async #retried<T>(wanted: Request, use: (answer: Answer) => Promise<T>): Promise<T> {
    let waited = 0;
    for (let attempt = 1; ; attempt++) {
      wanted.signal?.throwIfAborted();
      const { origin, host } = this;
      const facts = { method: wanted.method, url: cleanUrl(new URL(wanted.url, origin)), host };
      let failure: Error;
      try {
        const held = await this.#paused(wanted, facts);
        const ask = (): Promise<Answer> => this.#authorized(wanted);
        // A body that is streamed may wait for what is asked here meanwhile.
        const isStreamed = typeof wanted.body?.content === 'function';
        const answer = await (isStreamed ? ask() : this.#crowd.run(ask, wanted.signal));
        if (isSuccess(answer) || wanted.expect?.includes(answer.status) === true) {
          this.#warn(answer);
          this.#pause.end(held?.of === kindOf(wanted.url) ? held : undefined);
          return await use(answer);
        }
        if (answer.status === 404 && wanted.method === 'DELETE' && attempt > 1) {
          // The try before got through, though its answer did not.
          return await use(answer);
        }
        failure = await this.#failure(answer, facts);
      } catch (error) {
        // Whatever reason it was aborted with.
        wanted.signal?.throwIfAborted();
        failure = networkError(error, facts);
      }
      if (await this.#isTls(origin, failure, wanted.signal)) {
        continue;
      }
      const told = isOciError(failure) ? failure.facts.retryAfter : undefined;
      const wait = told === undefined ? this.#backOff(attempt) : told * 1000;
      if (isOciError(failure, 'rate-limited') && told !== undefined && this.#isOwn(failure)) {
        const { account } = this.authorizer;
        this.#pause.begin(wait, { account, of: kindOf(wanted.url), refusal: failure });
      }
      const isFinal =
        wanted.retry === false || attempt >= maxTries || waited + wait > maxWait || !canRetry(failure);
      if (isFinal || isAbort(failure)) {
        throw failure;
      }
      waited += wait;
      await this.#sleep(wait, wanted.signal);
    }
  }

  /** Goes on with TLS, and never back, where the server that failed speaks it. @returns whether to try again */
  async #isTls(origin: string, failure: Error, signal: AbortSignal | undefined): Promise<boolean> {
    const { atTls } = this.#options;
    const safe = new URL('/v2/', origin.replace(/^http:/, 'https:'));
    const ask = (): Promise<Answer> =>
      this.#once({ method: 'GET', url: '/v2/', scopes: [], signal }, safe, undefined);
    if (!atTls || safe.origin === origin || !(await speaksTls(failure, ask, signal))) {
      return false;
    }
    if (this.#origin === origin) {
      this.#origin = safe.origin;
      this.#authorizer = atTls(safe.origin);
    }
    return true;
  }

  /** What an answer that is no success means. */
  async #failure(answer: Answer, facts: ErrorFacts): Promise<OciError> {
    const { authorizer } = this;
    const isOwn = new URL(answer.url).origin === this.origin;
    const wait = retryAfter(answer, this.#now());
    const { withheld } = authorizer;
    const text = await readText(answer, maxErrorBody);
    return statusError(
      answer.status,
      text,
      {
        ...(isOwn ? facts : answer.facts),
        ...(wait === undefined ? {} : { retryAfter: wait }),
        ...(withheld === undefined || !isOwn ? {} : { realm: withheld }),
      },
      { isOwn, redact: (said) => authorizer.redact(said) },
    );
  }

  /** @throws {OciError} `credentials-unreadable` when nobody's token was not enough, and the account could not be read */
  async #authorized(wanted: Request): Promise<Answer> {
    const { answer, sent } = await this.#answered(wanted);
    const isRefused = [401, 403].includes(answer.status) && wanted.expect?.includes(answer.status) !== true;
    const unreadable = isRefused ? this.authorizer.unreadable(sent) : undefined;
    if (unreadable && new URL(answer.url).origin === this.origin) {
      await discard(answer);
      throw unreadable;
    }
    return answer;
  }

  /** With a token where one is known; a challenge is answered once, and once more where it asks for more than the first. */
  async #answered(wanted: Request): Promise<{ readonly answer: Answer; readonly sent: string | undefined }> {
    const url = new URL(wanted.url, this.origin);
    const isOwn = url.origin === this.origin;
    const { authorizer } = this;
    const { scopes, signal } = wanted;
    if (wanted.authorization !== undefined) {
      const sent = wanted.authorization ?? undefined;
      return { answer: await this.#followed(wanted, url, sent), sent };
    }
    let header = isOwn ? await authorizer.authorization(scopes, signal) : undefined;
    for (let round = 0; ; round++) {
      const answer = await this.#followed(wanted, url, header);
      // Who else than the registry asks gets no answer.
      if (answer.status !== 401 || !isOwn || new URL(answer.url).origin !== this.origin || round > 1) {
        return { answer, sent: header };
      }
      const next = await authorizer.challenged({
        challenge: answer.headers['www-authenticate'],
        scopes,
        sent: header,
        isSecond: round > 0,
        signal,
      });
      if (next === undefined) {
        return { answer, sent: header };
      }
      await discard(answer);
      header = next;
    }
  }

  /** Redirects of reads, by hand: the authorization stays with its origin, and no hop goes where the registry could not. */
  async #followed(wanted: Request, start: URL, authorization: string | undefined): Promise<Answer> {
    let url = start;
    let header = authorization;
    for (let hop = 0; ; hop++) {
      const answer = await this.#once(wanted, url, header);
      const isRead = wanted.method === 'GET' || wanted.method === 'HEAD';
      const location = answer.headers['location'];
      if (!isRead || ![301, 302, 303, 307, 308].includes(answer.status) || typeof location !== 'string') {
        return answer;
      }
      await discard(answer);
      const next = checkedHop(url, location, this.origin);
      if (hop >= maxRedirects) {
        throw new OciError('request-refused', 'Redirected too often', {
          method: wanted.method,
          url: cleanUrl(start),
          host: this.host,
        });
      }
      header = next.origin === url.origin ? header : undefined;
      url = next;
    }
  }

  async #once(wanted: Request, url: URL, authorization: string | undefined): Promise<Answer> {
    const { dispatcher, userAgent, log } = this.#options;
    const start = performance.now();
    let status = 0;
    try {
      const { body } = wanted;
      // What is in memory goes with the headers, in one piece.
      const sent = typeof body?.content === 'function' ? body.content() : body?.content;
      // undici takes a connection for free one turn after its answer has ended; before, it would make another.
      await turn();
      const answer = await request.call(dispatcher, {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: wanted.method,
        headers: {
          'user-agent': userAgent,
          // A digest is over the bytes as they are stored.
          'accept-encoding': 'identity',
          ...wanted.headers,
          ...(body
            ? body.size === undefined
              ? {}
              : { 'content-length': String(body.size) }
            : wanted.method === 'GET' || wanted.method === 'HEAD'
              ? {}
              : { 'content-length': '0' }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: body
          ? body.size === 0
            ? Buffer.alloc(0)
            : (sent as unknown as Dispatcher.RequestOptions['body'] & object)
          : null,
        signal: wanted.signal ?? null,
        idempotent: wanted.method !== 'POST' && wanted.method !== 'PATCH',
        // Else each HEAD would end its connection, for servers that send a body with it: theirs is then lost, as it should.
        reset: false,
      });
      status = answer.statusCode;
      if (url.origin === this.origin) {
        this.#headers = answer.headers;
        this.#rateLimit = rateLimitOf(answer) ?? this.#rateLimit;
      }
      return answerOf(answer, wanted.method, url, this.host, this.#options.patience);
    } finally {
      log?.({ method: wanted.method, url: cleanUrl(url), status, milliseconds: performance.now() - start });
    }
  }

  #warn({ headers }: Answer): void {
    for (const text of warningsOf(headers['warning'])) {
      this.#options.onWarning?.(this.authorizer.redact(text));
    }
  }

  /** Exponential from 0.25 s, with a jitter of a quarter. */
  #backOff(attempt: number): number {
    const random = this.#options.random ?? Math.random;
    return 250 * 2 ** (attempt - 1) * (0.75 + random() / 2);
  }

  /**
   * Waits until the registry wants to be asked again. Nobody waits for long: one of many is refused, and a person may try.
   * @throws {OciError} `rate-limited`
   */
  async #paused({ isOfMany, signal }: Request, facts: ErrorFacts): Promise<Held | undefined> {
    const { held, left } = this.#pause;
    if (held && (await this.authorizer.currentAccount()) !== held.account) {
      this.#pause.end(held);
    } else if (held && left <= maxWait) {
      await this.#sleep(left, signal);
    } else if (held && isOfMany === true) {
      const { code, message, facts: found } = held.refusal;
      throw new OciError(code, message, { ...found, ...facts, retryAfter: Math.ceil(left / 1000) });
    }
    return held;
  }

  /** Whether it is the registry, or the service of its tokens, that says so. */
  #isOwn({ facts }: OciError): boolean {
    const from = URL.parse(facts.url ?? '')?.origin;
    const { realm } = this.traits;
    return from === this.origin || (realm !== undefined && from === new URL(realm).origin);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async #sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    const sleep = this.#options.sleep ?? ((time, ending) => delay(time, undefined, { signal: ending }));
    await sleep(milliseconds, signal);
  }
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
