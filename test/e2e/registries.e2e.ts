import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import type { Locator } from 'playwright-core';
import { privateCertificate } from '../support/certificate.ts';
import type { Editor } from '../support/editor.ts';
import { runPeer } from '../support/peers.ts';
import { freePort, startRegistry, type RunningRegistry } from '../support/registries.ts';
import { json, scriptedServer } from '../support/scriptedServer.ts';
import { openSession, scenario, type Session } from './session.ts';

const account = { user: 'ann', password: 'sesame' } as const;

let session: Session;
let closed: RunningRegistry;
let silent: RunningRegistry;
before(
  async () => {
    session = await openSession();
    const tls = await privateCertificate(path.join(session.work, 'tls'));
    [closed, silent] = await Promise.all([
      startRegistry('distribution', { htpasswd: account, tls }),
      startRegistry('olareg'),
    ]);
    const push = ['push', '--plain-http', '--artifact-type', 'application/vnd.acme.site.v1'];
    for (const { host } of [session.registry, silent]) {
      await runPeer('oras', [...push, `${host}/team/site:1.0.0`, 'site'], { cwd: session.workspace });
    }
  },
  { timeout: 180_000 },
);
after(async () => {
  await session.close();
  await Promise.all([closed.stop(), silent.stop()]);
});

/** The tree takes the focus when it shows a new row, which would close a palette that opens meanwhile. */
async function shown(editor: Editor, label: string): Promise<void> {
  await editor.row(label).and(editor.page.locator('.selected')).waitFor();
}

scenario(
  'adds a registry on plain HTTP, says what it is, and keeps it in the workspace when asked',
  () => session,
  async ({ editor, registry }) => {
    await editor.openContainer('OCI Explorer');
    await editor.row('Local').waitFor();
    // What to do first, as long as there is nothing but Local.
    const welcome = editor.page.locator('.welcome-view-content:visible');
    await welcome.locator('.monaco-button', { hasText: 'Push Workspace as Artifact…' }).waitFor();
    await editor.picture('welcome');
    await welcome.locator('a', { hasText: 'take the tour' }).click();
    await editor.page.locator('.getting-started-step', { hasText: 'Add a registry' }).first().waitFor();
    await editor.picture('welcome-tour');
    await welcome.locator('.monaco-button', { hasText: 'Add Registry…' }).click();
    await editor.answer('not a registry');
    await editor.page.locator('.quick-input-widget:visible', { hasText: /names no registry/ }).waitFor();
    await editor.picture('add-registry-invalid');
    await editor.answer(`http://${registry.host}/v2/`);
    await editor.pick('Workspace settings');
    const said = await editor.notification(/Added/);
    assert.match(said, /OCI distribution API, plain HTTP, no sign-in asked, lists its repositories/);
    await shown(editor, registry.host);
    await welcome.waitFor({ state: 'hidden' });
    await editor.picture('add-registry');
    await editor.expand(registry.host);
    await editor.expand('team');
    await editor.row('site').waitFor();
    await editor.clearNotifications();
  },
);

scenario(
  'offers to pin, or another entry, for a host that is there already',
  () => session,
  async ({ editor, registry }) => {
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(`oras pull ${registry.host}/team/site:1.0.0`);
    await editor.picture('add-registry-again');
    await editor.pick(new RegExp(`Pin team/site in ${registry.host}`));
    await editor.row('1.0.0').waitFor();
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(registry.host);
    await editor.pick(/once more/);
    await editor.answer('work', /Name that tells/);
    await editor.pick('User settings');
    await editor.notification(/Added work/);
    await shown(editor, 'work');
    await editor.clearNotifications();
    await editor.context(editor.row('work'), 'Rename…');
    await editor.answer('home');
    await editor.row('home').waitFor();
    await editor.context(editor.row('home'), 'Remove Registry…');
    await editor.dialog(/Remove home/, 'Remove');
    await editor.row('home').waitFor({ state: 'hidden' });
    await editor.row(registry.host).waitFor();
  },
);

