import { isRecord } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { canonicalHost } from '../oci/reference.ts';
import type { Credential, CredentialSource } from '../oci/remote/credential.ts';

export interface DockerConfigOptions {
  /** `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
  readonly path: string;
  /** Undefined when there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Changes with the file. */
  readonly stamp: (path: string) => Promise<string>;
}

/** What `docker login` wrote: the plain `auths` of `config.json`. @throws {OciError} `credentials-unreadable` */
export function dockerCredentials({ path, readFile, stamp }: DockerConfigOptions): CredentialSource {
  const find = async (host: string): Promise<Credential | undefined> => {
    const text = await readFile(path);
    return text === undefined ? undefined : findCredential(text, host, path);
  };
  return Object.assign(find, { version: () => stamp(path) });
}

/** The entry of a host; keys may be URLs, and Docker Hub goes by several names. */
export function findCredential(text: string, host: string, source: string): Credential | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Without its cause, which quotes the file.
    throw new OciError('credentials-unreadable', `${source} is not JSON`, { url: source, host });
  }
  const auths = isRecord(json) && isRecord(json['auths']) ? json['auths'] : {};
  const wanted = canonicalHost(host);
  const keys = Object.keys(auths).filter((name) => hostOfKey(name) === wanted);
  // Docker keeps more than one thing of its hub; the others come after the two that are accounts.
  const rank = (key: string): number => (key === wanted ? 0 : key === hubKey ? 1 : 2);
  for (const key of keys.sort((left, right) => rank(left) - rank(right))) {
    const entry = auths[key];
    const credential = isRecord(entry) ? credentialOf(entry, source) : undefined;
    if (credential) {
      return credential;
    }
  }
  return undefined;
}

const hubKey = 'https://index.docker.io/v1/';

/** Without scheme and path, by its one name. */
function hostOfKey(key: string): string {
  return canonicalHost(key.replace(/^https?:\/\//, '').replace(/\/.*$/, ''));
}

function credentialOf(entry: Readonly<Record<string, unknown>>, source: string): Credential | undefined {
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : '';
  };
  if (/^[\x21-\x7e]+$/.test(text('registrytoken'))) {
    return { kind: 'registry-token', token: text('registrytoken'), source };
  }
  if (text('identitytoken') !== '') {
    return { kind: 'identity-token', token: text('identitytoken'), source };
  }
  const pair = Buffer.from(text('auth'), 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const username = colon > 0 ? pair.slice(0, colon) : text('username');
  const password = colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, '') : text('password');
  return username === '' || password === '' ? undefined : { kind: 'password', username, password, source };
}
