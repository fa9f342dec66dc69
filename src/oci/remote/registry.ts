import { apiHost, isRepository } from '../reference.ts';
import type { Page, PageOp, Registry } from '../store.ts';
import { OciError } from '../errors.ts';
import { Authorizer } from './authorizer.ts';
import { Client, type ClientOptions } from './client.ts';
import type { CredentialSource } from './credential.ts';
import { createLists, listPage } from './lists.ts';
import { quirksOf } from './quirks.ts';
import { RemoteRepository } from './repository.ts';
import { requestToken, type TokenServiceOptions } from './tokenService.ts';

export interface RemoteOptions extends Pick<
  ClientOptions,
  'dispatcher' | 'userAgent' | 'log' | 'onWarning' | 'sleep' | 'random' | 'now' | 'patience'
> {
  /** As people write it: `docker.io`, `localhost:5000`. */
  readonly host: string;
  readonly scheme: 'https' | 'http';
  readonly credentials: CredentialSource;
  /** What tells accounts of one host apart, so that nothing is mounted across them. */
  readonly account?: string | undefined;
  /** Told of every token that is asked for; nothing in it is secret. */
  readonly onToken?: TokenServiceOptions['onToken'];
}

export interface RemoteRegistry extends Registry {
  readonly kind: 'remote';
  readonly client: Client;
}

/** Most repositories whose state is kept at once. */
const maxRepositories = 1000;

/** A registry that speaks the distribution specification. Nothing is sent before something is asked. */
export function remoteRegistry(options: RemoteOptions): RemoteRegistry {
  const origin = `${options.scheme}://${apiHost(options.host)}`;
  const now = options.now ?? Date.now;
  const authorizer = new Authorizer({
    origin: new URL(origin).origin,
    host: options.host,
    credentials: options.credentials,
    now,
    requestToken: (wanted, signal) => requestToken({ ...options, now }, wanted, signal),
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
