import type { Fact } from './diagnosis.ts';
import type { TokenExchange } from '../tokenService.ts';
import { fact, factIf, say, type Result, type State } from './state.ts';

/** Which source has an account, and what kind of secret it is; never the secret, and no name of a person. */
export async function findAccount({ options, repository }: State, signal: AbortSignal): Promise<Result> {
  const { credentials, host } = options;
  const found = await credentials(host, { signal, repository });
  return found
    ? { facts: [fact('account', found.source), fact('kind', say(found.kind))] }
    : { facts: [fact('account', say('no-account'))] };
}

/** The root of the API once more, now with all that is known: the last thing that is done with a password that is wrong. */
export async function authorize({ registry, repository }: State, signal: AbortSignal): Promise<Result> {
  const { client } = registry;
  const answer = await client.send({
    method: 'GET',
    url: '/v2/',
    scopes: repository === undefined ? [] : [`repository:${repository}:pull`],
    signal,
    expect: [403, 404],
    retry: false,
  });
  await answer.body.dump();
  return { facts: [fact('status', String(answer.status))] };
}

/** What was asked of a token service in one step. */
export function tokenFacts(tokens: readonly TokenExchange[]): readonly Fact[] {
  return tokens.flatMap(({ realm, scopes, granted, life, told }) => [
    fact('realm', realm),
    fact(
      'told',
      say(told === 'sent' ? 'account-sent' : told === 'withheld' ? 'account-withheld' : 'account-none'),
    ),
    fact('asked', scopes.length === 0 ? say('no-scope') : scopes.join(' ')),
    ...(life === undefined
      ? []
      : [
          fact('granted', granted === undefined ? say('not-said') : granted.join(' ') || say('no-scope')),
          fact('life', say('seconds', life)),
        ]),
    ...factIf('status', life === undefined ? 'refused' : undefined),
  ]);
}
