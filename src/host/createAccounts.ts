import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { l10n } from 'vscode';
import { HelperAnswers } from '../auth/helperAnswers.ts';
import { machineSources, type Machine } from '../auth/machineCredentials.ts';
import {
  deleteCredential,
  readCredential,
  writeCredential,
  type SecretStore,
} from '../auth/storedCredentials.ts';
import { OciError } from '../oci/errors.ts';
import type { CredentialSource } from '../oci/remote/credential.ts';
import type { Accounts } from './accounts.ts';

/** The order: *Sign In*, docker, containers. @param warn told once of each thing that is passed over */
export function createAccounts(secrets: SecretStore, warn?: (text: string) => void): Accounts {
  const answers = new HelperAnswers(Date.now);
  const shared = machineSources(thisMachine(warn), answers);
  const label = l10n.t('Sign In of this editor');
  const answered = new Map<string, string>();
  let changes = 0;
  // Of any place, and in another window too.
  const listener = secrets.onDidChange?.(() => {
    changes++;
  });
  const source = (place: string): CredentialSource => {
    const stored: CredentialSource = () => readCredential(secrets, place, label);
    const find: CredentialSource = async (host, op) => {
      answered.delete(place);
      for (const each of [stored, ...shared.map((known) => known.find)]) {
        const found = await each(host, op);
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
      answers.forget();
      changes++;
    },
    signOut: async (place) => {
      await deleteCredential(secrets, place);
      answers.forget();
      answered.delete(place);
      changes++;
    },
    copy: async (from, to) => {
      const credential = await readCredential(secrets, from, label);
      if (credential) {
        await writeCredential(secrets, to, credential);
      }
      changes++;
    },
    dispose: () => listener?.dispose(),
  };
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
