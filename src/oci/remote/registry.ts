import { apiHost } from '../reference.ts';
import type { Registry } from '../store.ts';
import { Authorizer } from './authorizer.ts';
import { Client, type ClientOptions } from './client.ts';
import type { CredentialSource } from './credential.ts';
import { createLists } from './lists.ts';
import { OwnList } from './ownList.ts';
import { RemoteRepository } from './repository.ts';
import { repositoryPage } from './repositoryPage.ts';
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
  /** Only repositories of it are listed: `library`, `my-org`. */
  readonly namespace?: string | undefined;
  /** Where `http` is a guess: told that the server speaks TLS, which all that is asked goes on with. */
  readonly onTls?: (() => void) | undefined;
}

export interface RemoteRegistry extends Registry {
  readonly kind: 'remote';
  readonly client: Client;
}

/** Most repositories whose state is kept at once. */
const maxRepositories = 1000;

/** A registry that speaks the distribution specification. Nothing is sent before something is asked. */
export function remoteRegistry(options: RemoteOptions): RemoteRegistry {
  const { origin } = new URL(`${options.scheme}://${apiHost(options.host)}`);
  const now = options.now ?? Date.now;
  const authorizerAt = (at: string): Authorizer =>
    new Authorizer({
      origin: at,
      host: options.host,
      credentials: options.credentials,
      now,
      requestToken: (wanted, signal) => requestToken({ ...options, now }, wanted, signal),
    });
  const { onTls } = options;
  const atTls = (at: string): Authorizer => {
    onTls?.();
    return authorizerAt(at);
  };
  const authorizer = authorizerAt(origin);
  const client = new Client({ ...options, origin, authorizer, ...(onTls ? { atTls } : {}) });
  const { host, namespace } = options;
  const lists = createLists();
  const own = new OwnList({ ...options, client, namespace });
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
    repositories: (op = {}) => repositoryPage({ client, lists, own, host, namespace }, op),
  };
}

export function isRemote(registry: Registry): registry is RemoteRegistry {
  return registry.kind === 'remote';
}
