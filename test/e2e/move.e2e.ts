import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { peer, runPeer } from '../support/peers.ts';
import { run } from '../support/run.ts';
import { choosePath } from './choosePath.ts';
import {
  attachedTo,
  boats,
  choice,
  crane,
  inEveryTheme,
  inline,
  openFleet,
  openTransfers,
  oras,
  select,
  tagsOf,
  transfer,
  type Fleet,
} from './fleet.ts';
import { scenario } from './session.ts';

let fleet: Fleet;
before(
  async () => {
    fleet = await openFleet();
  },
  { timeout: 180_000 },
);
after(() => fleet.close());

scenario(
  'mirrors the newest versions of a repository with what is attached to them',
  () => fleet,
  async ({ editor, work }) => {
    await editor.context(editor.row('boat'), 'Mirror Repository…');
    await choice(fleet, 'All Tags').waitFor();
    await editor.picture('mirror-tags');
    await editor.pick('Newest Versions…', /Mirror dock\/fleet\/boat/);
    await editor.answer('2', /How many of the newest versions/);
    await editor.pick(/Local/, /1\/2/);
    await editor.answer('mirror/boat', /2\/2/);
    await editor.page.locator('.monaco-dialog-box', { hasText: 'Mirror' }).waitFor();
    await editor.picture('mirror');
    const said = await editor.dialog(
      /Mirror dock\/fleet\/boat to Local\/mirror\/boat/,
      'Mirror with Referrers',
    );
    assert.match(said, /Chosen: 2 of 3 tags/);
    await editor.notification(/Mirrored dock\/fleet\/boat to Local\/mirror\/boat\. Tags copied: 2/);
    const layout = path.join(work, 'local/mirror/boat');
    assert.equal(await oras(fleet, 'repo', 'tags', '--oci-layout', layout), '1.1.0\n2.0.0');
    assert.equal(
      await oras(fleet, 'resolve', '--oci-layout', `${layout}:2.0.0`),
      await crane(fleet, 'digest', 'fleet/boat:2.0.0'),
    );
    await editor.clearNotifications();
  },
);

scenario(
  'exports a tag to the folder of a layout with what is attached to it, and another to a tar',
  () => fleet,
  async ({ editor, work }) => {
    const folder = path.join(work, 'exported');
    await mkdir(folder);
    await editor.context(editor.row('1.0.0'), 'Export…');
    await editor.pick('Folder with an OCI Layout', /1\/2/);
    await editor.pick('With Referrers', /2\/2/);
    await choosePath(fleet, `${folder}/`, /Export dock\/fleet\/boat:1\.0\.0/);
    await editor.notification(/Exported dock\/fleet\/boat:1\.0\.0 to exported/);
    assert.equal(
      await oras(fleet, 'resolve', '--oci-layout', `${folder}:1.0.0`),
      await crane(fleet, 'digest', 'fleet/boat:1.0.0'),
    );
    assert.deepEqual(await attachedTo(fleet, '--oci-layout', `${folder}:1.0.0`), ['application/spdx+json']);
    await editor.clearNotifications();
    await editor.context(editor.row('2.0.0'), 'Export…');
    await editor.picture('export-form');
    await editor.pick('Tar of an OCI Layout', /1\/2/);
    await editor.pick('Without Referrers', /2\/2/);
    const tar = path.join(work, 'boat.tar');
    await choosePath(fleet, tar, /Export dock\/fleet\/boat:2\.0\.0/);
    await editor.notification(/Exported dock\/fleet\/boat:2\.0\.0 to boat\.tar/);
    await editor.picture('export');
    assert.equal(
      await oras(fleet, 'resolve', '--oci-layout', `${tar}:2.0.0`),
      await crane(fleet, 'digest', 'fleet/boat:2.0.0'),
    );
    await editor.clearNotifications();
  },
);

/** By the menu of the registry. @returns what the dialog says */
async function importTo(form: RegExp, file: string, repository: string, tag: string): Promise<string> {
  const { editor } = fleet;
  const name = path.basename(file);
  await editor.context(editor.row('dock'), 'Import…');
  await editor.pick(form, 'Import');
  await choosePath(fleet, file, /Import/);
  await editor.answer(repository, new RegExp(`Import ${name}[^]*2/3`));
  await editor.answer(tag, /3\/3/);
  await editor.page.locator('.monaco-dialog-box', { hasText: 'Import' }).waitFor();
  await editor.picture(`import-${name}`);
  const said = await editor.dialog(`Import ${name} to dock/${repository}:${tag}?`, 'Import');
  await editor.notification(`Imported ${name}`);
  await editor.clearNotifications();
  return said;
}

