import { connect } from 'node:tls';
import { apiHost } from '../reference.ts';
import { networkError } from './errors.ts';

export interface ServerCertificate {
  readonly pem: string;
  /** SHA-256, as pairs of hexadecimal digits. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly validTo: string;
}

/** The certificate a server shows, whoever signed it; nothing else is said over the connection. */
export function serverCertificate(host: string, signal?: AbortSignal): Promise<ServerCertificate> {
  const url = new URL(`https://${apiHost(host)}`);
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const servername = /^[\d.]+$|^\[/.test(url.hostname) ? undefined : url.hostname;
    const socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      // To be shown to a person, not to be trusted.
      rejectUnauthorized: false,
      timeout: 10_000,
      ...(servername === undefined ? {} : { servername }),
    });
    const end = (error: unknown): void => {
      socket.destroy();
      reject(networkError(error, { host, url: url.origin }));
    };
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
