import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import '../../support/vscodeStub.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { remoteRegistry } from '../../../src/oci/remote/registry.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { failureOf, serve } from '../../support/remoteHarness.ts';
import { json } from '../../support/scriptedServer.ts';

const { workspace } = (await import('vscode')) as unknown as { readonly workspace: Record<string, unknown> };
const { createNetwork } = await import('../../../src/host/network.ts');

/** An editor with these settings of the user; tells of a change by the function it gives. */
function editor(values: Readonly<Record<string, unknown>>): (name: string) => void {
  const listeners = new Set<(event: unknown) => void>();
  workspace['getConfiguration'] = (section: string) => ({
    get: (name: string) => values[`${section}.${name}`],
    inspect: (name: string) => ({
      defaultValue: name === 'certificates' ? {} : [],
      globalValue: values[`${section}.${name}`],
    }),
  });
  workspace['onDidChangeConfiguration'] = (listener: (event: unknown) => void) => {
    listeners.add(listener);
    return { dispose: () => listeners.delete(listener) };
  };
  return (changed) => {
    for (const listener of listeners) {
      listener({
        affectsConfiguration: (part: string) => changed === part || changed.startsWith(`${part}.`),
      });
    }
  };
}

function network(t: TestContext) {
  const state = { get: () => undefined, update: () => Promise.resolve(), keys: () => [] };
  const made = createNetwork(state);
  t.after(() => made.dispose());
  return made;
}

const blob = Buffer.from('the first and the second half');
const descriptor = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.byteLength };

describe('a transfer that is under way', () => {
  for (const name of [
    'http.proxy',
    'http.proxyStrictSSL',
    'http.systemCertificates',
    'ociExplorer.certificates',
  ]) {
    it(`goes on when ${name} changes, and so does what it asks for next`, async (t) => {
      let end: (() => void) | undefined;
      const server = await serve(t, (request, response) => {
        if (request.url.includes('/blobs/')) {
          response.writeHead(200, { 'content-length': String(blob.byteLength) });
          response.write(blob.subarray(0, 10));
          end = () => response.end(blob.subarray(10));
        } else {
          json(response, 200, { tags: ['v1'] });
        }
      });
      const change = editor({});
      const made = network(t);
      const registry = remoteRegistry({
        host: server.host,
        scheme: 'http',
        credentials: () => Promise.resolve(undefined),
        dispatcher: made.dispatcher(server.host),
        userAgent: 'test',
      });
      const repository = registry.repository('app');
      const chunks: Uint8Array[] = [];
      for await (const chunk of repository.fetch(descriptor)) {
        chunks.push(chunk);
        if (chunks.length === 1) {
          change(name);
          // The next request of the same transfer, before the first has ended.
          assert.deepEqual((await repository.tags()).items, ['v1']);
          end?.();
        }
      }
      assert.deepEqual(Buffer.concat(chunks), blob);
    });
  }

  it('is not begun by the way that was before', async (t) => {
    const values: Record<string, unknown> = {};
    const change = editor(values);
    const server = await serve(t, (_, response) => json(response, 200, { tags: [] }));
    const made = network(t);
    const registry = remoteRegistry({
      host: server.host,
      scheme: 'http',
      credentials: () => Promise.resolve(undefined),
      dispatcher: made.dispatcher(server.host),
      userAgent: 'test',
    });
    await registry.repository('app').tags();
    Object.assign(values, { 'http.proxy': 'ftp://no.proxy', 'http.noProxy': ['<-loopback>'] });
    change('http.proxy');
    const error = await failureOf(registry.repository('app').tags());
    assert.match(String(error), /http\.proxy names no proxy/);
  });
});

describe('the setting ociExplorer.certificates', () => {
  for (const entry of [
    { ca: 'certs/ca.pem' },
    { cert: './c.pem', key: '/k.pem' },
    { cert: '/c', key: 7 },
    { ca: '' },
  ]) {
    it(`says that ${JSON.stringify(entry)} is no absolute path, and nothing is sent without it`, async (t) => {
      editor({ 'ociExplorer.certificates': { 'r.example': entry } });
      const made = network(t);
      const error = await failureOf(made.certificates('r.example'));
      assert.ok(isOciError(error, 'tls-invalid'), String(error));
      assert.match(
        String(error.facts.detail),
        /ociExplorer\.certificates: \w+ of r\.example has to be an absolute path/,
      );
      assert.deepEqual((await made.certificates('other.invalid')).ca, []);
    });
  }
});
