import { authentication } from 'vscode';
import { canonicalHost } from '../oci/reference.ts';
import type { Credential } from '../oci/remote/credential.ts';
import { cancelled } from './cancelled.ts';

/** The session of the editor at GitHub, as far as it is needed. */
export interface GitHub {
  /** One that this extension may use already; nobody is asked. */
  find(canWrite: boolean): Promise<Credential | undefined>;
  /** Asks the person to sign in when there is none. @throws an abort when they do not */
  ask(canWrite: boolean): Promise<Credential>;
  readonly onDidChange: (listener: () => void) => { dispose(): void };
}

const provider = 'github';
const source = 'GitHub';
const scopesOf = (canWrite: boolean): string[] =>
  canWrite ? ['read:packages', 'write:packages'] : ['read:packages'];

/** True for the registry whose packages the session opens, and for no other host, port or scheme. */
export function isGitHubRegistry(host: string, scheme: 'https' | 'http'): boolean {
  return scheme === 'https' && /^ghcr\.io(?::443)?$/.test(canonicalHost(host));
}

export function createGitHub(): GitHub & { dispose(): void } {
  /** An editor without the provider is slow to say so, and is not asked twice. */
  let isMissing = false;
  const listener = authentication.onDidChangeSessions((event) => {
    if (event.provider.id === provider) {
      isMissing = false;
    }
  });
  return {
    find: async (canWrite) => {
      if (isMissing) {
        return undefined;
      }
      try {
        const session = await authentication.getSession(provider, scopesOf(canWrite), { silent: true });
        return session && credentialOf(session);
      } catch {
        isMissing = true;
        return undefined;
      }
    },
    ask: async (canWrite) => {
      try {
        return credentialOf(
          await authentication.getSession(provider, scopesOf(canWrite), { createIfNone: true }),
        );
      } catch (error) {
        if (/consent|cancel/i.test(String(error))) {
          throw cancelled();
        }
        throw error;
      }
    },
    onDidChange: (changed) =>
      authentication.onDidChangeSessions((event) => {
        if (event.provider.id === provider) {
          changed();
        }
      }),
    dispose: () => {
      listener.dispose();
    },
  };
}

function credentialOf(session: {
  readonly accessToken: string;
  readonly account: { readonly label: string };
}): Credential {
  return { kind: 'password', username: session.account.label, password: session.accessToken, source };
}
