import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { l10n } from 'vscode';
import { dockerCredentials } from '../auth/dockerConfig.ts';
import {
  deleteCredential,
  readCredential,
  writeCredential,
  type SecretStore,
} from '../auth/storedCredentials.ts';
import { OciError } from '../oci/errors.ts';
import type { CredentialSource } from '../oci/remote/credential.ts';
import type { Accounts } from './accounts.ts';

/** What the user stored with *Sign In*, else what docker knows. */
export function createAccounts(secrets: SecretStore): Accounts {
  const docker = dockerCredentials({
    // Set to nothing is not set, as for docker.
    path: join(process.env['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json'),
    readFile: readIfThere,
    stamp,
  });
  const source = l10n.t('Sign In of this editor');
  let changes = 0;
  // Of any place, and in another window too.
  const listener = secrets.onDidChange?.(() => {
    changes++;
  });
  return {
    source: (place) => {
      const find: CredentialSource = async (host, op) =>
        (await readCredential(secrets, place, source)) ?? docker(host, op);
      return Object.assign(find, {
        version: async () => `${changes} ${(await docker.version?.()) ?? ''}`,
      });
    },
    isSignedIn: async (place) => (await readCredential(secrets, place, source)) !== undefined,
    signIn: async (place, _, credential) => {
      await writeCredential(secrets, place, credential);
      changes++;
    },
    signOut: async (place) => {
      await deleteCredential(secrets, place);
      changes++;
    },
    dispose: () => listener?.dispose(),
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
