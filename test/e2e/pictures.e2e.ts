import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import type { Editor } from '../support/editor.ts';
import { indexedPng } from '../support/indexedPng.ts';
import { openSession, scenario, type Session } from './session.ts';

/** Each theme, its name in file names, and the class that says that it is on. */
const themes = [
  { name: 'dark', theme: 'Default Dark Modern', base: 'vs-dark' },
  { name: 'light', theme: 'Default Light Modern', base: 'vs' },
  { name: 'high-contrast', theme: 'Default High Contrast', base: 'hc-black' },
] as const;

let session: Session;
before(
  async () => {
    session = await openSession();
    const { page } = session.editor;
    // Names and what stands behind them have room side by side.
    const sash = await page.locator('.monaco-sash.vertical').nth(1).boundingBox();
    if (sash) {
      await page.mouse.move(sash.x + 2, 400);
      await page.mouse.down();
      await page.mouse.move(sash.x + 102, 400, { steps: 5 });
      await page.mouse.up();
    }
  },
  { timeout: 180_000 },
);
after(() => session.close());

/** Takes one picture a theme, `tree-dark.png` and so on. */
async function inEveryTheme(what: string, { editor, workbench, settings }: Session): Promise<void> {
  for (const { name, theme, base } of themes) {
    workbench.configure({ ...settings, ...plain, 'workbench.colorTheme': theme });
    await editor.page.locator(`.monaco-workbench.${base}`).waitFor();
    const file = await editor.picture(`${what}-${name}`);
    const picture = indexedPng(await readFile(file));
    assert.ok(picture.byteLength < 150_000, `${file} has ${picture.byteLength} bytes`);
    await writeFile(file, picture);
    if (process.env['OCI_EXPLORER_PICTURES'] !== undefined && !inReadme.has(path.basename(file))) {
      await rm(file);
    }
  }
}

/** What is kept where the variable OCI_EXPLORER_PICTURES says where to. */
const inReadme: ReadonlySet<string> = new Set(['tree-dark.png', 'tree-light.png', 'push-dark.png']);

/** What a picture for people has not. */
const plain = {
  'ociExplorer.manifestView': 'formatted',
  'ociExplorer.registries': [{ host: 'registry.example.com' }],
  'editor.minimap.enabled': false,
};

async function expandAll(editor: Editor, labels: readonly string[]): Promise<void> {
  for (const label of labels) {
    await editor.expand(label);
  }
}

scenario(
  'shows many types in the tree, and an index as a document',
  () => session,
  async (shown) => {
    const { editor, workbench, settings } = shown;
    workbench.configure({ ...settings, ...plain });
    await editor.openContainer('OCI Explorer');
    // From the bottom up, so that every row is in sight when it is expanded.
    await expandAll(editor, ['wasm', 'add', 'shop', 'compose', 'app', '1.4.2', 'referrers']);
    await expandAll(editor, ['policies', 'kubernetes', 'models', 'tiny', 'charts', 'lighthouse']);
    await editor.page
      .locator('.label-description', { hasText: /^Helm chart/ })
      .first()
      .waitFor();
    await editor.row('1.4.2').click();
    await editor.tab('app:1.4.2 › index (formatted)').waitFor();
    await editor.page
      .locator('.view-line', { hasText: /OCI\simage\s·\s\d+/ })
      .first()
      .waitFor();
    await inEveryTheme('tree', shown);
  },
);

scenario(
  'shows what a push would send',
  () => session,
  async (shown) => {
    const { editor } = shown;
    await editor.closeEditors();
    await editor.openContainer('Explorer');
    await editor.context(editor.row('site'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/lighthouse', /2\/5/);
    await editor.answer('1.0.0', /3\/5/);
    await editor.pick('Files', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    await editor.dialog(/Push to Local/, 'Show Preview');
    await editor.text(/"target": "Local\/team\/lighthouse:1\.0\.0"/);
    await inEveryTheme('push', shown);
  },
);
