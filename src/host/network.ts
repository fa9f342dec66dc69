import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { EventEmitter, workspace, type Event, type Memento } from 'vscode';
import { isRecord } from '../oci/descriptor.ts';
import { OciError } from '../oci/errors.ts';
import { apiHost, canonicalHost, isLoopback } from '../oci/reference.ts';
import { readCertificates, type CertificatePaths, type HostCertificates } from '../oci/remote/certsD.ts';
import { createDispatcher } from '../oci/remote/dispatcher.ts';
import { LastingDispatcher } from '../oci/remote/lastingDispatcher.ts';
import {
  insecureBy,
  isInsecureEndpoint,
  readRegistriesConf,
  type ConfMachine,
  type RegistryRule,
} from '../oci/remote/registriesConf.ts';
import { proxyFor, type ProxyDecision, type ProxySettings } from '../oci/remote/proxy.ts';
import { log } from './log.ts';
import { onSettings, setting, update } from './settings.ts';

export type Scheme = 'https' | 'http';

/** How each host is spoken to. What relaxes TLS is only ever the user's own: no workspace setting reaches it. */
export interface Network {
  scheme(host: string): Scheme;
  /**
   * Connections of one registry, the same for as long as this lives. Each host it sends us to, too, may show the certificate
   * that is trusted for that host.
   * @param isInsecure its own need not verify: it is asked in place of another, for which registries.conf says so
   */
  dispatcher(host: string, isInsecure?: boolean): LastingDispatcher;
  /** Rules of registries.conf, those of the machine and of the user. */
  rules(): readonly RegistryRule[];
  /** The file of this machine that lets a host be spoken to without TLS that verifies. */
  insecureBy(host: string): string | undefined;
  /** Whether it may be spoken to so, be it only in place of another registry. */
  isEverInsecure(host: string): boolean;
  /** Straight or by a proxy, as the user's settings and the environment say. */
  way(target: URL): ProxyDecision;
  trusted(host: string): string | undefined;
  /** Authorities and client certificate of a host as it stands in a URL. */
  certificates(host: string): Promise<HostCertificates>;
  trust(host: string, certificate: string): Promise<void>;
  allowHttp(host: string): Promise<void>;
  /**
   * What a host was found to speak, on loopback or where this machine lets it; others speak HTTPS unless the user allowed HTTP.
   * A registry that found it itself goes on so, and is not to be made anew.
   */
  remember(host: string, scheme: Scheme, by?: 'registry'): Promise<void>;
  /** The host that is spoken to in another way now; undefined: it may be any. */
  readonly onDidChange: Event<string | undefined>;
  dispose(): void;
}

const certificatesKey = 'trustedCertificates';
const schemesKey = 'loopbackSchemes';

/** @param machine where registries.conf is, for a test to give its own */
export function createNetwork(state: Memento, machine: ConfMachine = thisMachine()): Network {
  const conf = freshRules(machine);
  const changed = new EventEmitter<string | undefined>();
  /** By host, and apart where it stands for another. What changes how they are made renews them. */
  const dispatchers = new Map<string, LastingDispatcher>();
  const keyOf = (name: string, isInsecure: boolean): string => `${isInsecure ? 'insecure ' : ''}${name}`;
  const listeners = [
    onSettings(['plainHttpHosts'], () => {
      changed.fire(undefined);
    }),
    onSettings(['certificates'], () => renew(dispatchers.values())),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('http')) {
        renew(dispatchers.values());
      }
    }),
  ];
  const renew = (those: Iterable<LastingDispatcher | undefined>, host?: string): void => {
    for (const dispatcher of those) {
      dispatcher?.renew();
    }
    changed.fire(host);
  };
  const network: Network = {
    onDidChange: changed.event,
    scheme: (host) => {
      const name = canonicalHost(host);
      if (isLoopback(name)) {
        return stored(state, schemesKey)[name] === 'https' ? 'https' : 'http';
      }
      const isPlain =
        plainHosts().includes(name) ||
        (stored(state, schemesKey)[name] === 'http' && network.insecureBy(name) !== undefined);
      return isPlain ? 'http' : 'https';
    },
    dispatcher: (host, isInsecure = false) => {
      const name = canonicalHost(host);
      const key = keyOf(name, isInsecure);
      const registry = tlsHost(name);
      const dispatcher =
        dispatchers.get(key) ??
        new LastingDispatcher(() =>
          createDispatcher({
            registry,
            trusted: (other) => network.trusted(other),
            certificates: (other) => network.certificates(other),
            insecure: (other) =>
              (isInsecure && other === registry) || network.insecureBy(other) !== undefined,
            proxy: (target) => network.way(target),
          }),
        );
      dispatchers.set(key, dispatcher);
      return dispatcher;
    },
    rules: conf,
    insecureBy: (host) => insecureBy(conf(), canonicalHost(host)),
    isEverInsecure: (host) =>
      network.insecureBy(host) !== undefined || isInsecureEndpoint(conf(), canonicalHost(host)),
    way: (target) => proxyFor(target, proxySettings()),
    certificates: async (host) => readCertificates(host, certificatePaths(host)),
    trusted: (host) => stored(state, certificatesKey)[tlsHost(host)],
    trust: async (host, certificate) => {
      const name = canonicalHost(host);
      await state.update(certificatesKey, {
        ...stored(state, certificatesKey),
        [tlsHost(name)]: certificate,
      });
      renew(
        [false, true].map((isInsecure) => dispatchers.get(keyOf(name, isInsecure))),
        name,
      );
    },
    allowHttp: async (host) => {
      const name = canonicalHost(host);
      if (isLoopback(name)) {
        await network.remember(name, 'http');
      } else if (!plainHosts().includes(name)) {
        await update('plainHttpHosts', [...plainHosts(), name]);
      }
    },
    remember: async (host, scheme, by) => {
      const name = canonicalHost(host);
      const isFound = isLoopback(name) || network.insecureBy(name) !== undefined;
      if (isFound && network.scheme(name) !== scheme) {
        await state.update(schemesKey, { ...stored(state, schemesKey), [name]: scheme });
        if (by !== 'registry') {
          changed.fire(name);
        }
      }
    },
    dispose: () => {
      for (const listener of listeners) {
        listener.dispose();
      }
      changed.dispose();
      for (const dispatcher of dispatchers.values()) {
        void dispatcher.destroy();
      }
    },
  };
  return network;
}

