import { verified } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { algorithmOf } from '../digest.ts';
import { isOciError } from '../errors.ts';
import type { Body, PushOp } from '../store.ts';
import { registryHeader, type Client } from './client.ts';

export interface Upload extends PushOp {
  readonly client: Client;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly body: Body;
}

/** Up to here a blob goes in one request; above, in pieces of this size, so that a fault costs one piece. */
const chunkSize = 16 * 1024 * 1024;
const maxChunk = 1024 * 1024 * 1024;
const maxResumes = 5;

/**
 * Sends a blob, its bytes held against the descriptor on the way. A session that is not finished is given back.
 * @throws {OciError} `digest-mismatch`, `size-mismatch` when the source is not what it was said to be
 */
export async function upload(wanted: Upload): Promise<void> {
  const { client, descriptor, repository, scopes, signal } = wanted;
  const algorithm = algorithmOf(descriptor.digest);
  const query = algorithm === 'sha256' ? '' : `?digest-algorithm=${algorithm}`;
  const start = await client.send({
    method: 'POST',
    url: `/v2/${repository}/blobs/uploads/${query}`,
    scopes,
    signal,
  });
  await start.body.dump();
  const session = { location: client.location(start) };
  const least = Number(registryHeader(start, 'oci-chunk-min-length') ?? 0);
  const chunk = Math.min(Math.max(chunkSize, Number.isSafeInteger(least) ? least : 0), maxChunk);
  try {
    if (descriptor.size <= chunk) {
      await sendWhole(wanted, session.location);
    } else {
      await sendChunks(wanted, session, chunk);
    }
  } catch (error) {
    await cancel(client, session.location, scopes);
    throw error;
  }
}

function withDigest(location: string, descriptor: Descriptor): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${descriptor.digest}`;
}

async function sendWhole(
  { client, descriptor, body, scopes, signal, onBytes }: Upload,
  location: string,
): Promise<void> {
  let sent = 0;
  const content: Body = async function* () {
    // A retry starts again.
    onBytes?.(-sent);
    sent = 0;
    for await (const chunk of verified(body(), descriptor, signal)) {
      sent += chunk.byteLength;
      onBytes?.(chunk.byteLength);
      yield chunk;
    }
  };
  const answer = await client.send({
    method: 'PUT',
    url: withDigest(location, descriptor),
    headers: { 'content-type': 'application/octet-stream' },
    body: { content, size: descriptor.size },
    scopes,
    signal,
  });
  await answer.body.dump();
}

async function sendChunks(wanted: Upload, session: { location: string }, chunk: number): Promise<void> {
  const { client, descriptor, scopes, signal } = wanted;
  let source = new Source(wanted);
  try {
    for (let offset = 0, resumes = 0; offset < descriptor.size;) {
      const size = Math.min(chunk, descriptor.size - offset);
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
        await answer.body.dump();
        session.location = client.location(answer);
        offset += size;
      } catch (error) {
        if (!canResume(error) || ++resumes > maxResumes) {
          throw error;
        }
        const at = await offsetOf(wanted, session);
        await source.close();
        source = new Source(wanted, at);
        wanted.onBytes?.(at - offset);
        offset = at;
      }
    }
    await source.end();
  } finally {
    await source.close();
  }
  const answer = await client.send({
    method: 'PUT',
    url: withDigest(session.location, descriptor),
    scopes,
    signal,
  });
  await answer.body.dump();
}

/** A fault below the content: the registry knows how far it got. */
function canResume(error: unknown): boolean {
  return (
    isOciError(error, 'connection-lost', 'timeout', 'server-error', 'rate-limited') ||
    (isOciError(error, 'request-refused') && error.facts.status === 416)
  );
}

/** How many bytes the registry has (distribution-spec: 204 and `Range: 0-<last>`). */
async function offsetOf({ client, scopes, signal }: Upload, session: { location: string }): Promise<number> {
  const answer = await client.send({ method: 'GET', url: session.location, scopes, signal });
  await answer.body.dump();
  session.location = client.location(answer);
  const last = /^(?:bytes=)?0-(\d+)$/.exec(registryHeader(answer, 'range') ?? '')?.[1];
  // `0-0` is one byte or none: none is always right.
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

async function cancel(client: Client, location: string, scopes: readonly string[]): Promise<void> {
  try {
    // Without the signal that ended the upload: this is what is still to be done.
    const answer = await client.send({
      method: 'DELETE',
      url: location,
      scopes,
      retry: false,
      expect: [404],
      signal: AbortSignal.timeout(2000),
    });
    await answer.body.dump();
  } catch {
    // Sessions end by themselves, too.
  }
}

/** The content in pieces, read once; opened anew from an offset after a fault. */
class Source {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #left: Uint8Array = new Uint8Array();

  constructor({ body, descriptor, signal, onBytes }: Upload, skip = 0) {
    this.#chunks = skipped(verified(body(), descriptor, signal), skip);
    this.#onBytes = onBytes;
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
      this.#onBytes?.(piece.byteLength);
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

async function* skipped(
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
