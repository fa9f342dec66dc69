import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { runPeer } from '../support/peers.ts';
import { openWorkbench } from '../support/workbench.ts';
import { openSession, scenario, type Session } from './session.ts';

let session: Session;
before(
  async () => {
    session = await openSession();
    const { settings, workbench } = session;
    workbench.configure({ ...settings, 'ociExplorer.pageSize': 10 });
    const target = `${session.registry.host}/team/site:1.0.0`;
    await runPeer(
      'oras',
      ['push', '--plain-http', '--artifact-type', 'application/vnd.acme.site.v1', target, '.'],
      { cwd: session.workspace },
    );
    await runPeer(
      'oras',
      ['attach', '--plain-http', '--artifact-type', 'application/spdx+json', target, 'package.json'],
      { cwd: session.workspace },
    );
    // More tags, and more repositories, than a page of ten.
    const { host } = session.registry;
    await Promise.all(
      numbers(12).map((at) =>
        runPeer('oras', ['push', '--plain-http', `${host}/zoo/cage-${at}:t01`, 'package.json'], {
          cwd: session.workspace,
        }),
      ),
    );
    const tags = numbers(24).slice(1);
    const first = `${host}/zoo/cage-01:t01`;
    await runPeer('oras', ['tag', '--plain-http', first, ...tags.map((at) => `t${at}`)]);
  },
  { timeout: 180_000 },
);

/** `01` to `count`. */
const numbers = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => String(at + 1).padStart(2, '0'));

after(() => session.close());

scenario(
  'adds a registry by what is pasted, and names what oras pushed',
  () => session,
  async ({ editor, registry }) => {
    await editor.openContainer('OCI Explorer');
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(`oras pull ${registry.host}/team/site:1.0.0`);
    await editor.pick('User settings');
    await editor.notification(/Added/);
    // Some of the size is a time stamp, so only its unit is sure.
    await editor
      .row('1.0.0')
      .locator('.label-description', { hasText: /^acme site · \d+ KiB/ })
      .waitFor();
    await editor.clearNotifications();
  },
);

scenario(
  'goes down to a layer and opens the manifest with its formatted view beside it',
  () => session,
  async ({ editor }) => {
    await editor.expand('1.0.0');
    await editor.row('config').first().waitFor();
    await editor.row('1.0.0').click();
    await editor.tab('site:1.0.0 › manifest').waitFor();
    await editor.tab('site:1.0.0 › manifest (formatted)').waitFor();
    // The arrow keys stay with the tree.
    await editor.page.locator('.sidebar .monaco-list.element-focused').waitFor();
    await editor.page
      .locator('.codelens-decoration', { hasText: /acme site · .* · digest checked/ })
      .first()
      .waitFor();
  },
);

scenario(
  'goes to a document when its row is clicked once more',
  () => session,
  async ({ editor }) => {
    const focused = editor.page.locator('.editor-group-container.active .monaco-editor.focused').first();
    for (let attempt = 0; attempt < 3 && !(await focused.isVisible()); attempt++) {
      await editor.row('1.0.0').click();
      await focused.waitFor({ timeout: 5_000 }).catch(() => undefined);
    }
    await focused.waitFor();
    assert.equal(await editor.page.locator('.editor-group-container').count(), 2);
  },
);

scenario(
  'says beside a digest what it is, and at the mouse too; a click follows it',
  () => session,
  async ({ editor }) => {
    const { page } = editor;
    const group = page.locator('.editor-group-container').last();
    await group.locator('.view-line', { hasText: /Empty\sconfig\s·\s2\sB/ }).waitFor();
    const digest = group
      .locator('.view-line', { hasText: '"digest"' })
      .first()
      .locator('.detected-link')
      .first();
    const hover = page.locator('.monaco-hover:visible', { hasText: /Empty\sconfig\s·\s2\sB/ }).first();
    for (let attempt = 0; attempt < 5 && !(await hover.isVisible()); attempt++) {
      // What arrives late moves the row away from under the mouse, and a hover comes at a move only.
      await page.mouse.move(0, 0);
      await pointAt(page, digest, 8 + attempt);
      await hover.waitFor({ timeout: 3_000 }).catch(() => undefined);
    }
    await hover.waitFor();
    await follow(page, digest);
    await editor.tab('site:1.0.0 › config').waitFor();
    await editor.tab('site:1.0.0 › config (formatted)').waitFor();
    assert.equal(await page.locator('.editor-group-container').count(), 2);
  },
);

