import { env, l10n, Uri, type Disposable } from 'vscode';
import { mkdir } from 'node:fs/promises';
import type { Place } from '../browse/place.ts';
import { Command } from '../contributions.ts';
import { localFolder } from '../host/places.ts';
import { plainText } from '../host/plainText.ts';
import { registerCommand } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import { OciError } from '../oci/errors.ts';
import { addRegistry } from './addRegistry.ts';
import { pickOne } from './ask.ts';
import { openLayout } from './layouts.ts';
import { pin, removeRegistry, renameRegistry, togglePinnedOnly, unpin } from './registryEntries.ts';
import { signIn, signOut } from './signIn.ts';
import { switchAccount } from './switchAccount.ts';
import { factsOf, placeOf } from './targets.ts';
import { trustCertificate, useHttp } from './trust.ts';

export function registerRegistries(services: Services): readonly Disposable[] {
  return [
    registerCommand(Command.addRegistry, (text) =>
      addRegistry(typeof text === 'string' ? text : undefined, services),
    ),
    registerCommand(Command.removeRegistry, (...args) => removeRegistry(args, services)),
    registerCommand(Command.renameRegistry, async (...args) =>
      renameRegistry(await askRemote(args, services, l10n.t('Rename Registry')), services),
    ),
    registerCommand(Command.signIn, async (...args) =>
      signIn(await askRemote(args, services, l10n.t('Sign In')), services),
    ),
    registerCommand(Command.signOut, async (...args) =>
      signOut(await askRemote(args, services, l10n.t('Sign Out')), services),
    ),
    registerCommand(Command.switchAccount, async (...args) =>
      switchAccount(await askRemote(args, services, l10n.t('Switch Account')), services),
    ),
    registerCommand(Command.useHttp, async (...args) =>
      useHttp(await hostOf(args, services, l10n.t('Use HTTP')), services),
    ),
    registerCommand(Command.trustCertificate, async (...args) =>
      trustCertificate(await hostOf(args, services, l10n.t('Trust Certificate')), services),
    ),
    registerCommand(Command.pinRepository, async (...args) =>
      pin(args, await askRemote(args, services, l10n.t('Pin Repository')), services),
    ),
    registerCommand(Command.unpinRepository, async (...args) =>
      unpin(args, await askRemote(args, services, l10n.t('Unpin Repository')), services),
    ),
    registerCommand(Command.togglePinnedOnly, async (...args) =>
      togglePinnedOnly(await askRemote(args, services, l10n.t('Show Only Pinned Repositories'))),
    ),
    registerCommand(Command.openLayout, (uri) => openLayout(uri, services)),
    registerCommand(Command.openLocalFolder, async () => {
      const folder = localFolder(services.context);
      await mkdir(folder, { recursive: true });
      await env.openExternal(Uri.file(folder));
    }),
  ];
}

/** What a row says of an error, its registry, or one that is chosen: a row that is refreshed as it is clicked says nothing. */
async function hostOf(args: readonly unknown[], services: Services, title: string): Promise<string> {
  return factsOf(args).host ?? placeOf(args, services)?.host ?? (await askRemote(args, services, title)).host;
}

/** The registry a command was called on, else one that is chosen. */
export async function askRemote(args: readonly unknown[], services: Services, title: string): Promise<Place> {
  const given = placeOf(args, services);
  if (given?.kind === 'remote') {
    return given;
  }
  const remotes = services.places.all().filter(({ kind }) => kind === 'remote');
  if (remotes.length === 0) {
    throw new OciError('not-found', 'There is no registry yet', { host: l10n.t('The list of registries') });
  }
  return pickOne({
    title,
    placeholder: l10n.t('Registry'),
    choices: remotes.map((place) => ({
      label: plainText(place.name),
      description: place.name === place.host ? '' : plainText(place.host),
      value: place,
    })),
  });
}
