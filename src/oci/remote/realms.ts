import { OciError } from '../errors.ts';
import { mayLead, reachOfName } from './addresses.ts';
import type { Credential } from './credential.ts';
import { trustedRealmHosts } from './quirks.ts';

const maxRealm = 2048;

/**
 * The token service a challenge names, as a whole URL; relative ones are the registry's own.
 * @throws {OciError} `origin-refused` for what may not be asked even without a credential: one without TLS behind a registry
 * with it, and one on this machine or network named by a registry outside of it
 */
export function realmUrl(text: string, origin: string, host: string): string {
  const realm = text.length <= maxRealm ? URL.parse(text, origin) : null;
  const own = new URL(origin);
  const isSafe =
    realm !== null &&
    (realm.protocol === 'https:' || (realm.protocol === 'http:' && own.protocol === 'http:')) &&
    realm.username === '' &&
    realm.password === '' &&
    (realm.origin === origin || mayLead(reachOfName(own.hostname), reachOfName(realm.hostname)));
  if (!isSafe) {
    throw new OciError('origin-refused', `${host} names a token service that is not to be trusted`, {
      host,
      detail: text.slice(0, 200),
    });
  }
  realm.hash = '';
  return realm.href;
}

/**
 * Whether a credential of the registry may go to a token service without asking anyone: to its own origin (scheme, host and
 * port), and to that of a row of the quirks table. No rule tells from two names that they have one owner.
 */
export function isKnownRealm(realm: string, origin: string): boolean {
  const to = new URL(realm);
  const from = new URL(origin);
  return (
    to.origin === from.origin ||
    (from.protocol === 'https:' &&
      to.protocol === 'https:' &&
      to.port === '' &&
      trustedRealmHosts(from.host).includes(to.hostname))
  );
}

/** As `isKnownRealm`, or what the owner of the credential agreed to. */
export function mayKnow(realm: string, origin: string, credential: Credential): boolean {
  return isKnownRealm(realm, origin) || credential.realms?.includes(new URL(realm).origin) === true;
}
