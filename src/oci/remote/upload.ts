import { smallContent } from '../../base/lanes.ts';
import { readVerified, verified } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { algorithmOf, type Algorithm, type Digest } from '../digest.ts';
import { isOciError } from '../errors.ts';
import type { Body, PushOp } from '../store.ts';
import { discard, registryHeader } from './answer.ts';
import type { Client } from './client.ts';
import { quirksOf } from './quirks.ts';
import { uploadLocation } from './uploadLocation.ts';

export interface Upload extends PushOp {
  readonly client: Client;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly body: Body;
}

/**
 * Up to here a blob goes in one request; above, in pieces, so that a fault costs one piece. Each is twice the one before, as
 * registries write every piece to disk before they answer; proxies in front of them stop at 100 MB.
 */
const chunkSize = 16 * 1024 * 1024;
const largeChunk = 64 * 1024 * 1024;
const maxChunk = 1024 * 1024 * 1024;
export const maxResumes = 5;

/** How often a session is given back where that is refused, and milliseconds between. */
const maxCancels = 8;
const cancelPause = 100;

/** How often an upload is begun anew when the registry has lost its session. */
export const maxSessions = 3;

/**
 * Sends a blob, its bytes held against the descriptor on the way. A session that is not finished is given back.
 * @throws {OciError} `digest-mismatch`, `size-mismatch` when the source is not what it was said to be
 */
export async function upload(wanted: Upload): Promise<void> {
  const { body, descriptor } = wanted;
  const progress = new Progress(wanted.onBytes);
  // While the registry is asked where to: then no connection waits for another.
  const small = descriptor.size <= smallContent ? readVerified(body(), descriptor, smallContent) : undefined;
  for (let count = 1; ; count++) {
    const { session, chunk } = await begunWith(begin(wanted, algorithmOf(descriptor.digest)), small);
    try {
      progress.rewind(0);
      await (small
        ? sendSmall(wanted, session.location, await small, progress)
        : descriptor.size <= chunk
          ? sendWhole(wanted, session.location, progress)
          : sendChunks(wanted, session, chunk, progress));
      return;
    } catch (error) {
      const isLost = isOciError(error, 'not-found');
      if (isLost && (await isThere(wanted, descriptor.digest))) {
        // A try before got through, though its answer did not.
        return;
      }
      if (!isLost || count >= maxSessions) {
        await cancelUpload(wanted.client, session.location, wanted.scopes);
        throw error;
      }
    }
  }
}

/** What is known of an upload before the blob is. */
export type UploadStart = Pick<Upload, 'client' | 'repository' | 'scopes' | 'signal'>;

/** @returns the bytes a piece has at least, and those it should have */
export async function begin(
  { client, repository, scopes, signal }: UploadStart,
  algorithm: Algorithm,
): Promise<{
  readonly session: { location: string };
  readonly least: number;
  readonly chunk: number;
}> {
  const query = algorithm === 'sha256' ? '' : `?digest-algorithm=${algorithm}`;
  const start = await client.send({
    method: 'POST',
    url: `/v2/${repository}/blobs/uploads/${query}`,
    scopes,
    signal,
  });
  await discard(start);
  const told = Number(registryHeader(start, 'oci-chunk-min-length') ?? 0);
  const least = Number.isSafeInteger(told) ? Math.min(told, maxChunk) : 0;
  return {
    session: { location: uploadLocation(start, client.origin) },
    least,
    chunk: Math.max(chunkSize, least),
  };
}

export async function isThere(
  { client, repository, scopes, signal }: UploadStart,
  digest: Digest,
): Promise<boolean> {
  const url = `/v2/${repository}/blobs/${digest}`;
  const answer = await client.send({ method: 'HEAD', url, scopes, signal, expect: [404] });
  await discard(answer);
  return answer.status < 300;
}

/** What was sent, as the one who watches is told: a fault takes some of it back. */
export class Progress {
  readonly #onBytes: PushOp['onBytes'];
  #sent = 0;

  constructor(onBytes: PushOp['onBytes']) {
    this.#onBytes = onBytes;
  }

  add(bytes: number): void {
    this.#sent += bytes;
    this.#onBytes?.(bytes);
  }

  rewind(to: number): void {
    if (this.#sent !== to) {
      this.add(to - this.#sent);
    }
  }
}

export function withDigest(location: string, digest: Digest): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}

/** As `begun`, which does not fail while what runs beside it goes on. */
async function begunWith<T>(begun: Promise<T>, beside: Promise<unknown> | undefined): Promise<T> {
  const [result] = await Promise.allSettled([begun, beside]);
  if (result.status === 'rejected') {
    throw result.reason as Error;
  }
  return result.value;
}

async function sendSmall(
  wanted: Upload,
  location: string,
  bytes: Uint8Array,
  progress: Progress,
): Promise<void> {
  await putBlob(wanted, location, bytes);
  progress.add(bytes.byteLength);
}

async function sendWhole(wanted: Upload, location: string, progress: Progress): Promise<void> {
  const { descriptor, body, signal } = wanted;
  const content: Body = async function* () {
    // A retry starts again.
    progress.rewind(0);
    for await (const chunk of verified(body(), descriptor, signal)) {
      progress.add(chunk.byteLength);
      yield chunk;
    }
  };
  await putBlob(wanted, location, content);
}

