import { Flights } from '../base/flights.ts';
import { LruMap } from '../base/lru.ts';
import type { Credential } from '../oci/remote/credential.ts';
import type { Op } from '../oci/store.ts';
import type { CredentialHelper } from './credentialHelper.ts';

interface Answer {
  readonly credential: Credential | undefined;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** Milliseconds: long enough for the tokens of a session, short enough for a password that was changed elsewhere. */
const lifetime = 5 * 60_000;
const maxAnswers = 256;

/** What helpers said, in memory only, as each run of one may take a second or ask a person. Failures are not kept. */
export class HelperAnswers {
  readonly #flights = new Flights();
  readonly #now: () => number;
  #answers = new LruMap<string, Answer>(maxAnswers);
  #age = 0;
  #wasAsked = false;

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param version of the file that names the helper: after a change the helper is asked again */
  async get(
    helper: Pick<CredentialHelper, 'program' | 'source' | 'get'>,
    server: string,
    version: string,
    op: Op | undefined,
  ): Promise<Credential | undefined> {
    this.#wasAsked = true;
    const key = JSON.stringify([this.#age, version, helper.source, helper.program, server]);
    const answers = this.#answers;
    const known = answers.get(key);
    if (known && known.expires > this.#now()) {
      return known.credential;
    }
    return this.#flights.run(
      key,
      async (signal) => {
        const credential = await helper.get(server, { signal });
        answers.set(key, { credential, expires: this.#now() + lifetime });
        return credential;
      },
      op?.signal,
    );
  }

  /** Another each time that answers were forgotten: what was made of them may be another, too. */
  get age(): number {
    return this.#age;
  }

  forget(): void {
    if (this.#wasAsked) {
      this.#wasAsked = false;
      this.#age++;
      this.#answers = new LruMap(maxAnswers);
    }
  }
}
