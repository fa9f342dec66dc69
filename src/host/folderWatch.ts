import type { Place, Places } from '../browse/place.ts';
import { watchFolder } from '../oci/layout/watchFolder.ts';
import type { Change } from './events.ts';

interface Watcher {
  dispose(): void;
}

export interface FolderWatchOptions {
  readonly places: Pick<Places, 'all'> & { onDidChange(listener: () => void): Watcher };
  readonly changed: (change: Change) => void;
  readonly watch?: (...args: Parameters<typeof watchFolder>) => Watcher;
}

export interface FolderWatch extends Watcher {
  /** Watches from now on; once is enough. */
  start(): void;
}

/** Tells what other windows and programs change in Local and in the layout folders that are open. */
export function createFolderWatch({ places, changed, watch = watchFolder }: FolderWatchOptions): FolderWatch {
  const watchers = new Map<string, Watcher>();
  let isStarted = false;
  const watched = ({ id, host }: Place): Watcher =>
    watch(host, {
      changed: (path, isNew) =>
        changed({
          place: id,
          repository: path === '' ? undefined : path,
          elsewhere: isNew ? 'names' : 'content',
        }),
    });
  const follow = (): void => {
    const wanted = new Map(
      places
        .all()
        .flatMap((place) => (place.kind === 'remote' ? [] : [[`${place.id} ${place.host}`, place]])),
    );
    for (const [key, watcher] of watchers) {
      if (!wanted.has(key)) {
        watchers.delete(key);
        watcher.dispose();
      }
    }
    for (const [key, place] of wanted) {
      if (!watchers.has(key)) {
        watchers.set(key, watched(place));
      }
    }
  };
  const subscription = places.onDidChange(() => {
    if (isStarted) {
      follow();
    }
  });
  return {
    start: () => {
      if (!isStarted) {
        isStarted = true;
        follow();
      }
    },
    dispose: () => {
      isStarted = false;
      subscription.dispose();
      for (const watcher of watchers.values()) {
        watcher.dispose();
      }
      watchers.clear();
    },
  };
}
