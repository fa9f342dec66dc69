import { LruMap } from '../../base/lru.ts';
import type { Credential } from './credential.ts';

/** Shorter ones would stand in any text; they are hidden where they stand in the forms they are sent in. */
const leastLength = 4;
const maxSecrets = 512;

/** What was told to a server in confidence, so that its own words can be shown without it. */
export class Secrets {
  readonly #known = new LruMap<string, true>(maxSecrets);

  add(credential: Credential | undefined): void {
    const parts =
      credential === undefined
        ? []
        : credential.kind === 'password'
          ? [credential.password, base64(`${credential.username}:${credential.password}`)]
          : [credential.token];
    for (const secret of parts.flatMap((text) => [
      text,
      encodeURIComponent(text.toWellFormed()),
      base64(text),
      // As it comes back in a header.
      Buffer.from(text).toString('latin1'),
    ])) {
      if (secret.length >= leastLength) {
        this.#known.set(secret, true);
      }
    }
  }

  redact(text: string): string {
    // The longest first: a secret may hold another.
    return [...this.#known.keys()]
      .sort((left, right) => right.length - left.length)
      .reduce((shown, secret) => shown.replaceAll(secret, '•••'), text);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
