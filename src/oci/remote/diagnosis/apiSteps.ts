import request from 'undici/lib/api/api-request.js';
import { OciError } from '../../errors.ts';
import { answerOf, readText, registryHeader, type Answer } from '../answer.ts';
import { parseChallenges, type Challenge } from '../challenge.ts';
import { cleanUrl } from '../cleanUrl.ts';
import { networkError, statusError } from '../errors.ts';
import type { Fact } from './diagnosis.ts';
import { fact, factIf, say, type Result, type State } from './state.ts';

const maxRoot = 64 * 1024;
const maxChallenges = 5;
/** Milliseconds two clocks may differ: tokens are usually valid from a minute before they are made. */
const maxDifference = 60_000;
/** The root answers these to who has not said a name yet, or that there is nothing but what is below it. */
const isAnswer: ReadonlySet<number> = new Set([200, 401, 403, 404]);

/** The root of the API as nobody: what it says of itself and what it wants. */
export async function askApi(state: State, signal: AbortSignal): Promise<Result> {
  const { target, options, now } = state;
  const answer = await askPlainly(state, signal);
  const text = await readText(answer, maxRoot);
  const date = Date.parse(registryHeader(answer, 'date') ?? '');
  state.ahead = Number.isNaN(date) ? undefined : date - now();
  const challenges = parseChallenges(answer.headers['www-authenticate']).slice(0, maxChallenges);
  const facts = [
    fact('status', String(answer.status)),
    ...factIf('server', registryHeader(answer, 'server')),
    ...factIf('version', registryHeader(answer, 'docker-distribution-api-version')),
    ...(challenges.length === 0
      ? [fact('challenge', say('no-challenge'))]
      : challenges.map((challenge) => fact('challenge', challengeText(challenge)))),
    ...limitFacts(answer),
  ];
  if (!isAnswer.has(answer.status)) {
    return { facts, error: statusError(answer.status, text, { ...answer.facts, host: options.host }) };
  }
  const isPage = text.trimStart().startsWith('<') && challenges.length === 0;
  return {
    facts,
    ...(answer.status === 404 && !isPage ? { outcome: 'note' } : {}),
    ...(isPage
      ? {
          error: new OciError('not-a-registry', 'A web page stands where an API should be', {
            ...answer.facts,
            host: target.host,
          }),
        }
      : {}),
  };
}

/** Without an account, redirects and another try: what the first request of all is answered. */
async function askPlainly({ target, options }: State, signal: AbortSignal): Promise<Answer> {
  const url = new URL('/v2/', target);
  try {
    const answer = await request.call(options.dispatcher, {
      origin: url.origin,
      path: url.pathname,
      method: 'GET',
      headers: { 'user-agent': options.userAgent, 'accept-encoding': 'identity' },
      signal,
    });
    return answerOf(answer, 'GET', url, options.host);
  } catch (error) {
    throw networkError(error, { method: 'GET', url: cleanUrl(url), host: options.host });
  }
}

/** A realm without its query; the rest as it was said. */
function challengeText({ scheme, params }: Challenge): string {
  const shown = Object.entries(params).map(([name, value]) => {
    const url = name === 'realm' ? URL.parse(value) : null;
    return `${name}="${url && url.host !== '' ? cleanUrl(url) : value.slice(0, 200)}"`;
  });
  return [scheme, shown.join(', ')].filter(Boolean).join(' ').slice(0, 600);
}

/** What Docker Hub and others say of how much may still be asked. */
export function limitFacts(answer: Pick<Answer, 'headers'>): readonly Fact[] {
  return [
    'ratelimit-limit',
    'ratelimit-remaining',
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'retry-after',
  ]
    .map((name) => [name, registryHeader(answer, name)] as const)
    .flatMap(([name, value]) =>
      value === undefined ? [] : [fact('limit', `${name}: ${value.slice(0, 100)}`)],
    );
}

export function compareClocks({ ahead }: State): Promise<Result> {
  if (ahead === undefined) {
    return Promise.resolve({ outcome: 'note', facts: [fact('difference', say('no-date'))] });
  }
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return Promise.resolve(
    Math.abs(ahead) <= maxDifference
      ? { facts: [fact('difference', say('clock-right', seconds))] }
      : {
          outcome: 'note',
          facts: [fact('difference', say(ahead > 0 ? 'clock-behind' : 'clock-ahead', seconds))],
        },
  );
}
