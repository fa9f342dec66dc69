import { commands, env, l10n, Uri, window, type Disposable } from 'vscode';
import { mkdir } from 'node:fs/promises';
import { Command, type RegistrySetting } from '../contributions.ts';
import { localFolder } from '../host/places.ts';
import { withProgress } from '../host/progress.ts';
import { registerCommand } from '../host/registerCommand.ts';
import { placeId, withoutRegistry, withPinned, withRegistry } from '../host/registrySettings.ts';
import type { Services } from '../host/services.ts';
import { registriesOf, setting, update, writeRegistries, type RegistryTarget } from '../host/settings.ts';
import { isOciError, OciError } from '../oci/errors.ts';
import { parsePasted } from '../oci/pasted.ts';
import { apiHost, isRepository } from '../oci/reference.ts';
import { serverCertificate } from '../oci/remote/certificate.ts';
import type { Credential } from '../oci/remote/credential.ts';
import { probe, type ProbeResult } from '../oci/remote/probe.ts';
import { isKnownRealm } from '../oci/remote/realms.ts';
import { remoteRegistry } from '../oci/remote/registry.ts';
import { confirm, inputOne, pickOne } from './ask.ts';
import { pastedProblem } from './go.ts';
import { factsOf, isPlaceNode, isRepositoryNode, nodeOf, placeOf } from './targets.ts';

const userAgent = 'oci-explorer';

export function registerRegistries(services: Services): readonly Disposable[] {
  return [
    registerCommand(Command.addRegistry, (text) =>
      addRegistry(typeof text === 'string' ? text : undefined, services),
    ),
    registerCommand(Command.removeRegistry, (...args) => removeRegistry(args, services)),
    registerCommand(Command.signIn, (...args) => signIn(args, services)),
    registerCommand(Command.signOut, (...args) => signOut(args, services)),
    registerCommand(Command.useHttp, (...args) => useHttp(hostOf(args, services), services)),
    registerCommand(Command.trustCertificate, (...args) =>
      trustCertificate(hostOf(args, services), services),
    ),
    registerCommand(Command.pinRepository, (...args) => pin(args, services, true)),
    registerCommand(Command.unpinRepository, (...args) => pin(args, services, false)),
    registerCommand(Command.openLayout, openLayout),
    registerCommand(Command.openLocalFolder, async () => {
      const folder = localFolder(services.context);
      await mkdir(folder, { recursive: true });
      await env.openExternal(Uri.file(folder));
    }),
  ];
}

async function addRegistry(given: string | undefined, services: Services): Promise<void> {
  const title = l10n.t('Add Registry');
  const text =
    given ??
    (await inputOne({
      title,
      prompt: l10n.t('A host, a URL, a reference or a pull command'),
      placeholder: 'localhost:5000',
      validate: pastedProblem,
    }));
  const pasted = parsePasted(text);
  const host = pasted.registry;
  const found = await probeHost(host, services);
  await services.network.remember(host, found.scheme);
  const isListed = found.catalog === 'yes';
  const entry: RegistrySetting = {
    host,
    ...(pasted.repository === undefined ? {} : { repositories: [pasted.repository] }),
    ...(isListed || pasted.repository === undefined ? {} : { pinnedOnly: true }),
  };
  const target: RegistryTarget = 'user';
  await writeRegistries(target, withRegistry(registriesOf(target), entry));
  if (pasted.repository !== undefined) {
    services.events.reveal.fire({
      place: placeId(entry),
      repository: pasted.repository,
      ...(pasted.tag || pasted.digest ? { ref: pasted.digest ?? pasted.tag ?? '' } : {}),
    });
  }
  const needsSignIn = found.auth !== 'anonymous' && found.catalog === 'denied';
  const button = l10n.t('Sign In');
  const chosen = await window.showInformationMessage(
    l10n.t('Added {0}: {1}', host, foundText(found)),
    ...(needsSignIn ? [button] : []),
  );
  if (chosen === button) {
    await commands.executeCommand(Command.signIn, { host });
  }
}

/** What a probe found, in one line. */
function foundText({ scheme, auth, realm, catalog }: ProbeResult): string {
  return [
    scheme === 'http' ? l10n.t('plain HTTP') : l10n.t('HTTPS'),
    auth === 'anonymous' ? l10n.t('no sign-in asked') : l10n.t('sign-in at {0}', realm ?? ''),
    catalog === 'yes'
      ? l10n.t('lists its repositories')
      : l10n.t('does not list its repositories: pin them or go to a reference'),
  ].join(', ');
}

