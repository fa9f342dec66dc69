import { l10n, Uri, window } from 'vscode';
import { withProgress } from '../host/progress.ts';
import type { Services } from '../host/services.ts';
import { hasWorkspace, layoutSettings, layoutsOf, writeLayouts } from '../host/settings.ts';
import { layoutRegistry } from '../oci/layout/layoutRegistry.ts';

/** Adds a folder or tar to the tree once it was seen to be a layout. */
export async function openLayout(given: unknown, services: Services): Promise<void> {
  const [uri] =
    given instanceof Uri
      ? [given]
      : ((await window.showOpenDialog({
          title: l10n.t('Open OCI Layout'),
          openLabel: l10n.t('Open Layout'),
          canSelectFiles: true,
          canSelectFolders: true,
          canSelectMany: false,
        })) ?? []);
  if (!uri) {
    return;
  }
  const path = uri.fsPath;
  await withProgress(
    l10n.t('Looking at the layout'),
    ({ signal }) => layoutRegistry(path, { signal }),
    services.signal,
  );
  if (!layoutSettings().includes(path)) {
    // A path means something on this machine: without a workspace there are only the user's settings.
    const target = hasWorkspace() ? 'workspace' : 'user';
    await writeLayouts(target, [...layoutsOf(target), path]);
  }
  services.events.reveal.fire({ place: `layout:${path}`, repository: '' });
}
