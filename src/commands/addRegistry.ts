import { commands, l10n, window } from 'vscode';
import type { Place } from '../browse/place.ts';
import { View, type RegistrySetting } from '../contributions.ts';
import { errorText } from '../host/errorText.ts';
import { plainText } from '../host/plainText.ts';
import { placeId, placeName, withoutRegistry, withRegistry, type Listed } from '../host/registrySettings.ts';
import type { Services } from '../host/services.ts';
import {
  changeRegistries,
  hasWorkspace,
  registriesOf,
  writeRegistries,
  type SettingTarget,
} from '../host/settings.ts';
import { isOciError } from '../oci/errors.ts';
import { parsePasted } from '../oci/pasted.ts';
import { canonicalHost, isRepository, type Pasted } from '../oci/reference.ts';
import { inNamespace } from '../oci/remote/inNamespace.ts';
import { namespaceOf } from '../oci/remote/namespaceOf.ts';
import type { ProbeResult } from '../oci/remote/probe.ts';
import { confirm, inputOne, pickOne } from './ask.ts';
import { pastedProblem } from './go.ts';
import { nameProblem, pinIn } from './registryEntries.ts';
import { signIn } from './signIn.ts';
import { probeHost } from './trust.ts';

/** What to do about a registry that does not list its repositories to us. */
type Next = 'signIn' | 'namespace' | 'pin' | 'continue';

/** @param given what would be pasted; undefined asks for it */
export async function addRegistry(given: string | undefined, services: Services): Promise<void> {
  const title = l10n.t('Add Registry');
  const text =
    given ??
    (await inputOne({
      title,
      prompt: l10n.t('A host, a URL, a reference or a pull command'),
      placeholder: 'localhost:5000',
      validate: (typed) => (namespaceOf(typed) ? undefined : pastedProblem(typed)),
    }));
  const whose = namespaceOf(text);
  const pasted: Pasted = whose ? { registry: whose.registry } : parsePasted(text);
  await add(title, pasted, whose?.namespace, services);
}

async function add(
  title: string,
  pasted: Pasted,
  namespace: string | undefined,
  services: Services,
  chosen?: SettingTarget,
): Promise<void> {
  const host = canonicalHost(pasted.registry);
  const listed = { host, ...(namespace === undefined ? {} : { namespace }) };
  const name = await askEntry(title, { ...pasted, registry: host }, listed, services);
  if (name === undefined) {
    return;
  }
  const found = await probeOrAddAnyway(listed, services);
  if (found) {
    await services.network.remember(host, found.scheme);
  }
  const target = chosen ?? (await askTarget(title));
  const next = found && pasted.repository === undefined ? await askNext(title, listed, found) : 'continue';
  if (next === 'namespace') {
    await add(title, { registry: host }, await askNamespace(title, host), services, target);
    return;
  }
  const repositories =
    pasted.repository === undefined
      ? next === 'pin'
        ? await askRepositories(title, host)
        : []
      : [pasted.repository];
  // Where signing in may open the catalog, it is worth asking again.
  const isClosed = found?.catalog === 'absent' || (found?.catalog === 'denied' && found.auth === 'anonymous');
  const entry: RegistrySetting = {
    ...listed,
    ...(name === '' ? {} : { name }),
    ...(repositories.length > 0 ? { repositories } : {}),
    ...(isClosed && repositories.length > 0 ? { pinnedOnly: true } : {}),
  };
  await writeRegistries(target, withRegistry(registriesOf(target), entry));
  const place = { id: placeId(entry), host, name: name === '' ? placeName(listed) : name };
  const [first] = repositories;
  await reveal(place.id, first === undefined ? pasted : { ...pasted, repository: first }, services);
  if (next === 'signIn') {
    await signIn(place, services);
    await offerPins(title, place.id, services);
    return;
  }
  await tell(place, found, services);
}

/** The name of the entry, empty for the first one of a host; undefined: nothing is to be added. */
async function askEntry(
  title: string,
  pasted: Pasted,
  listed: Listed,
  services: Services,
): Promise<string | undefined> {
  const host = placeName(listed);
  const known = services.places
    .all()
    .filter(
      (place) =>
        place.kind === 'remote' &&
        place.host === listed.host &&
        (place.namespace === listed.namespace ||
          (pasted.repository !== undefined && inNamespace(pasted.repository, place.namespace))),
    );
  if (known.length === 0) {
    return '';
  }
  const { repository } = pasted;
  const chosen = await pickOne<Place | 'another'>({
    title,
    placeholder: l10n.t('{0} is among your registries', host),
    choices: [
      ...known.map((place) => ({
        label:
          repository === undefined || place.pinned.includes(repository)
            ? l10n.t('Show {0}', plainText(place.name))
            : l10n.t('Pin {0} in {1}', repository, plainText(place.name)),
        value: place,
      })),
      {
        label: l10n.t('Add {0} once more…', host),
        description: l10n.t('with a name of its own, for another account'),
        value: 'another',
      },
    ],
  });
  if (chosen === 'another') {
    const name = await inputOne({
      title,
      prompt: l10n.t('Name that tells this entry of {0} from the others', host),
      placeholder: l10n.t('work'),
      validate: (text) =>
        text.trim() === '' ? l10n.t('A name is needed.') : nameProblem(text.trim(), listed),
    });
    return name.trim();
  }
  if (repository !== undefined) {
    await pinIn(chosen.id, repository);
  }
  await reveal(chosen.id, pasted, services);
  return undefined;
}

