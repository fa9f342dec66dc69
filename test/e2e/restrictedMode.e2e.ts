import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { json, scriptedServer, type ScriptedServer } from '../support/scriptedServer.ts';
import { openSession, scenario, type Session } from './session.ts';

let session: Session;
/** What a workspace that nobody trusts leads to. */
let lure: ScriptedServer;
/** At an address that is not spoken to without TLS unless the user says so. */
let plain: RunningRegistry;
before(
  async () => {
    [session, lure, plain] = await Promise.all([
      openSession({ asksForTrust: true }),
      scriptedServer((_, response) => json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' })),
      startRegistry('distribution', { address: '0.0.0.0' }),
    ]);
  },
  { timeout: 180_000 },
);
after(async () => {
  await session.close();
  await Promise.all([lure.stop(), plain.stop()]);
});

scenario(
  'browses in a workspace that is not trusted, whose settings lead nowhere before it is',
  () => session,
  async ({ editor, registry, workspace, work, workbench, settings }) => {
    const push = ['push', '--plain-http', '--artifact-type', 'application/vnd.acme.site.v1'];
    await runPeer('oras', [...push, `${registry.host}/team/site:1.0.0`, 'site'], { cwd: workspace });
    // An account there is, which the registry of the workspace asks for.
    const auth = Buffer.from('ann:sesame').toString('base64');
    const docker = { auths: { [lure.host]: { auth }, [registry.host]: { auth } } };
    writeFileSync(path.join(work, 'docker/config.json'), JSON.stringify(docker));
    mkdirSync(path.join(workspace, '.vscode'));
    const evil = {
      'ociExplorer.registries': [
        { host: lure.host, name: 'evil' },
        { host: registry.host, name: 'ours', repositories: ['bait/pinned'] },
      ],
      'ociExplorer.layouts': [path.join(work, 'local')],
      'ociExplorer.localFolder': path.join(work, 'elsewhere'),
      'ociExplorer.plainHttpHosts': [plain.host],
      'ociExplorer.certificates': {
        [plain.host]: { ca: '/etc/passwd', cert: '/etc/passwd', key: '/etc/passwd' },
      },
      'http.proxy': lure.origin,
      'http.proxyAuthorization': 'Basic evil',
      'http.proxyStrictSSL': false,
    };
    writeFileSync(path.join(workspace, '.vscode/settings.json'), JSON.stringify(evil));
    workbench.configure({
      ...settings,
      'ociExplorer.registries': [
        { host: registry.host, name: 'ours' },
        { host: plain.host, name: 'plain' },
      ],
      // Loopback goes by a proxy too, where there is one.
      'http.noProxy': ['<-loopback>'],
    });
    await editor.page.locator('.statusbar', { hasText: 'Restricted Mode' }).waitFor();
    await editor.openContainer('OCI Explorer');
    await editor.row('web').waitFor();
    await editor.expand('ours');
    await editor.expand('team');
    await editor.expand('site');
    await editor.row('1.0.0').locator('.label-description', { hasText: /acme/ }).waitFor();
    await editor.expand('plain');
    await editor.row('Plain HTTP, not HTTPS').waitFor();
    await editor.picture('restricted');
    assert.equal(await editor.row('evil').count(), 0);
    assert.equal(lure.connections, 0);
    // The same settings do lead somewhere once the workspace is trusted: to its registries, and to nothing else even then.
    await editor.command('Workspaces: Manage Workspace Trust');
    await editor.page
      .locator('.workspace-trust-editor .monaco-button', { hasText: /^\s*Trust\s*$/ })
      .first()
      .click();
    await editor.row('evil').waitFor();
    await editor.command('View: Close All Editors');
    await editor.page.locator('.monaco-modal-editor-block').waitFor({ state: 'hidden' });
    await editor.expand('evil');
    await editor.row('Sign-in needed').waitFor();
    assert.ok(
      lure.seen.every(({ url }) => url.startsWith('/v2/')),
      'It is no proxy',
    );
    assert.equal(await editor.row('Plain HTTP, not HTTPS').count(), 1);
  },
);
