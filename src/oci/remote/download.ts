import type { Descriptor } from '../descriptor.ts';
import { isOciError, OciError, type ErrorFacts } from '../errors.ts';
import type { FetchOp } from '../store.ts';
import { chunksOf, drop, registryHeader, type Answer } from './answer.ts';
import type { Client } from './client.ts';
import { withFacts } from './errors.ts';
import { partOf } from './partOf.ts';

export interface Download extends FetchOp {
  readonly client: Client;
  readonly url: string;
  readonly accept: string | undefined;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  /** Told of each answer. */
  readonly onAnswer: (facts: ErrorFacts) => void;
}

/** Most connections that may break, or stall for as long as is waited, with less than `progress` bytes between them. */
const maxTries = { 'connection-lost': 5, timeout: 2, 'size-mismatch': 5 } as const;
const progress = 1024 * 1024;

/**
 * Content of a registry as it comes, unverified. Where the connection breaks on the way it goes on at that byte, by `Range`;
 * a server that ignores ranges sends it again, and what came before is left out.
 * @throws {OciError} as `Client.send`; `connection-lost`, `timeout` where it breaks again and again; `unsupported` with
 *   `neverSkips`
 */
export async function* download(wanted: Download): AsyncGenerator<Uint8Array, void, undefined> {
  const { client, descriptor, start = 0, signal } = wanted;
  const isPart = wanted.start !== undefined || wanted.end !== undefined;
  const end = Math.min(wanted.end ?? descriptor.size, descriptor.size);
  if (isPart && end <= start) {
    return;
  }
  let at = start;
  let counted = start;
  let hasRanges = true;
  for (let attempt = 1; ; attempt++) {
    const isRange = isPart || at > start;
    const answer = await ask(wanted, isRange && hasRanges ? [at, end] : undefined, at > start);
    wanted.onAnswer(answer.facts);
    if (answer.status === 416) {
      drop(answer);
      hasRanges = false;
      continue;
    }
    try {
      const body = chunksOf(answer);
      for await (const chunk of isRange ? partOf(answer, body, at, end) : body) {
        at += chunk.byteLength;
        yield chunk;
      }
      return;
    } catch (error) {
      if (at === end) {
        return;
      }
      if (at - counted >= progress) {
        counted = at;
        attempt = 1;
      }
      if (attempt >= triesFor(error, answer)) {
        throw withFacts(error, answer.facts);
      }
      await client.rest(200 * 2 ** (attempt - 1), signal);
    }
  }
}

function triesFor(error: unknown, answer: Answer): number {
  // A server may send less than the range it was asked for.
  const isBreak =
    isOciError(error, 'connection-lost', 'timeout') ||
    (isOciError(error, 'size-mismatch') && answer.status === 206);
  return isBreak ? maxTries[error.code as keyof typeof maxTries] : 0;
}

async function ask(
  { client, url, accept, scopes, signal, neverSkips }: Download,
  range: readonly [number, number] | undefined,
  isResumed: boolean,
): Promise<Answer> {
  const answer = await client.send({
    method: 'GET',
    url,
    headers: {
      ...(accept === undefined ? {} : { accept }),
      ...(range ? { range: `bytes=${range[0]}-${range[1] - 1}` } : {}),
    },
    scopes,
    signal,
    expect: isResumed && range && neverSkips !== true ? [416] : [],
  });
  if (neverSkips === true && range && !isExactly(answer, range[0])) {
    drop(answer);
    throw new OciError('unsupported', 'The registry does not send a part of a blob', answer.facts);
  }
  return answer;
}

function isExactly(answer: Answer, start: number): boolean {
  const stated = /^bytes (\d{1,15})-/.exec(registryHeader(answer, 'content-range') ?? '')?.[1];
  return answer.status === 206 && Number(stated) === start;
}
