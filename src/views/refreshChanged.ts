import type { Browser } from '../browse/browser.ts';
import type { Change } from '../host/events.ts';

/** Asks again for what changed, and for no more: rows stay where they are, open or closed. */
export function refreshChanged({ place, repository, elsewhere }: Change, browser: Browser): void {
  const root = browser.roots().find((node) => node.place.id === place);
  if (elsewhere !== undefined && repository !== undefined) {
    // What another changed is not what someone here wants to see: it gets no row of its own.
    refresh(browser.find(place, repository));
    if (elsewhere === 'names') {
      refresh(browser.group(place, repository));
    }
    return;
  }
  // A first push makes a repository. To list those of a folder again costs nothing; elsewhere it is just shown.
  const isList = repository === undefined || root?.place.kind === 'local';
  refresh(isList ? root : browser.locate(place, repository));

  function refresh(node: Parameters<Browser['refresh']>[0]): void {
    if (node) {
      browser.refresh(node);
    }
  }
}