/** Milliseconds the rules are used before their files are looked at again: an operation asks for them often. */
const rulesLife = 10_000;

function freshRules(machine: ConfMachine): () => readonly RegistryRule[] {
  let rules: readonly RegistryRule[] = [];
  let until = 0;
  return () => {
    if (until <= Date.now()) {
      rules = readRegistriesConf(machine);
      until = Date.now() + rulesLife;
    }
    return rules;
  };
}

const maxConf = 1024 * 1024;

/** Read at once: they are small, and what they say decides how a connection that is about to be made is made. */
function thisMachine(): ConfMachine {
  const warned = new Set<string>();
  return {
    env: process.env,
    home: homedir(),
    readFile: (path) => {
      try {
        return statSync(path).size > maxConf ? '' : readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    readFolder: (path) => {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    warn: (text) => {
      if (!warned.has(text)) {
        warned.add(text);
        log().warn(text);
      }
    },
  };
}

/** As a host stands in the URLs of its API. */
function tlsHost(host: string): string {
  return URL.parse(`https://${apiHost(host)}`)?.host ?? host;
}

/** The user's values alone: a workspace must not choose who reads along. */
function proxySettings(): ProxySettings {
  const http = workspace.getConfiguration('http');
  const user = (name: string): unknown => {
    const found = http.inspect(name) as { globalLocalValue?: unknown; globalValue?: unknown } | undefined;
    return found?.globalLocalValue ?? found?.globalValue;
  };
  const text = (name: string): string | undefined => {
    const value = user(name);
    return typeof value === 'string' ? value : undefined;
  };
  const noProxy = user('noProxy');
  return {
    isOn: user('proxySupport') !== 'off',
    proxy: text('proxy'),
    noProxy: Array.isArray(noProxy) ? noProxy.filter((entry) => typeof entry === 'string') : [],
    authorization: text('proxyAuthorization'),
    strict: user('proxyStrictSSL') !== false,
    env: process.env,
  };
}

/** @param host as in a URL */
function certificatePaths(host: string): CertificatePaths | undefined {
  const entry = Object.entries(setting('certificates')).find(([name]) => tlsHost(name) === host)?.[1];
  if (!isRecord(entry)) {
    return undefined;
  }
  const path = (name: string): string | undefined => {
    const value = entry[name];
    if (value === undefined || (typeof value === 'string' && isAbsolute(value))) {
      return value;
    }
    // To go on without it would be to trust others than the user said.
    const detail = `ociExplorer.certificates: ${name} of ${host} has to be an absolute path, and is ${JSON.stringify(value)}`;
    throw new OciError('tls-invalid', detail, { host, detail: detail.slice(0, 500) });
  };
  return { ca: path('ca'), cert: path('cert'), key: path('key') };
}

function plainHosts(): readonly string[] {
  return setting('plainHttpHosts')
    .filter((host): host is string => typeof host === 'string')
    .map(canonicalHost);
}

function stored(state: Memento, key: string): Readonly<Record<string, string>> {
  const value = state.get(key);
  return isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {};
}
