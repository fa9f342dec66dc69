import { isOciError } from '../errors.ts';

const retriable: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Whether a failure may be none at the next try. */
export function canRetry(failure: Error): boolean {
  return (
    isOciError(failure) && (failure.code === 'connection-lost' || retriable.has(failure.facts.status ?? 0))
  );
}
