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

const keyOf = (place: string): string => `credential:${place}`;

export async function readCredential(
  store: SecretStore,
  place: string,
  source: string,
): Promise<Credential | undefined> {
  const text = await store.get(keyOf(place));
  return text === undefined ? undefined : decode(text, source);
}

export async function writeCredential(
  store: SecretStore,
  place: string,
  credential: Credential,
): Promise<void> {
  await store.store(keyOf(place), JSON.stringify(credential));
}

export async function deleteCredential(store: SecretStore, place: string): Promise<void> {
  await store.delete(keyOf(place));
}

/** Undefined for what another version wrote. */
function decode(text: string, source: string): Credential | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(json)) {
    return undefined;
  }
  const { kind, username, password, token, realms } = json;
  const agreed = Array.isArray(realms)
    ? { realms: realms.filter((realm): realm is string => typeof realm === 'string') }
    : {};
  if (kind === 'password' && typeof username === 'string' && typeof password === 'string') {
    return { kind, username, password, source, ...agreed };
  }
  return (kind === 'identity-token' || kind === 'registry-token') && typeof token === 'string'
    ? { kind, token, source, ...agreed }
    : undefined;
}
