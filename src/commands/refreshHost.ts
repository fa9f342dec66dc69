import type { Services } from '../host/services.ts';

/**
 * Asks a host again: another account or another way to speak to it. Others stay as they are, but where this machine has rules of
 * registries, by which the host may stand for them too.
 */
export function refreshHost(host: string, { browser, network }: Services): void {
  for (const root of browser.roots()) {
    if (root.place.host === host || (root.place.kind === 'remote' && network.rules().length > 0)) {
      browser.refresh(root);
    }
  }
}
