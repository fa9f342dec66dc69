import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { onlyAccept } from '../../../../src/oci/mediaTypes.ts';
import { withMirrors } from '../../../../src/oci/remote/mirrors.ts';
import { readRegistriesConf } from '../../../../src/oci/remote/registriesConf.ts';
import { canNegotiate } from '../../../../src/oci/store.ts';
import { assertNothingTold, canary, canaryBasic } from '../../../support/canary.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script, type ScriptedServer } from '../../../support/scriptedServer.ts';

const bytes = Buffer.from(
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
);
const type = 'application/vnd.oci.image.index.v1+json';
const blob = Buffer.from('content');
const layer = { mediaType: 'text/plain', digest: digestOf(blob), size: blob.length };

/** Has the tag v1, the blob and a list; takes everything. */
const whole: Script = ({ method, url }, response) => {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(method === 'POST' ? 202 : 201, { location: '/up' }).end();
  } else if (url.includes('/manifests/')) {
    response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
    response.end(method === 'HEAD' ? undefined : bytes);
  } else if (url.includes('/blobs/')) {
    response.end(blob);
  } else {
    json(response, 200, { tags: ['v1'] });
  }
};
const nothing: Script = (_, response) => json(response, 404, { errors: [{ code: 'NAME_UNKNOWN' }] });

/** A registry that has a mirror, by a registries.conf; a clock that goes on as it is told. */
async function made(t: TestContext, scripts: { own: Script; mirror: Script }, more = '', path = '/hub') {
  const own = await serve(t, scripts.own);
  const mirror = await serve(t, scripts.mirror);
  const conf = `[[registry]]\nlocation = "${own.host}"\n${more}\n[[registry.mirror]]\nlocation = "${mirror.host}${path}"`;
  const rules = readRegistriesConf({
    env: {},
    home: '',
    readFile: (file) => (file === '/etc/containers/registries.conf' ? conf : undefined),
    readFolder: () => [],
  });
  const clock = { now: 0 };
  const other = remoteOf(t, mirror).registry;
  const registry = withMirrors({
    registry: remoteOf(t, own, { credential: canary }).registry,
    host: own.host,
    rules: () => rules,
    open: () => [other],
    now: () => clock.now,
  });
  return { registry, repository: registry.repository('team/app'), own, mirror, clock };
}

const urls = ({ seen }: ScriptedServer): readonly string[] =>
  seen.map(({ method, url }) => `${method} ${url}`);

