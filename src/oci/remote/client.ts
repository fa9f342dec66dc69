import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import request from 'undici/lib/api/api-request.js';
import { isAbort, isOciError, OciError } from '../errors.ts';
import type { Body, Op } from '../store.ts';
import { isInnerAddress } from './addresses.ts';
import type { Authorizer } from './authorizer.ts';
import { networkError, statusError } from './errors.ts';

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
}

export interface Request extends Op {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the origin, or a whole URL where a server's `Location` named one. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: { readonly content: Body; readonly size: number } | undefined;
  /** What the token has to allow, the most wanted first. */
  readonly scopes: readonly string[];
  /** Statuses that are answers and no failures. 2xx always are. */
  readonly expect?: readonly number[] | undefined;
  /** False: a failure is reported at once. */
  readonly retry?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** Of the last hop. */
  readonly url: string;
}

const maxTries = 5;
/** Most milliseconds that are waited in all before a person is told. */
const maxWait = 10_000;
const maxRedirects = 5;
const maxErrorBody = 64 * 1024;
const retriable: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** HTTP to one registry: authorization, redirects, retries, errors, log. */
export class Client {
  readonly origin: string;
  readonly #options: ClientOptions;
  /** No request of this registry starts before. */
  #pausedUntil = 0;

  constructor(options: ClientOptions) {
    this.origin = options.origin;
    this.#options = options;
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  get authorizer(): Authorizer {
    return this.#options.authorizer;
  }

  /**
   * The answer, its body unread: read or dump it.
   * @throws {OciError} for anything but 2xx and what is expected
   */
  async send(wanted: Request): Promise<Answer> {
    const facts = { method: wanted.method, url: cleanUrl(new URL(wanted.url, this.origin)), host: this.host };
    let waited = 0;
    for (let attempt = 1; ; attempt++) {
      wanted.signal?.throwIfAborted();
      let failure: Error;
      let retryAfter: number | undefined;
      try {
        await this.#pause(wanted.signal);
        const answer = await this.#authorized(wanted);
        if (
          (answer.status >= 200 && answer.status < 300) ||
          wanted.expect?.includes(answer.status) === true
        ) {
          this.#warn(answer);
          return answer;
        }
        retryAfter = retryAfterSeconds(answer.headers['retry-after']);
        failure = statusError(answer.status, await readText(answer, maxErrorBody), {
          ...facts,
          ...(retryAfter === undefined ? {} : { retryAfter }),
        });
      } catch (error) {
        failure = networkError(error, facts);
      }
      const wait = retryAfter === undefined ? this.#backOff(attempt) : retryAfter * 1000;
      const isFinal =
        wanted.retry === false || attempt >= maxTries || waited + wait > maxWait || !canRetry(failure);
      if (isFinal || isAbort(failure)) {
        throw failure;
      }
      waited += wait;
      if (retryAfter === undefined) {
        await this.#sleep(wait, wanted.signal);
      } else {
        this.#pausedUntil = performance.now() + wait;
        await this.#sleep(wait, wanted.signal);
        this.#pausedUntil = 0;
      }
    }
  }

  /** With a token where one is known; a challenge is answered once. */
  async #authorized(wanted: Request): Promise<Answer> {
    const url = new URL(wanted.url, this.origin);
    const isOwn = url.origin === this.origin;
    const { authorizer } = this.#options;
    const header = isOwn ? await authorizer.authorization(wanted.scopes, wanted.signal) : undefined;
    const answer = await this.#followed(wanted, url, header);
    if (answer.status !== 401 || !isOwn || new URL(answer.url).origin !== this.origin) {
      return answer;
    }
    const second = await authorizer.challenged(
      answer.headers['www-authenticate'],
      wanted.scopes,
      header,
      wanted.signal,
    );
    if (second === undefined) {
      return answer;
    }
    await answer.body.dump();
    return this.#followed(wanted, url, second);
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
      await answer.body.dump();
      const next = this.#checkedHop(url, location);
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

  /**
   * A target that another server named.
   * @throws {OciError} `origin-refused` for one without TLS behind one with it, and for an inner address named by an outer host
   */
  #checkedHop(from: URL, location: string): URL {
    const next = URL.parse(location, from.href);
    const facts = { url: next ? cleanUrl(next) : '', host: this.host };
    if (!next || (next.protocol !== 'https:' && next.protocol !== 'http:')) {
      throw new OciError('origin-refused', 'Redirected to something that is no web address', facts);
    }
    if (from.protocol === 'https:' && next.protocol === 'http:') {
      throw new OciError('origin-refused', 'Redirected from HTTPS to plain HTTP', facts);
    }
    if (
      next.origin !== from.origin &&
      isInnerAddress(next.hostname) &&
      !isInnerAddress(new URL(this.origin).hostname)
    ) {
      throw new OciError('origin-refused', 'Redirected to an address of this machine or network', facts);
    }
    next.username = '';
    next.password = '';
    return next;
  }

