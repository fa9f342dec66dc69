import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { runPeer } from '../support/peers.ts';
import { openSession, scenario, type Session } from './session.ts';

let session: Session;
before(
  async () => {
    session = await openSession();
  },
  { timeout: 180_000 },
);
after(() => session.close());

scenario(
  'pushes a folder to Local by right click, and oras pulls it byte for byte',
  () => session,
  async ({ editor, workspace, work }) => {
    await editor.openContainer('Explorer');
    await editor.context(editor.row('site'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/lighthouse', /2\/5/);
    await editor.answer('1.0.0', /3\/5/);
    await editor.pick('Files', /4\/5/);
    await editor.picture('push-annotations');
    await editor.pick(/Continue/, /5\/5/);
    await editor.picture('push');
    await editor.dialog(/Push to Local/, 'Push');
    await editor.notification(/Pushed/, 'Show in Tree');
    await editor.row('1.0.0').locator('.label-description', { hasText: /KiB|B/ }).waitFor();
    await editor.picture('tree');
    const out = path.join(work, 'pulled');
    await pull(`${path.join(work, 'local/team/lighthouse')}:1.0.0`, out);
    await same(path.join(workspace, 'site'), path.join(out, 'site'));
  },
);

scenario(
  'edits annotations by keys alone, warns of the tag, shows a preview and pushes from it',
  () => session,
  async ({ editor, work }) => {
    const { page } = editor;
    await editor.openContainer('Explorer');
    await editor.context(editor.row('site'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/lighthouse', /2\/5/);
    const input = page.locator('.quick-input-widget:visible');
    await input.filter({ hasText: /3\/5/ }).locator('input.input').fill('1.0.0');
    await input.filter({ hasText: /1\.0\.0 exists/ }).waitFor();
    await editor.picture('push-tag-exists');
    await page.keyboard.press('Enter');
    await editor.answer('application/vnd.acme.site.v2', /4\/5/);
    await editor.answer('com.example.team=docs', /5\/5/);
    // The list comes anew with the row in it; what is typed before would go to the one before.
    const rows = page.locator('.quick-input-widget:visible .monaco-list-row');
    // Not the row of what was typed, which is in the list before.
    const own = page.locator('.label-name', { hasText: /^\s*com\.example\.team\s*$/ });
    await rows.filter({ has: own }).first().waitFor();
    // Every annotation is a row; Enter edits it, and an empty value removes it.
    await editor.answer('org.opencontainers.image.revision', /5\/5/);
    await editor.answer('', /Empty removes it/);
    await editor.pick(/Add Annotation/, /5\/5/);
    await editor.pick('org.opencontainers.image.authors', /5\/5/);
    await editor.answer('Ann', /Empty removes it/);
    await editor.pick(/Split into Layers/, /5\/5/);
    await editor.pick(/by folder/, /5\/5/);
    await rows.filter({ hasText: /Split into Layers.*by folder/ }).waitFor();
    await editor.picture('push-annotations-edited');
    await editor.pick(/Continue/, /5\/5/);
    const said = await editor.dialog(/Overwrite Local/, 'Show Preview');
    assert.match(said, /1\.0\.0 exists/);
    await editor.text(/"target": "Local\/team\/lighthouse:1\.0\.0"/);
    await editor.picture('push-preview');
    await page.locator('.editor-actions .action-label[aria-label="Push"]').click();
    await editor.notification(/Pushed/);
    const { stdout } = await runPeer('oras', [
      'manifest',
      'fetch',
      '--oci-layout',
      `${path.join(work, 'local/team/lighthouse')}:1.0.0`,
    ]);
    interface Annotated {
      readonly annotations: Readonly<Record<string, string>>;
    }
    const manifest = JSON.parse(stdout) as Annotated & { artifactType: string; layers: Annotated[] };
    assert.deepEqual(
      manifest.layers.map(({ annotations }) => annotations['org.opencontainers.image.title']),
      ['site', 'site/docs'],
    );
    assert.equal(manifest.artifactType, 'application/vnd.acme.site.v2');
    assert.equal(manifest.annotations['com.example.team'], 'docs');
    assert.equal(manifest.annotations['org.opencontainers.image.authors'], 'Ann');
    assert.equal(manifest.annotations['org.opencontainers.image.revision'], undefined);
    await editor.clearNotifications();
  },
);

scenario(
  'remembers the type and layers of a folder, says what the target has already, and deletes tags in Local and in a registry',
  () => session,
  async ({ editor, registry }) => {
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(registry.host);
    await editor.pick('User settings');
    await editor.notification(/Added/);
    await editor.row(registry.host).and(editor.page.locator('.selected')).waitFor();
    await editor.clearNotifications();
    for (const tag of ['1', '2']) {
      await editor.openContainer('Explorer');
      await editor.context(editor.row('site'), 'Push as OCI Artifact…');
      await editor.pick(new RegExp(registry.host), /1\/5/);
      await editor.answer('team/site', /2\/5/);
      await editor.answer(tag, /3\/5/);
      // The type of the last time is there, and chosen.
      const chosen = editor.page.locator('.quick-input-list .monaco-list-row.focused');
      await chosen.filter({ hasText: 'application/vnd.acme.site.v2' }).waitFor();
      await editor.answer('', /4\/5/);
      await editor.pick(/Continue/, /5\/5/);
      await editor.dialog(/Push to/, 'Push');
      const said = await editor.notification(/Pushed/, 'Show in Tree');
      assert.equal(/there already: 2 of 2/.test(said), tag === '2', said);
      await editor
        .row(tag)
        .locator('.label-description', { hasText: /acme site/ })
        .waitFor();
      await editor.clearNotifications();
    }
    await editor.context(editor.row('1'), 'Delete…');
    await editor.picture('delete-tag');
    await editor.dialog(/Delete the tag/, 'Delete Tag');
    await editor.notification(/Deleted the tag/);
    await editor.row('1').waitFor({ state: 'hidden' });
    await editor.row('2').waitFor();
    const { stdout } = await runPeer('oras', ['repo', 'tags', '--plain-http', `${registry.host}/team/site`]);
    assert.equal(stdout.trim(), '2');
    await editor.clearNotifications();
    await editor.command('OCI Explorer: Go to Reference…');
    await editor.answer('Local/team/lighthouse:1.0.0');
    // The document takes the focus when it opens, and with it an open menu.
    await editor
      .tab(/lighthouse:1\.0\.0 › manifest/)
      .first()
      .waitFor();
    await editor.text(/application/);
    await editor.context(editor.row('1.0.0'), 'Delete…');
    await editor.dialog(/Delete the tag/, 'Delete Manifest…');
    const impact = await editor.dialog(/by digest/, 'Delete');
    assert.match(impact, /No other tag/);
    await editor.notification(/Deleted Local/);
    await editor.row('1.0.0').waitFor({ state: 'hidden' });
  },
);

scenario(
  'says before a push what does not fit the type',
  () => session,
  async ({ editor }) => {
    await editor.openContainer('Explorer');
    await editor.context(editor.row('site'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/chart', /2\/5/);
    await editor.answer('1.0.0', /3\/5/);
    await editor.answer('application/vnd.cncf.helm.config.v1+json', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    const said = await editor.dialog(/Push to Local/, 'Cancel');
    assert.match(said, /Helm chart holds Chart\.yaml, \*\.tgz, which is not in:\s*• site/);
  },
);

scenario(
  'pushes what is dropped on a repository there, and asks neither registry nor repository again',
  () => session,
  async ({ editor, workspace, work }) => {
    await editor.openContainer('OCI Explorer');
    await editor.expand('web');
    await editor.openContainer('Explorer');
    await editor.drag(editor.row('site'), 'OCI Explorer', 'site');
    await editor.picture('push-dropped');
    await editor.answer('dropped', /3\/5[^]*Tag in Local\/web\/site/);
    await editor.pick('Files', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    await editor.dialog(/Push to Local\/web\/site:dropped/, 'Push');
    await editor.notification(/Pushed .*site:dropped/, 'Show in Tree');
    await editor.row('dropped').waitFor();
    const out = path.join(work, 'dropped');
    await pull(`${path.join(work, 'local/web/site')}:dropped`, out);
    await same(path.join(workspace, 'site'), path.join(out, 'site'));
    await editor.clearNotifications();
  },
);

scenario(
  'pushes several files and folders that are selected as one artifact, by right click on one of them',
  () => session,
  async ({ editor, workspace, work }) => {
    await editor.openContainer('Explorer');
    for (const label of ['site', 'package.json']) {
      const selected = editor.row(label).and(editor.page.locator('.selected'));
      for (let attempt = 0; attempt < 5 && !(await selected.isVisible()); attempt++) {
        // With the key, a click selects and opens nothing.
        await editor.row(label).click({ modifiers: ['ControlOrMeta'] });
        await selected.waitFor({ timeout: 3_000 }).catch(() => undefined);
      }
    }
    await editor.context(editor.row('package.json'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/both', /2\/5/);
    await editor.answer('1', /3\/5/);
    await editor.pick('Files', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    await editor.dialog(/layers: 3/, 'Push');
    await editor.notification(/Pushed .*both:1/);
    const out = path.join(work, 'both');
    await pull(`${path.join(work, 'local/team/both')}:1`, out);
    await same(workspace, out, '--exclude=.git');
    await editor.clearNotifications();
  },
);

scenario(
  'pushes the folder of a chart as a Helm chart, and says by which tag helm finds it',
  () => session,
  async ({ editor, workspace, work }) => {
    mkdirSync(path.join(workspace, 'boat'));
    writeFileSync(path.join(workspace, 'boat/Chart.yaml'), 'apiVersion: v2\nname: sail\nversion: 1.2.3\n');
    await editor.openContainer('Explorer');
    await editor.context(editor.row('boat'), 'Push as OCI Artifact…');
    await editor.pick(/Local/, /1\/5/);
    await editor.answer('team/sail', /2\/5/);
    await editor.answer('stable', /3\/5/);
    await editor.answer('Helm chart', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    const said = await editor.dialog(/Push to Local\/team\/sail:stable/, 'Push');
    assert.match(said, /Its version is 1\.2\.3: helm does not find it by the tag stable\./);
    assert.doesNotMatch(said, /which is not in/);
    await editor.notification(/Pushed .*sail:stable/, 'Show in Tree');
    await editor
      .row('stable')
      .locator('.label-description', { hasText: /^Helm chart/ })
      .waitFor();
    const layout = `${path.join(work, 'local/team/sail')}:stable`;
    const { stdout } = await runPeer('oras', ['manifest', 'fetch-config', '--oci-layout', layout]);
    assert.deepEqual(JSON.parse(stdout), { name: 'sail', version: '1.2.3', apiVersion: 'v2' });
    await editor.clearNotifications();
  },
);

scenario(
  'shows in Transfers what was pushed in this window, and clears it',
  () => session,
  async ({ editor }) => {
    const { page } = editor;
    await editor.openContainer('OCI Explorer');
    const header = page.locator('.pane-header', { hasText: 'Transfers' });
    const row = editor.row('sail:stable');
    for (let attempt = 0; attempt < 5 && !(await row.isVisible()); attempt++) {
      // Collapsed until somebody wants to see it.
      await header.click();
      await row.waitFor({ timeout: 3_000 }).catch(() => undefined);
    }
    const done = row.locator('.label-description', { hasText: /^Push · done · [\d.]+ K?i?B/ });
    await done.waitFor();
    assert.match((await row.getAttribute('aria-label')) ?? '', /^Local\/team\/sail:stable, Push, done, /);
    // Of a push again, what was there already.
    assert.match(
      await editor.description('site:2'),
      /^Push · done · [\d.]+ K?i?B, [123] of 3 blobs were there$/,
    );
    await editor.picture('transfers');
    await header.hover();
    await page.locator('.action-label[aria-label="Clear Finished Transfers"]').click();
    await row.waitFor({ state: 'hidden' });
    await page.locator('.welcome-view-content:visible', { hasText: 'No transfers' }).waitFor();
  },
);

/** By oras, from a layout. */
async function pull(reference: string, out: string): Promise<void> {
  await runPeer('oras', ['pull', '--oci-layout', reference, '-o', out]);
}

async function same(folder: string, other: string, ...options: readonly string[]): Promise<void> {
  await promisify(execFile)('diff', ['-r', ...options, folder, other]);
}
