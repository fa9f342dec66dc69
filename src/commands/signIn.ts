import { l10n, window } from 'vscode';
import type { Place } from '../browse/place.ts';
import { errorText } from '../host/errorText.ts';
import { plainText } from '../host/plainText.ts';
import { withProgress } from '../host/progress.ts';
import type { Services } from '../host/services.ts';
import { isOciError } from '../oci/errors.ts';
import { apiHost } from '../oci/reference.ts';
import type { Credential } from '../oci/remote/credential.ts';
import { probe, type ProbeResult } from '../oci/remote/probe.ts';
import { isKnownRealm } from '../oci/remote/realms.ts';
import { remoteRegistry } from '../oci/remote/registry.ts';
import { askText, back, confirm, inputOne, pickOne, type Choice } from './ask.ts';
import { userAgent } from './trust.ts';
import { refreshHost } from './refreshHost.ts';

type Account = Pick<Place, 'id' | 'host' | 'name'>;

type How = 'machine' | 'here' | 'helper' | 'github-read' | 'github-write';

/** By what the machine has, an account that is kept here or by docker's helper, or the session at GitHub. */
export async function signIn(account: Account, services: Services): Promise<void> {
  const { id, host, name } = account;
  const how = await askHow(account, services);
  const { accounts } = services;
  let who: string;
  switch (how) {
    case 'machine':
      who = await byMachine(account, services);
      break;
    case 'here':
    case 'helper':
      who = await byPassword(account, services, (credential, signal) =>
        how === 'here'
          ? accounts.signIn(id, host, credential)
          : accounts.signInByHelper(id, host, credential, { signal }),
      );
      break;
    case 'github-read':
    case 'github-write': {
      const canWrite = how === 'github-write';
      const credential = await accounts.gitHub(canWrite);
      await withProgress(
        l10n.t('Signing in to {0}…', host),
        ({ signal }) => check(host, credential, services, signal),
        services.signal,
      );
      await accounts.signInByGitHub(id, canWrite);
      who = 'GitHub';
      break;
    }
  }
  refreshHost(host, services);
  void window.showInformationMessage(
    who === ''
      ? l10n.t('{0} did not ask who you are. The sign-in is kept for when it does.', plainText(name))
      : l10n.t('Signed in to {0} as {1}', plainText(name), plainText(who)),
  );
}

/** Where there is but one way, nobody is asked. */
async function askHow({ host, name }: Account, services: Services): Promise<How> {
  const { machine, helper, github } = await withProgress(
    l10n.t('Looking for accounts of {0}…', host),
    ({ signal }) => services.accounts.offers(host, { signal }),
    services.signal,
  );
  const choices: readonly (Choice<How> | undefined)[] = [
    machine === undefined
      ? undefined
      : { label: l10n.t('Use What Is There'), description: plainText(machine), value: 'machine' },
    github
      ? {
          label: l10n.t('GitHub: Read Packages'),
          description: l10n.t('the account of the editor'),
          value: 'github-read',
        }
      : undefined,
    github
      ? {
          label: l10n.t('GitHub: Read and Write Packages'),
          description: l10n.t('the account of the editor'),
          value: 'github-write',
        }
      : undefined,
    {
      label: l10n.t('User Name and Password'),
      description: l10n.t('kept in the secret storage of the editor'),
      value: 'here',
    },
    helper === undefined
      ? undefined
      : {
          label: l10n.t('User Name and Password, for Docker Too'),
          description: l10n.t('stored with {0}', plainText(helper)),
          value: 'helper',
        },
  ];
  const possible = choices.filter((choice) => choice !== undefined);
  return possible.length === 1
    ? 'here'
    : pickOne({
        title: l10n.t('Sign In to {0}', plainText(name)),
        placeholder: l10n.t('How to sign in'),
        choices: possible,
      });
}

/** What the machine has is used, also at a token service of another host when its owner agrees. */
/**
 * What was chosen here is given up only when the registry has taken the other.
 * @returns the source; empty where nobody was asked who they are
 */
export async function byMachine(
  { id, host }: Pick<Account, 'id' | 'host'>,
  services: Pick<Services, 'accounts' | 'network' | 'signal'>,
): Promise<string> {
  const { accounts } = services;
  return withProgress(
    l10n.t('Signing in to {0}…', host),
    async ({ signal }) => {
      const anonymous = { ...connection(host, services), credentials: () => Promise.resolve(undefined) };
      const { auth, realm } = await probe(anonymous, signal);
      const agreed = await agreedRealms(host, `${anonymous.scheme}://${apiHost(host)}`, realm);
      accounts.askAgain();
      const credential = await accounts.machine(host, { signal });
      if (credential) {
        await check(host, { ...credential, ...agreed }, services, signal);
      }
      await accounts.use(id, undefined, agreed.realms);
      return auth === 'anonymous' ? '' : (credential?.source ?? '');
    },
    services.signal,
  );
}

