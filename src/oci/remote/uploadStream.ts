import { bodyOf } from '../../base/bytes.ts';
import { digested } from '../content.ts';
import { Digester } from '../digest.ts';
import { isOciError, OciError } from '../errors.ts';
import { MediaType } from '../mediaTypes.ts';
import type { Body, PushOp, StreamBody, StreamedBlob } from '../store.ts';
import { discard } from './answer.ts';
import type { Client } from './client.ts';
import { quirksOf } from './quirks.ts';
import {
  begin,
  cancelUpload,
  canResume,
  isThere,
  maxResumes,
  maxSessions,
  offsetOf,
  Progress,
  skipped,
  upload,
  withDigest,
  type UploadStart,
} from './upload.ts';
import { uploadLocation } from './uploadLocation.ts';

interface StreamUpload extends UploadStart, Pick<PushOp, 'onBytes'> {
  readonly body: StreamBody;
}

type Session = Awaited<ReturnType<typeof begin>>['session'];

/** A blob that ends within is known when it is begun, and goes as any other. */
const headSize = 1024 * 1024;

/** Bytes of a piece behind a fault: they are held until the registry has them, so that they need not be made again. */
const pieceSize = 8 * 1024 * 1024;

/** Milliseconds that one request sends for: where a connection is slow, a fault must not cost hours. */
const patience = 30_000;

/** Most bytes that are held. */
const maxHeld = 32 * 1024 * 1024;

/** A registry that refuses a form of upload may take another. */
const refusals = ['request-refused', 'unsupported', 'too-large', 'size-mismatch', 'not-found'] as const;
/** Whatever is between breaks what it does not take, as a proxy does that has seen more than it lets through. */
const faults = ['server-error', 'connection-lost', 'timeout'] as const;

/** What registries were seen to refuse. */
const noWhole = new WeakSet<Client>();
const noStream = new WeakSet<Client>();

/**
 * Sends a blob while it is made, its digest behind it: in one request without a length, as docker and podman push; in pieces
 * where the registry wants no long requests, or has refused or lost one. It is made again from its beginning only where the
 * registry has lost what is held here no more; what was made before is then passed over.
 * @returns undefined where the registry takes no blob before its digest, and has none of it
 */
export async function uploadStream(wanted: StreamUpload): Promise<StreamedBlob | undefined> {
  const { client } = wanted;
  const progress = new Progress(wanted.onBytes);
  if (quirksOf(client.host)?.maxChunk !== undefined) {
    noWhole.add(client);
  }
  for (let sessions = 1; !noStream.has(client);) {
    const isWhole = !noWhole.has(client);
    const sender = new Sender(wanted, progress);
    try {
      return await sender.send(isWhole);
    } catch (error) {
      const { begun } = sender;
      await sender.giveBack();
      progress.rewind(0);
      if (!begun || !isOciError(error, ...refusals, ...(begun === 'sending' ? faults : []))) {
        throw error;
      }
      if (isOciError(error, 'not-found') && sessions < maxSessions) {
        sessions++;
      } else {
        (isWhole ? noWhole : noStream).add(client);
      }
    } finally {
      await sender.close();
    }
  }
  return undefined;
}

/** One session of an upload. */
class Sender {
  readonly #wanted: StreamUpload;
  readonly #progress: Progress;
  /** How far it came: nothing is known of an upload that could not begin. */
  begun: 'sending' | 'sent' | undefined;
  #session: Session | undefined;
  #source: Source;
  /** What comes before the source, or is sent again. */
  #held: Uint8Array[] = [];
  /** How many bytes the registry has. */
  #offset = 0;
  /** Requests that were begun, and ended: a body that is still asked for behind an end counts no more. */
  #turn = 0;

  constructor(wanted: StreamUpload, progress: Progress) {
    this.#wanted = wanted;
    this.#progress = progress;
    this.#source = new Source(wanted, 0);
  }

