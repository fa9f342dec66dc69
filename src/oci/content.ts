import type { Descriptor } from './descriptor.ts';
import { algorithmOf, Digester } from './digest.ts';
import { OciError } from './errors.ts';

/** Streams that are held against a descriptor already, so that what goes from store to store is hashed once. */
const checked = new WeakMap<AsyncIterable<Uint8Array>, Descriptor>();

/**
 * The same bytes, held against the descriptor on the way: ends early with the first byte too many, and at the end when
 * bytes are missing or the digest is another.
 * @throws {OciError} `size-mismatch`, `digest-mismatch`
 */
export function verified(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const by = checked.get(source);
  return by?.digest === descriptor.digest && by.size === descriptor.size
    ? abortable(source, signal)
    : markVerified(verify(source, descriptor, signal), descriptor);
}

/** For a store whose whole reads end with the verdict of `verified`. */
export function markVerified<T extends AsyncIterable<Uint8Array>>(stream: T, descriptor: Descriptor): T {
  checked.set(stream, descriptor);
  return stream;
}

async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function* verify(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(algorithmOf(descriptor.digest));
  for await (const chunk of source) {
    signal?.throwIfAborted();
    if (digester.size + chunk.byteLength > descriptor.size) {
      throw sizeMismatch(descriptor, 'more');
    }
    digester.update(chunk);
    yield chunk;
  }
  if (digester.size !== descriptor.size) {
    throw sizeMismatch(descriptor, 'fewer');
  }
  const digest = digester.digest();
  if (digest !== descriptor.digest) {
    throw new OciError('digest-mismatch', `Content of ${descriptor.digest} has the digest ${digest}`);
  }
}

function sizeMismatch(descriptor: Pick<Descriptor, 'digest' | 'size'>, which: 'more' | 'fewer'): OciError {
  return new OciError(
    'size-mismatch',
    `${descriptor.digest} has ${which} bytes than the ${descriptor.size} it is said to have`,
  );
}

/** The same bytes, with their digest behind the last. */
export async function* digested(
  source: AsyncIterable<Uint8Array>,
  digester: Digester,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    digester.update(chunk);
    yield chunk;
  }
}

/** All bytes of a small content, verified. `limit` bounds what is held, whatever the descriptor says. */
export async function readVerified(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  limit: number,
): Promise<Uint8Array> {
  if (descriptor.size > limit) {
    throw new OciError(
      'too-large',
      `${descriptor.digest} has ${descriptor.size} bytes; at most ${limit} are read at once`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of verified(source, descriptor)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * What was found by the digest of a descriptor has the size it states, too: what lies about its size is not to be trusted
 * (image-spec descriptor.md, `size`).
 * @throws {OciError} `size-mismatch`
 */
export function checkSize(stated: Pick<Descriptor, 'digest' | 'size'>, found: number): void {
  if (stated.size !== found) {
    throw sizeMismatch(stated, found > stated.size ? 'more' : 'fewer');
  }
}
