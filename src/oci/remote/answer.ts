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
  /** Milliseconds that a document may take from its headers to its end. */
  readonly patience: number;
}

/**
 * A server that sends a byte a second never stalls: a document has to be there after this long (4 MiB at 300 kbit/s). Blobs
 * take as long as they take; people see them move and can cancel.
 */
const usualPatience = 120_000;
/** Most milliseconds that the rest of an answer nobody wants is waited for, so that its connection can be used again. */
const restPatience = 5_000;

/** @param host of the registry, which remedies are about */
export function answerOf(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  method: string,
  url: URL,
  host: string,
  patience = usualPatience,
): Answer {
  return {
    status: statusCode,
    headers,
    body,
    url: url.href,
    facts: { method, url: cleanUrl(url), status: statusCode, host },
    patience,
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
export function drop({ body }: Answer): void {
  // A body nobody reads says of its end by an event.
  body.on('error', () => undefined).destroy();
}

/** @throws {OciError} `not-a-registry` for a web page: of a proxy, a login, an error */
export function refuseHtml(answer: Answer): void {
  if (/html/i.test(registryHeader(answer, 'content-type') ?? '')) {
    throw new OciError('not-a-registry', 'A web page was served for a document', answer.facts);
  }
}

/** Lets go of an answer whose body says nothing. */
export async function discard(answer: Answer): Promise<void> {
  const timer = setTimeout(() => drop(answer), Math.min(answer.patience, restPatience));
  try {
    await answer.body.dump();
  } finally {
    clearTimeout(timer);
  }
}

/** At most `limit` bytes of a body as text; what is longer, or takes too long, is cut. */
export async function readText(answer: Answer, limit: number): Promise<string> {
  return (await readBytes(answer, limit, true)).toString('utf8');
}

/**
 * A whole body, held in memory.
 * @throws {OciError} `too-large` for more than `limit` bytes and `timeout` for one that does not end, unless it is to be cut
 */
export async function readBytes(answer: Answer, limit: number, cut = false): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = Number(registryHeader(answer, 'content-length') ?? 0) > limit && !cut ? limit + 1 : 0;
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    drop(answer);
  }, answer.patience);
  try {
    if (size <= limit) {
      for await (const chunk of decoded(answer)) {
        size += chunk.byteLength;
        if (size > limit) {
          break;
        }
        chunks.push(chunk);
      }
    }
  } catch (error) {
    if (!late.signal.aborted) {
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
  if (late.signal.aborted && !cut) {
    throw new OciError('timeout', `The answer was not there after ${answer.patience / 1000} s`, answer.facts);
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
