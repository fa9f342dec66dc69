import { isRecord } from '../oci/descriptor.ts';
import type { Credential } from '../oci/remote/credential.ts';

/** The editor's secret storage, as far as it is needed. */
export interface SecretStore {
  get(key: string): PromiseLike<string | undefined>;
  store(key: string, value: string): PromiseLike<void>;
  delete(key: string): PromiseLike<void>;
  /** Of this window or another. */
  readonly onDidChange?: (listener: () => void) => { dispose(): void };
}

/** One that was chosen on signing in; its secret is here, or it is the session of the editor at GitHub. */
export type StoredAccount = Credential | { readonly kind: 'github'; readonly canWrite: boolean };

/** What is remembered of one place. */
export interface StoredAccounts {
  /** Each with a name of its own. */
  readonly accounts: readonly StoredAccount[];
  /** Name of the one that is used; absent: what the machine has. */
  readonly used?: string | undefined;
  /** Token services that accounts of the machine may be told to, as their owner agreed. */
  readonly realms?: readonly string[] | undefined;
  /** What was stored with a credential helper of docker, and so is ours to erase there. */
  readonly lent?: { readonly program: string; readonly username: string } | undefined;
}

const none: StoredAccounts = { accounts: [] };
const maxAccounts = 50;
const keyOf = (place: string): string => `credential:${place}`;

/** What people tell accounts of one registry apart by. */
export function accountName(account: StoredAccount): string {
  switch (account.kind) {
    case 'password':
      return account.username;
    case 'github':
      return 'GitHub';
    default:
      return account.kind;
  }
}

export function usedAccount({ accounts, used }: StoredAccounts): StoredAccount | undefined {
  return accounts.find((account) => accountName(account) === used);
}

/** With an account, which is used from now on. */
export function withAccount(stored: StoredAccounts, account: StoredAccount): StoredAccounts {
  const used = accountName(account);
  const others = stored.accounts.filter((other) => accountName(other) !== used);
  return { ...stored, accounts: [account, ...others].slice(0, maxAccounts), used };
}

export function withoutAccount(stored: StoredAccounts, name: string | undefined): StoredAccounts {
  const accounts = stored.accounts.filter((other) => accountName(other) !== name);
  return { ...stored, accounts, used: stored.used === name ? undefined : stored.used };
}

export async function readAccounts(
  store: SecretStore,
  place: string,
  source: string,
): Promise<StoredAccounts> {
  const text = await store.get(keyOf(place));
  return text === undefined ? none : decode(text, source);
}

export async function writeAccounts(
  store: SecretStore,
  place: string,
  stored: StoredAccounts,
): Promise<void> {
  const { accounts, realms, lent } = stored;
  await (accounts.length === 0 && !realms && !lent
    ? store.delete(keyOf(place))
    : store.store(keyOf(place), JSON.stringify(stored)));
}

/** Nothing for what another version wrote; a single account, as the first version kept it, is the one that is used. */
function decode(text: string, source: string): StoredAccounts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return none;
  }
  if (!isRecord(json)) {
    return none;
  }
  if (!Array.isArray(json['accounts'])) {
    const single = decodeAccount(json, source);
    return single ? withAccount(none, single) : none;
  }
  const { accounts, used, realms, lent } = json;
  return {
    accounts: accounts.flatMap((account) => decodeAccount(account, source) ?? []),
    used: typeof used === 'string' ? used : undefined,
    realms: Array.isArray(realms) ? textsOf(realms) : undefined,
    lent:
      isRecord(lent) && typeof lent['program'] === 'string' && typeof lent['username'] === 'string'
        ? { program: lent['program'], username: lent['username'] }
        : undefined,
  };
}

function decodeAccount(json: unknown, source: string): StoredAccount | undefined {
  if (!isRecord(json)) {
    return undefined;
  }
  const { kind, username, password, token, realms, canWrite } = json;
  const agreed = Array.isArray(realms) ? { realms: textsOf(realms) } : {};
  if (kind === 'github') {
    return { kind, canWrite: canWrite === true };
  }
  if (kind === 'password' && typeof username === 'string' && typeof password === 'string') {
    return { kind, username, password, source, ...agreed };
  }
  return (kind === 'identity-token' || kind === 'registry-token') && typeof token === 'string'
    ? { kind, token, source, ...agreed }
    : undefined;
}

function textsOf(list: readonly unknown[]): readonly string[] {
  return list.filter((item): item is string => typeof item === 'string');
}
