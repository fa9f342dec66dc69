import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import Agent from 'undici/lib/dispatcher/agent.js';
import type { Credential, CredentialSource } from '../../src/oci/remote/credential.ts';
import { createDispatcher, type DispatcherOptions } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry, type RemoteOptions, type RemoteRegistry } from '../../src/oci/remote/registry.ts';
import { scriptedServer, type Script, type ScriptedOptions, type ScriptedServer } from './scriptedServer.ts';

export interface Remote {
  readonly registry: RemoteRegistry;
  /** Milliseconds that were to be waited; nothing really waits. */
  readonly waits: readonly number[];
  /** All that was logged and warned. */
  output(): string;
}

export interface RemoteHarnessOptions extends Partial<RemoteOptions>, DispatcherOptions {
  readonly credential?: Credential;
}

/** A server for one test. */
export async function serve(
  t: TestContext,
  script: Script,
  options?: ScriptedOptions,
): Promise<ScriptedServer> {
  const server = await scriptedServer(script, options);
  t.after(() => server.stop());
  return server;
}

/** Our client of a server, with everything it says kept. */
export function remoteOf(
  t: TestContext,
  { host, origin }: Pick<ScriptedServer, 'host' | 'origin'>,
  options: RemoteHarnessOptions = {},
): Remote {
  const { credential, trusted, timeouts, lookup, ...rest } = options;
  const said: string[] = [];
  const waits: number[] = [];
  const dispatcher = rest.dispatcher ?? createDispatcher({ registry: host, trusted, timeouts, lookup });
  t.after(() => dispatcher.destroy());
  const credentials: CredentialSource = () => Promise.resolve(credential);
  let now = 1_700_000_000_000;
  const registry = remoteRegistry({
    host,
    scheme: origin.startsWith('https:') ? 'https' : 'http',
    credentials,
    userAgent: 'test',
    random: () => 0.5,
    now: () => now,
    sleep: (milliseconds, signal) => {
      signal?.throwIfAborted();
      waits.push(milliseconds);
      now += milliseconds;
      return Promise.resolve();
    },
    log: (entry) => said.push(inspect(entry)),
    onWarning: (text) => said.push(text),
    ...rest,
    dispatcher,
  });
  return { registry, waits, output: () => said.join('\n') };
}

/** All names lead to this one server, as if it stood outside of this network. */
export function everywhere(t: TestContext, { host }: Pick<ScriptedServer, 'host'>): Agent {
  const agent = new Agent({
    connect: (_, callback) => {
      const socket = connect(Number(host.split(':')[1]), '127.0.0.1', () => callback(null, socket));
    },
  });
  t.after(() => agent.destroy());
  return agent;
}

/** What was thrown; an answer is a failure of the test. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('Nothing was thrown');
}