  async send(isWhole: boolean): Promise<StreamedBlob> {
    this.#held = await this.#source.take(headSize);
    if (this.#source.isAtEnd) {
      return this.#sendKnown();
    }
    const { session, least } = await begin(this.#wanted, 'sha256');
    this.#session = session;
    this.begun = 'sending';
    let resumes = 0;
    for (let isFirst = true; isFirst || this.#held.length > 0 || !this.#source.isAtEnd; isFirst = false) {
      try {
        await (isWhole && isFirst
          ? this.#sendOn(session)
          : this.#sendPiece(session, Math.max(pieceSize, least)));
      } catch (error) {
        if (!canResume(error) || ++resumes > maxResumes) {
          throw error;
        }
        this.#turn++;
        await this.#goBack(await offsetOf(this.#wanted, session));
      }
    }
    this.begun = 'sent';
    return await this.#finish(session);
  }

  async #sendKnown(): Promise<StreamedBlob> {
    const bytes = Buffer.concat(this.#held);
    const blob = this.#source.blob();
    await upload({
      ...this.#wanted,
      descriptor: { mediaType: MediaType.octetStream, ...blob },
      body: bodyOf(bytes),
      onBytes: (count) => this.#progress.add(count),
    });
    return blob;
  }

  /** All of it, or what takes no longer than a fault may cost. */
  async #sendOn(session: Session): Promise<void> {
    const end = performance.now() + patience;
    let isRead = false;
    const turn = ++this.#turn;
    const content = async function* (this: Sender): AsyncGenerator<Uint8Array, void, undefined> {
      if (isRead) {
        // Asked for again, as with another token.
        await this.#goBack(0);
      }
      isRead = true;
      const source = this.#source;
      let next = this.#held.length > 0 ? this.#held : await source.next();
      this.#held = [];
      while (next.length > 0) {
        yield* this.#counted(next, turn);
        next = performance.now() < end ? await source.next() : [];
      }
    };
    await this.#patch(session, { content: content.bind(this) });
    this.#offset = this.#source.taken;
  }

  /** What is held, and more up to `size`. */
  async #sendPiece(session: Session, size: number): Promise<void> {
    if (size > maxHeld) {
      throw new OciError('unsupported', `Pieces of ${size} bytes`);
    }
    const turn = ++this.#turn;
    const before = sizeOf(this.#held);
    if (before < size) {
      this.#held.push(...(await this.#source.take(size - before)));
    }
    const length = sizeOf(this.#held);
    if (length === 0) {
      return;
    }
    const piece = this.#held;
    const content = (): AsyncIterable<Uint8Array> => {
      this.#progress.rewind(this.#offset);
      return this.#counted(piece, turn);
    };
    await this.#patch(session, { content, size: length }, `${this.#offset}-${this.#offset + length - 1}`);
    this.#held = [];
    this.#offset += length;
  }

  async #patch(
    session: Session,
    body: { readonly content: Body; readonly size?: number },
    range?: string,
  ): Promise<void> {
    const { client, scopes, signal } = this.#wanted;
    const answer = await client.send({
      method: 'PATCH',
      url: session.location,
      headers: {
        'content-type': 'application/octet-stream',
        ...(range === undefined ? {} : { 'content-range': range }),
      },
      body,
      scopes,
      signal,
      retry: false,
    });
    await discard(answer);
    session.location = uploadLocation(answer, client.origin);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable over what is already here
  async *#counted(chunks: readonly Uint8Array[], turn: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (const chunk of chunks) {
      if (turn !== this.#turn) {
        return;
      }
      this.#progress.add(chunk.byteLength);
      yield chunk;
    }
  }

  /** To where the registry is, by what is held, else by making it again. */
  async #goBack(offset: number): Promise<void> {
    const start = this.#source.taken - sizeOf(this.#held);
    if (offset > this.#source.taken) {
      throw new OciError('request-refused', `The registry has ${offset} bytes, which is more than were sent`);
    }
    if (offset >= start) {
      this.#held = behind(this.#held, offset - start);
    } else {
      await this.#source.close();
      this.#source = new Source(this.#wanted, offset);
      this.#held = [];
    }
    this.#offset = offset;
    this.#progress.rewind(offset);
  }

  async #finish({ location }: Session): Promise<StreamedBlob> {
    const { client, scopes, signal } = this.#wanted;
    const blob = this.#source.blob();
    try {
      await discard(
        await client.send({ method: 'PUT', url: withDigest(location, blob.digest), scopes, signal }),
      );
    } catch (error) {
      // A try before may have got through, though its answer did not.
      if (!isOciError(error, 'not-found') || !(await isThere(this.#wanted, blob.digest))) {
        throw error;
      }
    }
    return blob;
  }

  async giveBack(): Promise<void> {
    this.#turn++;
    if (this.#session) {
      await cancelUpload(this.#wanted.client, this.#session.location, this.#wanted.scopes);
    }
  }

  async close(): Promise<void> {
    await this.#source.close();
  }
}

/** The content, hashed from its beginning, wherever it is taken from. */
class Source {
  readonly #digester = new Digester();
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  /** Bytes before the first that is not taken. */
  taken: number;
  isAtEnd = false;

  constructor({ body }: StreamUpload, skip: number) {
    this.taken = skip;
    this.#chunks = skipped(digested(body(true), this.#digester), skip);
  }

  /** The next chunk, which is to be done with before another is asked for. */
  async next(): Promise<Uint8Array[]> {
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.isAtEnd = true;
      return [];
    }
    this.taken += next.value.byteLength;
    return [next.value];
  }

  /** Whole chunks, until they have so many bytes; they can be held. */
  async take(wanted: number): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    for (let size = 0; size < wanted && !this.isAtEnd;) {
      for (const chunk of await this.next()) {
        chunks.push(Buffer.from(chunk));
        size += chunk.byteLength;
      }
    }
    return chunks;
  }

  /** At its end, once. */
  blob(): StreamedBlob {
    return { digest: this.#digester.digest(), size: this.#digester.size };
  }

  async close(): Promise<void> {
    await this.#chunks.return();
  }
}

function behind(chunks: readonly Uint8Array[], offset: number): Uint8Array[] {
  let before = offset;
  return chunks.flatMap((chunk) => {
    const part = chunk.subarray(Math.min(before, chunk.byteLength));
    before -= chunk.byteLength - part.byteLength;
    return part.byteLength > 0 ? [part] : [];
  });
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
