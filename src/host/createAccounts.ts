import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { l10n } from 'vscode';
import { machineSources, type Machine } from '../auth/machineCredentials.ts';
import {
  deleteCredential,
  readChoice,
  readCredential,
  writeChoice,
  writeCredential,
  type SecretStore,
} from '../auth/storedCredentials.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import type { Credential, CredentialSource } from '../oci/remote/credential.ts';
import type { Accounts, SourceId } from './accounts.ts';

export interface AccountsOptions {
  /** The editor's GitHub session, without asking anyone; undefined where the user gave none. */
  readonly github?: CredentialSource;
  readonly warn?: (text: string) => void;
}

interface Source {
  readonly id: SourceId;
  readonly find: CredentialSource;
}

/** The order: *Sign In*, docker, containers, GitHub; or the one that the user chose. */
export function createAccounts(secrets: SecretStore, { github, warn }: AccountsOptions = {}): Accounts {
  const machine = thisMachine(warn);
  const shared: readonly Source[] = [
    ...machineSources(machine),
    ...(github ? [{ id: 'github', find: github } as const] : []),
  ];
  const label = l10n.t('Sign In of this editor');
  const answered = new Map<string, string>();
  let changes = 0;
  // Of any place, and in another window too.
  const listener = secrets.onDidChange?.(() => {
    changes++;
  });
  const sourcesOf = (place: string): readonly Source[] => [
    { id: 'editor', find: () => readCredential(secrets, place, label) },
    ...shared,
  ];
  const source = (place: string): CredentialSource => {
    const find: CredentialSource = async (host, op) => {
      const chosen = await readChoice(secrets, place);
      const all = sourcesOf(place);
      const asked = all.filter(({ id }) => id === chosen);
      answered.delete(place);
      for (const each of asked.length > 0 ? asked : all) {
        const found = await each.find(host, op);
        if (found) {
          answered.set(place, found.source);
          return found;
        }
      }
      return undefined;
    };
    return Object.assign(find, {
      version: async () =>
        [
          changes,
          ...(await Promise.all(shared.map(async (each) => (await each.find.version?.()) ?? ''))),
        ].join(' '),
    });
  };
  return {
    source,
    answered: (place) => answered.get(place),
    isSignedIn: async (place) => (await readCredential(secrets, place, label)) !== undefined,
    signIn: async (place, _, credential) => {
      await writeCredential(secrets, place, credential);
      await writeChoice(secrets, place, undefined);
      changes++;
    },
    signOut: async (place) => {
      await deleteCredential(secrets, place);
      await writeChoice(secrets, place, undefined);
      answered.delete(place);
      changes++;
    },
    copy: async (from, to) => {
      const credential = await readCredential(secrets, from, label);
      if (credential) {
        await writeCredential(secrets, to, credential);
      }
      await writeChoice(secrets, to, await readChoice(secrets, from));
      changes++;
    },
    choices: async (place, host, op) => {
      const found = await Promise.all(
        sourcesOf(place).map(async ({ id, find }) => ({ id, credential: await quietly(find(host, op)) })),
      );
      const chosen = await readChoice(secrets, place);
      const used = found.find(({ id }) => id === chosen) ?? found.find(({ credential }) => credential);
      return found.flatMap(({ id, credential }) =>
        credential
          ? [
              {
                id,
                source: credential.source,
                username: credential.kind === 'password' ? credential.username : undefined,
                isUsed: used?.id === id,
              },
            ]
          : [],
      );
    },
    choose: async (place, id) => {
      await writeChoice(secrets, place, id);
      changes++;
    },
    dispose: () => listener?.dispose(),
  };
}

async function quietly(asked: Promise<Credential | undefined>): Promise<Credential | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isAbort(error)) {
      throw error;
    }
    return undefined;
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
    warn,
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
