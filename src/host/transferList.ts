import type { Clock } from '../base/clock.ts';
import { isAbort } from '../oci/errors.ts';
import { isManifestType } from '../oci/mediaTypes.ts';
import type { CopyEvents } from '../oci/store.ts';

export type TransferKind = 'push' | 'pull' | 'copy' | 'mirror' | 'export' | 'import' | 'attach';

export type TransferState = 'running' | 'done' | 'failed' | 'cancelled';

/** What a command says of a transfer when it begins. */
export interface TransferStart {
  readonly kind: TransferKind;
  /** What is moved: `Local/web/site:1.0.0`. */
  readonly what: string;
  /** The same as short as a row has room for: `site:1.0.0`. Default `what`. */
  readonly label?: string | undefined;
  /** Where it goes. */
  readonly where: string;
  readonly cancel: () => void;
  /** Does again what failed, where it can be; rejects as the command would. */
  readonly retry?: (() => Promise<void>) | undefined;
}

/** Milliseconds back that the rate is measured over, and between two measures. */
const span = 5_000;
const step = 250;

/** Most that ended and are still shown. */
const maxFinished = 50;

/** One transfer of this window; its numbers change while it runs. */
export class Transfer implements TransferStart {
  readonly id: string;
  readonly kind: TransferKind;
  readonly what: string;
  readonly label: string;
  readonly where: string;
  readonly cancel: () => void;
  readonly retry: TransferStart['retry'];
  /** What commands and stores report to. */
  readonly events: Required<CopyEvents>;
  state: TransferState = 'running';
  /** Why it failed. */
  error: unknown;
  /** Bytes moved, and all there are to move as far as is known: without what is there already. */
  bytes = 0;
  total = 0;
  /** Blobs, without manifests. */
  blobs = 0;
  /** Blobs that need not travel, and their bytes. */
  present = 0;
  mounted = 0;
  saved = 0;
  readonly #clock: Clock;
  readonly #began: number;
  #ended: number | undefined;
  readonly #measures: { readonly at: number; readonly bytes: number }[];

  constructor(id: string, start: TransferStart, clock: Clock, changed: () => void) {
    this.id = id;
    ({ kind: this.kind, what: this.what, where: this.where, cancel: this.cancel, retry: this.retry } = start);
    this.label = start.label ?? start.what;
    this.#clock = clock;
    this.#began = clock.now();
    this.#measures = [{ at: this.#began, bytes: 0 }];
    this.events = {
      onPlan: ({ size, mediaType }) => {
        this.total += size;
        this.blobs += isManifestType(mediaType) ? 0 : 1;
        changed();
      },
      onGuess: (bytes) => {
        this.total += bytes;
        changed();
      },
      onDone: ({ size, mediaType }, how) => {
        if (how !== 'copied') {
          this.total -= size;
          this.saved += size;
          this[how] += isManifestType(mediaType) ? 0 : 1;
          changed();
        }
      },
      onBytes: (bytes) => {
        this.bytes += bytes;
        this.#measure();
        changed();
      },
    };
  }

  /** Bytes a second of the last seconds; of one that ended, on average. */
  rate(): number {
    const now = this.#ended ?? this.#clock.now();
    const { at, bytes } = this.#ended === undefined ? this.#oldest(now) : { at: this.#began, bytes: 0 };
    return Math.max(0, this.bytes - bytes) / Math.max(0.001, (now - at) / 1000);
  }

  /** Seconds until all is moved; undefined where nothing says it. */
  left(): number | undefined {
    const rate = this.rate();
    return this.state === 'running' && rate > 0 && this.total > this.bytes
      ? (this.total - this.bytes) / rate
      : undefined;
  }

  /** Seconds it takes, or took. */
  seconds(): number {
    return ((this.#ended ?? this.#clock.now()) - this.#began) / 1000;
  }

  /** Begins anew, with so many bytes to move. */
  expect(bytes: number): void {
    this.bytes = 0;
    this.total = bytes;
  }

  end(state: TransferState, error?: unknown): void {
    this.state = state;
    this.error = error;
    this.#ended = this.#clock.now();
  }

  #measure(): void {
    const at = this.#clock.now();
    if (at - (this.#measures.at(-1)?.at ?? -Infinity) >= step) {
      this.#measures.push({ at, bytes: this.bytes });
      this.#oldest(at);
    }
  }

  /** The measure that is nearest to the span, at its far side; older ones go. */
  #oldest(now: number): { readonly at: number; readonly bytes: number } {
    for (let second = this.#measures[1]; second && second.at <= now - span; [, second] = this.#measures) {
      this.#measures.shift();
    }
    return this.#measures[0] ?? { at: this.#began, bytes: 0 };
  }
}

/** Transfers of this window, the latest first. What ended is kept, bounded. */
export class TransferList {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #all: readonly Transfer[] = [];
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  all(): readonly Transfer[] {
    return this.#all;
  }

  /** Calls `listener` at each change, which may be thousands a second. @returns ends it */
  onDidChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is tried again takes the place of what did not come to its end. */
  start(start: TransferStart): Transfer {
    this.#count++;
    const transfer = new Transfer(`transfer ${this.#count}`, start, this.#clock, () => this.#changed());
    this.#all = [transfer, ...this.#all.filter((each) => !isReplaced(each, start))];
    this.#changed();
    return transfer;
  }

  /** @param error why it failed; an abort is a cancel, and undefined says that it is done */
  end(transfer: Transfer, error?: unknown): void {
    transfer.end(error === undefined ? 'done' : isAbort(error) ? 'cancelled' : 'failed', error);
    const finished = this.#all.filter(({ state }) => state !== 'running');
    const dropped = new Set(finished.slice(maxFinished));
    this.#all = this.#all.filter((each) => !dropped.has(each));
    this.#changed();
  }

  clearFinished(): void {
    this.#all = this.#all.filter(({ state }) => state === 'running');
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

function isReplaced({ state, kind, what, where }: Transfer, start: TransferStart): boolean {
  return (
    (state === 'failed' || state === 'cancelled') &&
    kind === start.kind &&
    what === start.what &&
    where === start.where
  );
}
