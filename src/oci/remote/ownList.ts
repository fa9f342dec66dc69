import { bodyOf } from '../../base/bytes.ts';
import { LruMap } from '../../base/lru.ts';
import { isRecord } from '../descriptor.ts';
import { isOciError, OciError } from '../errors.ts';
import { defaultPageSize } from '../pages.ts';
import { parseBounded } from '../parseBounded.ts';
import { isRepository } from '../reference.ts';
import type { Page, PageOp } from '../store.ts';
import { registryHeader } from './answer.ts';
import { Authorizer, basicHeader } from './authorizer.ts';
import { Client, type ClientOptions } from './client.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { inNamespace } from './inNamespace.ts';
import { nextLink, nextPage } from './links.ts';
import { mayKnow } from './realms.ts';
import type { RepositoryApi } from './repositoryApis.ts';
import { Secrets } from './secrets.ts';

export interface OwnListOptions extends Omit<ClientOptions, 'origin' | 'authorizer'> {
  /** As people write it. */
  readonly host: string;
  /** Of the registry itself. */
  readonly client: Client;
  readonly credentials: CredentialSource;
  readonly namespace: string | undefined;
}

/** What stands in front of the token of a page. */
const mark = 'own:';
const maxPageBytes = 8 * 1024 * 1024;
/** Most requests behind one page. */
const maxRequests = 10;
/** Most lists that wait to be asked for. */
const maxQueue = 500;
/** Milliseconds a token of Docker Hub is used; it lives for longer. */
const hubTokenLife = 5 * 60 * 1000;

/** What is left to ask for and to give. */
interface State {
  readonly queue: readonly string[];
  readonly names: readonly string[];
  /** Lists that had no room in the queue. */
  readonly leftOut: number;
}

interface Asked {
  readonly client: Client;
  /** Undefined: as the registry's own challenge says. */
  readonly authorization: string | null | undefined;
  /** Why there is no account, where one could not be read. */
  readonly unreadable: OciError | undefined;
}

/** The repositories of a registry, listed by its provider's own API. */
export class OwnList {
  readonly #options: OwnListOptions;
  readonly #secrets = new Secrets();
  /** The API's, where it is not at the registry's own origin. */
  readonly #clients = new Map<string, Client>();
  /** What is left behind a page, by its token. */
  readonly #states = new LruMap<string, State>(16);
  #count = 0;
  #hubToken: { readonly of: string; readonly header: string; readonly until: number } | undefined;

  constructor(options: OwnListOptions) {
    this.#options = options;
  }

  /** True for the token of a page that was listed here. */
  static isToken(page: string | undefined): boolean {
    return page?.startsWith(mark) === true;
  }

  async hasAccount(op: PageOp): Promise<boolean> {
    return (await this.#credential(op)).credential !== undefined;
  }

  /** Undefined: the provider does not list what is wanted, or not to who asks. */
  async page(api: RepositoryApi, op: PageOp): Promise<Page<string> | undefined> {
    const { credential, unreadable } = await this.#credential(op);
    this.#secrets.add(credential);
    const user = credential?.kind === 'password' ? credential.username : undefined;
    const { namespace } = this.#options;
    const state = op.page === undefined ? undefined : this.#states.get(op.page);
    const starts = state ? [] : api.start({ namespace, user });
    if (!state && starts.length === 0) {
      return undefined;
    }
    const asked = { ...(await this.#asked(api, credential, op)), unreadable };
    return this.#walk(api, asked, state ?? { queue: [], names: [], leftOut: 0 }, starts, op);
  }

  async #walk(
    api: RepositoryApi,
    asked: Asked,
    state: State,
    starts: readonly string[],
    op: PageOp,
  ): Promise<Page<string>> {
    const limit = op.limit ?? defaultPageSize;
    const { namespace } = this.#options;
    const names = new Set(state.names);
    let { queue, leftOut } = state;
    for (let count = 0; count < maxRequests && names.size < limit; count++) {
      const begins = count === 0 && starts.length > 0;
      const [path, ...rest] = queue;
      if (path === undefined && !begins) {
        break;
      }
      const found = begins
        ? await this.#first(api, asked, starts, op)
        : await this.#ask(api, asked, path ?? '', op);
      for (const name of found.repositories) {
        if (isRepository(name) && inNamespace(name, namespace)) {
          names.add(name);
        }
      }
      queue = [...(found.next === undefined ? [] : [found.next]), ...found.below, ...(begins ? [] : rest)];
      leftOut += Math.max(0, queue.length - maxQueue);
      queue = queue.slice(0, maxQueue);
    }
    const all = [...names];
    const left: State = { queue, names: all.slice(limit), leftOut };
    const page = { items: all.slice(0, limit), ...(leftOut > 0 ? { leftOut } : {}) };
    if (left.queue.length + left.names.length === 0) {
      return page;
    }
    const next = `${mark}${++this.#count}`;
    this.#states.set(next, left);
    return { ...page, next };
  }

  async #first(api: RepositoryApi, asked: Asked, starts: readonly string[], op: PageOp) {
    for (const path of starts.slice(0, -1)) {
      try {
        return await this.#ask(api, asked, path, op);
      } catch (error) {
        if (!isOciError(error, 'not-found')) {
          throw error;
        }
      }
    }
    return this.#ask(api, asked, starts.at(-1) ?? '', op);
  }

  async #ask(api: RepositoryApi, { client, authorization, unreadable }: Asked, path: string, op: PageOp) {
    try {
      const answer = await client.read(
        {
          method: 'GET',
          url: path,
          headers: { accept: 'application/json', ...api.headers },
          scopes: api.account === 'challenge' ? [`repository:${repositoryOf(path)}:pull`] : [],
          ...(authorization === undefined ? {} : { authorization }),
          signal: op.signal,
        },
        maxPageBytes,
      );
      const json = parsed(answer.bytes, answer.facts);
      const found = api.read(json, path);
      const endpoint = path.replace(/\?.*$/, '');
      const next = nextPage(found.next ?? nextLink(registryHeader(answer, 'link')), endpoint, path);
      return { repositories: found.repositories, below: found.below ?? [], next };
    } catch (error) {
      throw this.#told(error, unreadable);
    }
  }

