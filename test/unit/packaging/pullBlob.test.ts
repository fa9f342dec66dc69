import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf, hexOf } from '../../../src/oci/digest.ts';
import { isOciError } from '../../../src/oci/errors.ts';
import { PullBlobs } from '../../../src/packaging/pullBlob.ts';
import { PullParts } from '../../../src/packaging/pullParts.ts';
import { failureOf, remoteOf, serve } from '../../support/remoteHarness.ts';

const sizes = { keptFrom: 1_000, rangesFrom: 1_000_000, part: 400_000 };
const large = randomBytes(3_000_000);

function described(bytes: Uint8Array): Descriptor {
  return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.byteLength };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oci-blobs-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Answer = (range: readonly [number, number] | undefined, response: ServerResponse) => void;

/** The part that is asked for, as it should be. */
const honest: Answer = (range, response) => {
  const [start, end] = range ?? [0, large.byteLength];
  const headers = range ? { 'content-range': `bytes ${start}-${end - 1}/${large.byteLength}` } : {};
  response.writeHead(range ? 206 : 200, headers).end(large.subarray(start, end));
};

interface Pulling {
  readonly blobs: PullBlobs;
  readonly ranges: () => readonly (string | undefined)[];
  readonly bytes: () => number;
}

async function pulling(t: TestContext, answer: Answer): Promise<Pulling> {
  const server = await serve(t, ({ headers }, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    answer(first === undefined ? undefined : [Number(first), Number(last) + 1], response);
  });
  const store = remoteOf(t, server).registry.repository('app');
  let bytes = 0;
  const blobs = new PullBlobs({
    store,
    folder,
    sizes,
    share: undefined,
    signal: new AbortController().signal,
    onBytes: (count) => {
      bytes += count;
    },
  });
  t.after(() => blobs.close());
  return { blobs, ranges: () => server.seen.map(({ headers }) => headers.range), bytes: () => bytes };
}

const path = (): string => join(folder, `sha256-${hexOf(digestOf(large))}`);

async function isRight({ blobs, bytes }: Pulling): Promise<void> {
  const blob = blobs.fetch(described(large));
  // Who reads along from the start gets all of it too, or is told.
  const along = Array.fromAsync(blob.follow()).catch(() => [large]);
  await blob.whole();
  assert.ok(large.equals(Buffer.concat(await along)));
  assert.ok(large.equals(await readFile(path())));
  assert.ok(large.equals(Buffer.concat(await Array.fromAsync(blob.follow()))));
  assert.deepEqual(await readdir(folder), [`sha256-${hexOf(digestOf(large))}`]);
  assert.equal(bytes(), large.byteLength);
}

describe('a large blob', () => {
  it('comes in several parts at once, four and no more, each once', async (t) => {
    const held: (() => void)[] = [];
    let open = 0;
    let most = 0;
    const pull = await pulling(t, (range, response) => {
      most = Math.max(most, ++open);
      response.once('close', () => open--);
      const go = (): void => honest(range, response);
      // The first answer shows that there are ranges; of the others, four have to be there before one is answered.
      if (range?.[0] === 0 || held.length >= 4) {
        go();
        return;
      }
      held.push(go);
      if (held.length === 4) {
        held.forEach((each) => each());
      }
    });
    await isRight(pull);
    assert.equal(most, 4);
    assert.equal(new Set(pull.ranges()).size, 8);
    assert.equal(pull.ranges().length, 8);
  });

  it('comes in one where there are no ranges', async (t) => {
    const pull = await pulling(t, (_, response) => honest(undefined, response));
    await isRight(pull);
    assert.equal(pull.ranges().length, 2);
  });

  it('comes in one where what is said to be a part is something else', async (t) => {
    const pull = await pulling(t, (range, response) => {
      if (!range) {
        honest(range, response);
        return;
      }
      const [start, end] = range;
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${large.byteLength}` });
      response.end(large.subarray(0, end - start));
    });
    const blob = pull.blobs.fetch(described(large));
    const failure = await failureOf(Array.fromAsync(blob.follow()));
    assert.ok(isOciError(failure, 'connection-lost'), 'Who read along is told');
    await isRight(pull);
    assert.equal(blob.restarts, 1);
  });

  it('that is another is told', async (t) => {
    const other = Buffer.from(large).fill(1, 1_000_000, 1_000_001);
    const pull = await pulling(t, (range, response) => {
      const [start, end] = range ?? [0, other.byteLength];
      response.writeHead(range ? 206 : 200, {
        'content-range': `bytes ${start}-${end - 1}/${other.byteLength}`,
      });
      response.end(other.subarray(start, end));
    });
    const failure = await failureOf(pull.blobs.fetch(described(large)).whole());
    assert.ok(isOciError(failure, 'digest-mismatch'));
  });
});

describe('what a pull before has left', () => {
  it('is not fetched again: only the gaps are', async (t) => {
    const left = Buffer.alloc(2_500_000);
    large.copy(left, 0, 0, 700_000);
    large.copy(left, 2_000_000, 2_000_000, 2_500_000);
    await writeFile(path(), left);
    await writeFile(`${path()}.parts`, '0 400000\n2000000 2500000\n400000 700000\n70000');
    const pull = await pulling(t, honest);
    await isRight(pull);
    const gaps = ['700000-1099999', '1100000-1499999', '1500000-1899999', '1900000-1999999'];
    assert.deepEqual(
      pull.ranges().toSorted(),
      [...gaps, '2500000-2899999', '2900000-2999999'].map((gap) => `bytes=${gap}`).toSorted(),
    );
  });

  it('is taken as it is where it is whole, and asked for nothing', async (t) => {
    await writeFile(path(), large);
    const pull = await pulling(t, honest);
    await isRight(pull);
    assert.equal(pull.ranges().length, 0);
  });

  it('is fetched anew where it is not what it should be', async (t) => {
    await writeFile(path(), Buffer.from(large).fill(0, 0, 100));
    const pull = await pulling(t, honest);
    await isRight(pull);
    assert.deepEqual(pull.ranges(), [undefined]);
  });

  it('that is longer, or whose list of parts says more than there is, counts for nothing', async (t) => {
    await writeFile(path(), Buffer.concat([large, large]));
    const pull = await pulling(t, honest);
    await isRight(pull);
    assert.deepEqual(PullParts.parse('0 10\n5 8\n9 30\n40 20\n1e3 5\n-1 4\n', 20).gaps(20, 100), [[10, 20]]);
  });
});

describe('many small blobs', () => {
  it('are 32 requests at once, and no more', async (t) => {
    const contents = [...Array(80).keys()].map((at) => Buffer.from(`content of ${at}`));
    const waiting: (() => void)[] = [];
    let open = 0;
    let most = 0;
    const server = await serve(t, ({ url }, response) => {
      most = Math.max(most, ++open);
      response.once('close', () => open--);
      const content = contents.find((each) => url.endsWith(digestOf(each)));
      const go = (): void => void response.end(content);
      // Nothing is answered before 32 wait, so that fewer at once would never end.
      if (waiting.push(go) >= 32) {
        waiting.forEach((each) => each());
      }
    });
    const blobs = new PullBlobs({
      store: remoteOf(t, server).registry.repository('app'),
      folder,
      share: undefined,
      signal: AbortSignal.timeout(60_000),
      onBytes: () => undefined,
    });
    await Promise.all(contents.map((content) => blobs.fetch(described(content)).whole()));
    await blobs.close();
    assert.equal(most, 32);
    assert.equal(server.seen.length, 80);
  });
});
