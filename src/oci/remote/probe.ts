import { isOciError, OciError } from '../errors.ts';
import { isLoopback } from '../reference.ts';
import { readText } from './answer.ts';
import type { Client } from './client.ts';
import { quirksOf } from './quirks.ts';
import { remoteRegistry, type RemoteOptions } from './registry.ts';

/** What a registry says of itself before anyone signs in. */
export interface ProbeResult {
  readonly scheme: 'https' | 'http';
  readonly auth: 'anonymous' | 'basic' | 'bearer';
  /** Origin that people sign in to. */
  readonly realm?: string;
  readonly catalog: 'yes' | 'denied' | 'absent';
  /** It lists the repositories of a namespace, whatever becomes of the catalog. */
  readonly listsNamespaces?: true;
}

const maxRoot = 64 * 1024;

/**
 * Asks a host what it is. Loopback is asked without TLS first; everything else only with it, unless `scheme` says otherwise.
 * @throws {OciError} what is wrong with the connection, or `not-a-registry`
 */
export async function probe(
  options: Omit<RemoteOptions, 'scheme'> & {
    readonly scheme?: 'https' | 'http' | undefined;
    /** The owner of this machine said that plain HTTP will do, where there is nothing else. */
    readonly isInsecure?: boolean | undefined;
  },
  signal?: AbortSignal,
): Promise<ProbeResult> {
  if (options.scheme) {
    return ask({ ...options, scheme: options.scheme }, signal);
  }
  if (!isLoopback(options.host)) {
    try {
      return await ask({ ...options, scheme: 'https' }, signal);
    } catch (error) {
      if (options.isInsecure === true && isOciError(error, 'plain-http-server', 'unreachable')) {
        return ask({ ...options, scheme: 'http' }, signal).catch(() => {
          throw error;
        });
      }
      throw error;
    }
  }
  try {
    return await ask({ ...options, scheme: 'http' }, signal);
  } catch (error) {
    // A server with TLS hangs up on plain HTTP, or says so in its own words.
    if (isOciError(error, 'connection-lost', 'request-refused', 'not-a-registry')) {
      return ask({ ...options, scheme: 'https' }, signal).catch((second: unknown) => {
        // It was plain HTTP after all, and what it said then counts.
        throw isOciError(second, 'plain-http-server') ? error : second;
      });
    }
    throw error;
  }
}

async function ask(options: RemoteOptions, signal?: AbortSignal): Promise<ProbeResult> {
  const registry = remoteRegistry(options);
  const { client } = registry;
  const status = await ping(client, signal);
  let catalog: ProbeResult['catalog'] = 'yes';
  try {
    await registry.repositories({ limit: 1, signal });
  } catch (error) {
    if (
      !isRefusal(error, client) &&
      !isOciError(error, 'denied', 'unsupported', 'not-found', 'request-refused', 'origin-refused') &&
      (status === 404 || !isOciError(error, 'not-a-registry'))
    ) {
      throw error;
    }
    if (status === 404 && isOciError(error, 'not-found')) {
      throw error;
    }
    catalog = isRefusal(error, client) || isOciError(error, 'denied', 'origin-refused') ? 'denied' : 'absent';
  }
  const { realm, scheme: auth } = client.authorizer;
  const { isNamespaced = false, api } = quirksOf(options.host, client.traits) ?? {};
  return {
    scheme: options.scheme,
    auth,
    catalog,
    ...(realm === undefined ? {} : { realm }),
    ...(isNamespaced && api ? { listsNamespaces: true } : {}),
  };
}

/** The status of the API's root; 401 too when the token service gives nothing to people without a name. */
async function ping(client: Client, signal: AbortSignal | undefined): Promise<number> {
  try {
    const answer = await client.send({
      method: 'GET',
      url: '/v2/',
      scopes: [],
      expect: [401, 403, 404],
      signal,
      retry: false,
    });
    const text = await readText(answer, maxRoot);
    if (answer.status === 200 && text.trimStart().startsWith('<')) {
      throw new OciError('not-a-registry', 'A web page stands where an API should be', answer.facts);
    }
    return answer.status;
  } catch (error) {
    if (isRefusal(error, client) && client.authorizer.scheme !== 'anonymous') {
      return 401;
    }
    throw error;
  }
}

/** Also that of nobody's token where an account could not be read: what is public there can be seen all the same. */
function isRefusal(error: unknown, { authorizer }: Client): boolean {
  return (
    isOciError(error, 'unauthorized') ||
    (authorizer.scheme === 'bearer' && isOciError(error, 'credentials-unreadable'))
  );
}
