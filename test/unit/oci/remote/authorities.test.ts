import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import { makeCertificate } from '../../../support/certificates.ts';
import { serve } from '../../../support/remoteHarness.ts';
import { run } from '../../../support/run.ts';
import { json } from '../../../support/scriptedServer.ts';

const source = (name: string): string =>
  JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../../src/oci/remote', name)).href);

/** Lists a registry in a process of its own, as node reads its authorities once, and prints what came of it. */
const program = `
const { createDispatcher } = await import(${source('dispatcher.ts')});
const { remoteRegistry } = await import(${source('registry.ts')});
const dispatcher = createDispatcher();
const host = process.argv[1];
const credentials = async () => undefined;
const registry = remoteRegistry({ host, scheme: 'https', credentials, dispatcher, userAgent: 'test' });
console.log(await registry.repositories().then(({ items }) => items.join(), ({ code }) => code));
await dispatcher.destroy();
`;

describe('an authority of this machine', () => {
  for (const [where, variable, found] of [
    ['in NODE_EXTRA_CA_CERTS', 'NODE_EXTRA_CA_CERTS', 'app'],
    ['of the system', 'SSL_CERT_FILE', 'app'],
    ['that is nowhere', 'NOTHING', 'tls-untrusted'],
  ] as const) {
    it(`${where} ${found === 'app' ? 'vouches' : 'does not vouch'} for a registry`, async (t) => {
      const authority = makeCertificate({ commonName: 'Private CA', isAuthority: true });
      const { cert, key } = makeCertificate({
        commonName: 'registry',
        names: ['127.0.0.1'],
        issuer: authority,
      });
      const server = await serve(t, (_, response) => json(response, 200, { repositories: ['app'] }), {
        tls: { cert, key },
      });
      const folder = await mkdtemp(join(tmpdir(), 'oci-authorities-'));
      t.after(() => rm(folder, { recursive: true }));
      const file = join(folder, 'ca.pem');
      await writeFile(file, authority.cert);
      const { stdout } = await run(
        process.execPath,
        ['--input-type=module', '--eval', program, '--', server.host],
        { env: { NODE_EXTRA_CA_CERTS: '', [variable]: file } },
      );
      assert.equal(stdout.trim(), found);
    });
  }
});
