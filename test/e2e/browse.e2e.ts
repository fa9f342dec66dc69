import { after, before } from 'node:test';
import { runPeer } from '../support/peers.ts';
import { openSession, scenario, type Session } from './session.ts';

let session: Session;
before(
  async () => {
    session = await openSession();
    const target = `${session.registry.host}/team/site:1.0.0`;
    await runPeer(
      'oras',
      ['push', '--plain-http', '--artifact-type', 'application/vnd.acme.site.v1', target, '.'],
      {
        cwd: session.workspace,
      },
    );
  },
  { timeout: 180_000 },
);
after(() => session.close());

scenario(
  'adds a registry by what is pasted, and names what oras pushed',
  () => session,
  async ({ editor, registry }) => {
    await editor.openContainer('OCI Explorer');
    await editor.command('OCI Explorer: Add Registry…');
    await editor.answer(`oras pull ${registry.host}/team/site:1.0.0`);
    await editor.notification(/Added/);
    // Some of the size is a time stamp, so only its unit is sure.
    await editor
      .row('1.0.0')
      .locator('.label-description', { hasText: /^acme site · \d+ KiB/ })
      .waitFor();
  },
);

scenario(
  'goes down to a layer and opens the manifest with its digest checked',
  () => session,
  async ({ editor }) => {
    await editor.expand('1.0.0');
    await editor.row('config').first().waitFor();
    await editor.row('1.0.0').click();
    await editor
      .tab(/site:1\.0\.0 › manifest/)
      .first()
      .waitFor();
    await editor.text(/application\/vnd\.acme\.site\.v1/);
    await editor.picture('manifest');
  },
);
