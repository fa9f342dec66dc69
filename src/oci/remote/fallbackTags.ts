import { Limiter } from '../../base/limiter.ts';
import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { isOciError, OciError } from '../errors.ts';
import { maxManifestSize } from '../manifest.ts';
import { MediaType } from '../mediaTypes.ts';
import { encodeReferrersIndex, parseReferrersIndex, referrersTag } from '../referrersTag.ts';
import type { Op } from '../store.ts';
import { refuseHtml, registryHeader } from './answer.ts';
import type { Client } from './client.ts';
import { withFacts } from './errors.ts';
import { machineLocked } from './machineLock.ts';
import type { RemoteRepository } from './repository.ts';

/** Entries as they should be; undefined when they are so already. */
export type EntryChange = (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined;

interface Waiting {
  readonly change: EntryChange;
  readonly signal: AbortSignal | undefined;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

interface Listed {
  readonly entries: readonly Descriptor[];
  readonly etag: string | undefined;
}

const maxUpdates = 12;

/** Milliseconds of the longest pause, or twice as many, before what was written is looked at. */
const maxPause = 800;

/** Entries that are looked for at once when a registry refuses a list for one that is gone. */
const width = 6;

/**
 * The indexes that list referrers where a registry has no API for them. Such a tag is read, changed and written as a whole, so
 * that two writers can lose what the other one wrote. Against that: changes of one process that wait for one another are
 * written as one; processes of one machine take turns; a registry that knows `If-Match` refuses what is late; and what was
 * written is read back and merged again until it stands.
 */
export class FallbackTags {
  readonly #repository: RemoteRepository;
  readonly #client: Client;
  /** What waits for each subject whose list is being written. */
  readonly #queues = new Map<Digest, Waiting[]>();

  constructor(repository: RemoteRepository, client: Client) {
    this.#repository = repository;
    this.#client = client;
  }

  async list(subject: Digest, op: Op): Promise<readonly Descriptor[]> {
    return (await this.#read(subject, op)).entries;
  }

  /**
   * Resolves when the change was seen to stand.
   * @throws {OciError} `busy` when others write the same tag all the time
   */
  async change(subject: Digest, change: EntryChange, { signal }: Op): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const given = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', given, { once: true });
    const waiting: Waiting = { change, signal, done: () => resolve(undefined), failed: reject };
    const queue = this.#queues.get(subject);
    if (queue) {
      queue.push(waiting);
    } else {
      const begun = [waiting];
      this.#queues.set(subject, begun);
      void this.#work(subject, begun);
    }
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', given);
    }
  }

  /** One write after the other, each with all that came meanwhile, until nobody waits. Never rejects. */
  async #work(subject: Digest, queue: Waiting[]): Promise<void> {
    const key = `${this.#client.origin} ${this.#repository.repository} ${referrersTag(subject)}`;
    while (queue.length > 0) {
      let batch: readonly Waiting[] = [];
      try {
        await machineLocked(key, () => {
          // What came while another process had its turn comes along.
          batch = queue.splice(0).filter(({ signal }) => signal?.aborted !== true);
          return this.#write(subject, batch);
        });
        batch.forEach(({ done }) => done());
      } catch (error) {
        batch.forEach(({ failed }) => failed(error));
      }
    }
    this.#queues.delete(subject);
  }

  async #write(subject: Digest, batch: readonly Waiting[]): Promise<void> {
    const op = { signal: endOf(batch) };
    let isContended = false;
    let isConfirmed = false;
    for (let attempt = 0; attempt < maxUpdates; attempt++) {
      const start = performance.now();
      const { entries, etag } = await this.#read(subject, op);
      const changed = batch.reduce((so, { change }) => change(so) ?? so, entries);
      if (changed === entries) {
        // Read back, or there from the start: what was wanted is what stands there.
        if (!isContended || isConfirmed) {
          return;
        }
        isConfirmed = true;
      } else {
        const isWritten = await this.#put(subject, changed, etag, op);
        isContended ||= attempt > 0 && isWritten;
        isConfirmed = false;
      }
      // Who read before this was written writes about as long after reading as we did: only then is it worth a look.
      const span = performance.now() - start;
      const patience = attempt === 0 ? span : Math.max(span, 25 * 2 ** attempt);
      await this.#client.rest(Math.min(maxPause, patience), op.signal);
    }
    throw new OciError('busy', `Others write the referrers of ${subject} all the time`, {
      host: this.#client.host,
    });
  }

  /** False: somebody else was faster. */
  async #put(
    subject: Digest,
    entries: readonly Descriptor[],
    etag: string | undefined,
    op: Op,
  ): Promise<boolean> {
    const headers = etag === undefined ? {} : { 'if-match': etag };
    const send = async (listed: readonly Descriptor[]): Promise<void> => {
      const { descriptor, bytes } = encodeReferrersIndex(listed);
      await this.#repository.putManifest(referrersTag(subject), descriptor, bytes, op, headers);
    };
    try {
      await send(entries);
      return true;
    } catch (error) {
      if (isOciError(error) && error.facts.status === 412) {
        return false;
      }
      if (!isOciError(error) || !/MANIFEST_(?:BLOB_)?UNKNOWN/.test(error.facts.detail ?? '')) {
        throw error;
      }
      // A registry takes no index with an entry that is gone, as it is when another tool deleted that one.
      const left = await this.#present(entries, op);
      if (left.length === entries.length) {
        throw error;
      }
      await send(left);
      return true;
    }
  }

  async #present(entries: readonly Descriptor[], op: Op): Promise<readonly Descriptor[]> {
    const limiter = new Limiter(width);
    const present = await Promise.all(
      entries.map((entry) => limiter.run(() => this.#repository.has(entry, op), op.signal)),
    );
    return entries.filter((_, index) => present[index]);
  }

  async #read(subject: Digest, op: Op): Promise<Listed> {
    const answer = await this.#client.read(
      {
        method: 'GET',
        url: `/v2/${this.#repository.repository}/manifests/${referrersTag(subject)}`,
        headers: { accept: MediaType.index },
        scopes: this.#repository.pullScopes,
        signal: op.signal,
        expect: [404],
      },
      maxManifestSize,
    );
    if (answer.status === 404) {
      return { entries: [], etag: undefined };
    }
    refuseHtml(answer);
    const type = registryHeader(answer, 'content-type')?.split(';', 1)[0]?.trim() ?? '';
    // GitLab takes the tag for the subject's digest: an index that is the subject lists no referrers.
    if (registryHeader(answer, 'docker-content-digest') === subject) {
      return { entries: [], etag: undefined };
    }
    try {
      const { manifests } = parseReferrersIndex(answer.bytes, type);
      return { entries: manifests, etag: registryHeader(answer, 'etag') };
    } catch (error) {
      throw withFacts(error, answer.facts);
    }
  }
}

/** Aborted when nobody of them waits any more. */
function endOf(batch: readonly Waiting[]): AbortSignal | undefined {
  const signals = batch.map(({ signal }) => signal);
  if (signals.includes(undefined)) {
    return undefined;
  }
  const ending = new AbortController();
  for (const signal of signals) {
    signal?.addEventListener('abort', () => {
      if (signals.every((each) => each?.aborted)) {
        ending.abort(signal.reason);
      }
    });
  }
  return ending.signal;
}