/** Undefined: it cannot be reached now (a VPN, a laptop on the train) and is added all the same. */
async function probeOrAddAnyway(
  { host, namespace }: Listed,
  services: Services,
): Promise<ProbeResult | undefined> {
  try {
    return await probeHost(host, services, namespace);
  } catch (error) {
    if (!isOciError(error, 'unreachable', 'name-not-found', 'timeout', 'connection-lost', 'server-error')) {
      throw error;
    }
    await confirm(
      l10n.t('{0} does not answer. Add it anyway?', host),
      errorText(error).message,
      l10n.t('Add Anyway'),
    );
    return undefined;
  }
}

async function askTarget(title: string): Promise<SettingTarget> {
  if (!hasWorkspace()) {
    return 'user';
  }
  return pickOne<SettingTarget>({
    title,
    placeholder: l10n.t('Where to keep it. Passwords are in neither.'),
    choices: [
      {
        label: l10n.t('User settings'),
        description: l10n.t('for you, in every workspace'),
        value: 'user',
      },
      {
        label: l10n.t('Workspace settings'),
        description: l10n.t('for everyone who opens this workspace'),
        value: 'workspace',
      },
    ],
  });
}

async function askNext(title: string, listed: Listed, found: ProbeResult): Promise<Next> {
  const { host, namespace } = listed;
  if (found.catalog === 'yes') {
    return 'continue';
  }
  const canSignIn = found.auth !== 'anonymous';
  return pickOne<Next>({
    title,
    placeholder:
      found.catalog === 'denied' && canSignIn
        ? l10n.t('{0} lists its repositories only to those who sign in, if at all', placeName(listed))
        : l10n.t('{0} does not list its repositories', placeName(listed)),
    choices: [
      ...(canSignIn
        ? [{ label: l10n.t('Sign In…'), description: found.realm ?? host, value: 'signIn' } as const]
        : []),
      ...(namespace === undefined && found.listsNamespaces === true
        ? [
            {
              label: l10n.t('List a Namespace…'),
              description: l10n.t('of a person or an organization'),
              value: 'namespace',
            } as const,
          ]
        : []),
      {
        label: l10n.t('Pin Repositories…'),
        description: l10n.t('by their names'),
        value: 'pin',
      },
      {
        label: l10n.t('Continue Without'),
        description: l10n.t('repositories can be pinned later'),
        value: 'continue',
      },
    ],
  });
}

async function askNamespace(title: string, host: string): Promise<string> {
  const typed = await inputOne({
    title,
    prompt: l10n.t('Namespace of {0} whose repositories are shown', host),
    placeholder: host === 'docker.io' ? 'library' : 'my-org',
    validate: (text) =>
      isRepository(text.trim().toLowerCase()) ? undefined : l10n.t('{0} is no namespace', plainText(text)),
  });
  return typed.trim().toLowerCase();
}

async function askRepositories(title: string, host: string): Promise<readonly string[]> {
  const names = (text: string): readonly string[] => text.split(/[\s,]+/).filter(Boolean);
  const text = await inputOne({
    title,
    prompt: l10n.t('Repositories of {0} to pin, with spaces between', host),
    placeholder: 'team/app team/web',
    validate: (typed) => {
      const wrong = names(typed).find((each) => !isRepository(each));
      return wrong === undefined ? undefined : l10n.t('{0} is no repository name', plainText(wrong));
    },
  });
  return [...new Set(names(text))];
}

/** Some do not list their repositories to those who are signed in either. */
async function offerPins(title: string, id: string, { places, signal }: Services): Promise<void> {
  const place = places.get(id);
  try {
    await place?.registry.repositories({ limit: 1, signal });
  } catch (error) {
    if (place && isOciError(error, 'unauthorized', 'denied', 'unsupported', 'not-found')) {
      for (const repository of await askRepositories(title, place.host)) {
        await pinIn(id, repository);
      }
    }
  }
}

async function reveal(
  id: string,
  { repository = '', tag, digest }: Pasted,
  { events }: Services,
): Promise<void> {
  const ref = digest ?? tag;
  // A view that was never shown has no rows yet that could be selected.
  await commands.executeCommand(`${View.registries}.focus`);
  events.reveal.fire({ place: id, repository, ...(ref === undefined ? {} : { ref }) });
}

async function tell(
  place: { readonly id: string; readonly host: string; readonly name: string },
  found: ProbeResult | undefined,
  services: Services,
): Promise<void> {
  const button = l10n.t('Sign In');
  const undo = l10n.t('Undo');
  const needsSignIn = found !== undefined && found.auth !== 'anonymous' && found.catalog === 'denied';
  const text = found
    ? l10n.t('Added {0}: {1}', plainText(place.name), foundText(found))
    : l10n.t('Added {0}, which was not asked yet', plainText(place.name));
  // Without a button the editor would cut the text to one line.
  const chosen = await window.showInformationMessage(text, ...(needsSignIn ? [button] : []), undo);
  if (chosen === button) {
    await signIn(place, services);
  } else if (chosen === undo) {
    await changeRegistries((entries) => withoutRegistry(entries, place.id));
  }
}

/** What a probe found, in one line. */
function foundText({ scheme, auth, realm, catalog }: ProbeResult): string {
  return [
    l10n.t('OCI distribution API'),
    scheme === 'http' ? l10n.t('plain HTTP') : l10n.t('HTTPS'),
    auth === 'anonymous'
      ? l10n.t('no sign-in asked')
      : realm === undefined
        ? l10n.t('sign-in asked')
        : l10n.t('sign-in at {0}', plainText(realm)),
    catalog === 'yes' ? l10n.t('lists its repositories') : l10n.t('does not list its repositories'),
  ].join(', ');
}
