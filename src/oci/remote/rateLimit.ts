import { registryHeader, type Answer } from './answer.ts';

/** How often a registry may be asked, as Docker Hub says it with every manifest. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds after which all of it may be used again. */
  readonly window?: number | undefined;
  /** Who it is counted for: an address of the network, or the id of an account. */
  readonly source?: string | undefined;
}

/** Of `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600` and `docker-ratelimit-source`. */
export function rateLimitOf(answer: Pick<Answer, 'headers'>): RateLimit | undefined {
  const limit = quota(registryHeader(answer, 'ratelimit-limit'));
  const remaining = quota(registryHeader(answer, 'ratelimit-remaining'));
  const source = registryHeader(answer, 'docker-ratelimit-source');
  return limit && remaining
    ? {
        limit: limit.count,
        remaining: remaining.count,
        window: limit.window,
        source: source !== undefined && /^[\w.:-]{1,64}$/.test(source) ? source : undefined,
      }
    : undefined;
}

function quota(header: string | undefined) {
  const [, count, window] = /^(\d{1,9})(?:;w=(\d{1,9}))?/.exec(header ?? '') ?? [];
  return count === undefined
    ? undefined
    : { count: Number(count), window: window === undefined ? undefined : Number(window) };
}
