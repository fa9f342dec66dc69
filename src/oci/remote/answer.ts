import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { isAbort, isOciError, OciError, type ErrorFacts } from '../errors.ts';
import { cleanUrl } from './cleanUrl.ts';
import { networkError } from './errors.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
  /** Of the last hop. */
  readonly url: string;
  /** What an error about this answer says of it. */
  readonly facts: ErrorFacts;
}

/** @param host of the registry, which remedies are about */
export function answerOf(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  method: string,
  url: URL,
  host: string,
): Answer {
  return {
    status: statusCode,
    headers,
    body,
    url: url.href,
    facts: { method, url: cleanUrl(url), status: statusCode, host },
  };
}

/** A header that stands once; of several, the first. */
export function registryHeader(answer: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** The body as it comes. @throws {OciError} when the connection breaks or stalls on the way */
export async function* chunksOf(answer: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* answer.body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw networkError(error, answer.facts);
  }
}

/** Ends an answer whose body is not wanted, its connection with it. */
function drop({ body }: Answer): void {
  // A body nobody reads says of its end by an event.
  body.on('error', () => undefined).destroy();
}

/** At most `limit` bytes of a body as text; what is longer is cut. */
export async function readText(answer: Answer, limit: number): Promise<string> {
  return (await readBytes(answer, limit, true)).toString('utf8');
}

/**
 * A whole body, held in memory.
 * @throws {OciError} `too-large` for more than `limit` bytes, unless they are to be cut
 */
export async function readBytes(answer: Answer, limit: number, cut = false): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = Number(registryHeader(answer, 'content-length') ?? 0) > limit && !cut ? limit + 1 : 0;
  if (size <= limit) {
    for await (const chunk of decoded(answer)) {
      size += chunk.byteLength;
      if (size > limit) {
        break;
      }
      chunks.push(chunk);
    }
  }
  if (size > limit) {
    drop(answer);
    if (!cut) {
      throw new OciError('too-large', `The answer has more than ${limit} bytes`, answer.facts);
    }
  }
  return Buffer.concat(chunks);
}

const decoders: Readonly<Record<string, (() => Transform) | undefined>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Nobody asked for a coding, but there are proxies that put one around every document. Blobs are never decoded. */
async function* decoded(answer: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  const coding = registryHeader(answer, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') {
    yield* chunksOf(answer);
    return;
  }
  const decoder = Object.hasOwn(decoders, coding) ? decoders[coding]?.() : undefined;
  try {
    if (!decoder) {
      throw new Error('Unknown content coding');
    }
    pipeline(Readable.from(chunksOf(answer)), decoder, () => undefined);
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (cause) {
    drop(answer);
    if (isOciError(cause) || isAbort(cause)) {
      throw cause;
    }
    throw new OciError('not-a-registry', `The answer is coded as ${coding.slice(0, 50)} and cannot be read`, {
      ...answer.facts,
      cause,
    });
  }
}
