import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { machineSources } from '../../src/auth/machineCredentials.ts';
import { assertNoCanary } from '../support/canary.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { remoteOf } from '../support/remoteHarness.ts';

const account = { user: 'alice', password: 'C4nary-of-alice' };

describe('the auth.json of a real tool', () => {
  let running: RunningRegistry;
  before(async () => {
    running = await startRegistry('distribution', { htpasswd: account });
  });
  after(() => running.stop());

  for (const tool of ['skopeo', 'buildah', 'podman'] as const) {
    it(`opens a registry to who signed in with ${tool}`, async (t) => {
      const home = await mkdtemp(join(tmpdir(), 'oci-containers-'));
      t.after(() => rm(home, { recursive: true }));
      const file = join(home, 'auth.json');
      await runPeer(
        tool,
        [
          'login',
          '--tls-verify=false',
          '--authfile',
          file,
          '-u',
          account.user,
          '--password-stdin',
          running.host,
        ],
        { input: account.password },
      );
      const containers = machineSources({
        env: { REGISTRY_AUTH_FILE: file },
        home,
        platform: 'linux',
        uid: 1000,
        readFile: (path) => readFile(path, 'utf8'),
        stamp: async (path) => String((await stat(path)).mtimeMs),
      }).find(({ id }) => id === 'containers');
      assert.ok(containers);
      const origin = { host: running.host, origin: `http://${running.host}` };
      const remote = remoteOf(t, origin, { credentials: containers.find });
      assert.deepEqual((await remote.registry.repositories()).items, []);
      assertNoCanary('log', remote.output());
    });
  }
});
