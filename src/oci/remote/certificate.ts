import type { Socket } from 'node:net';
import { connect } from 'node:tls';
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
  signal?.throwIfAborted();
  const url = new URL(`https://${apiHost(host)}`);
  const way = decide?.(url);
  if (way?.kind === 'invalid') {
    throw networkError(noProxy(way.source), { host, url: url.origin });
  }
  if (way?.kind !== 'proxy') {
    return shownOver(undefined, host, url, signal);
  }
  const tunnel = await tunnelTo(url, way.proxy).catch((error: unknown) => {
    throw networkError(error, { host, url: url.origin });
  });
  return shownOver(tunnel, host, url, signal);
}

function shownOver(
  tunnel: Socket | undefined,
  host: string,
  url: URL,
  signal: AbortSignal | undefined,
): Promise<ServerCertificate> {
  return new Promise((resolve, reject) => {
    const servername = /^[\d.]+$|^\[/.test(url.hostname) ? undefined : url.hostname;
    const socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      // To be shown to a person, not to be trusted.
      rejectUnauthorized: false,
      timeout: 10_000,
      ...(tunnel === undefined ? {} : { socket: tunnel }),
      ...(servername === undefined ? {} : { servername }),
    });
    const end = (error: unknown): void => {
      socket.destroy();
      reject(networkError(error, { host, url: url.origin }));
    };
    if (signal?.aborted === true) {
      end(signal.reason);
      return;
    }
    signal?.addEventListener('abort', () => end(signal.reason), { once: true });
    socket.once('error', end);
    socket.once('timeout', () => end(Object.assign(new Error('No answer'), { code: 'ETIMEDOUT' })));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate) {
        resolve({
          pem: certificate.toString(),
          fingerprint: certificate.fingerprint256,
          subject: certificate.subject,
          validTo: certificate.validTo,
        });
      } else {
        end(new Error('The server shows no certificate'));
      }
    });
  });
}
