import { getCACertificates, rootCertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';

export interface DispatcherOptions {
  /** PEM of a certificate the user trusts for this one host. */
  readonly trustedCertificate?: string | undefined;
}

const connectTimeout = 10_000;
/** Until the headers of an answer, and between two pieces of its body; there is no limit to a whole transfer. */
const headersTimeout = 30_000;
const bodyTimeout = 60_000;
const connectionsPerOrigin = 16;

/** Connections of one registry: its own pools and certificates, apart from everything else in the process. */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const { trustedCertificate } = options;
  return new Agent({
    connections: connectionsPerOrigin,
    headersTimeout,
    bodyTimeout,
    connect: {
      timeout: connectTimeout,
      ca: [...authorities(), ...(trustedCertificate === undefined ? [] : [trustedCertificate])],
      // A trusted certificate need not be a root of its own.
      ...(trustedCertificate === undefined ? {} : { allowPartialTrustChain: true }),
    },
  });
}

let known: readonly string[] | undefined;

/** Node's roots, the system's, and those of NODE_EXTRA_CA_CERTS. Read once: the system's store is slow. */
function authorities(): readonly string[] {
  known ??= [...new Set([...rootCertificates, ...certificates('system'), ...certificates('extra')])];
  return known;
}

function certificates(type: 'system' | 'extra'): readonly string[] {
  try {
    return getCACertificates(type);
  } catch {
    // A system without a store that can be read still has node's roots.
    return [];
  }
}
