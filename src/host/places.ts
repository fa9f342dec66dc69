import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { EventEmitter, l10n, type ExtensionContext } from 'vscode';
import type { Place } from '../browse/place.ts';
import type { RegistrySetting } from '../contributions.ts';
import { fileError, OciError } from '../oci/errors.ts';
import { layoutRegistry } from '../oci/layout/layoutRegistry.ts';
import { localRegistry } from '../oci/layout/localRegistry.ts';
import { quirksOf } from '../oci/remote/quirks.ts';
import { isLoopback } from '../oci/reference.ts';
import { withMirrors } from '../oci/remote/mirrors.ts';
import type { Endpoint } from '../oci/remote/registriesConf.ts';
import { remoteRegistry, type RemoteOptions, type RemoteRegistry } from '../oci/remote/registry.ts';
import type { Registry } from '../oci/store.ts';
import type { Accounts } from './accounts.ts';
import { lazyRegistry } from './lazyRegistry.ts';
import { log } from './log.ts';
import type { Network, Scheme } from './network.ts';
import { plainText } from './plainText.ts';
import { placeId, placeName } from './registrySettings.ts';
import type { PlaceList } from './services.ts';
import { layoutSettings, onSettings, registrySettings, setting } from './settings.ts';

export interface PlacesOptions {
  readonly context: Pick<ExtensionContext, 'globalStorageUri' | 'extension'>;
  readonly network: Network;
  readonly accounts: Accounts;
}

export const localPlace = 'local';

/** Local, the registries and the layouts of the settings. An entry that did not change keeps its registry. */
export function createPlaces(options: PlacesOptions): PlaceList & { dispose(): void } {
  const { network } = options;
  const changed = new EventEmitter<void>();
  let list: readonly Place[] | undefined;
  let known = new Map<string, Place>();
  const read = (): readonly Place[] => {
    const before = known;
    known = new Map();
    return wanted(options).map(({ key, make }) => {
      const place = before.get(key) ?? make();
      known.set(key, place);
      return place;
    });
  };
  const forget = (): void => {
    list = undefined;
    changed.fire();
  };
  const listeners = [
    onSettings(['registries', 'layouts', 'localFolder'], forget),
    network.onDidChange(() => {
      known = new Map([...known].filter(([, { kind }]) => kind !== 'remote'));
      forget();
    }),
  ];
  const all = (): readonly Place[] => (list ??= read());
  return {
    all,
    get: (id) => all().find((place) => place.id === id),
    onDidChange: changed.event,
    dispose: () => {
      for (const listener of listeners) {
        listener.dispose();
      }
      changed.dispose();
    },
  };
}

/** Where Local keeps its layouts. */
export function localFolder({ globalStorageUri }: Pick<ExtensionContext, 'globalStorageUri'>): string {
  const folder = setting('localFolder');
  return isAbsolute(folder) ? folder : join(globalStorageUri.fsPath, 'local');
}

interface Wanted {
  /** Changes with everything the place is made of. */
  readonly key: string;
  readonly make: () => Place;
}

function wanted(options: PlacesOptions): readonly Wanted[] {
  const folder = localFolder(options.context);
  return [
    { key: `local ${folder}`, make: () => local(folder) },
    ...registrySettings().map((entry) => ({
      key: `remote ${JSON.stringify(entry)}`,
      make: () => remote(entry, options),
    })),
    ...layoutSettings().map((path) => ({ key: `layout ${path}`, make: () => layout(path) })),
  ];
}

function local(folder: string): Place {
  return place({ id: localPlace, name: l10n.t('Local'), kind: 'local', host: folder }, () =>
    localRegistry(folder),
  );
}

function layout(path: string): Place {
  return place({ id: `layout:${path}`, name: plainText(basename(path)), kind: 'layout', host: path }, () => {
    const registry = lazyRegistry('layout', () => layoutRegistry(path));
    // What was opened and is gone is not empty.
    return {
      ...registry,
      repositories: async (op) => {
        await mustExist(path);
        return registry.repositories(op);
      },
      repository: (name) => {
        const repository = registry.repository(name);
        return {
          ...repository,
          tags: async (op) => {
            await mustExist(path);
            return repository.tags(op);
          },
        };
      },
    };
  });
}

async function mustExist(path: string): Promise<void> {
  await stat(path).catch((error: unknown) => {
    const wrapped = fileError(error, path);
    // The row has little room: the name says enough.
    throw wrapped instanceof OciError
      ? new OciError(wrapped.code, wrapped.message, { url: basename(path), cause: error })
      : wrapped;
  });
}

function remote(entry: RegistrySetting, { context, network, accounts }: PlacesOptions): Place {
  const id = placeId(entry);
  const { host } = entry;
  const version = (context.extension.packageJSON as { readonly version: string }).version;
  const facts = {
    id,
    name: plainText(entry.name ?? placeName(entry)),
    kind: 'remote',
    host,
    namespace: entry.namespace,
    pinned: entry.repositories ?? [],
    pinnedOnly: entry.pinnedOnly ?? false,
    countsReads: quirksOf(host)?.countsReads ?? false,
  } as const;
  const opened = (
    of: Pick<RemoteOptions, 'host' | 'scheme' | 'namespace' | 'onTls'> & {
      readonly account: string;
      readonly isInsecure?: boolean;
    },
  ): RemoteRegistry =>
    remoteRegistry({
      ...of,
      credentials: accounts.source(of.account),
      dispatcher: network.dispatcher(of.host, of.isInsecure),
      userAgent: `oci-explorer/${version}`,
      log: ({ method, url, status, milliseconds }) => {
        log().debug(`${method} ${url} ${status} ${Math.round(milliseconds)} ms`);
      },
      onWarning: (text) => {
        log().warn(`${of.host} warns: ${plainText(text, 1000)}`);
      },
    });
  return place(facts, () =>
    withMirrors({
      registry: opened({
        host,
        scheme: network.scheme(host),
        account: id,
        namespace: entry.namespace,
        // Loopback is spoken to without TLS first, and nobody may have asked what there is.
        ...(isLoopback(host) ? { onTls: () => void network.remember(host, 'https') } : {}),
      }),
      host,
      rules: () => network.rules(),
      open: endpoints(network, opened),
      now: Date.now,
    }),
  );
}

/** The registries that stand for another, each with its own account and kept as long as the place. */
function endpoints(
  network: Network,
  opened: (
    of: Pick<RemoteOptions, 'host' | 'scheme'> & { readonly account: string; readonly isInsecure: boolean },
  ) => RemoteRegistry,
): (endpoint: Endpoint) => readonly RemoteRegistry[] {
  const made = new Map<string, RemoteRegistry>();
  return ({ host, isInsecure }) => {
    const usual = network.scheme(host);
    const other: Scheme = usual === 'http' ? 'https' : 'http';
    const schemes: readonly Scheme[] = [usual, ...(isInsecure || isLoopback(host) ? [other] : [])];
    return schemes.map((scheme) => {
      const key = `${scheme}://${host} ${String(isInsecure)}`;
      const registry = made.get(key) ?? opened({ host, scheme, account: host, isInsecure });
      made.set(key, registry);
      return registry;
    });
  };
}

/** A place whose registry is made when it is first asked for: nothing is loaded for a tree that stays closed. */
function place(
  facts: Pick<Place, 'id' | 'name' | 'kind' | 'host'> & Partial<Place>,
  open: () => Registry,
): Place {
  let registry: Registry | undefined;
  return {
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    ...facts,
    get registry() {
      return (registry ??= open());
    },
  };
}