scenario(
  'imports the tar of a layout, its folder, and an archive of docker',
  () => fleet,
  async ({ registry, work }) => {
    const tar = /^\s*Tar of an OCI Layout/;
    await importTo(tar, path.join(work, 'boat.tar'), 'import/boat', '2.0.0');
    const digest = await crane(fleet, 'digest', 'fleet/boat:2.0.0');
    assert.equal(await crane(fleet, 'digest', 'import/boat:2.0.0'), digest);
    await importTo(/^\s*Folder with an/, `${path.join(work, 'exported')}/`, 'import/boat', '1.0.0');
    const attached = await attachedTo(fleet, '--plain-http', `${registry.host}/import/boat:1.0.0`);
    assert.deepEqual(attached, ['application/spdx+json']);
    const archive = path.join(work, 'docker.tar');
    await runPeer('crane', ['pull', '--insecure', `${registry.host}/yard/app:amd64`, archive]);
    assert.match(await importTo(tar, archive, 'import/app', 'amd64'), /docker save/);
    const config = await crane(fleet, 'config', 'yard/app:amd64');
    assert.equal(await crane(fleet, 'config', 'import/app:amd64'), config);
  },
);

scenario(
  'makes an index of the rows that are selected, and annotates it as a new manifest',
  () => fleet,
  async ({ editor }) => {
    const { page } = editor;
    for (const label of ['yard', 'app']) {
      await editor.expand(label);
    }
    await select(fleet, 'amd64', 'arm64');
    await editor.context(editor.row('arm64'), 'Create Index…');
    await page.locator('.quick-input-widget:visible', { hasText: /1\/3/ }).waitFor();
    await editor.picture('create-index');
    await editor.pick(/Continue/, /1\/3/);
    await editor.pick(/Continue/, /2\/3/);
    await editor.answer('multi', /3\/3/);
    await editor.notification(/dock\/yard\/app:multi is [0-9a-f]{12}/);
    const fetched = async (): Promise<Index> =>
      JSON.parse(await crane(fleet, 'manifest', 'yard/app:multi')) as Index;
    const index = await fetched();
    const images = await Promise.all(
      ['amd64', 'arm64'].map((tag) => crane(fleet, 'digest', `yard/app:${tag}`)),
    );
    assert.deepEqual(index.manifests.map(({ digest }) => digest).sort(), [...images].sort());
    assert.deepEqual(index.manifests.map(({ platform }) => platform.architecture).sort(), ['amd64', 'arm64']);
    await editor.clearNotifications();
    const before = await crane(fleet, 'digest', 'yard/app:multi');
    await editor.context(editor.row('multi'), 'Annotate…');
    await editor.answer('com.example.team=docs', /1\/2/);
    await choice(fleet, /^\s*com\.example\.team\s*$/).waitFor();
    await editor.picture('annotate');
    await editor.pick(/Continue/, /1\/2/);
    await editor.page.locator('.quick-input-widget:visible', { hasText: /2\/2/ }).waitFor();
    await editor.picture('annotate-move');
    await editor.pick('Move the tag multi', /2\/2/);
    await editor.notification(/The new manifest of dock\/yard\/app:multi is [0-9a-f]{12}/);
    const annotated = await fetched();
    assert.deepEqual(annotated.annotations, { 'com.example.team': 'docs' });
    assert.deepEqual(annotated.manifests, index.manifests);
    // The old one is as it was.
    assert.equal(await crane(fleet, 'digest', `yard/app@${before}`), before);
    assert.notEqual(await crane(fleet, 'digest', 'yard/app:multi'), before);
    await editor.clearNotifications();
  },
);

