import { isOciError } from '../errors.ts';
import { discard, type Answer } from './answer.ts';
import { networkError } from './errors.ts';

/**
 * Whether what failed over plain HTTP is a server that speaks TLS. Nothing is told to it in asking, and an account only when its
 * own challenge, over TLS, asks for one.
 * @param ask over TLS, without an account
 */
export async function speaksTls(
  failure: Error,
  ask: () => Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!looksLikeTls(failure)) {
    return false;
  }
  try {
    await discard(await ask());
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    // A certificate that is not trusted is one.
    return isOciError(networkError(error, {}), 'tls-untrusted', 'tls-invalid');
  }
}

/** Servers with TLS answer 400 to plain HTTP, in words of their own or none (a HEAD), answer in TLS, or hang up. */
function looksLikeTls(failure: Error): boolean {
  return (
    isOciError(failure, 'connection-lost', 'not-a-registry') ||
    (isOciError(failure, 'request-refused') && failure.facts.status === 400)
  );
}