scenario(
  'opens a tag as clients of different ages get it, and says which form the registry has not',
  () => session,
  async ({ editor }) => {
    await editor.context(editor.row('1.0.0'), 'Open As…');
    await editor.pick(/^\s*Docker schema 1/, /Open As/);
    const said = await editor.notification(/has no Docker schema 1 of .*team\/site:1\.0\.0/);
    assert.doesNotMatch(said, /Sign in|Check the name/i);
    await editor.clearNotifications();
    await editor.context(editor.row('1.0.0'), 'Open As…');
    await editor.pick(/^\s*OCI manifest/, /Open As/);
    await editor.tab(/site:1\.0\.0 › manifest$/).waitFor();
    await editor.page.locator('.view-line', { hasText: 'application/vnd.acme.site.v1' }).first().waitFor();
  },
);

scenario(
  'finds the tags of a type, which is chosen from those there are',
  () => session,
  async ({ editor, registry, workspace }) => {
    const target = `${registry.host}/team/site:2.0.0`;
    const type = ['--artifact-type', 'application/sarif+json'];
    await runPeer('oras', ['push', '--plain-http', ...type, target, 'package.json'], { cwd: workspace });
    await editor.context(editor.row('site'), 'Refresh');
    await editor.row('2.0.0').waitFor();
    await editor.context(editor.row('site'), 'Filter by Type…');
    await editor.pick(/SARIF report/);
    await editor.row('1.0.0').waitFor({ state: 'hidden' });
    await editor.row('2.0.0').waitFor();
    await editor.row('site').locator('.label-description', { hasText: 'type:"SARIF report"' }).waitFor();
    await editor.context(editor.row('site'), 'Clear Filter');
    await editor.row('1.0.0').waitFor();
  },
);

