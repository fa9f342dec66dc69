import { EventEmitter, type Event, type Memento } from 'vscode';
import { isRecord } from '../oci/descriptor.ts';
import { apiHost, canonicalHost, isLoopback } from '../oci/reference.ts';
import { createDispatcher } from '../oci/remote/dispatcher.ts';
import { onSettings, setting, update } from './settings.ts';

export type Scheme = 'https' | 'http';
type Dispatcher = ReturnType<typeof createDispatcher>;

/** How each host is spoken to. What relaxes TLS is only ever the user's own: no workspace setting reaches it. */
export interface Network {
  scheme(host: string): Scheme;
  /** Connections of one registry. Each host it sends us to, too, may show the certificate that is trusted for that host. */
  dispatcher(host: string): Dispatcher;
  trusted(host: string): string | undefined;
  trust(host: string, certificate: string): Promise<void>;
  allowHttp(host: string): Promise<void>;
  /** What a loopback host was found to speak; others speak HTTPS unless the user allowed HTTP. */
  remember(host: string, scheme: Scheme): Promise<void>;
  readonly onDidChange: Event<void>;
  dispose(): void;
}

const certificatesKey = 'trustedCertificates';
const schemesKey = 'loopbackSchemes';

export function createNetwork(state: Memento): Network {
  const changed = new EventEmitter<void>();
  const dispatchers = new Map<string, Dispatcher>();
  const listener = onSettings(['plainHttpHosts'], () => {
    changed.fire();
  });
  const drop = (host: string): void => {
    // Ends when its requests have.
    void dispatchers.get(host)?.close();
    dispatchers.delete(host);
    changed.fire();
  };
  const network: Network = {
    onDidChange: changed.event,
    scheme: (host) => {
      const name = canonicalHost(host);
      if (isLoopback(name)) {
        return stored(state, schemesKey)[name] === 'https' ? 'https' : 'http';
      }
      return plainHosts().includes(name) ? 'http' : 'https';
    },
    dispatcher: (host) => {
      const name = canonicalHost(host);
      const dispatcher =
        dispatchers.get(name) ?? createDispatcher({ trusted: (other) => network.trusted(other) });
      dispatchers.set(name, dispatcher);
      return dispatcher;
    },
    trusted: (host) => stored(state, certificatesKey)[tlsHost(host)],
    trust: async (host, certificate) => {
      const name = canonicalHost(host);
      await state.update(certificatesKey, {
        ...stored(state, certificatesKey),
        [tlsHost(name)]: certificate,
      });
      drop(name);
    },
    allowHttp: async (host) => {
      const name = canonicalHost(host);
      if (isLoopback(name)) {
        await network.remember(name, 'http');
      } else if (!plainHosts().includes(name)) {
        await update('plainHttpHosts', [...plainHosts(), name]);
      }
    },
    remember: async (host, scheme) => {
      const name = canonicalHost(host);
      if (isLoopback(name) && network.scheme(name) !== scheme) {
        await state.update(schemesKey, { ...stored(state, schemesKey), [name]: scheme });
        changed.fire();
      }
    },
    dispose: () => {
      listener.dispose();
      changed.dispose();
      for (const dispatcher of dispatchers.values()) {
        void dispatcher.destroy();
      }
      dispatchers.clear();
    },
  };
  return network;
}

/** As a host stands in the URLs of its API. */
function tlsHost(host: string): string {
  return URL.parse(`https://${apiHost(host)}`)?.host ?? host;
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