  /** Where an upload goes on: any origin the rules of a redirect allow. */
  location(answer: Answer): string {
    const location = answer.headers['location'];
    if (typeof location !== 'string' || location === '') {
      throw new OciError('not-a-registry', 'The registry named no place to upload to', {
        url: cleanUrl(new URL(answer.url)),
        host: this.host,
      });
    }
    const next = this.#checkedHop(new URL(answer.url), location);
    // A relative or own address keeps its exact query: signed ones must not be written anew.
    return next.origin === this.origin ? `${next.pathname}${next.search}` : next.href;
  }

  async #once(wanted: Request, url: URL, authorization: string | undefined): Promise<Answer> {
    const { dispatcher, userAgent, log } = this.#options;
    const start = performance.now();
    let status = 0;
    try {
      const { body } = wanted;
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
            ? { 'content-length': String(body.size) }
            : wanted.method === 'GET' || wanted.method === 'HEAD'
              ? {}
              : { 'content-length': '0' }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: body
          ? body.size === 0
            ? Buffer.alloc(0)
            : (body.content() as unknown as Dispatcher.RequestOptions['body'] & object)
          : null,
        signal: wanted.signal ?? null,
        idempotent: wanted.method !== 'POST' && wanted.method !== 'PATCH',
      });
      status = answer.statusCode;
      return { status, headers: answer.headers, body: answer.body, url: url.href };
    } finally {
      log?.({ method: wanted.method, url: cleanUrl(url), status, milliseconds: performance.now() - start });
    }
  }

  #warn(answer: Answer): void {
    const { onWarning } = this.#options;
    const header = answer.headers['warning'];
    for (const line of typeof header === 'string' ? [header] : (header ?? [])) {
      const text = /^299 - "((?:[^"\\]|\\.){0,4096})"/.exec(line)?.[1];
      if (text !== undefined) {
        onWarning?.(text.replace(/\\(.)/g, '$1'));
      }
    }
  }

  /** Exponential from 0.25 s, with a jitter of a quarter. */
  #backOff(attempt: number): number {
    const random = this.#options.random ?? Math.random;
    return 250 * 2 ** (attempt - 1) * (0.75 + random() / 2);
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    const left = this.#pausedUntil - performance.now();
    if (left > 0) {
      await this.#sleep(left, signal);
    }
  }

  async #sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    const sleep = this.#options.sleep ?? ((time, ending) => delay(time, undefined, { signal: ending }));
    await sleep(milliseconds, signal);
  }
}

function canRetry(failure: Error): boolean {
  return (
    isOciError(failure, 'connection-lost', 'rate-limited', 'server-error', 'timeout') &&
    (failure.facts.status === undefined
      ? failure.code === 'connection-lost'
      : retriable.has(failure.facts.status))
  );
}

/** Seconds, or a date of HTTP. */
function retryAfterSeconds(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') {
    return undefined;
  }
  const seconds = /^\d{1,6}$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

const shownQuery: ReadonlySet<string> = new Set([
  'n',
  'last',
  'digest',
  'mount',
  'from',
  'artifactType',
  'scope',
  'service',
]);

/** For logs and messages: no userinfo, and of the query only what cannot be a secret. */
export function cleanUrl(url: URL): string {
  const kept = [...url.searchParams]
    .filter(([key]) => shownQuery.has(key))
    .map(([key, value]) => `${key}=${value}`);
  return `${url.origin}${url.pathname}${kept.length > 0 ? `?${kept.join('&')}` : ''}`;
}

/** At most `limit` bytes of a body as text; what is longer is cut. */
export async function readText(answer: Pick<Answer, 'body'>, limit: number): Promise<string> {
  return (await readBytes(answer, limit, true)).toString('utf8');
}

/** @throws {OciError} `too-large` for more than `limit` bytes, unless they are to be cut */
export async function readBytes(answer: Pick<Answer, 'body'>, limit: number, cut = false): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) {
      answer.body.destroy();
      if (!cut) {
        throw new OciError('too-large', `The answer has more than ${limit} bytes`);
      }
      break;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A header that stands once; of several, the first. */
export function registryHeader(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
