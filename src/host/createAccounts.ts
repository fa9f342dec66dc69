import { readFile } from 'node:fs/promises';
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
import { fileError, isOciError } from '../oci/errors.ts';
import type { Accounts } from './accounts.ts';

/** What the user stored with *Sign In*, else what docker knows. */
export function createAccounts(secrets: SecretStore): Accounts {
  const docker = dockerCredentials({
    path: join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json'),
    readFile: readIfThere,
  });
  const source = l10n.t('Sign In of this editor');
  return {
    source: (place) => async (host, op) => (await readCredential(secrets, place, source)) ?? docker(host, op),
    isSignedIn: async (place) => (await readCredential(secrets, place, source)) !== undefined,
    signIn: (place, _, credential) => writeCredential(secrets, place, credential),
    signOut: (place) => deleteCredential(secrets, place),
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const wrapped = fileError(error, path);
    if (isOciError(wrapped, 'file-missing')) {
      return undefined;
    }
    throw wrapped;
  }
}
