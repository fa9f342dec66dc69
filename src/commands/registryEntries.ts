import { l10n, window } from 'vscode';
import type { Place } from '../browse/place.ts';
import { cancelled } from '../host/cancelled.ts';
import { plainText } from '../host/plainText.ts';
import {
  placeId,
  placeName,
  withName,
  withoutRegistry,
  withPinned,
  withPinnedOnly,
  type Listed,
} from '../host/registrySettings.ts';
import type { Services } from '../host/services.ts';
import {
  changeRegistries,
  layoutsOf,
  registriesOf,
  registrySettings,
  settingTargets,
  writeLayouts,
  writeRegistries,
} from '../host/settings.ts';
import { back, confirm, inputOne, pickOne } from './ask.ts';
import { askPlace, askRepository } from './askTarget.ts';
import { isPlaceNode, isRepositoryNode, nodeOf, nodesOf, placeOf } from './targets.ts';

/** Takes registries and layouts out of the tree, wherever their entries stand; what they hold stays. */
export async function removeRegistry(args: readonly unknown[], services: Services): Promise<void> {
  const places = await askRemovable(args, services);
  const names = places.map(({ name }) => plainText(name)).join(', ');
  await confirm(
    l10n.t('Remove {0}?', names),
    l10n.t('What is stored there stays. Pinned repositories and the sign-in are forgotten here.'),
    l10n.t('Remove'),
  );
  for (const { id, host, kind } of places) {
    if (kind === 'layout') {
      for (const target of settingTargets) {
        const paths = layoutsOf(target);
        if (paths.includes(host)) {
          await writeLayouts(
            target,
            paths.filter((path) => path !== host),
          );
        }
      }
    } else {
      await changeRegistries((entries) => withoutRegistry(entries, id));
      await services.accounts.clear(id);
    }
  }
}

async function askRemovable(args: readonly unknown[], services: Services): Promise<readonly Place[]> {
  const selected = nodesOf(args, services)
    .filter(isPlaceNode)
    .map(({ place }) => place);
  const given = placeOf(args, services);
  const places = (selected.length > 0 ? selected : given ? [given] : []).filter(
    ({ kind }) => kind !== 'local',
  );
  if (places.length > 0) {
    return places;
  }
  const place = await askPlace(
    { title: l10n.t('Remove Registry') },
    services,
    ({ kind }) => kind !== 'local',
  );
  return place === back ? Promise.reject(cancelled()) : [place];
}

/** Another name is another id: what was stored under the old one goes with it. */
export async function renameRegistry(place: Place, services: Services): Promise<void> {
  const { id } = place;
  const usual = placeName(place);
  const name = (
    await inputOne({
      title: l10n.t('Rename {0}', plainText(place.name)),
      prompt: l10n.t('Name that the tree shows. Empty: {0}', usual),
      value: place.name,
      validate: (text) => nameProblem(text.trim(), place, id),
    })
  ).trim();
  const renamed = entryId(place, name);
  if (renamed === id) {
    return;
  }
  await services.accounts.copy(id, renamed);
  await changeRegistries((entries) => withName(entries, id, name));
  await services.accounts.clear(id);
}

/** Undefined: a name no other entry of the host has. */
export function nameProblem(name: string, place: Listed, own?: string): string | undefined {
  if (name.length > 100) {
    return l10n.t('At most 100 characters');
  }
  const id = entryId(place, name);
  return id !== own && registrySettings().some((entry) => placeId(entry) === id)
    ? l10n.t('There is another entry of {0} with this name.', placeName(place))
    : undefined;
}

/** @param name empty: as it goes by without */
function entryId({ host, namespace }: Listed, name: string): string {
  return placeId({
    host,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === '' ? {} : { name }),
  });
}

export async function pin(args: readonly unknown[], place: Place, services: Services): Promise<void> {
  const node = nodeOf(args, services);
  const title = l10n.t('Pin Repository');
  const repository =
    isRepositoryNode(node) && node.place.id === place.id
      ? node.repository
      : await askRepository({ title }, place, { canBeNew: false });
  if (repository !== back) {
    await pinIn(place.id, repository);
  }
}

/** Where the entry stands; in the user's own settings before those of the workspace. */
export async function pinIn(id: string, repository: string): Promise<void> {
  const target = settingTargets.find((each) => registriesOf(each).some((entry) => placeId(entry) === id));
  if (target !== undefined) {
    await writeRegistries(target, withPinned(registriesOf(target), id, repository, true));
  }
}

export async function unpin(args: readonly unknown[], place: Place, services: Services): Promise<void> {
  const node = nodeOf(args, services);
  if (place.pinned.length === 0) {
    void window.showInformationMessage(l10n.t('Nothing is pinned in {0}.', plainText(place.name)));
    return;
  }
  const repository =
    isRepositoryNode(node) && place.pinned.includes(node.repository)
      ? node.repository
      : await pickOne({
          title: l10n.t('Unpin Repository'),
          placeholder: l10n.t('Pinned repository of {0}', plainText(place.name)),
          choices: place.pinned.map((name) => ({ label: name, value: name })),
        });
  await changeRegistries((entries) => withPinned(entries, place.id, repository, false));
}

export async function togglePinnedOnly(place: Place): Promise<void> {
  await changeRegistries((entries) => withPinnedOnly(entries, place.id, !place.pinnedOnly));
  void window.showInformationMessage(
    place.pinnedOnly
      ? l10n.t('{0} shows all its repositories.', plainText(place.name))
      : l10n.t('{0} shows only pinned repositories.', plainText(place.name)),
  );
}
