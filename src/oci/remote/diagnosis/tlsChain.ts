import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { HostCertificates } from '../certsD.ts';
import { openTls } from '../certificate.ts';
import { authoritiesOf, secureContextOf, type Authority } from '../dispatcher.ts';
import type { ProxyDecision } from '../proxy.ts';

export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string;
  readonly validTo: string;
  /** Host names and addresses it is for. */
  readonly names: readonly string[];
  /** SHA-256, as pairs of hexadecimal digits. */
  readonly fingerprint: string;
}

export interface ShownTls {
  /** `TLSv1.3, TLS_AES_256_GCM_SHA384`. */
  readonly protocol: string;
  /** The server's own first. */
  readonly chain: readonly ShownCertificate[];
  /** The authority of this machine that the chain ends at; undefined: there is none. */
  readonly root: (Omit<Authority, 'pem'> & { readonly subject: string }) | undefined;
  /** Why the certificate is none to be trusted. */
  readonly error: Error | undefined;
  /** Whether the server shows exactly this certificate (PEM). */
  readonly isChosen: (pem: string | undefined) => boolean;
}

const maxChain = 8;

/** Speaks TLS as the client does, but says nothing over it, so that what is not trusted can be looked at. */
export async function readTls(
  target: URL,
  way: ProxyDecision,
  own: HostCertificates,
  signal: AbortSignal,
): Promise<ShownTls> {
  const socket = await openTls(target, way, signal, secureContextOf(own));
  try {
    const chain = chainOf(socket);
    const first = chain[0];
    return {
      protocol: [socket.getProtocol(), socket.getCipher().standardName].filter(Boolean).join(', '),
      chain: chain.map(shown),
      root: socket.authorized ? rootOf(chain, own) : undefined,
      error: socket.authorized ? undefined : problemOf(socket),
      isChosen: (pem) =>
        pem !== undefined && certificatesIn(pem).some(({ raw }) => first?.raw.equals(raw) === true),
    };
  } finally {
    socket.destroy();
  }
}

function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current = socket.getPeerX509Certificate();
  while (current && chain.length < maxChain && !chain.some(({ raw }) => raw.equals(current?.raw ?? raw))) {
    chain.push(current);
    current = current.issuerCertificate;
  }
  return chain;
}

function shown(certificate: X509Certificate): ShownCertificate {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    validFrom: certificate.validFromDate.toISOString(),
    validTo: certificate.validToDate.toISOString(),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .map((name) => name.replace(/^(?:DNS|IP Address):/, ''))
      .filter((name) => name !== ''),
    fingerprint: certificate.fingerprint256,
  };
}

/** The one it ends at may not be sent: then it is the one that signed the last. */
function rootOf(chain: readonly X509Certificate[], own: HostCertificates): ShownTls['root'] {
  for (const authority of authoritiesOf(own)) {
    for (const certificate of certificatesIn(authority.pem)) {
      const vouches = chain.some(
        (shownOne) =>
          shownOne.raw.equals(certificate.raw) ||
          (shownOne.checkIssued(certificate) && shownOne.verify(certificate.publicKey)),
      );
      if (vouches) {
        const { source, path } = authority;
        return { source, path, subject: oneLine(certificate.subject) };
      }
    }
  }
  return undefined;
}

/** A file may hold several. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });
}

/** Distinguished names stand on several lines. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}

function problemOf(socket: TLSSocket): Error {
  const problem: unknown = socket.authorizationError;
  const code = problem instanceof Error ? codeOf(problem) : String(problem);
  return Object.assign(new Error(problem instanceof Error ? problem.message : code), { code });
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'CERT_UNTRUSTED';
}