describe('a registry with a mirror', () => {
  it('is read there under the name it has there, and not asked itself', async (t) => {
    const { repository, own, mirror } = await made(t, { own: nothing, mirror: whole });
    assert.deepEqual(Buffer.from((await repository.manifest('v1')).bytes), bytes);
    assert.deepEqual(Buffer.concat(await Array.fromAsync(repository.fetch(layer))), blob);
    assert.deepEqual(urls(mirror), [
      'GET /v2/hub/team/app/manifests/v1',
      `GET /v2/hub/team/app/blobs/${layer.digest}`,
    ]);
    assert.equal(own.seen.length, 0);
  });

  it('says there too what a client gets that accepts one media type alone', async (t) => {
    const { repository, own, mirror } = await made(t, { own: whole, mirror: whole });
    assert.ok(canNegotiate(repository));
    assert.deepEqual(Buffer.from((await repository.manifestAs('v1', type)).bytes), bytes);
    assert.deepEqual(urls(mirror), ['GET /v2/hub/team/app/manifests/v1']);
    assert.equal(mirror.seen[0]?.headers.accept, onlyAccept(type));
    assert.equal(own.seen.length, 0);
  });

  it('is read itself for what the mirror does not have', async (t) => {
    const { repository, own } = await made(t, { own: whole, mirror: nothing });
    await repository.manifest('v1');
    await Array.fromAsync(repository.fetch(layer));
    assert.deepEqual(urls(own), ['GET /v2/team/app/manifests/v1', `GET /v2/team/app/blobs/${layer.digest}`]);
  });

  it('tells the mirror nothing of its own account', async (t) => {
    const ask: Script = (_, response) => json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' });
    const { repository, own, mirror } = await made(t, {
      own: (request, response) =>
        (request.headers.authorization === canaryBasic ? whole : ask)(request, response),
      mirror: ask,
    });
    await repository.manifest('v1');
    assertNothingTold(mirror);
    assert.equal(own.seen.at(-1)?.headers.authorization, canaryBasic);
  });

  it('is written itself and never at the mirror', async (t) => {
    const { repository, own, mirror } = await made(t, { own: whole, mirror: whole });
    await repository.push(layer, bodyOf(blob));
    await repository.has(layer);
    await repository.untag?.('v1');
    assert.equal(mirror.seen.length, 0);
    assert.deepEqual(
      own.seen.map(({ method }) => method),
      ['POST', 'PUT', 'HEAD', 'DELETE'],
    );
  });

  it('lists its tags itself, and those of the mirror when it cannot be reached', async (t) => {
    const { repository, own, mirror } = await made(t, { own: whole, mirror: whole });
    assert.deepEqual((await repository.tags()).items, ['v1']);
    assert.equal(mirror.seen.length, 0);
    await own.stop();
    assert.deepEqual((await repository.tags()).items, ['v1']);
    assert.match(mirror.seen[0]?.url ?? '', /^\/v2\/hub\/team\/app\/tags\/list/);
    const gone = await made(t, { own: nothing, mirror: whole });
    assert.ok(isOciError(await failureOf(gone.repository.tags()), 'not-found'));
    assert.equal(gone.mirror.seen.length, 0);
  });

  it('does not wait for a mirror that is down each time, and asks it again a minute later', async (t) => {
    let isUp = false;
    const { repository, mirror, clock } = await made(t, {
      own: whole,
      mirror: (request, response) => (isUp ? whole(request, response) : response.socket?.destroy()),
    });
    await repository.manifest('v1');
    const tries = mirror.seen.length;
    await repository.manifest('v1');
    assert.equal(mirror.seen.length, tries);
    isUp = true;
    clock.now = 60_000;
    await repository.manifest('v1');
    assert.equal(mirror.seen.length, tries + 1);
  });

  it('is not read from a mirror for digests by a tag', async (t) => {
    const { repository, mirror } = await made(
      t,
      { own: whole, mirror: whole },
      'mirror-by-digest-only = true',
    );
    await repository.manifest('v1');
    assert.equal(mirror.seen.length, 0);
    await repository.manifest(digestOf(bytes));
    assert.equal(mirror.seen.length, 1);
  });

  it('is not believed for a mirror that holds something else under a digest', async (t) => {
    const { repository } = await made(t, {
      own: whole,
      mirror: ({ url }, response) => {
        response.writeHead(200, { 'content-type': type });
        response.end(url.includes('/blobs/') ? 'CONTENT' : bytes.toString().replace('[]', '[ ]'));
      },
    });
    assert.deepEqual(Buffer.from((await repository.manifest(digestOf(bytes))).bytes), bytes);
    const error = await failureOf(Array.fromAsync(repository.fetch(layer)));
    assert.ok(isOciError(error, 'digest-mismatch'));
  });

  it('ends with an abort, and asks nobody else', async (t) => {
    const controller = new AbortController();
    const { repository, own } = await made(t, { own: whole, mirror: () => controller.abort() });
    const error = await failureOf(repository.manifest('v1', { signal: controller.signal }));
    assert.equal(error.name, 'AbortError');
    assert.equal(own.seen.length, 0);
  });

  it('that is blocked is not asked anything, and the file that says so is named', async (t) => {
    const { registry, repository, own, mirror } = await made(
      t,
      { own: whole, mirror: whole },
      'blocked = true',
    );
    for (const work of [
      () => registry.repositories(),
      () => repository.manifest('v1'),
      () => repository.tags(),
      () => Array.fromAsync(repository.fetch(layer)),
      () => repository.push(layer, bodyOf(blob)),
    ]) {
      const error = await failureOf(work());
      assert.ok(isOciError(error, 'blocked'), String(error));
      assert.equal(error.facts.url, '/etc/containers/registries.conf');
    }
    assert.equal(own.seen.length + mirror.seen.length, 0);
  });
});
