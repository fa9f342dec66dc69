import { createHash, type Hash } from 'node:crypto';
import { OciError } from './errors.ts';

/** `algorithm:hex`, one of the two registered algorithms we can compute (image-spec descriptor.md, Digests). */
export type Digest = string & { readonly __digest: never };

export type Algorithm = 'sha256' | 'sha512';

const grammar = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && text.length <= 135 && grammar.test(text);
}

/** @throws {OciError} `digest-invalid` for any other grammar or algorithm, before it can reach a URL or a path. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new OciError('digest-invalid', `Not a sha256 or sha512 digest: ${text.slice(0, 200)}`);
  }
  return text;
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hexadecimal part, 64 or 128 characters. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** `sha256:9f3c21ab…` cut to what a person compares by eye. */
export function shortDigest(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** Hashes a stream piece by piece. */
export class Digester {
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;
  /** Bytes seen so far. */
  size = 0;

  constructor(algorithm: Algorithm = 'sha256') {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.size += chunk.byteLength;
    this.#hash.update(chunk);
  }

  /** Ends the computation; call once. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest('hex')}` as Digest;
  }
}
