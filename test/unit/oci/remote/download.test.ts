import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError } from '../../../../src/oci/errors.ts';
import type { FetchOp } from '../../../../src/oci/store.ts';
import { failureOf, remoteOf, serve, type Remote } from '../../../support/remoteHarness.ts';
import type { ScriptedServer } from '../../../support/scriptedServer.ts';

const blob = randomBytes(8_000_000);
const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(blob), size: blob.byteLength };

interface Serving {
  /** Bytes after which the connection is cut, of each answer. */
  readonly cuts: readonly number[];
  readonly hasRanges?: boolean;
  /** Most bytes of a part. */
  readonly most?: number;
}

/** Answers with the blob or a range of it, and counts what it sends. */
async function serveBlob(
  t: TestContext,
  { cuts, hasRanges = true, most = Infinity }: Serving,
): Promise<Remote & { readonly server: ScriptedServer; readonly sent: () => number }> {
  let sent = 0;
  let asked = 0;
  const answer = (range: string | undefined, response: ServerResponse): void => {
    const [first = 0, last = blob.byteLength - 1] = hasRanges
      ? (/^bytes=(\d+)-(\d+)$/.exec(range ?? '')?.slice(1) ?? []).map(Number)
      : [];
    const end = Math.min(last + 1, first + most);
    const isPart = range !== undefined && hasRanges;
    const body = blob.subarray(first, end);
    response.writeHead(isPart ? 206 : 200, {
      'content-length': body.byteLength,
      ...(isPart ? { 'content-range': `bytes ${first}-${end - 1}/${blob.byteLength}` } : {}),
    });
    const part = body.subarray(0, cuts[asked++] ?? body.byteLength);
    sent += part.byteLength;
    response.write(part, () => (part.byteLength < body.byteLength ? response.destroy() : response.end()));
  };
  const server = await serve(t, ({ headers }, response) => answer(headers.range, response));
  return { ...remoteOf(t, server), server, sent: () => sent };
}

async function read({ registry }: Remote, op: FetchOp = {}): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(registry.repository('app').fetch(descriptor, op)));
}

describe('a blob whose connection breaks', () => {
  it('goes on at the byte where it broke', async (t) => {
    const remote = await serveBlob(t, { cuts: [1_000_000, 1_200_000, 0, 10] });
    assert.ok(blob.equals(await read(remote)));
    const ranges = remote.server.seen.map(({ headers }) => headers.range);
    assert.equal(ranges.length, 5);
    assert.equal(ranges[0], undefined);
    // What was sent and did not arrive before the cut is sent again, and nothing else.
    assert.ok(remote.sent() <= blob.byteLength + 1_000_000, `${remote.sent()} bytes`);
    for (const [index, range] of ranges.entries()) {
      assert.equal(index === 0 || /^bytes=\d+-7999999$/.test(range ?? ''), true);
    }
  });

  it('goes on within the part that is read', async (t) => {
    const remote = await serveBlob(t, { cuts: [500_000] });
    assert.ok(
      blob.subarray(1_000_000, 2_000_000).equals(await read(remote, { start: 1_000_000, end: 2_000_000 })),
    );
    assert.equal(remote.server.seen.length, 2);
    assert.match(remote.server.seen[1]?.headers.range ?? '', /^bytes=\d+-1999999$/);
  });

  it('is read again where there are no ranges, without what came before', async (t) => {
    const remote = await serveBlob(t, { cuts: [1_000_000], hasRanges: false });
    assert.ok(blob.equals(await read(remote)));
    assert.equal(remote.server.seen.length, 2);
  });

  it('waits longer from try to try, and is told after five without progress', async (t) => {
    const remote = await serveBlob(t, { cuts: [10, 0, 0, 0, 0, 0], hasRanges: false });
    const error = await failureOf(read(remote));
    assert.ok(isOciError(error, 'connection-lost'));
    assert.equal(remote.server.seen.length, 5);
    assert.deepEqual(remote.waits, [300, 600, 1200, 2400]);
  });

  it('may break as often as it likes while it moves on', async (t) => {
    const remote = await serveBlob(t, { cuts: Array<number>(7).fill(1_100_000) });
    assert.ok(blob.equals(await read(remote)));
    assert.ok(remote.server.seen.length >= 8, `${remote.server.seen.length}`);
  });

  it('of which a server sends smaller parts than it is asked for', async (t) => {
    const remote = await serveBlob(t, { cuts: [], most: 3_000_000 });
    assert.ok(blob.subarray(1).equals(await read(remote, { start: 1 })));
    assert.equal(remote.server.seen.length, 3);
  });
});

describe('a part that must not cost what stands before it', () => {
  it('is refused where the server sends everything', async (t) => {
    const remote = await serveBlob(t, { cuts: [], hasRanges: false });
    const error = await failureOf(read(remote, { start: 10, end: 20, neverSkips: true }));
    assert.ok(isOciError(error, 'unsupported'));
    assert.equal(remote.server.seen.length, 1);
  });

  it('is read where it sends the part', async (t) => {
    const remote = await serveBlob(t, { cuts: [] });
    assert.ok(blob.subarray(10, 20).equals(await read(remote, { start: 10, end: 20, neverSkips: true })));
  });
});
