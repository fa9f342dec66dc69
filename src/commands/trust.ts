import { l10n } from 'vscode';
import { withProgress } from '../host/progress.ts';
import type { Services } from '../host/services.ts';
import { setting } from '../host/settings.ts';
import { isOciError } from '../oci/errors.ts';
import { serverCertificate } from '../oci/remote/certificate.ts';
import { probe, type ProbeResult } from '../oci/remote/probe.ts';
import { confirm } from './ask.ts';
import { refreshHost } from './refreshHost.ts';

export const userAgent = 'oci-explorer';

/** Asks the host; a server without TLS or with an unknown certificate is asked again when the person agrees to it. */
export async function probeHost(host: string, services: Services, namespace?: string): Promise<ProbeResult> {
  const ask = (): Promise<ProbeResult> =>
    withProgress(
      l10n.t('Asking {0}…', host),
      ({ signal }) =>
        probe(
          {
            host,
            dispatcher: services.network.dispatcher(host),
            credentials: services.accounts.source(host),
            userAgent,
            namespace,
            isInsecure: services.network.insecureBy(host) !== undefined,
            scheme: setting('plainHttpHosts').includes(host) ? 'http' : undefined,
          },
          signal,
        ),
      services.signal,
    );
  try {
    return await ask();
  } catch (error) {
    if (isOciError(error, 'plain-http-server')) {
      await useHttp(host, services);
    } else if (isOciError(error, 'tls-untrusted')) {
      await trustCertificate(host, services);
    } else {
      throw error;
    }
    return ask();
  }
}

export async function useHttp(host: string, services: Services): Promise<void> {
  await confirm(
    l10n.t('Use plain HTTP for {0}?', host),
    l10n.t(
      'Everything, passwords too, can be read and changed on the way. This is kept in your user settings.',
    ),
    l10n.t('Use HTTP'),
  );
  await services.network.allowHttp(host);
  refreshHost(host, services);
}

export async function trustCertificate(host: string, services: Services): Promise<void> {
  const certificate = await withProgress(
    l10n.t('Reading the certificate of {0}…', host),
    ({ signal }) => serverCertificate(host, signal, (target) => services.network.way(target)),
    services.signal,
  );
  await confirm(
    l10n.t('Trust the certificate of {0}?', host),
    l10n.t(
      '{0}\nValid to {1}\nSHA-256 {2}',
      certificate.subject,
      certificate.validTo,
      certificate.fingerprint,
    ),
    l10n.t('Trust Certificate'),
  );
  await services.network.trust(host, certificate.pem);
  refreshHost(host, services);
}
