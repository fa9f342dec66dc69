import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { l10n, window } from 'vscode';
import { serverOf, type CredentialHelper } from '../auth/credentialHelper.ts';
import { HelperAnswers } from '../auth/helperAnswers.ts';
import { dockerHelper, machineSources, type Machine } from '../auth/machineCredentials.ts';
import {
  accountName,
  readAccounts,
  usedAccount,
  withAccount,
  withoutAccount,
  writeAccounts,
  type SecretStore,
  type StoredAccounts,
} from '../auth/storedCredentials.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import type { Credential, CredentialSource } from '../oci/remote/credential.ts';
import type { Op } from '../oci/store.ts';
import type { Accounts } from './accounts.ts';
import { cancelled } from './cancelled.ts';
import { isGitHubRegistry, type GitHub } from './gitHub.ts';

export interface AccountsOptions {
  /** Told once of each thing that is passed over. */
  readonly warn?: ((text: string) => void) | undefined;
  readonly github?: GitHub | undefined;
  readonly scheme?: ((host: string) => 'https' | 'http') | undefined;
  /** True for a host whose certificate need not verify: the session at GitHub is not told there. */
  readonly isInsecure?: ((host: string) => boolean) | undefined;
}

/** The order: the one that was chosen, docker, containers, GitHub. */
export function createAccounts(
  secrets: SecretStore,
  { warn, github, scheme = () => 'https', isInsecure = () => false }: AccountsOptions = {},
): Accounts {
  const answers = new HelperAnswers(Date.now);
  const machine = thisMachine(warn);
  const shared = machineSources(machine, answers);
  const label = l10n.t('Sign In of this editor');
  const answered = new Map<string, string>();
  let changes = 0;
  // Of any place, and in another window too.
  const elsewhere = (): void => {
    answers.forget();
    changes++;
  };
  const listeners = [
    secrets.onDidChange?.(elsewhere),
    github?.onDidChange(elsewhere),
    window.onDidChangeWindowState(({ focused }) => {
      // Who comes back may have signed in with another program.
      if (focused) {
        answers.forget();
      }
    }),
  ];
  const read = (place: string): Promise<StoredAccounts> => readAccounts(secrets, place, label);
  const change = async (
    place: string,
    changed: (stored: StoredAccounts) => StoredAccounts,
  ): Promise<void> => {
    await writeAccounts(secrets, place, changed(await read(place)));
    answers.forget();
    answered.delete(place);
    changes++;
  };
  const ofMachine: CredentialSource = async (host, op) => {
    for (const { find } of shared) {
      const found = await find(host, op);
      if (found) {
        return found;
      }
    }
    return undefined;
  };
  const isGitHub = (host: string): boolean =>
    github !== undefined && isGitHubRegistry(host, scheme(host)) && !isInsecure(host);
  const ofGitHub = async (host: string, canWrite?: boolean): Promise<Credential | undefined> => {
    if (!github || !isGitHub(host)) {
      return undefined;
    }
    return canWrite === undefined
      ? ((await github.find(true)) ?? (await github.find(false)))
      : github.find(canWrite);
  };
  const found = async (place: string, ...[host, op]: Parameters<CredentialSource>) => {
    const stored = await read(place);
    const used = usedAccount(stored);
    if (used?.kind === 'github') {
      return ofGitHub(host, used.canWrite);
    }
    if (used) {
      return used;
    }
    const known = await ofMachine(host, op);
    return known ? { ...known, ...(stored.realms ? { realms: stored.realms } : {}) } : ofGitHub(host);
  };
  return {
    source: (place) => {
      const find: CredentialSource = async (host, op) => {
        answered.delete(place);
        const credential = await found(place, host, op);
        if (credential) {
          answered.set(place, credential.source);
        }
        return credential;
      };
      return Object.assign(find, {
        version: async () =>
          [
            changes,
            answers.age,
            ...(await Promise.all(shared.map(async (each) => (await each.find.version?.()) ?? ''))),
          ].join(' '),
      });
    },
    machine: async (host, op) => (await ofMachine(host, op)) ?? ofGitHub(host),
    answered: (place) => answered.get(place),
    isSignedIn: async (place) => {
      const stored = await read(place);
      return (usedAccount(stored) ?? stored.lent) !== undefined;
    },
    offers: async (host, op) => ({
      machine: (await ofMachine(host, op).catch(noneUnlessAborted))?.source,
      helper: (await dockerHelper(machine, host).catch(noneUnlessAborted))?.program,
      github: isGitHub(host),
    }),
    remembered: async (place) => {
      const stored = await read(place);
      const used = usedAccount(stored);
      return { names: stored.accounts.map(accountName), used: used && accountName(used) };
    },
    signIn: (place, _, credential) => change(place, (stored) => withAccount(stored, credential)),
    gitHub: (canWrite) => (github ? github.ask(canWrite) : Promise.reject(cancelled())),
    signInByGitHub: (place, canWrite) =>
      change(place, (stored) => withAccount(stored, { kind: 'github', canWrite })),
    signInByHelper: async (place, host, credential, op) => {
      const helper = await dockerHelper(machine, host);
      if (!helper || credential.kind !== 'password') {
        throw new OciError('credentials-unreadable', 'docker is set up with no credential helper', { host });
      }
      await helper.store(serverOf(host), credential, op);
      const { username, realms } = credential;
      const lent = { program: helper.program, username };
      await change(place, (stored) => ({
        ...stored,
        used: undefined,
        lent,
        realms: realms ?? stored.realms,
      }));
    },
    use: (place, name, realms) =>
      change(place, (stored) => ({ ...stored, used: name, realms: realms ?? stored.realms })),
    forget: (place, name) => change(place, (stored) => withoutAccount(stored, name)),
    signOut: async (place, host, op) => {
      const { lent, used } = await read(place);
      if (lent && used === undefined) {
        await takeBack(await dockerHelper(machine, host), lent, serverOf(host), op);
      }
      await change(place, (stored) => ({
        ...withoutAccount(stored, stored.used),
        ...(used === undefined ? { lent: undefined, realms: undefined } : {}),
      }));
    },
    clear: (place) => change(place, () => ({ accounts: [] })),
    copy: async (from, to) => {
      const stored = await read(from);
      await change(to, () => stored);
    },
    askAgain: () => answers.forget(),
    dispose: () => {
      for (const listener of listeners) {
        listener?.dispose();
      }
    },
  };
}

