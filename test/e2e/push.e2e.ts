import { execFile } from 'node:child_process';
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
    await editor.answer('{}', /5\/5/);
    await editor.picture('push');
    await editor.dialog(/Push to Local/, 'Push');
    await editor.notification(/Pushed/, 'Show in Tree');
    await editor.row('1.0.0').locator('.label-description', { hasText: /KiB|B/ }).waitFor();
    await editor.picture('tree');
    const out = path.join(work, 'pulled');
    await runPeer('oras', [
      'pull',
      '--oci-layout',
      `${path.join(work, 'local/team/lighthouse')}:1.0.0`,
      '-o',
      out,
    ]);
    await promisify(execFile)('diff', ['-r', path.join(workspace, 'site'), path.join(out, 'site')]);
  },
);