/** Asks the host; a server without TLS or with an unknown certificate is asked again when the person agrees to it. */
async function probeHost(host: string, services: Services): Promise<ProbeResult> {
  const ask = (): Promise<ProbeResult> =>
    withProgress(l10n.t('Asking {0}…', host), ({ signal }) =>
      probe(
        {
          host,
          dispatcher: services.network.dispatcher(host),
          credentials: services.accounts.source(host),
          userAgent,
          scheme: setting('plainHttpHosts').includes(host) ? 'http' : undefined,
        },
        signal,
      ),
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

async function useHttp(host: string, services: Services): Promise<void> {
  await confirm(
    l10n.t('Use plain HTTP for {0}?', host),
    l10n.t(
      'Everything, passwords too, can be read and changed on the way. This is kept in your user settings.',
    ),
    l10n.t('Use HTTP'),
  );
  await services.network.allowHttp(host);
  services.browser.refresh();
}

async function trustCertificate(host: string, services: Services): Promise<void> {
  const certificate = await withProgress(l10n.t('Reading the certificate of {0}…', host), ({ signal }) =>
    serverCertificate(host, signal),
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
  services.browser.refresh();
}

function hostOf(args: readonly unknown[], services: Services): string {
  const host = factsOf(args).host ?? placeOf(args, services)?.host;
  if (host === undefined) {
    throw new OciError('internal', 'No registry was named');
  }
  return host;
}

async function askRemote(
  args: readonly unknown[],
  services: Services,
  title: string,
): Promise<{ readonly id: string; readonly host: string }> {
  const given = placeOf(args, services);
  if (given?.kind === 'remote') {
    return given;
  }
  const { host } = factsOf(args);
  const remotes = services.places.all().filter((place) => place.kind === 'remote');
  const named = remotes.find((place) => place.host === host);
  return (
    named ??
    pickOne({
      title,
      choices: remotes.map((place) => ({ label: place.name, description: place.host, value: place })),
    })
  );
}

async function removeRegistry(args: readonly unknown[], services: Services): Promise<void> {
  const place = placeOf(args, services) ?? (await askRemote(args, services, l10n.t('Remove Registry')));
  if ('kind' in place && place.kind === 'layout') {
    await update(
      'layouts',
      setting('layouts').filter((path) => path !== place.host),
      'workspace',
    );
    return;
  }
  for (const target of ['user', 'workspace'] as const) {
    const entries = registriesOf(target);
    const left = withoutRegistry(entries, place.id);
    if (left.length < entries.length) {
      await writeRegistries(target, left);
    }
  }
}

async function signIn(args: readonly unknown[], services: Services): Promise<void> {
  const title = l10n.t('Sign In');
  const { id, host } = await askRemote(args, services, title);
  const username = await inputOne({
    title,
    prompt: l10n.t('User name at {0}', host),
    validate: (text) => (text.trim() === '' ? l10n.t('A user name is needed.') : undefined),
  });
  const password = await inputOne({
    title,
    prompt: l10n.t('Password or access token of {0}', username),
    password: true,
  });
  const scheme = services.network.scheme(host);
  const dispatcher = services.network.dispatcher(host);
  const before = await probe({
    host,
    scheme,
    dispatcher,
    userAgent,
    credentials: () => Promise.resolve(undefined),
  });
  const credential: Credential = {
    kind: 'password',
    username,
    password,
    source: '',
    ...(await agreedRealms(host, `${scheme}://${apiHost(host)}`, before.realm)),
  };
  await withProgress(l10n.t('Signing in to {0}…', host), async ({ signal }) => {
    const registry = remoteRegistry({
      host,
      scheme,
      dispatcher,
      userAgent,
      credentials: () => Promise.resolve(credential),
    });
    // Answers 401 for a wrong password, before anything is stored.
    const answer = await registry.client.send({
      method: 'GET',
      url: '/v2/',
      scopes: [],
      signal,
      retry: false,
    });
    await answer.body.dump();
  });
  await services.accounts.signIn(id, host, credential);
  services.browser.refresh();
}

/** A registry may name any token service; a password only goes to another origin than its own when the person agrees. */
async function agreedRealms(
  host: string,
  origin: string,
  realm: string | undefined,
): Promise<{ readonly realms?: readonly string[] }> {
  const to = realm === undefined ? null : URL.parse(realm);
  if (!to || isKnownRealm(to.origin, origin)) {
    return {};
  }
  await confirm(
    l10n.t('Send the password of {0} to {1}?', host, to.origin),
    l10n.t('{0} names this other host as the one that people sign in to.', host),
    l10n.t('Send'),
  );
  return { realms: [to.origin] };
}

async function signOut(args: readonly unknown[], services: Services): Promise<void> {
  const { id, host } = await askRemote(args, services, l10n.t('Sign Out'));
  await services.accounts.signOut(id, host);
  services.browser.refresh();
}

async function pin(args: readonly unknown[], services: Services, isPinned: boolean): Promise<void> {
  const node = nodeOf(args, services);
  const place = placeOf(args, services) ?? (isPlaceNode(node) ? node.place : undefined);
  if (place?.kind !== 'remote') {
    return;
  }
  const repository = isRepositoryNode(node)
    ? node.repository
    : await inputOne({
        title: l10n.t('Pin Repository'),
        prompt: l10n.t('Name of a repository of {0}', place.name),
        validate: (text) => (isRepository(text) ? undefined : l10n.t('Not a repository name')),
      });
  for (const target of ['user', 'workspace'] as const) {
    const entries = registriesOf(target);
    if (entries.some((entry) => placeId(entry) === place.id)) {
      await writeRegistries(target, withPinned(entries, place.id, repository, isPinned));
    }
  }
}

async function openLayout(given: unknown): Promise<void> {
  const [uri] =
    given instanceof Uri
      ? [given]
      : ((await window.showOpenDialog({
          title: l10n.t('Open OCI Layout'),
          openLabel: l10n.t('Open Layout'),
          canSelectFiles: true,
          canSelectFolders: true,
          canSelectMany: false,
        })) ?? []);
  if (uri) {
    await update('layouts', [...new Set([...setting('layouts'), uri.fsPath])], 'workspace');
  }
}