async function putBlob(
  { client, descriptor, scopes, signal }: Upload,
  location: string,
  content: Body | Uint8Array,
): Promise<void> {
  const answer = await client.send({
    method: 'PUT',
    url: withDigest(location, descriptor.digest),
    headers: { 'content-type': 'application/octet-stream' },
    body: { content, size: descriptor.size },
    scopes,
    signal,
  });
  await discard(answer);
}

async function sendChunks(
  wanted: Upload,
  session: { location: string },
  chunk: number,
  progress: Progress,
): Promise<void> {
  const { client, descriptor, scopes, signal } = wanted;
  let source = new Source(wanted, progress);
  try {
    for (let offset = 0, resumes = 0, piece = chunk; offset < descriptor.size;) {
      const size = Math.min(piece, descriptor.size - offset);
      let reached: number;
      try {
        const answer = await client.send({
          method: 'PATCH',
          url: session.location,
          headers: {
            'content-type': 'application/octet-stream',
            'content-range': `${offset}-${offset + size - 1}`,
          },
          body: { content: () => source.take(size), size },
          scopes,
          signal,
          retry: false,
        });
        await discard(answer);
        session.location = uploadLocation(answer, client.origin);
        reached = offset + size;
        piece = Math.max(piece, Math.min(2 * piece, quirksOf(client.host)?.maxChunk ?? largeChunk));
      } catch (error) {
        if (!canResume(error) || ++resumes > maxResumes) {
          throw error;
        }
        reached = await offsetOf(wanted, session);
        await source.close();
        source = new Source(wanted, progress, reached);
        progress.rewind(reached);
        piece = chunk;
      }
      offset = reached;
    }
    await source.end();
  } finally {
    await source.close();
  }
  const answer = await client.send({
    method: 'PUT',
    url: withDigest(session.location, descriptor.digest),
    scopes,
    signal,
  });
  await discard(answer);
}

/** A fault below the content: the registry knows how far it got. */
export function canResume(error: unknown): boolean {
  return (
    isOciError(error, 'connection-lost', 'timeout', 'server-error', 'rate-limited') ||
    (isOciError(error, 'request-refused') && error.facts.status === 416)
  );
}

/** How many bytes the registry has (distribution-spec: 204 and `Range: 0-<last>`). */
export async function offsetOf(
  { client, scopes, signal }: Pick<UploadStart, 'client' | 'scopes' | 'signal'>,
  session: { location: string },
): Promise<number> {
  const answer = await client.send({ method: 'GET', url: session.location, scopes, signal });
  await discard(answer);
  session.location = uploadLocation(answer, client.origin);
  const last = /^(?:bytes=)?0-(\d+)$/.exec(registryHeader(answer, 'range') ?? '')?.[1];
  // `0-0` is one byte or none: none is always right.
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

/**
 * Gives a session back; whatever comes of it, sessions end by themselves, too. Distribution takes none back by a location that
 * says another size than it has by now, as when a request was broken off: then the location is asked for anew, a few times, as
 * bytes may still be on their way.
 */
export async function cancelUpload(
  client: Client,
  location: string,
  scopes: readonly string[],
): Promise<void> {
  const session = { location };
  try {
    // Without the signal that ended the upload: this is what is still to be done.
    const signal = AbortSignal.timeout(2000);
    for (let attempt = 0; attempt < maxCancels; attempt++) {
      const answer = await client.send({
        method: 'DELETE',
        url: session.location,
        scopes,
        retry: false,
        expect: [404, 416],
        signal,
      });
      await discard(answer);
      if (answer.status !== 416) {
        return;
      }
      if (attempt > 0) {
        await client.rest(cancelPause, signal);
      }
      await offsetOf({ client, scopes, signal }, session);
    }
  } catch {
    // Nothing is lost.
  }
}

/** The content in pieces, read once; opened anew from an offset after a fault. */
class Source {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #progress: Progress;
  #left: Uint8Array = new Uint8Array();

  constructor({ body, descriptor, signal }: Upload, progress: Progress, skip = 0) {
    this.#chunks = skipped(verified(body(), descriptor, signal), skip);
    this.#progress = progress;
  }

  async *take(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let wanted = size; wanted > 0;) {
      if (this.#left.byteLength === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) {
          return;
        }
        this.#left = next.value;
      }
      const piece = this.#left.subarray(0, wanted);
      this.#left = this.#left.subarray(piece.byteLength);
      wanted -= piece.byteLength;
      this.#progress.add(piece.byteLength);
      yield piece;
    }
  }

  /** Behind the last byte stands the verdict on all of them. */
  async end(): Promise<void> {
    await this.#chunks.next();
  }

  async close(): Promise<void> {
    await this.#chunks.return();
  }
}

export async function* skipped(
  source: AsyncIterable<Uint8Array>,
  skip: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let before = skip;
  for await (const chunk of source) {
    const part = chunk.subarray(Math.min(before, chunk.byteLength));
    before -= chunk.byteLength - part.byteLength;
    if (part.byteLength > 0) {
      yield part;
    }
  }
}
