import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import type { Editor } from '../support/editor.ts';
import { runPeer } from '../support/peers.ts';
import { openSession, openWindow, scenario, type Session } from './session.ts';

let session: Session;
let other: Editor;
before(
  async () => {
    session = await openSession();
    const { work, workspace } = session;
    await mkdir(path.join(work, 'buoy'));
    await writeFile(path.join(work, 'buoy/bell.txt'), 'ding\n');
    const file = path.join(work, 'harbour.code-workspace');
    await writeFile(file, JSON.stringify({ folders: [{ path: workspace }, { path: 'buoy' }] }));
    other = await openWindow(session, file);
    // Commands of an extension are in the palette once the window knows of it, which the second of two takes its time for.
    await other.openContainer('OCI Explorer');
    await other.row('web').waitFor();
    await other.openContainer('Explorer');
  },
  { timeout: 180_000 },
);
after(() => session.close());

/** Registry, repository, tag and the rest of the questions of a push to Local. */
async function pushToLocal(editor: Editor, repository: string, tag: string): Promise<string> {
  await editor.pick(/Local/, /1\/5/);
  await editor.answer(repository, /2\/5/);
  await editor.answer(tag, /3\/5/);
  await editor.pick('Files', /4\/5/);
  await editor.pick(/Continue/, /5\/5/);
  const said = await editor.dialog(/(Push to|Overwrite) Local/, 'Push');
  await editor.notification(new RegExp(`Pushed .*${repository}:${tag}`));
  await editor.clearNotifications();
  return said;
}

scenario(
  'pushes all folders of a workspace as one artifact, which another window shows by itself',
  () => session,
  async ({ editor, workspace, work }) => {
    await editor.openContainer('OCI Explorer');
    await editor.row('web').waitFor();
    await other.command('OCI Explorer: Push Workspace as Artifact…');
    await other.picture('push-folders');
    await other.pick('All 2 folders');
    assert.match(await pushToLocal(other, 'team/harbour', '1'), /layers: 2/);
    const out = path.join(work, 'harbour');
    await runPeer('oras', [
      'pull',
      '--oci-layout',
      `${path.join(work, 'local/team/harbour')}:1`,
      ...['-o', out],
    ]);
    const diff = promisify(execFile);
    await diff('diff', ['-r', '--exclude=.git', workspace, path.join(out, 'lighthouse')]);
    await diff('diff', ['-r', path.join(work, 'buoy'), path.join(out, 'buoy')]);
    await editor.expand('team');
    await editor.expand('harbour');
    await shows(editor, '1', /^Files · /);
  },
);

scenario(
  'pushes one folder of several, and over a tag that another window has in sight',
  () => session,
  async ({ editor }) => {
    const before = await editor.description('1');
    await other.command('OCI Explorer: Push Workspace as Artifact…');
    await other.pick('buoy');
    assert.match(await pushToLocal(other, 'team/harbour', '1'), /1 exists[^]*layers: 1/);
    const row = editor.row('1').locator('.label-description');
    await row.filter({ hasNotText: before }).filter({ hasText: 'Files' }).waitFor();
  },
);

scenario(
  'shows what another program writes to Local, and what it takes away, by itself; what is open stays open',
  () => session,
  async ({ editor, workspace, work }) => {
    const layout = path.join(work, 'local/team/harbour');
    const chart = ['--artifact-type', 'application/vnd.acme.site.v1', `${layout}:2`, 'site'];
    await runPeer('oras', ['push', '--oci-layout', ...chart], { cwd: workspace });
    await shows(editor, '2', /^acme site · /);
    await runPeer('oras', ['manifest', 'delete', '--force', '--oci-layout', `${layout}:1`]);
    await editor.row('1').waitFor({ state: 'hidden' });
    await editor.row('2').waitFor();
  },
);

scenario(
  'follows settings that are edited by hand in every window, and passes over what is no registry',
  () => session,
  async ({ editor, workbench, settings, registry }) => {
    const registries = [{ host: 'not a host' }, 42, { host: registry.host, name: 'by hand' }];
    workbench.configure({ ...settings, 'ociExplorer.registries': registries });
    await other.openContainer('OCI Explorer');
    for (const window of [editor, other]) {
      await window.row('by hand').waitFor();
      assert.equal(await window.page.locator('[role="treeitem"][aria-level="1"]:visible').count(), 2);
    }
    await editor.row('2').waitFor();
    workbench.configure(settings);
    for (const window of [editor, other]) {
      await window.row('by hand').waitFor({ state: 'hidden' });
    }
  },
);

async function shows(editor: Editor, label: string, description: RegExp): Promise<void> {
  await editor.row(label).locator('.label-description', { hasText: description }).waitFor();
}