scenario(
  'trusts the certificate of a private authority, asks again after a wrong password, and signs out',
  () => session,
  async ({ editor }) => {
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(`https://${closed.host}`);
    const certificate = await editor.dialog(/Trust the certificate/, 'Trust Certificate');
    assert.match(certificate, /registry\.example\.test/);
    assert.match(certificate, /SHA-256/);
    await editor.pick('User settings');
    await editor.picture('add-registry-closed');
    await editor.pick('Sign In…');
    await editor.answer(account.user, /1\/2/);
    await editor.answer('wrong', /2\/2/);
    await editor.page
      .locator('.quick-input-widget:visible', { hasText: /does not take this password of ann/ })
      .waitFor();
    await editor.picture('sign-in-wrong');
    await editor.answer(account.password, /2\/2/);
    await editor.notification(/Signed in to .* as ann/);
    await editor.clearNotifications();
    await editor.expand(closed.host);
    await editor.row('No repositories').waitFor();
    await editor.picture('signed-in');
    await editor.context(editor.row(closed.host), 'Sign Out');
    await editor.notification(/Signed out of/);
    await editor.row('Sign-in needed').waitFor();
    await editor.picture('signed-out');
    await editor.clearNotifications();
    await editor.context(editor.row(closed.host), 'Diagnose Connection…');
    await editor.notification(/holds no secret and can be pasted into a ticket/);
    const found = await editor.text(/# Connection to/);
    assert.match(found, /✓ TLS/);
    assert.match(found, /✗ Sign-in: .* asks who you are\. Sign in to go on\./);
    assert.match(found, /– Deletes: not asked, as this failed: Sign-in/);
    await editor.picture('diagnosis');
    await editor.closeEditors();
    await editor.clearNotifications();
    await editor.inline(editor.row('Sign-in needed'), 'Sign In');
    await editor.answer(account.user, /1\/2/);
    await editor.answer(account.password, /2\/2/);
    await editor.row('No repositories').waitFor();
    await editor.clearNotifications();
  },
);

/** Points at a row until its tooltip says so. What it says stays until the row is asked for again. */
async function tooltip(editor: Editor, label: string, text: RegExp): Promise<void> {
  const hover = editor.page.locator('.monaco-hover:visible', { hasText: text }).first();
  for (let attempt = 0; attempt < 5 && !(await hover.isVisible()); attempt++) {
    if (attempt > 0) {
      await editor.context(editor.row(label), 'Refresh');
    }
    await editor.page.mouse.move(640, 500);
    await editor.row(label).locator('.label-name').hover();
    await hover.waitFor({ timeout: 3_000 }).catch(() => undefined);
  }
  await hover.waitFor();
}

scenario(
  'uses the account docker has, or another that is signed in to; the tooltip says which',
  () => session,
  async ({ editor, work }) => {
    const { host } = closed;
    const row = editor.row(host);
    const auth = Buffer.from(`${account.user}:${account.password}`).toString('base64');
    writeFileSync(path.join(work, 'docker/config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
    await editor.context(row, 'Switch Account…');
    await editor.page.locator('.quick-input-widget:visible', { hasText: /ann\s*used now/ }).waitFor();
    await editor.picture('switch-account');
    await editor.pick('What Is There');
    await editor.notification(/is used as .*docker\/config\.json now/);
    await tooltip(editor, host, /Account\W+\S*docker\/config\.json/);
    await editor.clearNotifications();
    await editor.context(row, 'Sign In…');
    await editor.page.locator('.quick-input-widget:visible', { hasText: /docker\/config\.json/ }).waitFor();
    await editor.picture('sign-in');
    await editor.pick('User Name and Password');
    await editor.answer(account.user, /1\/2/);
    await editor.answer(account.password, /2\/2/);
    await editor.notification(/Signed in to .* as ann/);
    await tooltip(editor, host, /Account\W+Sign\sIn\sof\sthis\seditor\sas\sann/);
    await editor.clearNotifications();
    await editor.context(row, 'Sign Out');
    await editor.notification(/Signed out of .* What \S*docker\/config\.json holds is still used/);
    await tooltip(editor, host, /Account\W+\S*docker\/config\.json/);
    await editor.clearNotifications();
    // What is there goes with its file, and nobody is asked before it is wanted.
    rmSync(path.join(work, 'docker/config.json'));
    await editor.context(row, 'Refresh');
    await editor.row('Sign-in needed').waitFor();
  },
);

scenario(
  'pins what a registry does not list, shows only pinned ones, and unpins',
  () => session,
  async ({ editor }) => {
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(silent.host);
    await editor.pick('User settings');
    await editor.picture('add-registry-silent');
    await editor.pick('Pin Repositories…');
    await editor.answer('team/site');
    await editor.notification(/does not list its repositories/);
    await editor.expand(silent.host);
    await editor.clearNotifications();
    await editor.picture('pinned');
    await editor.context(editor.row(silent.host), 'Unpin Repository…');
    await editor.pick('team/site');
    await editor.row('Repositories are not listed').waitFor();
  },
);

scenario(
  'lists a group of a GitLab that keeps its catalog to itself',
  () => session,
  async ({ editor }) => {
    // Answers as GitLab documents it.
    const gitlab = await scriptedServer(({ url, headers }, response) => {
      if (url.startsWith('/jwt/auth')) {
        json(response, 200, { token: 'of-anyone' });
      } else if (url.startsWith('/api/v4/groups/fleet/registry/repositories?')) {
        json(response, 200, [{ id: 1, path: 'fleet/harbour' }]);
      } else if (url.startsWith('/v2/fleet/harbour/tags/list')) {
        json(response, 200, { name: 'fleet/harbour', tags: [] });
      } else if (headers.authorization === undefined) {
        const realm = `Bearer realm="http://${headers.host ?? ''}/jwt/auth",service="container_registry"`;
        json(response, 401, {}, { 'www-authenticate': realm });
      } else {
        json(response, 403, { errors: [{ code: 'DENIED', message: 'access forbidden' }] });
      }
    });
    try {
      await editor.command('OCI Explorer: Add Registry…');
      await editor.answer(gitlab.host);
      await editor.pick('User settings');
      await editor.picture('add-registry-namespaces');
      await editor.pick(/List a Namespace…/);
      await editor.answer('Fleet', /Namespace of/);
      await editor.notification(/Added .*\/fleet: .*lists its repositories/);
      await shown(editor, `${gitlab.host}/fleet`);
      await editor.clearNotifications();
      await editor.expand(`${gitlab.host}/fleet`);
      await editor.row('harbour').waitFor();
      await editor.picture('namespace');
      await editor.context(editor.row(`${gitlab.host}/fleet`), 'Remove Registry…');
      await editor.dialog(/Remove .*\/fleet/, 'Remove');
      await editor.row(`${gitlab.host}/fleet`).waitFor({ state: 'hidden' });
    } finally {
      await gitlab.stop();
    }
  },
);

scenario(
  'adds a host that does not answer only when told to, asks it again once it does, and removes it',
  () => session,
  async ({ editor }) => {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(host);
    await editor.picture('add-registry-unreachable');
    await editor.dialog(/does not answer/, 'Add Anyway');
    await editor.pick('User settings');
    await editor.notification(/was not asked yet/);
    await shown(editor, host);
    await editor.clearNotifications();
    await editor.expand(host);
    await editor.row('Cannot be reached').waitFor();
    await editor.picture('unreachable');
    await editor.context(editor.row('Cannot be reached'), 'Diagnose Connection…');
    await editor.text(/✗ Connection: .* cannot be reached/);
    await editor.picture('diagnosis-unreachable');
    await editor.closeEditors();
    await editor.clearNotifications();
    const started = await startRegistry('distribution', { port });
    try {
      await editor.inline(editor.row('Cannot be reached'), 'Retry');
      await editor.row('Cannot be reached').waitFor({ state: 'hidden' });
      await editor.row('No repositories').waitFor();
    } finally {
      await started.stop();
    }
    await editor.context(editor.row(host), 'Remove Registry…');
    await editor.dialog(/Remove 127/, 'Remove');
    await editor.row(host).waitFor({ state: 'hidden' });
  },
);

scenario(
  'opens a layout, tells when its folder is gone, and removes it',
  () => session,
  async ({ editor, work }) => {
    const folder = path.join(work, 'layouts', 'shelf');
    mkdirSync(path.dirname(folder));
    await runPeer('oras', ['push', '--oci-layout', `${folder}:2.0`, 'site'], { cwd: session.workspace });
    await editor.command('OCI Explorer: Open OCI Layout…');
    // The dialog of the editor has no room for what is typed before its list is there.
    await editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'package.json' }).waitFor();
    const input = editor.page.locator('.quick-input-widget:visible input.input').first();
    await input.fill(folder);
    await editor.page.waitForTimeout(500);
    await editor.page
      .locator('.quick-input-widget:visible .monaco-button', { hasText: /Open Layout/ })
      .click();
    await shown(editor, 'shelf');
    await editor.expand('shelf');
    await editor.picture('layout');
    renameSync(folder, `${folder}-moved`);
    await editor.context(editor.row('shelf'), 'Refresh');
    await editor.row('Not there any more').waitFor();
    await editor.picture('layout-gone');
    await editor.context(editor.row('shelf'), 'Remove Registry…');
    await editor.dialog(/Remove shelf/, 'Remove');
    await editor.row('shelf').waitFor({ state: 'hidden' });
  },
);

scenario(
  'says of each registry of the settings what is wrong, in a narrow side bar too, and helps by a click on its row',
  () => session,
  async ({ editor, workbench, settings }) => {
    const tls = await privateCertificate(path.join(session.work, 'tls'));
    // Not a loopback address: no other is spoken to without TLS before someone agreed to it.
    const address = '0.0.0.0';
    const [plain, signed, loopback] = await Promise.all([
      startRegistry('distribution', { address }),
      startRegistry('distribution', { address, tls }),
      startRegistry('distribution', { tls }),
    ]);
    try {
      const target = `${plain.host}/harbour/site:1.0.0`;
      await runPeer('oras', ['push', '--plain-http', target, 'site'], { cwd: session.workspace });
      const registries = [
        { host: plain.host, name: 'plain' },
        { host: signed.host, name: 'signed' },
        { host: loopback.host, name: 'loopback' },
      ];
      workbench.configure({ ...settings, 'ociExplorer.registries': registries });
      await editor.expand('signed');
      await editor.expand('plain');
      const narrow = async (label: string, spoken: RegExp): Promise<Locator> => {
        const row = editor.row(label);
        await row.waitFor();
        const [name, room] = await Promise.all(
          ['.label-name', '.monaco-icon-label'].map((part) => row.locator(part).boundingBox()),
        );
        assert.ok(name && room && name.x + name.width <= room.x + room.width, `${label} is cut`);
        assert.match((await row.getAttribute('aria-label')) ?? '', spoken);
        return row;
      };
      const refused = await narrow(
        'Plain HTTP, not HTTPS',
        /, failure, Use HTTP, .*0\.0\.0\.0.* speaks plain HTTP/,
      );
      const unknown = await narrow('Untrusted certificate', /, failure, Trust Certificate, .*not signed/);
      await editor.picture('failures');
      await editor.inline(refused, 'Use HTTP');
      await editor.dialog(/Use plain HTTP for 0\.0\.0\.0/, 'Use HTTP');
      await editor.row('harbour').waitFor();
      await editor.inline(unknown, 'Trust Certificate');
      await editor.dialog(/Trust the certificate of 0\.0\.0\.0/, 'Trust Certificate');
      await unknown.waitFor({ state: 'hidden' });
      await editor.row('No repositories').waitFor();
      // That of this machine, which is asked without TLS first, has the same remedy.
      await editor.expand('loopback');
      await editor.inline(editor.row('Untrusted certificate'), 'Trust Certificate');
      await editor.dialog(/Trust the certificate of 127\.0\.0\.1/, 'Trust Certificate');
      await editor.row('Untrusted certificate').waitFor({ state: 'hidden' });
      const empty = editor.page.locator('.monaco-list-row:visible', { hasText: 'No repositories' });
      await empty.nth(1).waitFor();
      workbench.configure(settings);
      await editor.row('signed').waitFor({ state: 'hidden' });
    } finally {
      await Promise.all([plain.stop(), signed.stop(), loopback.stop()]);
    }
  },
);
