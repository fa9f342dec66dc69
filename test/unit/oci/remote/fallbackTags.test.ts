import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import { MediaType } from '../../../../src/oci/mediaTypes.ts';
import { encodeReferrersIndex, referrersTag } from '../../../../src/oci/referrersTag.ts';
import { content, manifestOf, type Content } from '../../../contract/content.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Seen } from '../../../support/scriptedServer.ts';

const subject = content(MediaType.manifest, 'the subject').descriptor;
const tag = referrersTag(subject.digest);
const config = content(MediaType.empty, '{}');
const note = (at: number | string): Content =>
  manifestOf(config, [config], { artifactType: 'application/x.note', subject, annotations: { at: `${at}` } });

interface Told {
  /** What somebody else writes right after a list was written; the last goes on for ever when `isEndless`. */
  readonly others?: readonly (readonly Content[])[];
  readonly isEndless?: boolean;
  /** Gives an ETag, and refuses what is written on another one. */
  readonly matches?: boolean;
  /** Refuses lists that name it. */
  readonly gone?: Content;
  /** What is listed at first. */
  readonly listed?: readonly Content[];
}

const listOf = (entries: readonly Content[]): string =>
  Buffer.from(encodeReferrersIndex(entries.map(({ descriptor }) => descriptor)).bytes).toString('latin1');

/** As much of a registry without a referrers API as keeps the list of one subject. */
async function listing(t: TestContext, told: Told) {
  let list = told.listed ? listOf(told.listed) : undefined;
  const others = [...(told.others ?? [])];
  const etag = (): string => `"${digestOf(Buffer.from(list ?? ''))}"`;
  const server = await serve(t, ({ method, url, headers, body }, response) => {
    if (method === 'HEAD') {
      response.writeHead(told.gone && url.endsWith(told.gone.descriptor.digest) ? 404 : 200).end();
    } else if (method === 'GET' && url.includes('/referrers/')) {
      json(response, 404, { errors: [{ code: 'UNSUPPORTED', message: '' }] });
    } else if (!url.endsWith(tag)) {
      response.writeHead(method === 'PUT' ? 201 : 404).end();
    } else if (method === 'GET') {
      const type = { 'content-type': MediaType.index, ...(told.matches ? { etag: etag() } : {}) };
      response.writeHead(list === undefined ? 404 : 200, type).end(list, 'latin1');
    } else if (told.matches && headers['if-match'] !== undefined && headers['if-match'] !== etag()) {
      json(response, 412, {});
    } else if (told.gone && body.includes(told.gone.descriptor.digest)) {
      json(response, 400, { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown' }] });
    } else {
      list = body;
      const next = told.isEndless ? others[0] : others.shift();
      list = next ? listOf(next) : list;
      response.writeHead(201).end();
    }
  });
  const remote = remoteOf(t, server);
  const listed = (): readonly string[] =>
    (JSON.parse(list ?? '{"manifests":[]}') as { manifests: { digest: string }[] }).manifests.map(
      ({ digest }) => digest,
    );
  const writes = (): readonly Seen[] =>
    server.seen.filter(({ method, url }) => method === 'PUT' && url.endsWith(tag));
  return { ...remote, store: remote.registry.repository('team/app'), listed, writes };
}

const push = (store: { push: unknown }, one: Content): Promise<void> =>
  (store as ReturnType<ReturnType<typeof remoteOf>['registry']['repository']>).push(
    one.descriptor,
    bodyOf(one.bytes),
  );

describe('a tag', () => {
  it('is moved only from where it was seen, where the registry compares', async (t) => {
    const to = note('new');
    const server = await serve(t, ({ method, headers }, response) => {
      if (method === 'GET') {
        response.writeHead(200, { 'content-type': MediaType.manifest }).end(to.bytes);
      } else {
        response.writeHead(headers['if-match'] === `"${subject.digest}"` ? 412 : 201).end();
      }
    });
    const store = remoteOf(t, server).registry.repository('team/app');
    await store.tag(to.descriptor, 'v1');
    const failure = await failureOf(store.tag(to.descriptor, 'v1', { from: subject.digest }));
    assert.ok(isOciError(failure, 'tag-exists'), String(failure));
    // What is pushed under it, too.
    const plain = manifestOf(config, [config]);
    const body = bodyOf(plain.bytes);
    await store.push(plain.descriptor, body, { tag: 'v1' });
    const pushed = await failureOf(store.push(plain.descriptor, body, { tag: 'v1', from: subject.digest }));
    assert.ok(isOciError(pushed, 'tag-exists'), String(pushed));
  });
});

describe('a fallback tag', () => {
  it('is merged again when somebody on another machine wrote over it', async (t) => {
    const theirs = [note('theirs')];
    const { store, listed, writes, waits } = await listing(t, { others: [theirs] });
    await push(store, note('ours'));
    assert.deepEqual(
      listed(),
      [note('theirs'), note('ours')].map(({ descriptor }) => descriptor.digest),
    );
    assert.equal(writes().length, 2);
    // Others are given a moment before what was written is looked at, and who was in the way another one.
    assert.equal(waits.length, 3);
  });

  it('is written over nothing where the registry compares ETags', async (t) => {
    const { store, listed, writes } = await listing(t, { matches: true, listed: [note('first')] });
    await push(store, note('ours'));
    assert.equal(listed().length, 2);
    assert.deepEqual(
      writes().map(({ headers }) => headers['if-match']),
      [`"${digestOf(Buffer.from(listOf([note('first')])))}"`],
    );
  });

  it('is given up when others write it all the time', async (t) => {
    const { store, writes, waits } = await listing(t, { others: [[note('theirs')]], isEndless: true });
    const failure = await failureOf(push(store, note('ours')));
    assert.ok(isOciError(failure, 'busy'), String(failure));
    assert.equal(writes().length, 12);
    assert.equal(waits.length, 12);
    for (const [attempt, wait] of waits.entries()) {
      const least = attempt === 0 ? 0 : 1.5 * Math.min(800, 25 * 2 ** attempt);
      assert.ok(wait >= least && wait <= 1200, `${wait} ms after ${attempt}`);
    }
  });

  it('loses an entry that is gone, when the registry refuses the list for it', async (t) => {
    const gone = note('gone');
    const { store, listed } = await listing(t, { gone, listed: [note('there'), gone] });
    await push(store, note('ours'));
    assert.deepEqual(
      listed(),
      [note('there'), note('ours')].map(({ descriptor }) => descriptor.digest),
    );
  });

  it('is written a few times for many that come at once', async (t) => {
    const { store, listed, writes } = await listing(t, {});
    await Promise.all(Array.from({ length: 60 }, (_, at) => push(store, note(at))));
    assert.equal(listed().length, 60);
    assert.ok(writes().length <= 6, `${writes().length} writes`);
  });

  it('goes on for the others when one of them is given up', async (t) => {
    const { store, listed } = await listing(t, {});
    const ending = new AbortController();
    const first = push(store, note('first'));
    const given = store.push(note('given').descriptor, bodyOf(note('given').bytes), {
      signal: ending.signal,
    });
    const last = push(store, note('last'));
    ending.abort();
    await assert.rejects(given, { name: 'AbortError' });
    await Promise.all([first, last]);
    assert.ok(listed().includes(note('first').descriptor.digest));
    assert.ok(listed().includes(note('last').descriptor.digest));
  });
});