scenario(
  'filters by name, sorts, and is gone through by keys alone; each row says aloud what it is',
  () => session,
  async ({ editor, registry, workspace }) => {
    const { page } = editor;
    const isFirst = async (first: string, ...others: readonly string[]): Promise<void> => {
      const top = async (tag: string): Promise<number> => (await editor.row(tag).boundingBox())?.y ?? NaN;
      for (;;) {
        const [one = NaN, ...rest] = await Promise.all([first, ...others].map(top));
        if (rest.every((each) => one < each)) {
          return;
        }
        await page.waitForTimeout(50);
      }
    };
    await editor.context(editor.row('site'), 'Filter…');
    await editor.answer('2.0');
    await editor.row('1.0.0').waitFor({ state: 'hidden' });
    await editor.row('2.0.0').waitFor();
    await editor.context(editor.row('site'), 'Clear Filter');
    await editor.row('1.0.0').waitFor();
    await isFirst('2.0.0', '1.0.0');
    await editor.context(editor.row('site'), 'Sort Tags…');
    await editor.pick('Name');
    await isFirst('1.0.0', '2.0.0');
    // The newest is neither the first by name nor by version.
    const target = `${registry.host}/team/site:1.5.0`;
    await runPeer('oras', ['push', '--plain-http', target, 'package.json'], { cwd: workspace });
    await editor.context(editor.row('site'), 'Refresh');
    await editor.row('1.5.0').waitFor();
    await editor.context(editor.row('site'), 'Sort Tags…');
    await editor.pick('Newest content first');
    await isFirst('1.5.0', '1.0.0', '2.0.0');
    await editor.context(editor.row('site'), 'Sort Tags…');
    await editor.pick('Versions, newest first');
    await isFirst('2.0.0', '1.0.0', '1.5.0');
    await editor.row('site').click();
    const focused = page.locator('.sidebar .monaco-list-row.focused');
    // A click on a repository closes it.
    await focused.and(page.locator('[aria-expanded="false"]')).filter({ hasText: 'site' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await editor.row('2.0.0').waitFor();
    // From one row to the next, each once it is there.
    await page.keyboard.press('ArrowDown');
    await focused.filter({ hasText: '2.0.0' }).waitFor();
    assert.match((await focused.getAttribute('aria-label')) ?? '', /^2\.0\.0, tag, SARIF report, /);
    await page.keyboard.press('ArrowRight');
    await focused.and(page.locator('[aria-expanded="true"]')).waitFor();
    // Once more goes to its first child, as soon as there is one.
    const child = focused.filter({ hasText: 'config' });
    for (let attempt = 0; attempt < 20 && !(await child.isVisible()); attempt++) {
      await page.keyboard.press('ArrowRight');
      await child.waitFor({ timeout: 500 }).catch(() => undefined);
    }
    assert.match((await focused.getAttribute('aria-label')) ?? '', /^config, /);
    await page.keyboard.press('ArrowLeft');
    await focused.filter({ hasText: '2.0.0' }).waitFor();
  },
);

scenario(
  'finds a repository that is not loaded yet, shows the next page of tags, and does by keys what menus do',
  () => session,
  async ({ editor, registry, workspace }) => {
    const { page } = editor;
    // All rows have to be in sight.
    await editor.row('Local').click();
    await editor.row('charts').waitFor({ state: 'hidden' });
    const place = editor.row(registry.host);
    // Two groups, of the ten repositories that are loaded.
    await editor.row('Load more… (2 shown)').waitFor();
    await editor.context(place, 'Filter…');
    await editor.answer('cage-12');
    await editor.row('team').waitFor({ state: 'hidden' });
    await editor.expand('zoo');
    await editor.row('cage-12').waitFor();
    await editor.row('cage-01').waitFor({ state: 'hidden' });
    await editor.command('OCI Explorer: Clear Filter');
    await editor.row('team').waitFor();
    await editor.expand('cage-01');
    const more = editor.row(/^Load more…/);
    await more.filter({ hasText: '(10 shown)' }).click();
    await more.filter({ hasText: '(20 shown)' }).waitFor();
    await page.keyboard.press('Enter');
    await more.waitFor({ state: 'hidden' });
    await editor.row('t24').waitFor();
    // A click closes it, and it has the focus then.
    await editor.row('cage-01').click();
    await editor.row('t24').waitFor({ state: 'hidden' });
    await page.keyboard.press('ControlOrMeta+c');
    const reference = JSON.stringify(`${registry.host}/zoo/cage-01`);
    await page.waitForFunction(`navigator.clipboard.readText().then((text) => text === ${reference})`);
    const target = `${registry.host}/zoo/aviary:t01`;
    await runPeer('oras', ['push', '--plain-http', target, 'package.json'], { cwd: workspace });
    await page.keyboard.press('F5');
    await editor.row('aviary').waitFor();
    for (const row of ['Local', 'team', 'site']) {
      await editor.expand(row);
    }
  },
);

scenario(
  'opens what refers to a manifest, and an SBOM from there',
  () => session,
  async ({ editor }) => {
    const { page } = editor;
    await editor.context(editor.row('1.0.0'), 'Open Referrers');
    await editor.tab('site:1.0.0 › referrers').waitFor();
    const group = page.locator('.editor-group-container').last();
    const digest = group.locator('.view-line', { hasText: /SPDX/ }).locator('.detected-link').first();
    await follow(page, digest);
    await editor.tab(/site@[0-9a-f]{12} › manifest$/).waitFor();
  },
);

scenario(
  'opens the documents again after the window is loaded again',
  () => session,
  async ({ editor, workbench }) => {
    const { page } = editor;
    await openWorkbench(page, workbench.url);
    // The editor remembers its tabs every few seconds only: which of them come back is its business.
    await editor.tab(/ › \w+$/).click();
    await editor.text(/"schemaVersion"|\{\}/);
    await page
      .locator('.codelens-decoration', { hasText: /digest checked|as the registry lists them/ })
      .first()
      .waitFor();
  },
);

scenario(
  'asks from the palette what a command is about, where no row is selected',
  () => session,
  async ({ editor }) => {
    await editor.closeEditors();
    await editor.command('OCI Explorer: Open Manifest');
    await editor.pick(/Local/, 'Open Manifest');
    await editor.pick('shop/app', 'Open Manifest');
    await editor.pick('1.4.1', 'Open Manifest');
    await editor.tab('app:1.4.1 › index (formatted)').waitFor();
    // What is opened takes the focus last, and closes a palette that is open then.
    const opened = editor.page.locator('.editor-group-container.active .monaco-editor.focused').first();
    await opened.waitFor();
    await editor.command('OCI Explorer: Sort Tags…');
    await editor.pick(/Local/, 'Sort Tags');
    await editor.pick('policies/kubernetes', 'Sort Tags');
    await editor.pick('Name', 'Sort the tags of policies/kubernetes');
    await editor.row('2026.1').waitFor();
  },
);

scenario(
  'opens the file of a layer under its name',
  () => session,
  async ({ editor }) => {
    await editor.openContainer('OCI Explorer');
    for (const row of ['policies', 'kubernetes', '2026.1']) {
      await editor.expand(row);
    }
    await editor.context(editor.row('deployment.rego'), 'Open Content');
    await editor.tab('kubernetes:2026.1 › deployment.rego').waitFor();
    await editor.text(/Containers must not run as root/);
  },
);

scenario(
  'shows an error instead of content that is not what its digest names',
  () => session,
  async ({ editor, work }) => {
    const { page } = editor;
    await editor.closeEditors();
    await tamper(path.join(work, 'local/charts/lighthouse'), 'harbour', 'horbour');
    await editor.openContainer('OCI Explorer');
    for (const row of ['charts', 'lighthouse', '0.9.0']) {
      await editor.expand(row);
    }
    await editor.row('config').click();
    await editor.notification(/not what its digest names/);
    assert.equal(await page.locator('.tabs-container .tab').count(), 0);
  },
);

/** Near the start of what may be longer than the editor is wide; Playwright's own would scroll to its middle. */
async function pointAt(page: Page, target: Locator, x = 8): Promise<void> {
  await target.waitFor();
  const box = await target.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + x, box.y + box.height / 2, { steps: 4 });
}

/** Follows a link as a person does: once it shows, at a move of the mouse with the key held, that it can be. */
async function follow(page: Page, target: Locator): Promise<void> {
  const active = page.locator('.detected-link-active').first();
  for (let attempt = 0; attempt < 5 && !(await active.isVisible()); attempt++) {
    // A hint that arrives late moves what stands behind it.
    await page.keyboard.up('ControlOrMeta');
    await pointAt(page, target);
    await page.keyboard.down('ControlOrMeta');
    await pointAt(page, target, 18);
    await active.waitFor({ timeout: 3_000 }).catch(() => undefined);
  }
  await page.mouse.down();
  await page.mouse.up();
  await page.keyboard.up('ControlOrMeta');
}

/** Changes every config of a layout that contains `text`, to bytes of the same length. */
async function tamper(layout: string, text: string, other: string): Promise<void> {
  const folder = path.join(layout, 'blobs/sha256');
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const content = await readFile(file, 'utf8');
    if (content.startsWith('{"apiVersion"')) {
      await writeFile(file, content.replace(text, other));
    }
  }
}
