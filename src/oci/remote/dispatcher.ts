import { X509Certificate } from 'node:crypto';
import {
  createSecureContext,
  getCACertificates,
  rootCertificates,
  TLSSocket,
  type SecureContext,
} from 'node:tls';
import type { buildConnector, Dispatcher } from 'undici';
import createConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';

export interface DispatcherOptions {
  /** PEM of the certificate the user trusts for a host, which stands as in a URL (`localhost:5000`, `example.com`). */
  readonly trusted?: ((host: string) => string | undefined) | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
}

/** Milliseconds. */
export interface Timeouts {
  /** Until there is a connection, with TLS. */
  readonly connect: number;
  /** Until the headers of an answer. */
  readonly headers: number;
  /** Between two pieces of a body; there is no limit to a whole transfer. */
  readonly body: number;
}

const usual: Timeouts = { connect: 10_000, headers: 30_000, body: 60_000 };
const connectionsPerOrigin = 16;

/** Connections of one registry: its own pools and certificates, apart from everything else in the process. */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const timeouts = { ...usual, ...options.timeouts };
  return new Agent({
    connections: connectionsPerOrigin,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.body,
    allowH2: false,
    connect: connector(timeouts.connect, options.trusted ?? (() => undefined)),
  });
}

/** Verified as usual; where that fails, exactly the certificate that is trusted for the host will do, and no other. */
function connector(timeout: number, trusted: (host: string) => string | undefined): buildConnector.connector {
  let verified: buildConnector.connector | undefined;
  let shown: buildConnector.connector | undefined;
  return (target, callback) => {
    const pem = target.protocol === 'https:' ? trusted(target.host ?? target.hostname) : undefined;
    if (pem === undefined) {
      verified ??= createConnector({ timeout, secureContext: authorities(), allowH2: false });
      verified(target, callback);
      return;
    }
    shown ??= createConnector({
      timeout,
      secureContext: authorities(),
      allowH2: false,
      rejectUnauthorized: false,
      // A session is never taken up again: each connection shows its certificate.
      maxCachedSessions: 0,
    });
    shown(target, (...[error, socket]) => {
      if (error) {
        callback(error, null);
      } else if (socket instanceof TLSSocket && (socket.authorized || showsExactly(socket, pem))) {
        callback(null, socket);
      } else {
        const code = String((socket as Partial<TLSSocket>).authorizationError ?? 'CERT_UNTRUSTED');
        socket.destroy();
        callback(
          Object.assign(new Error(`Another certificate than the trusted one: ${code}`), { code }),
          null,
        );
      }
    });
  };
}

function showsExactly(socket: TLSSocket, pem: string): boolean {
  const shown = socket.getPeerX509Certificate();
  try {
    return shown !== undefined && new X509Certificate(pem).raw.equals(shown.raw);
  } catch {
    // What is kept is no certificate.
    return false;
  }
}

let context: SecureContext | undefined;

/** Node's roots, the system's, and those of NODE_EXTRA_CA_CERTS. Made once, by the first connection: reading them is slow. */
function authorities(): SecureContext {
  context ??= createSecureContext({
    ca: [...new Set([...rootCertificates, ...certificates('system'), ...certificates('extra')])],
  });
  return context;
}

function certificates(type: 'system' | 'extra'): readonly string[] {
  try {
    return getCACertificates(type);
  } catch {
    // A system without a store that can be read still has node's roots.
    return [];
  }
}
