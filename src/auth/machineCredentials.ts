import { join } from 'node:path';
import { isRecord } from '../oci/descriptor.ts';
import { canonicalHost } from '../oci/reference.ts';
import type { Credential, CredentialOp, CredentialSource } from '../oci/remote/credential.ts';
import { credentialOf, hostOfKey, keysOf, parseAuthFile, type AuthFile } from './authFile.ts';
import { HelperAnswers } from './helperAnswers.ts';
import { credentialHelper, serverOf, type CredentialHelper } from './credentialHelper.ts';

/** What is known of the machine; nothing of it comes from a workspace or from a setting. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Undefined on Windows. */
  readonly uid: number | undefined;
  /** Undefined when there is no such file. */
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Changes with the file. */
  readonly stamp: (path: string) => Promise<string>;
  readonly warn?: ((text: string) => void) | undefined;
}

export interface MachineSource {
  readonly id: 'docker' | 'containers';
  readonly find: CredentialSource;
}

/** What docker and the tools of containers/image (podman, buildah, skopeo) signed in to, in the order they are asked. */
export function machineSources(
  machine: Machine,
  answers: HelperAnswers = new HelperAnswers(Date.now),
): readonly MachineSource[] {
  return [
    { id: 'docker', find: dockerCredentials(machine, answers) },
    { id: 'containers', find: containersCredentials(machine, answers) },
  ];
}

/** `DOCKER_AUTH_CONFIG`, else `config.json`: `credHelpers`, else `credsStore`, else `auths`. */
function dockerCredentials(machine: Machine, answers: HelperAnswers): CredentialSource {
  const path = dockerPath(machine);
  // What docker wrote before it had a folder; it is read where there is nothing newer, as podman does.
  const legacy = join(machine.home, '.dockercfg');
  const find = async (host: string, op?: CredentialOp): Promise<Credential | undefined> => {
    const lookup = { host, names: [canonicalHost(host)], nameOfKey: hostOfKey, answers };
    return (
      environmentCredential(machine, host) ??
      (await inFile(machine, path, lookup, op)) ??
      (await inFile(machine, legacy, { ...lookup, isLegacy: true }, op))
    );
  };
  return Object.assign(find, {
    version: async () => [await machine.stamp(path), await machine.stamp(legacy)].join(' '),
  });
}

/**
 * The helper that `docker login` would store with.
 * @throws {OciError} `credentials-unreadable` for a file that cannot be read, or a name that is none
 */
export async function dockerHelper(machine: Machine, host: string): Promise<CredentialHelper | undefined> {
  const path = dockerPath(machine);
  const text = await machine.readFile(path);
  const source = shownPath(path, machine.home);
  return text === undefined ? undefined : helperOf(parseAuthFile(text, source), host, source, machine);
}

/** Set to nothing is not set, as for docker. */
function dockerPath({ env, home }: Machine): string {
  return join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json');
}

/** `auth.json`, where a key may be a namespace; the most specific one of a repository counts. */
function containersCredentials(machine: Machine, answers: HelperAnswers): CredentialSource {
  const paths = containersPaths(machine);
  const find = async (host: string, op?: CredentialOp): Promise<Credential | undefined> => {
    const parts = op?.repository?.split('/') ?? [];
    const names = parts.map((_, index) =>
      [canonicalHost(host), ...parts.slice(0, parts.length - index)].join('/'),
    );
    for (const path of paths) {
      const found = await inFile(
        machine,
        path,
        { host, names: [...names, canonicalHost(host)], nameOfKey: namespaceOfKey, answers },
        op,
      );
      if (found) {
        return found;
      }
    }
    return undefined;
  };
  return Object.assign(find, {
    version: async () => (await Promise.all(paths.map((path) => machine.stamp(path)))).join(' '),
  });
}

/** containers-auth.json(5). */
function containersPaths({ env, home, platform, uid }: Machine): readonly string[] {
  if (env['REGISTRY_AUTH_FILE']) {
    return [env['REGISTRY_AUTH_FILE']];
  }
  const own = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json');
  if (platform !== 'linux') {
    return [...new Set([join(home, '.config', 'containers', 'auth.json'), own])];
  }
  const running = env['XDG_RUNTIME_DIR'];
  return [running ? join(running, 'containers', 'auth.json') : `/run/containers/${uid ?? 0}/auth.json`, own];
}

