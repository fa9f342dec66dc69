import { isIP } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { orAbort } from '../../base/orAbort.ts';
import { apiHost } from '../reference.ts';
import { noProxy, tunnelTo } from './dispatcher.ts';
import { networkError } from './errors.ts';
import type { ProxyDecision } from './proxy.ts';

export interface ServerCertificate {
  readonly pem: string;
  /** SHA-256, as pairs of hexadecimal digits. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly validTo: string;
}

/** The certificate a server shows, whoever signed it; nothing else is said over the connection. */
export async function serverCertificate(
  host: string,
  signal?: AbortSignal,
  decide?: (target: URL) => ProxyDecision,
): Promise<ServerCertificate> {
  const url = new URL(`https://${apiHost(host)}`);
  let socket: TLSSocket;
  try {
    socket = await openTls(url, decide?.(url) ?? { kind: 'direct', reason: 'none' }, signal);
  } catch (error) {
    throw networkError(error, { host, url: url.origin });
  }
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  if (!certificate) {
    throw networkError(new Error('The server shows no certificate'), { host, url: url.origin });
  }
  return {
    pem: certificate.toString(),
    fingerprint: certificate.fingerprint256,
    subject: certificate.subject,
    validTo: certificate.validTo,
  };
}

/** Milliseconds. */
const patience = 10_000;

/** TLS that is spoken with whoever answers: to be shown to a person, not to be trusted. Who calls it ends the connection. */
export async function openTls(
  url: URL,
  way: ProxyDecision,
  signal: AbortSignal | undefined,
  secureContext?: SecureContext,
): Promise<TLSSocket> {
  signal?.throwIfAborted();
  if (way.kind === 'invalid') {
    throw noProxy(way.source);
  }
  const tunnel =
    way.kind === 'proxy' ? await orAbort(tunnelTo(url, way.proxy, patience, signal), signal) : undefined;
  return new Promise((resolve, reject) => {
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      host: hostname,
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      timeout: patience,
      ALPNProtocols: ['http/1.1'],
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(tunnel === undefined ? {} : { socket: tunnel }),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    });
    const end = (error: Error): void => {
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      reject(error);
    };
    const abort = (): void => end(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', end);
    socket.once('timeout', () => end(Object.assign(new Error('No answer'), { code: 'ETIMEDOUT' })));
    socket.once('secureConnect', () => {
      signal?.removeEventListener('abort', abort);
      // What comes of a connection that is only looked at is nobody's failure.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
