import { OciError } from '../errors.ts';
import { registryHeader, type Answer } from './answer.ts';

/**
 * The bytes from `start` (inclusive) to `end` (exclusive) of the body of an answer to a range.
 * @throws {OciError} `size-mismatch` when they are not all in it
 */
export function partOf(
  answer: Answer,
  body: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  return cut(body, start - firstByte(answer, start), end - start);
}

/** Where the body of an answer to a range starts: a server that ignores the range sends everything. */
function firstByte(answer: Answer, wanted: number): number {
  if (answer.status !== 206) {
    return 0;
  }
  const stated = /^bytes (\d{1,15})-/.exec(registryHeader(answer, 'content-range') ?? '')?.[1];
  const first = stated === undefined ? wanted : Number(stated);
  if (first > wanted) {
    throw new OciError('size-mismatch', `Asked for bytes from ${wanted} on, the registry sent ${first} on`);
  }
  return first;
}

async function* cut(
  source: AsyncIterable<Uint8Array>,
  skip: number,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let before = skip;
  let left = length;
  for await (const chunk of source) {
    const part = chunk.subarray(Math.min(before, chunk.byteLength)).subarray(0, left);
    before = Math.max(0, before - chunk.byteLength);
    left -= part.byteLength;
    if (part.byteLength > 0) {
      yield part;
    }
    if (left <= 0) {
      return;
    }
  }
  throw new OciError('size-mismatch', 'The registry sent fewer bytes than were asked for');
}
