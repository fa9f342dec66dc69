import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { isRecord } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { canonicalHost, isHost } from '../oci/reference.ts';
import type { Credential } from '../oci/remote/credential.ts';
import type { Op } from '../oci/store.ts';
import { accountOf, hostOfKey, hubKey } from './authFile.ts';

/** A program `docker-credential-<name>`, spoken to by the protocol of docker/docker-credential-helpers. */
export interface CredentialHelper {
  /** The file name of the program. */
  readonly program: string;
  /** The file that named it. */
  readonly source: string;
  /** Undefined: it has none of this server. @throws {OciError} `credentials-unreadable` for everything else */
  get(server: string, op?: Op): Promise<Credential | undefined>;
  /** @throws {OciError} `credentials-unreadable` */
  store(server: string, credential: Credential & { readonly kind: 'password' }, op?: Op): Promise<void>;
  /** @throws {OciError} `credentials-unreadable` */
  erase(server: string, op?: Op): Promise<void>;
}

export interface HelperOptions {
  /** As `config.json` names it: `pass`, `osxkeychain`. */
  readonly name: string;
  /** The `PATH` it is looked for on, and only there. */
  readonly path: string;
  readonly platform: NodeJS.Platform;
  /** Where it runs: never a folder of the workspace. */
  readonly home: string;
  /** Shown beside its name: the file that named it. */
  readonly source: string;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

const nameGrammar = /^[A-Za-z0-9._-]{1,100}$/;
const notFound = 'credentials not found in native keychain';
/** A helper may ask a person to unlock its store. */
const defaultTimeout = 30_000;
const maxOutput = 64 * 1024;

/** What a helper knows a registry as: what `docker login` stores it under. */
export function serverOf(host: string): string {
  return canonicalHost(host) === 'docker.io' ? hubKey : canonicalHost(host);
}

/** @throws {OciError} `credentials-unreadable` for a name that could be another program than a helper */
export function credentialHelper(options: HelperOptions): CredentialHelper {
  const { name, source } = options;
  if (!nameGrammar.test(name)) {
    throw new OciError('credentials-unreadable', `${source} names a credential helper that cannot be one`, {
      url: source,
    });
  }
  const program = `docker-credential-${name}`;
  const failed = (what: string): OciError =>
    new OciError('credentials-unreadable', `${program} ${what}`, { url: source });
  const ask = async (
    verb: string,
    server: string,
    input: string,
    op: Op | undefined,
  ): Promise<string | undefined> => {
    const host = hostOfKey(server);
    // A line break would be a second answer to another question.
    if (!isHost(host) || !/^[\x21-\x7e]{1,512}$/.test(server)) {
      throw failed('is asked about hosts only');
    }
    const file = await findProgram(program, options);
    if (file === undefined) {
      throw failed(`is not on the PATH${name === 'desktop' ? '. Docker Desktop may not be running' : ''}`);
    }
    const { stdout, problem } = await execute(file, verb, input, options, op?.signal);
    op?.signal?.throwIfAborted();
    if (problem === undefined) {
      return stdout;
    }
    // Errors are words on stdout; no other of them is shown, as it may be anything.
    if (stdout.trim() === notFound) {
      return undefined;
    }
    throw failed(problem);
  };
  return {
    program,
    source,
    get: async (server, op) => {
      const stdout = await ask('get', server, server, op);
      return stdout === undefined ? undefined : parseAnswer(stdout, server, `${program} (${source})`, failed);
    },
    store: async (server, { username, password }, op) => {
      await ask(
        'store',
        server,
        JSON.stringify({ ServerURL: server, Username: username, Secret: password }),
        op,
      );
    },
    erase: async (server, op) => {
      await ask('erase', server, server, op);
    },
  };
}

function parseAnswer(
  stdout: string,
  server: string,
  source: string,
  failed: (what: string) => OciError,
): Credential | undefined {
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    throw failed('gave no JSON');
  }
  if (!isRecord(json)) {
    throw failed('gave no account');
  }
  const { ServerURL: url = '', Username: username = '', Secret: secret = '' } = json;
  if (typeof url !== 'string' || typeof username !== 'string' || typeof secret !== 'string') {
    throw failed('gave no account');
  }
  if (url !== '' && hostOfKey(url) !== hostOfKey(server)) {
    throw failed('gave the account of another host');
  }
  return accountOf(username, secret, source);
}

/** Only in absolute folders: a relative one would be the workspace's. On Windows no script, which needs a shell. */
async function findProgram(
  program: string,
  { path, platform }: Pick<HelperOptions, 'path' | 'platform'>,
): Promise<string | undefined> {
  const file = platform === 'win32' ? `${program}.exe` : program;
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const found = join(folder, file);
    try {
      await access(found, constants.X_OK);
      return found;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

interface Execution {
  readonly stdout: string;
  /** Undefined when it ended well. */
  readonly problem: string | undefined;
}

function execute(
  file: string,
  verb: string,
  input: string,
  { home, timeout = defaultTimeout }: Pick<HelperOptions, 'home' | 'timeout'>,
  signal: AbortSignal | undefined,
): Promise<Execution> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      [verb],
      {
        cwd: home,
        timeout,
        maxBuffer: maxOutput,
        killSignal: 'SIGKILL',
        windowsHide: true,
        ...(signal ? { signal } : {}),
      },
      (error, stdout) => {
        resolve({ stdout, problem: error ? problemOf(error) : undefined });
      },
    );
    // It may end without reading.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function problemOf(error: Error & { code?: unknown; killed?: boolean }): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return 'said too much';
  }
  return error.killed === true
    ? 'did not answer in time'
    : typeof error.code === 'number'
      ? `failed with exit code ${error.code}`
      : 'could not be run';
}