interface Index {
  readonly manifests: readonly { digest: string; platform: { architecture: string } }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

scenario(
  'tags a manifest, finds all its tags, and untags it',
  () => fleet,
  async ({ editor }) => {
    const { page } = editor;
    await editor.context(editor.row('2.0.0'), 'Tag…');
    await editor.answer('stable', /Tag dock\/fleet\/boat:2\.0\.0/);
    await editor.notification(/dock\/fleet\/boat:stable is [0-9a-f]{12}/);
    assert.equal(
      await crane(fleet, 'digest', 'fleet/boat:stable'),
      await crane(fleet, 'digest', 'fleet/boat:2.0.0'),
    );
    await editor.clearNotifications();
    await editor.row('stable').waitFor();
    await editor.context(editor.row('2.0.0'), 'Show Tags of Manifest…');
    await choice(fleet, 'stable').waitFor();
    await editor.picture('show-tags');
    await editor.pick('stable', /Tags of dock\/fleet\/boat:2\.0\.0/);
    await editor.row('stable').and(page.locator('.selected')).waitFor();
    await editor.context(editor.row('stable'), 'Untag…');
    await page.locator('.monaco-dialog-box').waitFor();
    await editor.picture('untag');
    await editor.dialog(/Delete the tag dock\/fleet\/boat:stable\?/, 'Delete Tag');
    await editor.notification(/Deleted the tag/);
    await editor.row('stable').waitFor({ state: 'hidden' });
    assert.deepEqual(await tagsOf(fleet, 'fleet/boat'), ['1.0.0', '1.1.0', '2.0.0']);
    await editor.clearNotifications();
  },
);

scenario(
  'deletes the manifests of several rows, and puts them back',
  () => fleet,
  async ({ editor }) => {
    const { page } = editor;
    const digests = (): Promise<readonly string[]> =>
      Promise.all(Object.keys(boats).map((tag) => crane(fleet, 'digest', `fleet/boat:${tag}`)));
    const before = await digests();
    await select(fleet, '1.1.0', '2.0.0');
    await editor.context(editor.row('2.0.0'), 'Delete…');
    await editor.dialog(/Delete 2 tags of dock\/fleet\/boat\?/, 'Delete Manifest…');
    await page.locator('.monaco-dialog-box', { hasText: /by digest/ }).waitFor();
    await editor.picture('delete-several');
    const said = await editor.dialog(/Delete 2 items of dock\/fleet\/boat by digest\?/, 'Delete');
    assert.match(said, /• 1\.1\.0: sha256:[^]*• 2\.0\.0: sha256:[^]*“Undo” puts it back/);
    await editor.row('2.0.0').waitFor({ state: 'hidden' });
    await page.locator('.notification-list-item', { hasText: /Deleted 2 items/ }).waitFor();
    await editor.picture('delete-undo');
    assert.deepEqual(await tagsOf(fleet, 'fleet/boat'), ['1.0.0']);
    await editor.notification(/Deleted 2 items/, 'Undo');
    await editor.notification(/Put back: /);
    await editor.row('2.0.0').waitFor();
    assert.deepEqual(await digests(), before);
    await editor.clearNotifications();
  },
);

scenario(
  'detaches what is attached, whose subject stays, and puts it back',
  () => fleet,
  async ({ editor, registry }) => {
    const { page } = editor;
    const boat = `${registry.host}/fleet/boat:1.0.0`;
    await editor.expand('1.0.0');
    await editor.expand('referrers');
    const sbom = page
      .locator('.monaco-list-row[role="treeitem"]:visible')
      .filter({ has: page.locator('.label-description', { hasText: /^SPDX/ }) });
    await editor.context(sbom, 'Detach…');
    await page.locator('.monaco-dialog-box', { hasText: /Detach/ }).waitFor();
    await editor.picture('detach');
    await editor.dialog(/Detach SPDX SBOM dock\/fleet\/boat@/, 'Detach');
    await editor.notification(/Detached /);
    await editor.row('No referrers').waitFor();
    assert.deepEqual(await attachedTo(fleet, '--plain-http', boat), []);
    await editor.notification(/Detached /, 'Undo');
    await sbom.waitFor();
    assert.deepEqual(await attachedTo(fleet, '--plain-http', boat), ['application/spdx+json']);
    await editor.row('1.0.0').locator('.monaco-tl-twistie').click();
    await editor.clearNotifications();
  },
);

scenario(
  'saves a push as a recipe, and pushes from it by command and as a task',
  () => fleet,
  async ({ editor, registry, workspace, work }) => {
    const { page } = editor;
    await editor.openContainer('Explorer');
    await editor.context(editor.row('site'), 'Push as OCI Artifact…');
    await editor.pick(/dock/, /1\/5/);
    await editor.answer('fleet/site', /2\/5/);
    await editor.answer('nightly', /3\/5/);
    await editor.answer('application/vnd.acme.site.v1', /4\/5/);
    await editor.pick(/Continue/, /5\/5/);
    await editor.dialog(/Push to dock\/fleet\/site:nightly/, 'Push');
    await editor.notification(/Pushed /);
    await editor.clearNotifications();
    await editor.command('OCI Explorer: Save Push Recipe…');
    await editor.answer('nightly', /Save Push Recipe/);
    await editor.tab('push.json').waitFor();
    await editor.text(/"name": "nightly"/);
    await editor.picture('recipe');
    const pulled = async (): Promise<string> => {
      await oras(
        fleet,
        'pull',
        '--plain-http',
        `${registry.host}/fleet/site:nightly`,
        '-o',
        path.join(work, 'nightly'),
      );
      return readFile(path.join(work, 'nightly/site/index.html'), 'utf8');
    };
    await writeFile(path.join(workspace, 'site/index.html'), 'by command');
    await editor.command('OCI Explorer: Push from Recipe…');
    await editor.dialog(/Overwrite dock\/fleet\/site:nightly\?/, 'Push');
    await editor.notification(/Pushed /);
    assert.equal(await pulled(), 'by command');
    await editor.clearNotifications();
    await writeFile(path.join(workspace, 'site/index.html'), 'by task');
    await editor.command('Tasks: Run Task');
    await editor.pick(/ociExplorer/);
    await editor.picture('recipe-task-pick');
    await editor.pick(/push nightly/);
    // Nothing is asked on the way. The text of a terminal is a picture, so its end is seen at its tab.
    await page.locator('.panel .codicon-check:visible').first().waitFor();
    await editor.picture('recipe-task');
    assert.equal(await pulled(), 'by task');
    await editor.closeEditors();
  },
);

scenario(
  'copies the command of another tool, which does what it says',
  () => fleet,
  async ({ editor, registry, work }) => {
    const { page } = editor;
    await editor.openContainer('OCI Explorer');
    await editor.context(editor.row('1.0.0'), 'Copy as Command…');
    await choice(fleet, 'oras pull').waitFor();
    await editor.picture('copy-as-command');
    await editor.pick('oras pull', /Copy as Command/);
    await page.waitForFunction(
      `navigator.clipboard.readText().then((text) => text.startsWith('oras pull '))`,
    );
    const command = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.ok(command.includes(registry.host), command);
    const out = path.join(work, 'by-command');
    await mkdir(out);
    const PATH = `${path.dirname(await peer('oras'))}:${process.env['PATH'] ?? ''}`;
    await run('sh', ['-c', command], { cwd: out, env: { PATH } });
    assert.deepEqual(await readdir(path.join(out, 'site')), ['index.html']);
  },
);

scenario(
  'shows bytes, rate and time left of a transfer, and cancels it, which leaves nothing behind',
  () => fleet,
  async ({ editor, registry }) => {
    const { page } = editor;
    fleet.strait.uploads = 'slow';
    await editor.command('OCI Explorer: Copy To…');
    await editor.pick(/Local/, /Copy From[^]*1\/3/);
    await editor.pick('fleet/cargo', /2\/3/);
    await editor.pick('1', /3\/3/);
    await editor.pick(/strait/, /Copy Local\/fleet\/cargo:1[^]*1\/3/);
    await editor.answer('fleet/cargo', /2\/3/);
    await editor.answer('1', /3\/3/);
    await editor.dialog(/Copy Local\/fleet\/cargo:1 to strait\/fleet\/cargo:1\?/, 'Copy');
    await page
      .locator('.notification-list-item', { hasText: /Copying .*: [\d.]+ MiB of 32 MiB, [\d.]+ [KM]?i?B\/s/ })
      .waitFor();
    await openTransfers(fleet);
    const running = transfer(
      fleet,
      /^Copy · [\d.]+ MiB of 32 MiB · [\d.]+ [KM]?i?B\/s · [\d.]+ (s|min) left$/,
    );
    await running.waitFor();
    await inEveryTheme(fleet, 'transfers-running', running);
    const cancelled = transfer(fleet, /^Copy · cancelled · [\d.]+ MiB of 32 MiB$/);
    await inline(running, 'Cancel Transfer', cancelled);
    await editor.picture('transfers-cancelled');
    // What is on its way goes through, and then finds its session gone.
    fleet.strait.uploads = 'refused';
    assert.notEqual(fleet.strait.sessions.length, 0);
    for (const begun of fleet.strait.sessions) {
      while ((await fetch(`http://${registry.host}${begun}`)).status !== 404) {
        await page.waitForTimeout(100);
      }
    }
    await assert.rejects(crane(fleet, 'digest', 'fleet/cargo:1'), /MANIFEST_UNKNOWN|NAME_UNKNOWN|404/);
  },
);

scenario(
  'tells in its row why a transfer failed, shows its log, and does it again once the fault is gone',
  () => fleet,
  async ({ editor, work }) => {
    const { page } = editor;
    const failed = transfer(fleet, /^Copy · failed · /);
    await inline(transfer(fleet, /^Copy · cancelled · /), 'Retry Transfer', failed);
    await page.locator('.notification-list-item', { hasText: 'the hold is full' }).waitFor();
    await inEveryTheme(fleet, 'transfers-failed', failed);
    await editor.clearNotifications();
    await editor.context(failed, 'Show Log');
    const log = page.locator('.part.panel .view-lines', { hasText: /the\shold\sis\sfull/ });
    await log.waitFor();
    await editor.picture('transfers-log');
    fleet.strait.uploads = 'fast';
    await inline(failed, 'Retry Transfer', transfer(fleet, /^Copy · done · 32 MiB/));
    await failed.waitFor({ state: 'hidden' });
    await editor.picture('transfers-done');
    const source = await oras(fleet, 'resolve', '--oci-layout', `${path.join(work, 'local/fleet/cargo')}:1`);
    assert.equal(await crane(fleet, 'digest', 'fleet/cargo:1'), source);
  },
);
