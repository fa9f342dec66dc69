import { registryHeader, type Answer } from './answer.ts';

/** Seconds of a `Retry-After`, given as such or as a date of HTTP. @param now milliseconds since the epoch */
export function retryAfter(answer: Pick<Answer, 'headers'>, now: number): number | undefined {
  const header = registryHeader(answer, 'retry-after');
  if (header === undefined) {
    return undefined;
  }
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
