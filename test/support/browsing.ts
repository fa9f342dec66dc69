import { setTimeout as delay } from 'node:timers/promises';
import type { TypeTable } from '../../src/artifacts/table.ts';
import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import type { Place } from '../../src/browse/place.ts';
import type { TagOrder } from '../../src/contributions.ts';
import { createDispatcher } from '../../src/oci/remote/dispatcher.ts';
import { remoteRegistry, type RemoteOptions } from '../../src/oci/remote/registry.ts';
import type { Registry } from '../../src/oci/store.ts';

/** A tree over one place; what changes is told in the next turn of the loop. */
export function browsing(
  registry: Registry,
  more: Partial<Place> & {
    readonly pageSize?: number;
    readonly tagOrder?: TagOrder;
    readonly foldTags?: boolean;
    readonly types?: () => TypeTable;
  } = {},
): Browser {
  const { pageSize = 100, tagOrder = 'semver', foldTags = true, types, ...facts } = more;
  const place: Place = {
    id: 'p',
    name: 'P',
    kind: registry.kind,
    host: 'p.example',
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    registry,
    ...facts,
  };
  return createBrowser({
    places: { all: () => [place], get: (id) => (id === place.id ? place : undefined) },
    cache: createManifestCache(),
    settings: () => ({ pageSize, tagOrder, foldTags }),
    ...(types ? { types } : {}),
    schedule: (run) => void setImmediate(run),
  });
}

/** A registry that is spoken to as the product does, without an account. */
export function anonymous(host: string): { readonly registry: Registry; stop(): Promise<void> } {
  const dispatcher = createDispatcher();
  return { registry: anonymousBy(dispatcher, host), stop: () => dispatcher.destroy() };
}

/** The same over connections that are there: each call is as who never asked before. */
export function anonymousBy(
  dispatcher: RemoteOptions['dispatcher'],
  host: string,
  log?: RemoteOptions['log'],
): Registry {
  return remoteRegistry({
    host,
    scheme: 'http',
    dispatcher,
    credentials: () => Promise.resolve(undefined),
    userAgent: 'oci-explorer-test',
    log,
  });
}

/** Waits for what will be so, however slow the machine is; the runner's limit ends it. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await delay(2);
  }
}

/** Until every tag and manifest of a list has its name. */
export function named(browser: Browser, nodes: readonly Node[]): Promise<void> {
  return eventually(() =>
    nodes.every((node) => (node.kind !== 'tag' && node.kind !== 'manifest') || !!browser.named(node)),
  );
}
