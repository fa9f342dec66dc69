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
import type { PlaceList, PlacesChange } from './services.ts';
import { layoutSettings, onSettings, registrySettings, setting } from './settings.ts';

export interface PlacesOptions {
  readonly context: Pick<ExtensionContext, 'globalStorageUri' | 'extension'>;
  readonly network: Network;
  readonly accounts: Accounts;
}

export const localPlace = 'local';

/**
 * Local, the registries and the layouts of the settings. A place is one object as long as it is in the settings, and becomes
 * what they say of it: a tree that is given another for it would have to be drawn anew, and rows that are opened meanwhile close.
 */
export function createPlaces(options: PlacesOptions): PlaceList & { dispose(): void } {
  const { network } = options;
  const changed = new EventEmitter<PlacesChange>();
  let known: ReadonlyMap<string, Known> | undefined;
  let list: readonly Place[] = [];
  const read = (before: ReadonlyMap<string, Known>, isOther: (place: Place) => boolean): PlacesChange => {
    const others: Place[] = [];
    const now = new Map<string, Known>();
    for (const { id, key, make } of wanted(options)) {
      const old = before.get(id);
      if (old && (old.key !== key || isOther(old.place))) {
        old.become(make());
        others.push(old.place);
      }
      now.set(id, { ...(old ?? lasting(make())), key });
    }
    known = now;
    list = [...now.values()].map(({ place }) => place);
    return { isList: [...before.keys()].join('\n') !== [...now.keys()].join('\n'), places: others };
  };
  const follow = (isOther: (place: Place) => boolean): void => {
    // Who has not asked yet needs not be told.
    if (known) {
      changed.fire(read(known, isOther));
    }
  };
  const listeners = [
    onSettings(['registries', 'layouts', 'localFolder'], () => follow(() => false)),
    network.onDidChange((host) =>
      // By the rules of this machine, one host may stand for another.
      follow(
        (place) =>
          place.kind === 'remote' &&
          (host === undefined || place.host === host || network.rules().length > 0),
      ),
    ),
  ];
  const all = (): readonly Place[] => {
    if (!known) {
      read(new Map(), () => false);
    }
    return list;
  };
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

interface Made {
  readonly facts: Pick<Place, 'name' | 'kind' | 'host' | 'id'> & Partial<Place>;
  readonly open: () => Registry;
}

interface Wanted {
  readonly id: string;
  /** Changes with everything the place is made of. */
  readonly key: string;
  readonly make: () => Made;
}

interface Known {
  readonly key: string;
  readonly place: Place;
  become(made: Made): void;
}

function wanted(options: PlacesOptions): readonly Wanted[] {
  const folder = localFolder(options.context);
  return [
    { id: localPlace, key: folder, make: () => local(folder) },
    ...registrySettings().map((entry) => ({
      id: placeId(entry),
      key: JSON.stringify(entry),
      make: () => remote(entry, options),
    })),
    ...layoutSettings().map((path) => ({ id: `layout:${path}`, key: path, make: () => layout(path) })),
  ];
}

function local(folder: string): Made {
  return {
    facts: { id: localPlace, name: l10n.t('Local'), kind: 'local', host: folder },
    open: () => localRegistry(folder),
  };
}

function layout(path: string): Made {
  const open = (): Registry => {
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
  };
  return {
    facts: { id: `layout:${path}`, name: plainText(basename(path)), kind: 'layout', host: path },
    open,
  };
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

function remote(entry: RegistrySetting, { context, network, accounts }: PlacesOptions): Made {
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
  const open = (): Registry =>
    withMirrors({
      registry: opened({
        host,
        scheme: network.scheme(host),
        account: id,
        namespace: entry.namespace,
        // Loopback is spoken to without TLS first, and nobody may have asked what there is.
        ...(isLoopback(host) ? { onTls: () => void network.remember(host, 'https', 'registry') } : {}),
      }),
      host,
      rules: () => network.rules(),
      open: endpoints(network, opened),
      now: Date.now,
    });
  return { facts, open };
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
function lasting({ facts, open }: Made): Omit<Known, 'key'> {
  let opener = open;
  let registry: Registry | undefined;
  const place = {
    ...noFacts,
    ...facts,
    get registry() {
      return (registry ??= opener());
    },
  };
  return {
    place,
    become: (made) => {
      opener = made.open;
      registry = undefined;
      Object.assign(place, noFacts, made.facts);
    },
  };
}

/** What a place is where nothing is said of it. */
const noFacts = { namespace: undefined, pinned: [], pinnedOnly: false, countsReads: false };
