import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate with its key, and what it takes to sign others. */
export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly subject: Buffer;
  readonly privateKey: KeyObject;
}

export interface CertificateOptions {
  readonly commonName: string;
  /** Host names and addresses. */
  readonly names?: readonly string[];
  /** Who signs; by default itself. */
  readonly issuer?: Certificate;
  readonly isAuthority?: boolean;
  readonly validTo?: Date;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));

function time(date: Date): Buffer {
  return der(
    0x17,
    Buffer.from(
      date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2),
    ),
  );
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x04, value));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) {
    return Buffer.from(address.split('.').map(Number));
  }
  const [front = [], back = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const middle = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return Buffer.from([...front, ...middle, ...back].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function extensions({ names = [], isAuthority = false }: CertificateOptions): Buffer {
  const alternatives = names.map((name) =>
    isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name)),
  );
  return der(
    0xa3,
    sequence(
      extension('551d13', sequence(...(isAuthority ? [der(0x01, Buffer.from([255]))] : []))),
      ...(alternatives.length > 0 ? [extension('551d11', sequence(...alternatives))] : []),
    ),
  );
}

/** Made at once and without another program: ECDSA on P-256, by the rules of RFC 5280. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { issuer, validTo = new Date(Date.now() + 86_400_000) } = options;
  const subject = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(options.commonName)))));
  const validFrom = new Date(Math.min(Date.now(), validTo.getTime()) - 86_400_000);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ecdsaWithSha256,
    issuer?.subject ?? subject,
    sequence(time(validFrom), time(validTo)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions(options),
  );
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey);
  const certificate = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    subject,
    privateKey,
  };
}