/**
 * Asks until the registry takes the password, and only then keeps it.
 * @returns the user name; empty where nobody was asked who they are
 */
async function byPassword(
  { host, name }: Account,
  services: Services,
  keep: (credential: Credential, signal: AbortSignal) => Promise<void>,
): Promise<string> {
  const title = l10n.t('Sign In to {0}', plainText(name));
  let username: string | undefined;
  let problem: string | undefined;
  let isNamed = false;
  let asked: ProbeResult | undefined;
  let realms: Pick<Credential, 'realms'> | undefined;
  for (;;) {
    if (!isNamed) {
      username = await askUser(title, host, username);
      isNamed = true;
    }
    const password = await askText({
      title,
      step: 2,
      totalSteps: 2,
      canGoBack: true,
      prompt: l10n.t('Password or access token of {0}', username ?? ''),
      password: true,
      problem,
      validate: (text) => (text === '' ? l10n.t('A password or token is needed.') : undefined),
    });
    problem = undefined;
    if (password === back) {
      isNamed = false;
      continue;
    }
    const given = { kind: 'password', username: username ?? '', password, source: '' } as const;
    try {
      // One notification an attempt: of more than three at once the editor hides the last.
      await withProgress(
        l10n.t('Signing in to {0}…', host),
        async ({ signal }) => {
          const anonymous = { ...connection(host, services), credentials: () => Promise.resolve(undefined) };
          asked ??= await probe(anonymous, signal);
          realms ??= await agreedRealms(host, `${anonymous.scheme}://${apiHost(host)}`, asked.realm);
          await check(host, { ...given, ...realms }, services, signal);
          await keep({ ...given, ...realms }, signal);
        },
        services.signal,
      );
      return asked?.auth === 'anonymous' ? '' : (username ?? '');
    } catch (error) {
      if (!isOciError(error, 'unauthorized', 'denied')) {
        throw error;
      }
      problem = isOciError(error, 'unauthorized')
        ? l10n.t('{0} does not take this password of {1}. Try again.', host, plainText(username ?? ''))
        : errorText(error).message;
    }
  }
}

function askUser(title: string, host: string, before: string | undefined): Promise<string> {
  return inputOne({
    title,
    step: 1,
    totalSteps: 2,
    prompt: l10n.t('User name at {0}', host),
    value: before ?? '',
    validate: (text) => (text.trim() === '' ? l10n.t('A user name is needed.') : undefined),
  });
}

function connection(host: string, { network }: Pick<Services, 'network'>) {
  return { host, scheme: network.scheme(host), dispatcher: network.dispatcher(host), userAgent };
}

/** @throws {OciError} `unauthorized` for a wrong password, before anything is stored */
async function check(
  host: string,
  credential: Credential,
  services: Pick<Services, 'network'>,
  signal: AbortSignal,
): Promise<void> {
  const { client } = remoteRegistry({
    ...connection(host, services),
    credentials: () => Promise.resolve(credential),
  });
  const answer = await client.send({ method: 'GET', url: '/v2/', scopes: [], signal, retry: false });
  await answer.body.dump();
}

/** A registry may name any token service; a password only goes to another origin than its own when the person agrees. */
async function agreedRealms(
  host: string,
  origin: string,
  realm: string | undefined,
): Promise<{ readonly realms?: readonly string[] }> {
  const to = realm === undefined ? null : URL.parse(realm);
  if (!to || isKnownRealm(to.origin, origin)) {
    return {};
  }
  await confirm(
    l10n.t('Send the password of {0} to {1}?', host, to.origin),
    l10n.t('{0} names this other host as the one that people sign in to.', host),
    l10n.t('Send'),
  );
  return { realms: [to.origin] };
}

export async function signOut({ id, host, name }: Account, services: Services): Promise<void> {
  const wasSignedIn = await services.accounts.isSignedIn(id);
  await withProgress(
    l10n.t('Signing out of {0}…', host),
    ({ signal }) => services.accounts.signOut(id, host, { signal }),
    services.signal,
  );
  refreshHost(host, services);
  const other = await services.accounts
    .source(id)(host, { signal: services.signal })
    .catch(() => undefined);
  const done = wasSignedIn
    ? l10n.t('Signed out of {0}.', plainText(name))
    : l10n.t('You were not signed in to {0} here.', plainText(name));
  void window.showInformationMessage(
    other ? `${done} ${l10n.t('What {0} holds is still used.', plainText(other.source))}` : done,
  );
}
