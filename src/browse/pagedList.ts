import { isAbort, OciError } from '../oci/errors.ts';
import type { Page, PageOp } from '../oci/store.ts';
import { Flights } from '../base/flights.ts';
import { asOciError } from './failure.ts';

/** Most items that are held of one list. */
const maxItems = 100_000;
const maxPages = 5_000;
/** Most pages in a row that bring nothing. */
const maxIdle = 50;

/** A list as far as it is loaded. It only grows; to ask again is to make a new one. */
export class PagedList<T> {
  readonly items: T[] = [];
  readonly #fetch: (op: PageOp) => Promise<Page<T>>;
  readonly #key: (item: T) => string;
  readonly #host: string;
  readonly #keys = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #flights = new Flights();
  #next: string | undefined;
  #pages = 0;
  #idle = 0;
  #ended = false;
  /** Lists behind this one that are never asked. */
  leftOut = 0;
  /** Of the last try; a try that succeeds clears it. */
  error: OciError | undefined;

  /** @param host of the registry, which its errors are about */
  constructor(fetch: (op: PageOp) => Promise<Page<T>>, key: (item: T) => string, host: string) {
    this.#fetch = fetch;
    this.#key = key;
    this.#host = host;
  }

  /** True once a first page came. */
  get isLoaded(): boolean {
    return this.#pages > 0;
  }

  get hasMore(): boolean {
    return this.isLoaded && !this.#ended;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** One more page; those who ask meanwhile get the same one. Failures are kept in `error`; it rejects for an abort only. */
  async more(limit: number, signal?: AbortSignal): Promise<void> {
    if (this.#ended) {
      return;
    }
    await this.#flights.run('page', (inner) => this.#load(limit, inner), signal);
  }

  async #load(limit: number, signal: AbortSignal): Promise<void> {
    try {
      const { items, next, leftOut = 0 } = await this.#fetch({ page: this.#next, limit, signal });
      signal.throwIfAborted();
      this.leftOut = leftOut;
      this.#add(items, next);
      this.error = undefined;
    } catch (error) {
      if (isAbort(error) || signal.aborted) {
        throw error;
      }
      this.error = asOciError(error);
    }
  }

  #add(items: readonly T[], next: string | undefined): void {
    const before = this.items.length;
    for (const item of items) {
      const key = this.#key(item);
      if (this.items.length < maxItems && !this.#keys.has(key)) {
        this.#keys.add(key);
        this.items.push(item);
      }
    }
    this.#pages++;
    this.#idle = this.items.length === before ? this.#idle + 1 : 0;
    this.#ended = next === undefined;
    if (next === undefined) {
      return;
    }
    const isEndless =
      this.#tokens.has(next) ||
      (items.length > 0 && this.#idle > 0) ||
      this.#idle > maxIdle ||
      this.#pages >= maxPages ||
      this.items.length >= maxItems;
    if (isEndless) {
      this.#ended = true;
      throw new OciError('endless-list', 'The registry gives a list that does not end', { host: this.#host });
    }
    this.#tokens.add(next);
    this.#next = next;
  }
}
