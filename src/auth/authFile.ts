import { isRecord } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { canonicalHost } from '../oci/reference.ts';
import type { Credential } from '../oci/remote/credential.ts';

/** What docker's `config.json` and containers' `auth.json` have in common, as far as it is read. */
export interface AuthFile {
  readonly auths: Readonly<Record<string, unknown>>;
  /** Host → name of a helper. */
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

/** Where docker keeps the account of its hub. */
export const hubKey = 'https://index.docker.io/v1/';

/** @throws {OciError} `credentials-unreadable`, without a word of the file */
export function parseAuthFile(text: string, source: string, isLegacy = false): AuthFile {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // Without its cause, which quotes the file.
    throw new OciError('credentials-unreadable', `${source} is not JSON`, { url: source });
  }
  if (isLegacy) {
    return { auths: isRecord(json) ? json : {}, credHelpers: {}, credsStore: undefined };
  }
  const part = (name: string): Readonly<Record<string, unknown>> =>
    isRecord(json) && isRecord(json[name]) ? json[name] : {};
  const store = isRecord(json) ? json['credsStore'] : undefined;
  return {
    auths: part('auths'),
    credHelpers: part('credHelpers'),
    credsStore: typeof store === 'string' && store !== '' ? store : undefined,
  };
}

/** Without scheme and path, by its one name. */
export function hostOfKey(key: string): string {
  return canonicalHost(key.replace(/^https?:\/\//i, '').replace(/\/.*$/, ''));
}

/** The keys that stand for a name, the exact one first: they may be URLs, and Docker Hub goes by several names. */
export function keysOf(
  record: Readonly<Record<string, unknown>>,
  name: string,
  nameOfKey: (key: string) => string,
): readonly string[] {
  // Docker keeps more than one thing of its hub; the others come after the two that are accounts.
  const rank = (key: string): number => (key === name ? 0 : key === hubKey ? 1 : 2);
  return Object.keys(record)
    .filter((key) => nameOfKey(key) === name)
    .sort((left, right) => rank(left) - rank(right));
}

/** What one entry of `auths` says; undefined for a mere marker. */
export function credentialOf(entry: unknown, source: string): Credential | undefined {
  const text = (name: string): string => {
    const value = isRecord(entry) ? entry[name] : undefined;
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
  return accountOf(
    colon > 0 ? pair.slice(0, colon) : text('username'),
    colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, '') : text('password'),
    source,
  );
}

/** A user name of `<token>` says that the secret is an identity token, in helpers and where tools copy from them. */
export function accountOf(username: string, secret: string, source: string): Credential | undefined {
  if (username === '' || secret === '') {
    return undefined;
  }
  return username === '<token>'
    ? { kind: 'identity-token', token: secret, source }
    : { kind: 'password', username, password: secret, source };
}
