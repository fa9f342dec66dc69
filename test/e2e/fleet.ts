import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { startPacingProxy, type PacingProxy } from '../support/pacingProxy.ts';
import { runPeer } from '../support/peers.ts';
import { openSession, type Session } from './session.ts';

/** A session whose registry holds artifacts to be moved, in the tree as *dock*, and once more behind a proxy as *strait*. */
export interface Fleet extends Session {
  /** For uploads that take as long as is wished. */
  readonly strait: PacingProxy;
}

/** The tags of `fleet/boat` and their files. `1.0.0` has an SBOM attached. */
export const boats = { '1.0.0': 'site/index.html', '1.1.0': 'site/style.css', '2.0.0': 'site/docs' } as const;

/** Also: images `yard/app:amd64` and `:arm64`, and in Local `fleet/cargo:1`, with 32 MiB. The rows of `fleet/boat` are in sight. */
export async function openFleet(): Promise<Fleet> {
  const session = await openSession();
  const { editor, registry, work, workbench, workspace } = session;
  const strait = await startPacingProxy(registry.host);
  const fleet: Fleet = {
    ...session,
    strait,
    settings: {
      ...session.settings,
      'ociExplorer.registries': [
        { host: registry.host, name: 'dock' },
        { host: strait.host, name: 'strait' },
      ],
    },
    close: async () => {
      await session.close();
      await strait.stop();
    },
  };
  workbench.configure(fleet.settings);
  const boat = `${registry.host}/fleet/boat`;
  for (const [tag, file] of Object.entries(boats)) {
    const what = ['--artifact-type', 'application/vnd.acme.site.v1', `${boat}:${tag}`, file];
    await oras(fleet, 'push', '--plain-http', ...what);
  }
  const sbom = ['--artifact-type', 'application/spdx+json', `${boat}:1.0.0`, 'package.json'];
  await oras(fleet, 'attach', '--plain-http', ...sbom);
  const image = `${path.join(work, 'local/shop/app')}:1.4.1`;
  for (const platform of ['linux/amd64', 'linux/arm64']) {
    const to = `${registry.host}/yard/app:${path.basename(platform)}`;
    await oras(fleet, 'cp', '--from-oci-layout', '--to-plain-http', '--platform', platform, image, to);
  }
  await writeFile(path.join(workspace, 'cargo.bin'), randomBytes(32 * 1024 * 1024));
  await oras(fleet, 'push', '--oci-layout', `${path.join(work, 'local/fleet/cargo')}:1`, 'cargo.bin');
  await editor.openContainer('OCI Explorer');
  await editor.row('web').waitFor();
  // All rows have to be in sight.
  for (let attempt = 0; attempt < 5 && (await editor.row('web').isVisible()); attempt++) {
    await editor.row('Local').click();
    await editor
      .row('web')
      .waitFor({ state: 'hidden', timeout: 3_000 })
      .catch(() => undefined);
  }
  for (const label of ['dock', 'fleet', 'boat']) {
    await editor.expand(label);
  }
  return fleet;
}

/** What it says; paths are those of the workspace. */
export async function oras({ workspace }: Session, ...args: readonly string[]): Promise<string> {
  return (await runPeer('oras', args, { cwd: workspace })).stdout.trim();
}

/** By crane, of the registry. */
export async function crane({ registry }: Session, command: string, reference: string): Promise<string> {
  const { stdout } = await runPeer('crane', [command, '--insecure', `${registry.host}/${reference}`]);
  return stdout.trim();
}

/** The tags of a repository of the registry, without lists of referrers. */
export async function tagsOf(session: Session, repository: string): Promise<readonly string[]> {
  const tags = (await crane(session, 'ls', repository)).split('\n');
  return tags.filter((tag) => !tag.startsWith('sha256-')).sort();
}

/** The artifact types of what is attached, by oras. */
export async function attachedTo(
  session: Session,
  ...reference: readonly string[]
): Promise<readonly string[]> {
  const { referrers } = JSON.parse(await oras(session, 'discover', '--format', 'json', ...reference)) as {
    readonly referrers?: readonly { readonly artifactType: string }[];
  };
  return (referrers ?? []).map(({ artifactType }) => artifactType);
}

/** A row of the quick pick that is open, by its label. */
export function choice({ editor }: Session, label: string | RegExp): Locator {
  return editor.page
    .locator('.quick-input-widget:visible .monaco-list-row .label-name', { hasText: label })
    .first();
}

/** Selects these rows and no others. */
export async function select({ editor }: Session, ...labels: readonly string[]): Promise<void> {
  const chosen = labels.map((label) => editor.row(label));
  const selected = editor.page.locator('.sidebar .monaco-list-row.selected');
  for (let attempt = 0; attempt < 5; attempt++) {
    for (const row of await selected.all()) {
      await row.click({ modifiers: ['ControlOrMeta'] });
    }
    for (const row of chosen) {
      if (!(await row.getAttribute('class'))?.includes('selected')) {
        // With the key, a click selects and opens nothing.
        await row.click({ modifiers: ['ControlOrMeta'] });
      }
    }
    const isSelected = await Promise.all(
      chosen.map((row) =>
        row
          .and(editor.page.locator('.selected'))
          .waitFor({ timeout: 3_000 })
          .then(
            () => true,
            () => false,
          ),
      ),
    );
    if (isSelected.every(Boolean) && (await selected.count()) === labels.length) {
      return;
    }
  }
  throw new Error(`${labels.join()} cannot be selected`);
}

/** Presses an icon of a row until what it causes is seen. */
export async function inline(row: Locator, title: string, effect: Locator): Promise<void> {
  for (let attempt = 0; attempt < 5 && !(await effect.isVisible()); attempt++) {
    // A row that is drawn again under the mouse takes no click.
    await row.hover({ timeout: 2_000 }).catch(() => undefined);
    await row
      .locator(`.action-label[aria-label^="${title}"]`)
      .click({ timeout: 2_000 })
      .catch(() => undefined);
    await effect.waitFor({ timeout: 5_000 }).catch(() => undefined);
  }
  await effect.waitFor();
}

/** The row of a transfer, by the state its description has. */
export function transfer({ editor: { page } }: Session, state: RegExp): Locator {
  return page
    .locator('.monaco-list-row[role="treeitem"]:visible')
    .filter({ has: page.locator('.label-description', { hasText: state }) })
    .first();
}

/** Collapsed until somebody wants to see it. */
export async function openTransfers({ editor: { page } }: Session): Promise<void> {
  const header = page.locator('.pane-header', { hasText: 'Transfers' });
  const open = header.and(page.locator('.expanded'));
  for (let attempt = 0; attempt < 5 && !(await open.isVisible()); attempt++) {
    await header.click();
    await open.waitFor({ timeout: 3_000 }).catch(() => undefined);
  }
  await open.waitFor();
}

/** Pictures in the dark, the light and the high contrast theme. @param isShown what has to be there in each */
export async function inEveryTheme(
  { editor, settings, workbench }: Session,
  name: string,
  isShown: Locator,
): Promise<void> {
  for (const [theme, full, shown] of themes) {
    workbench.configure({ ...settings, 'workbench.colorTheme': full });
    await editor.page.locator(`.monaco-workbench.${shown}`).waitFor();
    await isShown.waitFor();
    await editor.picture(`${name}-${theme}`);
  }
  workbench.configure(settings);
}

const themes = [
  ['dark', 'Default Dark Modern', 'vs-dark'],
  ['light', 'Default Light Modern', 'vs'],
  ['high-contrast', 'Default High Contrast', 'hc-black'],
] as const;
