import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { runPeer } from '../support/peers.ts';
import { choosePath } from './choosePath.ts';
import { openSession, scenario, type Session } from './session.ts';

let session: Session;
before(
  async () => {
    session = await openSession();
    const layout = `${path.join(session.work, 'local/team/site')}:1.0.0`;
    await runPeer(
      'oras',
      ['push', '--oci-layout', '--artifact-type', 'application/vnd.acme.site.v1', layout, 'site'],
      {
        cwd: session.workspace,
      },
    );
  },
  { timeout: 180_000 },
);
after(() => session.close());

const chooseFolder = (folder: string, title: RegExp): Promise<void> =>
  choosePath(session, `${folder}/`, title);

scenario(
  'pulls a folder of Local to a folder, and asks before it replaces a file',
  () => session,
  async ({ editor, workspace, work }) => {
    const out = path.join(work, 'out');
    await mkdir(path.join(out, 'site'), { recursive: true });
    await writeFile(path.join(out, 'site/index.html'), 'mine');
    await writeFile(path.join(out, 'site/kept'), 'mine');
    await editor.openContainer('OCI Explorer');
    await editor.command('OCI Explorer: Go to Reference…');
    await editor.answer('Local/team/site:1.0.0');
    await editor
      .tab(/site:1\.0\.0 › manifest/)
      .first()
      .waitFor();
    await editor.context(editor.row('1.0.0'), 'Pull to Folder…');
    await chooseFolder(out, /Pull Local\/team\/site:1\.0\.0/);
    const question = await editor.dialog(/Replace a file/, 'Replace');
    assert.match(question, /site\/index\.html/);
    await editor.notification(/Pulled Local\/team\/site:1\.0\.0/);
    assert.equal(await readFile(path.join(out, 'site/kept'), 'utf8'), 'mine');
    await promisify(execFile)('diff', [
      '-r',
      '--exclude=kept',
      path.join(workspace, 'site'),
      path.join(out, 'site'),
    ]);
    assert.deepEqual(await readdir(out), ['site']);
  },
);

scenario(
  'attaches a file by right click, and the tree shows it among the referrers at once',
  () => session,
  async ({ editor, workspace, work }) => {
    await editor.clearNotifications();
    await editor.expand('1.0.0');
    await editor.expand('referrers');
    await editor.row('No referrers').waitFor();
    await editor.context(editor.row('1.0.0'), 'Attach File…');
    await choosePath(
      session,
      path.join(workspace, 'site/docs/signals.md'),
      /Attach to Local\/team\/site:1\.0\.0/,
    );
    // What fits the file comes first.
    await editor.pick('Markdown', /1\/2/);
    await editor.pick(/Continue/, /2\/2/);
    const said = await editor.dialog(/Attach to Local/, 'Attach');
    assert.match(said, /signals\.md/);
    await editor.notification(/Attached signals\.md to Local\/team\/site:1\.0\.0/);
    await editor.page
      .locator('.monaco-list-row[role="treeitem"]:visible')
      .filter({ has: editor.page.locator('.label-description', { hasText: /^Markdown/ }) })
      .waitFor();
    const { stdout } = await runPeer('oras', [
      ...['discover', '--oci-layout', '--format', 'json'],
      `${path.join(work, 'local/team/site')}:1.0.0`,
    ]);
    const { referrers } = JSON.parse(stdout) as { readonly referrers: { readonly artifactType: string }[] };
    assert.deepEqual(
      referrers.map(({ artifactType }) => artifactType),
      ['text/markdown'],
    );
  },
);

scenario(
  'copies a tag to another repository, by its menu and by dragging it',
  () => session,
  async ({ editor, work }) => {
    // A document that is open already would take the focus, and with it an open menu, at a time nobody sees.
    await editor.closeEditors();
    await editor.command('OCI Explorer: Go to Reference…');
    await editor.answer('Local/team/site:1.0.0');
    await editor
      .tab(/site:1\.0\.0 › manifest/)
      .first()
      .waitFor();
    await editor.context(editor.row('1.0.0'), 'Copy To…');
    await editor.pick(/Local/, /1\/3/);
    await editor.answer('copied/site', /2\/3/);
    await editor.answer('2.0.0', /3\/3/);
    const question = await editor.dialog(
      /Copy Local\/team\/site:1\.0\.0 to Local\/copied\/site:2\.0\.0\?/,
      'Copy',
    );
    assert.match(question, /sha256:[0-9a-f]{64}/);
    await editor.notification(
      /Copied Local\/team\/site:1\.0\.0 to Local\/copied\/site:2\.0\.0/,
      'Show in Tree',
    );
    await editor.row('2.0.0').waitFor();
    const digests = await Promise.all(
      ['team/site:1.0.0', 'copied/site:2.0.0'].map((name) =>
        runPeer('oras', ['resolve', '--oci-layout', path.join(work, 'local', name)]),
      ),
    );
    assert.equal(digests[0]?.stdout, digests[1]?.stdout);
    await editor.drag(editor.row('2.0.0'), 'OCI Explorer', 'charts');
    await editor.answer('charts/site', /Copy Local\/copied\/site:2\.0\.0[^]*2\/3/);
    await editor.answer('3.0.0', /3\/3/);
    await editor.dialog(/Copy Local\/copied\/site:2\.0\.0 to Local\/charts\/site:3\.0\.0\?/, 'Copy');
    await editor.notification(/Copied Local\/copied\/site:2\.0\.0/);
  },
);

scenario(
  'gives a chart the name its own tool gives it',
  () => session,
  async ({ editor, work }) => {
    const out = path.join(work, 'charts');
    await mkdir(out);
    await editor.command('OCI Explorer: Go to Reference…');
    await editor.answer('Local/charts/lighthouse:0.9.0');
    // The document takes the focus when it opens, and with it an open menu.
    await editor
      .tab(/lighthouse:0\.9\.0 › manifest/)
      .first()
      .waitFor();
    await editor.context(editor.row('0.9.0'), 'Pull to Folder…');
    await chooseFolder(out, /lighthouse-0\.9\.0\.tgz/);
    await editor.notification(/Pulled Local\/charts\/lighthouse:0\.9\.0/, 'Open Folder');
    assert.deepEqual(await readdir(out), ['lighthouse-0.9.0.tgz']);
    const { stdout } = await promisify(execFile)('tar', ['-tzf', path.join(out, 'lighthouse-0.9.0.tgz')]);
    assert.match(stdout, /^lighthouse\/Chart\.yaml$/m);
  },
);

scenario(
  'asks which platform of an index, and before it writes what has no name',
  () => session,
  async ({ editor, work }) => {
    const out = path.join(work, 'image');
    await mkdir(out);
    await editor.command('OCI Explorer: Go to Reference…');
    await editor.answer('Local/shop/app:1.4.1');
    await editor.context(editor.row('1.4.1'), 'Pull to Folder…');
    await editor.pick('linux/arm64/v8', /Pull Local\/shop\/app/);
    await editor.dialog(/gives its files no names/, 'Write Layers');
    await chooseFolder(out, /Pull Local\/shop\/app:1\.4\.1/);
    await editor.notification(/Pulled Local\/shop\/app:1\.4\.1/);
    const names = await readdir(out);
    assert.ok(names.length > 0 && names.every((name) => /^[a-f0-9]{12}\.tar\.gz$/.test(name)), names.join());
  },
);