/** Erases what was stored for us, unless docker has meanwhile stored another there. */
async function takeBack(
  helper: CredentialHelper | undefined,
  lent: StoredAccounts['lent'] & object,
  server: string,
  op: Op | undefined,
): Promise<void> {
  if (helper?.program !== lent.program) {
    return;
  }
  const found = await helper.get(server, op);
  if (found?.kind === 'password' && found.username === lent.username) {
    await helper.erase(server, op);
  }
}

/** What cannot be read is no choice; what is wrong with it is told when it is used. */
function noneUnlessAborted(error: unknown): undefined {
  if (isAbort(error)) {
    throw error;
  }
}

/** The environment and the files of the user: no setting, and so no workspace, has a say in it. */
function thisMachine(warn: ((text: string) => void) | undefined): Machine {
  return {
    env: process.env,
    home: homedir(),
    platform: process.platform,
    uid: process.getuid?.(),
    readFile: readIfThere,
    stamp,
    warn: once(warn),
  };
}

function once(warn: ((text: string) => void) | undefined): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (!told.has(text)) {
      told.add(text);
      warn?.(text);
    }
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) {
      return undefined;
    }
    throw new OciError('credentials-unreadable', `${path} cannot be read`, { url: path, cause });
  }
}

/** When and how long it was last written; nothing for what is not there. */
async function stamp(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return '';
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