  async #credential(op: PageOp): Promise<{
    readonly credential?: Credential | undefined;
    readonly unreadable?: OciError;
  }> {
    const { credentials, host, namespace } = this.#options;
    try {
      const repository = namespace === undefined ? {} : { repository: namespace };
      return { credential: await credentials(host, { signal: op.signal, ...repository }) };
    } catch (error) {
      if (isOciError(error, 'credentials-unreadable')) {
        // What is public stays so, whatever is wrong with this machine.
        return { unreadable: error };
      }
      throw error;
    }
  }

  /** Where the API is, and what of the account it is told. */
  async #asked(
    api: RepositoryApi,
    credential: Credential | undefined,
    op: PageOp,
  ): Promise<Omit<Asked, 'unreadable'>> {
    const { client } = this.#options;
    const { realm } = client.traits;
    const origin = api.origin === 'realm' ? realm && new URL(realm).origin : api.origin;
    const at = origin === undefined || origin === client.origin ? client : this.#clientOf(origin);
    if (api.account === 'challenge') {
      return { client: at, authorization: undefined };
    }
    // The origin of a row is its provider's own; that of a token service is what its challenge says.
    const isKnown =
      credential !== undefined &&
      (api.origin !== 'realm' || at === client || mayKnow(at.origin, client.origin, credential));
    const authorization =
      isKnown && credential.kind === 'password' ? await this.#header(api, at, credential, op) : null;
    return { client: at, authorization };
  }

  async #header(
    { account }: RepositoryApi,
    client: Client,
    credential: Credential & { readonly kind: 'password' },
    op: PageOp,
  ): Promise<string | null> {
    switch (account) {
      case 'basic':
        return basicHeader(credential);
      case 'token':
        // A header of HTTP; what is none is no token.
        return /^[\x21-\x7e]+$/.test(credential.password) ? `Bearer ${credential.password}` : null;
      case 'hub':
        return this.#hub(client, credential, op);
      default:
        return null;
    }
  }

  /** Docker Hub API: Create access token. Null where it takes none of this account: what is public is listed all the same. */
  async #hub(
    client: Client,
    { username, password }: Credential & { readonly kind: 'password' },
    op: PageOp,
  ): Promise<string | null> {
    const now = this.#options.now ?? Date.now;
    const of = basicHeader({ kind: 'password', username, password, source: '' });
    if (this.#hubToken?.of === of && this.#hubToken.until > now()) {
      return this.#hubToken.header;
    }
    const body = Buffer.from(JSON.stringify({ identifier: username, secret: password }));
    try {
      const answer = await client.read(
        {
          method: 'POST',
          url: '/v2/auth/token',
          headers: { accept: 'application/json', 'content-type': 'application/json' },
          body: { size: body.length, content: bodyOf(body) },
          scopes: [],
          authorization: null,
          signal: op.signal,
          expect: [400, 401, 403, 404],
        },
        maxPageBytes,
      );
      const json = answer.status === 200 ? parsed(answer.bytes, answer.facts) : undefined;
      const token = isRecord(json) ? json['access_token'] : undefined;
      if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
        return null;
      }
      this.#secrets.add({ kind: 'registry-token', token, source: '' });
      this.#hubToken = { of, header: `Bearer ${token}`, until: now() + hubTokenLife };
      return this.#hubToken.header;
    } catch (error) {
      throw this.#told(error, undefined);
    }
  }

  #clientOf(origin: string): Client {
    const known = this.#clients.get(origin);
    if (known) {
      return known;
    }
    const { host, now = Date.now } = this.#options;
    const nobody = new Authorizer({
      origin,
      host,
      credentials: () => Promise.resolve(undefined),
      requestToken: () => Promise.reject(new OciError('unauthorized', 'Nobody is asked for a token here')),
      now,
    });
    const client = new Client({
      ...this.#options,
      origin,
      authorizer: nobody,
      onWarning: (text) => this.#options.onWarning?.(this.#secrets.redact(text)),
    });
    this.#clients.set(origin, client);
    return client;
  }

  /** About the registry, whose remedies help, and without what was told in confidence. */
  #told(error: unknown, unreadable: OciError | undefined): unknown {
    if (!isOciError(error)) {
      return error;
    }
    if (unreadable && isOciError(error, 'unauthorized')) {
      return unreadable;
    }
    const { detail, ...facts } = error.facts;
    const isRefused = facts.status === 401 || facts.status === 403;
    return new OciError(
      isRefused ? (facts.status === 401 ? 'unauthorized' : 'denied') : error.code,
      this.#secrets.redact(error.message),
      {
        ...facts,
        // Where there was no answer, it is the API that cannot be reached.
        ...(facts.status === undefined ? {} : { host: this.#options.host }),
        ...(detail === undefined ? {} : { detail: this.#secrets.redact(detail) }),
      },
    );
  }
}

function repositoryOf(path: string): string {
  return path.replace(/^\/v2\/|\/tags\/list$/g, '');
}

/** @throws {OciError} `not-a-registry` without its cause, which quotes the body */
function parsed(bytes: Buffer, facts: OciError['facts']): unknown {
  try {
    return parseBounded(bytes.toString('utf8'));
  } catch {
    throw new OciError('not-a-registry', 'The list is not JSON', facts);
  }
}
