import { createBrowser } from '../../src/browse/createBrowser.ts';
import { createManifestCache } from '../../src/browse/manifestCache.ts';
import type { Node } from '../../src/browse/node.ts';
import type { Place } from '../../src/browse/place.ts';
import type { Services } from '../../src/host/services.ts';
import type { Registry } from '../../src/oci/store.ts';

export interface CommandServices {
  readonly services: Services;
  /** Repositories and places that were told to have changed. */
  readonly changed: unknown[];
  select(...nodes: readonly Node[]): void;
  dispose(): void;
}

export function placeOf(registry: Registry, name: string, host: string): Place {
  return {
    id: name,
    name,
    kind: registry.kind,
    host,
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
    registry,
  };
}

/** As much of the services as commands need, over these places. */
export function commandServices(places: readonly Place[]): CommandServices {
  const list = { all: () => places, get: (id: string) => places.find((place) => place.id === id) };
  const browser = createBrowser({
    places: list,
    cache: createManifestCache(),
    settings: () => ({ pageSize: 100, tagOrder: 'semver', foldTags: true }),
  });
  const changed: unknown[] = [];
  let selected: readonly Node[] = [];
  const services = {
    browser,
    places: list,
    events: {
      changed: { fire: (change: unknown) => changed.push(change) },
      reveal: { fire: () => undefined },
    },
    selection: { get: () => selected },
    signal: new AbortController().signal,
  } as unknown as Services;
  return {
    services,
    changed,
    select: (...nodes) => {
      selected = nodes;
    },
    dispose: () => browser.dispose(),
  };
}
