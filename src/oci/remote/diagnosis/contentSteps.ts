import { randomBytes } from 'node:crypto';
import { isRecord } from '../../descriptor.ts';
import { digestOf } from '../../digest.ts';
import { isOciError } from '../../errors.ts';
import { manifestAccept, MediaType } from '../../mediaTypes.ts';
import { parseBounded } from '../../parseBounded.ts';
import { isRepository, isTag } from '../../reference.ts';
import { registryHeader } from '../answer.ts';
import { nextLink } from '../links.ts';
import { quirksOf } from '../quirks.ts';
import { limitFacts } from './apiSteps.ts';
import type { Fact } from './diagnosis.ts';
import { fact, say, type Result, type State } from './state.ts';

const maxPageBytes = 16 * 1024 * 1024;
/** How many names are asked for: the fewest there are, and more than most registries give at once. */
const pageSizes = [1, 2000] as const;
const refused = [400, 405, 406, 413, 416, 422, 501];

export async function askCatalog(state: State, signal: AbortSignal): Promise<Result> {
  const { options, registry } = state;
  if (quirksOf(options.host)?.noCatalog === true) {
    return { outcome: 'note', facts: [fact('page', say('no-catalog'))] };
  }
  try {
    const { facts, names } = await readPages(
      state,
      '/v2/_catalog',
      'repositories',
      ['registry:catalog:*'],
      signal,
    );
    state.repository ??= names.find(isRepository);
    return { facts };
  } catch (error) {
    if (isOciError(error, 'denied', 'unauthorized')) {
      // It is usual not to show it to everybody; but who is asked for a name has to say it.
      const isNameless = isOciError(error, 'unauthorized') && registry.client.authorizer.scheme === 'basic';
      return {
        outcome: 'note',
        facts: [fact('page', say('catalog-denied'))],
        ...(isNameless ? { error } : {}),
      };
    }
    if (isOciError(error, 'not-found', 'unsupported', 'request-refused')) {
      return { outcome: 'note', facts: [fact('page', say('no-catalog'))] };
    }
    throw error;
  }
}

export async function askTags(state: State, signal: AbortSignal): Promise<Result> {
  const { repository } = state;
  if (repository === undefined) {
    return nothingToAsk;
  }
  const url = `/v2/${repository}/tags/list`;
  const { facts, names } = await readPages(state, url, 'tags', [`repository:${repository}:pull`], signal);
  state.tag = names.find(isTag);
  return { facts: [fact('repository', repository), ...facts] };
}

const nothingToAsk: Result = { outcome: 'skipped', facts: [fact('repository', say('no-repository'))] };

/** What a list gives of few and of many; of names the first of the smallest page that has one. */
async function readPages(
  { registry }: State,
  url: string,
  field: string,
  scopes: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly facts: readonly Fact[]; readonly names: readonly string[] }> {
  const facts: Fact[] = [];
  let names: readonly string[] = [];
  for (const size of pageSizes) {
    const answer = await registry.client.read(
      {
        method: 'GET',
        url: `${url}?n=${size}`,
        headers: { accept: 'application/json' },
        scopes,
        signal,
        // That it wants fewer is an answer.
        expect: size === 1 ? [] : refused,
        retry: false,
      },
      maxPageBytes,
    );
    if (answer.status >= 400) {
      facts.push(fact('page', say('page-refused', size, answer.status)));
      continue;
    }
    const found = namesIn(answer.bytes, field);
    names = names.length > 0 ? names : found;
    const hasMore = nextLink(answer.headers['link']) !== undefined;
    facts.push(fact('page', say(hasMore ? 'page-more' : 'page-all', size, found.length)));
    facts.push(...limitFacts(answer));
  }
  return { facts, names };
}

function namesIn(bytes: Buffer, field: string): readonly string[] {
  try {
    const json = parseBounded(bytes.toString('utf8'));
    const names = isRecord(json) ? json[field] : undefined;
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

/** By the API (OCI distribution 1.1), or by the tag that stands for it where there is none. */
export async function tryReferrers(state: State, signal: AbortSignal): Promise<Result> {
  const { repository, tag, registry } = state;
  if (repository === undefined) {
    return nothingToAsk;
  }
  if (tag === undefined) {
    return { outcome: 'skipped', facts: [fact('repository', say('no-tag'))] };
  }
  const scopes = [`repository:${repository}:pull`];
  const { client } = registry;
  // A read that is counted nowhere.
  const head = await client.send({
    method: 'HEAD',
    url: `/v2/${repository}/manifests/${tag}`,
    headers: { accept: manifestAccept },
    scopes,
    signal,
    retry: false,
  });
  await head.body.dump();
  const digest = registryHeader(head, 'docker-content-digest') ?? digestOf(Buffer.alloc(0));
  const answer = await client.send({
    method: 'GET',
    url: `/v2/${repository}/referrers/${encodeURIComponent(digest)}`,
    headers: { accept: MediaType.index },
    scopes,
    signal,
    expect: [...refused, 404],
    retry: false,
  });
  await answer.body.dump();
  const type = registryHeader(answer, 'content-type')?.split(';', 1)[0]?.trim();
  const hasApi = answer.status === 200 && type === MediaType.index;
  return {
    facts: [
      fact('digest', digest),
      fact('support', say(hasApi ? 'referrers-api' : 'referrers-tag')),
      fact('level', say(hasApi ? 'level-1-1' : 'level-1-0')),
      ...limitFacts(head),
    ],
  };
}

/**
 * By deleting what cannot be there: the digest of bytes that were just made at random. A registry that deletes says that it
 * does not have it.
 */
export async function tryToDelete(state: State, signal: AbortSignal): Promise<Result> {
  const { repository, registry } = state;
  if (repository === undefined) {
    return nothingToAsk;
  }
  const digest = digestOf(randomBytes(32));
  try {
    const answer = await registry.client.send({
      method: 'DELETE',
      url: `/v2/${repository}/manifests/${digest}`,
      scopes: [`repository:${repository}:delete,pull,push`],
      signal,
      expect: [401, 403, 404, ...refused],
      retry: false,
    });
    await answer.body.dump();
    const { status } = answer;
    const outcome =
      status === 404 || status < 300
        ? 'deletes-yes'
        : status === 401 || status === 403
          ? 'deletes-denied'
          : 'deletes-no';
    return {
      facts: [fact('digest', digest), fact('status', String(status)), fact('support', say(outcome))],
      ...(outcome === 'deletes-yes' ? {} : { outcome: 'note' }),
    };
  } catch (error) {
    if (isOciError(error, 'unauthorized', 'denied')) {
      return { outcome: 'note', facts: [fact('support', say('deletes-denied'))] };
    }
    throw error;
  }
}