interface Lookup {
  readonly host: string;
  /** What is looked for, the first of them first. */
  readonly names: readonly string[];
  /** What a key of the file stands for. */
  readonly nameOfKey: (key: string) => string;
  readonly answers: HelperAnswers;
  /** The accounts alone, without anything around them. */
  readonly isLegacy?: boolean;
}

async function inFile(
  machine: Machine,
  path: string,
  { host, names, nameOfKey, answers, isLegacy = false }: Lookup,
  op: CredentialOp | undefined,
): Promise<Credential | undefined> {
  const version = await machine.stamp(path);
  const text = await machine.readFile(path);
  if (text === undefined) {
    return undefined;
  }
  const source = shownPath(path, machine.home);
  const file = parseAuthFile(text, source, isLegacy);
  const helper = helperOf(file, host, source, machine);
  if (helper) {
    // What stands in the file beside a helper is a marker or old: docker does not look at it either.
    const markers = Object.keys(file.auths).filter(
      (key) => /^https?:/.test(key) && hostOfKey(key) === canonicalHost(host),
    );
    for (const server of new Set([serverOf(host), ...markers])) {
      const found = await answers.get(helper, server, version, op);
      if (found) {
        return found;
      }
    }
    return undefined;
  }
  for (const name of names) {
    for (const key of keysOf(file.auths, name, nameOfKey)) {
      const found = credentialOf(file.auths[key], source);
      if (found) {
        return found;
      }
    }
  }
  return undefined;
}

/** The helper of a host, else the one of all hosts. An empty name: the file itself. */
function helperOf(
  { credHelpers, credsStore }: AuthFile,
  host: string,
  source: string,
  { env, platform, home }: Machine,
): CredentialHelper | undefined {
  const [key] = keysOf(credHelpers, canonicalHost(host), hostOfKey);
  const name = key === undefined ? credsStore : credHelpers[key];
  return name === undefined || name === ''
    ? undefined
    : credentialHelper({
        // What is no text is no name either, and no reason to ask another.
        name: typeof name === 'string' ? name : '',
        path: env['PATH'] ?? env['Path'] ?? '',
        platform,
        home,
        source,
      });
}

/** Strict, as docker is: whatever else it holds, it is passed over whole. */
function environmentCredential({ env, warn }: Machine, host: string): Credential | undefined {
  const text = env['DOCKER_AUTH_CONFIG'];
  if (!text) {
    return undefined;
  }
  const auths = strictAuths(text);
  if (!auths) {
    warn?.('DOCKER_AUTH_CONFIG is not {"auths":{"<host>":{"auth":"…"}}} and is passed over');
    return undefined;
  }
  const [key] = keysOf(auths, canonicalHost(host), hostOfKey);
  return key === undefined ? undefined : credentialOf(auths[key], 'DOCKER_AUTH_CONFIG');
}

function strictAuths(text: string): Readonly<Record<string, unknown>> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const holdsOnly = (value: unknown, name: string): value is Record<string, unknown> =>
    isRecord(value) && Object.keys(value).every((key) => key === name);
  if (!holdsOnly(json, 'auths') || !isRecord(json['auths'])) {
    return undefined;
  }
  const { auths } = json;
  return Object.values(auths).every(
    (entry) => holdsOnly(entry, 'auth') && typeof entry['auth'] === 'string' && entry['auth'] !== '',
  )
    ? auths
    : undefined;
}

/** As people write it. */
function shownPath(path: string, home: string): string {
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** A key that is a URL stands for its host; any other is a host or a namespace of one. */
function namespaceOfKey(key: string): string {
  const slash = key.indexOf('/');
  return /^https?:\/\//i.test(key) || slash < 0
    ? hostOfKey(key)
    : `${canonicalHost(key.slice(0, slash))}${key.slice(slash).replace(/\/+$/, '')}`;
}
