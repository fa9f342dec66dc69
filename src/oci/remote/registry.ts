import request from 'undici/lib/api/api-request.js';
import { apiHost, isRepository } from '../reference.ts';
import type { Page, PageOp, Registry } from '../store.ts';
import { OciError } from '../errors.ts';
import { Authorizer, type TokenRequest } from './authorizer.ts';
import { Client, cleanUrl, readText, type ClientOptions } from './client.ts';
import type { CredentialSource } from './credential.ts';
import { networkError } from './errors.ts';
import { createLists, listPage } from './lists.ts';
import { quirksOf } from './quirks.ts';
import { RemoteRepository } from './repository.ts';

export interface RemoteOptions extends Pick<
  ClientOptions,
  'dispatcher' | 'userAgent' | 'log' | 'onWarning' | 'sleep' | 'random'
> {
  /** As people write it: `docker.io`, `localhost:5000`. */
  readonly host: string;
  readonly scheme: 'https' | 'http';
  readonly credentials: CredentialSource;
  /** What tells accounts of one host apart, so that nothing is mounted across them. */
  readonly account?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

export interface RemoteRegistry extends Registry {
  readonly kind: 'remote';
  readonly client: Client;
}

/** Most repositories whose state is kept at once. */
const maxRepositories = 1000;
const maxTokenBody = 64 * 1024;

/** A registry that speaks the distribution specification. Nothing is sent before something is asked. */
export function remoteRegistry(options: RemoteOptions): RemoteRegistry {
  const origin = `${options.scheme}://${apiHost(options.host)}`;
  const authorizer = new Authorizer({
    origin: new URL(origin).origin,
    host: options.host,
    credentials: options.credentials,
    now: options.now,
    send: tokenRequest(options),
  });
  const client = new Client({ ...options, origin: new URL(origin).origin, authorizer });
  const lists = createLists();
  const repositories = new Map<string, RemoteRepository>();
  const mountSpace = `${client.origin} ${options.account ?? ''}`;
  return {
    kind: 'remote',
    client,
    repository: (name) => {
      const repository = repositories.get(name) ?? new RemoteRepository({ client, name, lists, mountSpace });
      if (repositories.size >= maxRepositories) {
        repositories.clear();
      }
      repositories.set(name, repository);
      return repository;
    },
    repositories: (op: PageOp = {}): Promise<Page<string>> => {
      if (quirksOf(options.host)?.noCatalog === true) {
        throw new OciError('unsupported', `${options.host} has no catalog`, { host: options.host });
      }
      return listPage(
        client,
        lists,
        '/v2/_catalog',
        'repositories',
        isRepository,
        ['registry:catalog:*'],
        op,
      );
    },
  };
}

/** One request to a token service: no redirect is followed with a secret in hand, and the body is bounded. */
function tokenRequest({ dispatcher, userAgent, log, host }: RemoteOptions): TokenRequest {
  return async ({ method, url, authorization, form, signal }) => {
    const target = new URL(url);
    const start = performance.now();
    let status = 0;
    try {
      const answer = await request.call(dispatcher, {
        origin: target.origin,
        path: `${target.pathname}${target.search}`,
        method,
        headers: {
          'user-agent': userAgent,
          accept: 'application/json',
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: form ?? null,
        signal: signal ?? null,
      });
      status = answer.statusCode;
      return { status, body: await readText(answer, maxTokenBody) };
    } catch (error) {
      throw networkError(error, { method, url: target.origin, host });
    } finally {
      log?.({ method, url: cleanUrl(target), status, milliseconds: performance.now() - start });
    }
  };
}
