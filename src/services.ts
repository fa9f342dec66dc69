import { join } from 'node:path';
import { Disposable, type ExtensionContext } from 'vscode';
import type { OciExplorerApi } from './api.ts';
import { createBrowser } from './browse/createBrowser.ts';
import { createManifestCache } from './browse/manifestCache.ts';
import { askRef, askRepositoryOf } from './commands/askTarget.ts';
import { registerCommands } from './commands/registerCommands.ts';
import { registerEditors } from './editors/registerEditors.ts';
import { createApi } from './host/createApi.ts';
import { createArtifactTypes } from './host/artifactTypes.ts';
import { createAccounts } from './host/createAccounts.ts';
import { createGitHub } from './host/gitHub.ts';
import { createEvents } from './host/events.ts';
import { disposeLog, log } from './host/log.ts';
import { createManifestFiles } from './host/manifestFiles.ts';
import { createNetwork } from './host/network.ts';
import { createPlaces } from './host/places.ts';
import { createSelection } from './host/selection.ts';
import type { Services } from './host/services.ts';
import { setting } from './host/settings.ts';
import { registerTransfers } from './views/registerTransfers.ts';
import { registerViews } from './views/registerViews.ts';

/** Puts the parts together; nothing is read or asked before it is used. */
export function start(context: ExtensionContext): {
  readonly api: OciExplorerApi;
  readonly disposable: Disposable;
} {
  const ending = new AbortController();
  const events = createEvents();
  const network = createNetwork(context.globalState);
  const github = createGitHub();
  const accounts = createAccounts(context.secrets, {
    warn: (text) => log().warn(text),
    github,
    scheme: (host) => network.scheme(host),
    isInsecure: (host) => network.isEverInsecure(host),
  });
  const places = createPlaces({ context, network, accounts });
  const manifests = createManifestCache(
    createManifestFiles(join(context.globalStorageUri.fsPath, 'manifests')),
  );
  const types = createArtifactTypes();
  const browser = createBrowser({
    places,
    types: () => types.table(),
    cache: manifests,
    settings: () => ({
      pageSize: Math.min(1000, Math.max(1, setting('pageSize'))),
      tagOrder: setting('tagOrder'),
      foldTags: setting('foldTags'),
    }),
  });
  const services: Services = {
    context,
    events,
    places,
    browser,
    types,
    manifests,
    accounts,
    network,
    questions: {
      repository: (title, known) => askRepositoryOf(title, { places }, known),
      ref: (title, known) => askRef(title, { places }, known),
    },
    selection: createSelection(),
    signal: ending.signal,
  };
  const disposable = Disposable.from(
    new Disposable(() => ending.abort()),
    registerViews(services),
    registerTransfers(),
    registerCommands(services),
    registerEditors(services),
    types.onDidChange(() => browser.rename()),
    types,
    browser,
    places,
    network,
    accounts,
    github,
    events,
    new Disposable(disposeLog),
  );
  return { api: createApi(types), disposable };
}
