import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileError, OciError } from '../errors.ts';

/** What one host is verified by, and what we show it, as PEM. */
export interface HostCertificates {
  readonly ca: readonly string[];
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Paths it was read from. */
  readonly files: readonly string[];
}

/** Paths of one host, as the user's settings name them. */
export interface CertificatePaths {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Folders of docker and of podman, the user's own first (containers-certs.d). */
export const certificateFolders: readonly string[] = [
  join(homedir(), '.config/containers/certs.d'),
  join(homedir(), '.config/docker/certs.d'),
  '/etc/containers/certs.d',
  '/etc/docker/certs.d',
];

const maxFile = 1024 * 1024;
const maxFiles = 64;

/**
 * Of the settings, else of the first folder `<folder>/<host[:port]>` there is: every `*.crt` is an authority, and
 * `<name>.cert` with `<name>.key` is what we show, the first by name.
 * @param host as in a URL: `example.com`, `localhost:5000`
 * @throws {OciError} `tls-invalid` for a certificate without its key, or what keeps a file that was named from being read
 */
export async function readCertificates(
  host: string,
  paths: CertificatePaths | undefined,
  folders: readonly string[] = certificateFolders,
): Promise<HostCertificates> {
  if (paths) {
    return ofPaths(host, paths);
  }
  const names = /:\d+$/.test(host) ? [host] : [`${host}:443`, host];
  for (const folder of folders) {
    for (const name of names) {
      // Windows allows no colon in a name.
      for (const written of new Set([
        name,
        ...(process.platform === 'win32' ? [name.replaceAll(':', '')] : []),
      ])) {
        const found = await ofFolder(host, join(folder, written));
        if (found) {
          return found;
        }
      }
    }
  }
  return { ca: [], files: [] };
}

async function ofPaths(host: string, { ca, cert, key }: CertificatePaths): Promise<HostCertificates> {
  if ((cert === undefined) !== (key === undefined)) {
    throw halfPair(host, cert ?? key ?? '');
  }
  return {
    ca: ca === undefined ? [] : [await readPem(ca)],
    files: [ca, cert, key].filter((path) => path !== undefined),
    ...(cert === undefined || key === undefined
      ? {}
      : { client: { cert: await readPem(cert), key: await readPem(key) } }),
  };
}

async function ofFolder(host: string, folder: string): Promise<HostCertificates | undefined> {
  const names = (await readdir(folder).catch(() => undefined))?.sort().slice(0, maxFiles);
  if (!names) {
    return undefined;
  }
  const authorities = names.filter((name) => name.endsWith('.crt')).map((name) => join(folder, name));
  const cert = names.find((name) => name.endsWith('.cert'));
  const key = cert?.replace(/\.cert$/, '.key');
  if (cert !== undefined && (key === undefined || !names.includes(key))) {
    throw halfPair(host, join(folder, cert));
  }
  const pair = [cert, key].filter((name) => name !== undefined).map((name) => join(folder, name));
  const [certPath, keyPath] = pair;
  return {
    ca: await Promise.all(authorities.map(readPem)),
    files: [...authorities, ...pair],
    ...(certPath === undefined || keyPath === undefined
      ? {}
      : { client: { cert: await readPem(certPath), key: await readPem(keyPath) } }),
  };
}

async function readPem(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxFile) {
      throw new OciError('too-large', `${path} is no certificate: it has ${size} bytes`, { url: path });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, path);
  }
}

function halfPair(host: string, path: string): OciError {
  return new OciError('tls-invalid', `A client certificate needs its key: ${path}`, {
    host,
    url: path,
    detail: `A client certificate needs its key: ${path}`,
  });
}
