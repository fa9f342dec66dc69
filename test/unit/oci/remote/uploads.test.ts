import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { bodyOf } from '../../../../src/base/bytes.ts';
import { SpareMemory } from '../../../../src/base/spareMemory.ts';
import { copy } from '../../../../src/oci/copy.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { isOciError, OciError } from '../../../../src/oci/errors.ts';
import { encodeManifest } from '../../../../src/oci/goJson.ts';
import { MediaType } from '../../../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../../../src/oci/memory.ts';
import { canStream, type StreamedBlob } from '../../../../src/oci/store.ts';
import { failureOf, remoteOf, serve } from '../../../support/remoteHarness.ts';
import { json, type Script, type Seen } from '../../../support/scriptedServer.ts';

const small = Buffer.from('a small blob');
const large = Buffer.alloc(56 * 1024 * 1024, 'large blob ');
const chunk = 16 * 1024 * 1024;

function descriptorOf(bytes: Uint8Array) {
  return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.byteLength };
}

/** As much of a registry as takes uploads, one fault after the other before it does. */
function uploads(faults: readonly (Script | undefined)[] = []) {
  let received = '';
  let session = 0;
  const left = [...faults];
  const blobs = new Set<string>();
  const script: Script = (request, response) => {
    const { method, url } = request;
    if (method === 'HEAD') {
      response.writeHead(blobs.has(url.split('/').at(-1) ?? '') ? 200 : 404).end();
      return;
    }
    if (method === 'POST') {
      received = '';
      response.writeHead(202, { location: `/up/${++session}?_state=0` }).end();
      return;
    }
    if (method === 'GET') {
      const headers = { location: url, ...(received ? { range: `0-${received.length - 1}` } : {}) };
      response.writeHead(204, headers).end();
      return;
    }
    if (method === 'DELETE') {
      response.writeHead(204).end();
      return;
    }
    const fault = left.shift();
    if (fault) {
      fault(request, response);
      return;
    }
    received += request.body;
    if (method === 'PATCH') {
      response.writeHead(202, { location: `/up/${session}?_state=${received.length}` }).end();
    } else {
      blobs.add(new URL(`http://x${url}`).searchParams.get('digest') ?? '');
      response.writeHead(201).end();
    }
  };
  return {
    script,
    blobs,
    received: () => received,
    take: (body: string) => {
      received += body;
    },
  };
}

const breaks: Script = (_, response) => response.destroy();

function status(code: number): Script {
  return (_, response) => json(response, code, { errors: [{ code: 'X', message: 'x' }] });
}

async function remote(t: TestContext, script: Script) {
  const server = await serve(t, script);
  const { registry } = remoteOf(t, server);
  return { server, repository: registry.repository('app') };
}

/** Of `first-last`. */
function lengthOf(range: string): number {
  const [first = '', last = ''] = range.split('-');
  return Number(last) - Number(first) + 1;
}

const steps = (seen: readonly Seen[]): readonly string[] => seen.map(({ method }) => method);

describe('an upload', () => {
  it('of a small blob is one request after the first, and counts its bytes', async (t) => {
    const registry = uploads();
    const { server, repository } = await remote(t, registry.script);
    let sent = 0;
    await repository.push(descriptorOf(small), bodyOf(small), { onBytes: (bytes) => (sent += bytes) });
    assert.deepEqual(steps(server.seen), ['POST', 'PUT']);
    assert.equal(server.seen[1]?.body, small.toString());
    assert.equal(server.seen[1].headers['content-length'], String(small.byteLength));
    assert.equal(sent, small.byteLength);
  });

  it('of a large blob goes in pieces, each twice the one before and behind the newest Location', async (t) => {
    const registry = uploads();
    const { server, repository } = await remote(t, registry.script);
    await repository.push(descriptorOf(large), bodyOf(large));
    assert.deepEqual(steps(server.seen), ['POST', 'PATCH', 'PATCH', 'PATCH', 'PUT']);
    assert.deepEqual(
      server.seen.slice(1, 4).map(({ url, headers }) => [url, headers['content-range']]),
      [
        ['/up/1?_state=0', `0-${chunk - 1}`],
        [`/up/1?_state=${chunk}`, `${chunk}-${3 * chunk - 1}`],
        [`/up/1?_state=${3 * chunk}`, `${3 * chunk}-${large.byteLength - 1}`],
      ],
    );
    assert.equal(registry.received().length, large.byteLength);
  });

  it('whose connection breaks goes on, and counts each byte once', async (t) => {
    for (const [bytes, faults] of [
      [small, [breaks]],
      [small, [status(503), breaks]],
      [large, [undefined, breaks]],
      [large, [breaks, status(502), undefined, status(429)]],
    ] as const) {
      const registry = uploads(faults);
      const { repository } = await remote(t, registry.script);
      let sent = 0;
      await repository.push(descriptorOf(bytes), bodyOf(bytes), { onBytes: (count) => (sent += count) });
      assert.equal(sent, bytes.byteLength);
      assert.ok(registry.received() === bytes.toString('latin1'));
    }
  });

  it('of which the registry has a part goes on behind it', async (t) => {
    const half: Script = (request, response) => {
      registry.take(request.body.slice(0, 1000));
      response.destroy();
    };
    const registry = uploads([undefined, half]);
    const { server, repository } = await remote(t, registry.script);
    let sent = 0;
    await repository.push(descriptorOf(large), bodyOf(large), { onBytes: (count) => (sent += count) });
    assert.ok(registry.received() === large.toString('latin1'));
    assert.equal(sent, large.byteLength);
    assert.equal(server.seen[4]?.headers['content-range'], `${chunk + 1000}-${2 * chunk + 999}`);
  });

  it('that got through though its answer did not is done', async (t) => {
    const registry = uploads([
      (request, response) => {
        registry.blobs.add(new URL(`http://x${request.url}`).searchParams.get('digest') ?? '');
        response.destroy();
      },
      status(404),
    ]);
    const { server, repository } = await remote(t, registry.script);
    await repository.push(descriptorOf(small), bodyOf(small));
    assert.deepEqual(steps(server.seen), ['POST', 'PUT', 'PUT', 'HEAD']);
  });

  it('whose session is lost begins anew, a few times', async (t) => {
    const lost = uploads([status(404)]);
    const first = await remote(t, lost.script);
    await first.repository.push(descriptorOf(small), bodyOf(small));
    assert.deepEqual(steps(first.server.seen), ['POST', 'PUT', 'HEAD', 'POST', 'PUT']);
    const always = uploads(Array.from({ length: 99 }, () => status(404)));
    const second = await remote(t, always.script);
    const error = await failureOf(second.repository.push(descriptorOf(small), bodyOf(small)));
    assert.ok(isOciError(error, 'not-found'));
    assert.equal(steps(second.server.seen).filter((method) => method === 'PUT').length, 3);
    assert.equal(steps(second.server.seen).at(-1), 'DELETE');
  });

  for (const [name, fault, code] of [
    ['breaks for ever', breaks, 'connection-lost'],
    ['is refused', status(400), 'request-refused'],
    ['is too large', status(413), 'too-large'],
    ['is not allowed', status(403), 'denied'],
  ] as const) {
    it(`that ${name} gives its session back, and no tag is written`, async (t) => {
      const registry = uploads(Array.from({ length: 99 }, () => fault));
      const { server, repository } = await remote(t, registry.script);
      const source = new MemoryStore();
      const config = { ...descriptorOf(small), mediaType: MediaType.empty };
      await source.push(config, bodyOf(small));
      const bytes = encodeManifest({
        schemaVersion: 2,
        mediaType: MediaType.manifest,
        config,
        layers: [],
      });
      const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
      await source.push(root, bodyOf(bytes), { tag: 'v1' });
      const error = await failureOf(copy(source, 'v1', repository, 'v1'));
      assert.ok(isOciError(error, code), String(error));
      assert.ok(!server.seen.some(({ url }) => url.includes('/manifests/')));
      assert.equal(steps(server.seen).at(-1), 'DELETE');
    });
  }

  it('that is given up gives its session back where the registry has more of it than its location says', async (t) => {
    const controller = new AbortController();
    const registry = uploads([() => controller.abort()]);
    // As distribution does, of what is broken off: bytes come in until the connection is seen to be gone.
    let size = 5;
    const { server, repository } = await remote(t, (request, response) => {
      const state = Number(/_state=(\d+)/.exec(request.url)?.[1]);
      if (request.method === 'DELETE' && state !== size) {
        status(416)(request, response);
      } else if (request.method === 'GET') {
        response.writeHead(204, { location: `/up/1?_state=${size}`, range: `0-${size - 1}` }).end();
        size = 7;
      } else {
        registry.script(request, response);
      }
    });
    const push = repository.push(descriptorOf(small), bodyOf(small), { signal: controller.signal });
    assert.equal((await failureOf(push)).name, 'AbortError');
    const asked = server.seen.slice(2).map(({ method, url }) => `${method} ${url}`);
    assert.deepEqual(asked, [
      'DELETE /up/1?_state=0',
      'GET /up/1?_state=0',
      'DELETE /up/1?_state=5',
      'GET /up/1?_state=5',
      'DELETE /up/1?_state=7',
    ]);
  });

  it('that is given up asks no more than a few times for its session to be taken back', async (t) => {
    const controller = new AbortController();
    const registry = uploads([() => controller.abort()]);
    const { server, repository } = await remote(t, (request, response) =>
      (request.method === 'DELETE' ? status(416) : registry.script)(request, response),
    );
    const push = repository.push(descriptorOf(small), bodyOf(small), { signal: controller.signal });
    assert.equal((await failureOf(push)).name, 'AbortError');
    assert.equal(steps(server.seen).filter((method) => method === 'DELETE').length, 8);
  });

  it('that is given up gives its session back', async (t) => {
    const controller = new AbortController();
    const registry = uploads([() => controller.abort()]);
    const { server, repository } = await remote(t, registry.script);
    const error = await failureOf(
      repository.push(descriptorOf(small), bodyOf(small), { signal: controller.signal }),
    );
    assert.equal(error.name, 'AbortError');
    assert.deepEqual(steps(server.seen), ['POST', 'PUT', 'DELETE']);
  });

  for (const [name, location] of [
    ['no Location', undefined],
    ['a Location that is no address', 'ftp://x/'],
  ] as const) {
    it(`to ${name} is an error`, async (t) => {
      const { repository } = await remote(t, (_, response) =>
        response.writeHead(202, location === undefined ? {} : { location }).end(),
      );
      const error = await failureOf(repository.push(descriptorOf(small), bodyOf(small)));
      assert.ok(isOciError(error, 'not-a-registry', 'origin-refused'));
    });
  }

  it('of a manifest that is stored as another is an error', async (t) => {
    const bytes = encodeManifest({ schemaVersion: 2, mediaType: MediaType.manifest, layers: [] });
    const { repository } = await remote(t, (_, response) =>
      response.writeHead(201, { 'docker-content-digest': digestOf(small) }).end(),
    );
    const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
    const error = await failureOf(repository.push(root, bodyOf(bytes), { tag: 'v1' }));
    assert.ok(isOciError(error, 'digest-mismatch'));
    assert.equal(error.facts.status, 201);
  });
});

const long = large.subarray(0, 22 * 1024 * 1024);

/** A long blob as it is made, in chunks; how often it was begun. */
function making() {
  let begun = 0;
  // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable over what is already here
  const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    begun++;
    for (let at = 0; at < long.byteLength; at += 300_000) {
      yield long.subarray(at, at + 300_000);
    }
  };
  return { body, begun: () => begun };
}

describe('an upload of what is made while it is sent', () => {
  const blob = { digest: digestOf(long), size: long.byteLength };
  const held = 8 * 1024 * 1024;

  async function streaming(t: TestContext, faults: readonly (Script | undefined)[]) {
    const registry = uploads(faults);
    const made = making();
    let sent = 0;
    const { server, repository } = await remote(t, registry.script);
    const push = (): Promise<StreamedBlob | undefined> => {
      assert.ok(canStream(repository));
      return repository.pushStream(made.body, { onBytes: (bytes) => (sent += bytes) });
    };
    return { registry, made, server, push, sent: () => sent };
  }

  it('is one request without a length, and its digest behind it', async (t) => {
    const { registry, server, push, sent, made } = await streaming(t, []);
    assert.deepEqual(await push(), blob);
    assert.deepEqual(steps(server.seen), ['POST', 'PATCH', 'PUT']);
    const [, patch, put] = server.seen;
    assert.equal(patch?.headers['transfer-encoding'], 'chunked');
    assert.equal(patch.headers['content-length'], undefined);
    assert.equal(put?.url, `/up/1?_state=${long.byteLength}&digest=${blob.digest}`);
    assert.ok(registry.received() === long.toString('latin1'));
    assert.deepEqual([sent(), made.begun()], [long.byteLength, 1]);
  });

  it('may come in memory that is used again, also behind a break', async (t) => {
    const breaksAt: Script = (request, response) => {
      registry.take(request.body.slice(0, 3_000_000));
      response.destroy();
    };
    const registry = uploads([breaksAt, breaks]);
    const { repository } = await remote(t, registry.script);
    const piece = 300_000;
    const memories = new Set<ArrayBuffer>();
    // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable over what is already here
    const body = async function* (isBrief = false): AsyncGenerator<Uint8Array, void, undefined> {
      const spare = new SpareMemory(piece);
      for (let at = 0; at < long.byteLength; at += piece) {
        const memory = spare.take();
        memories.add(memory);
        const size = long.copy(Buffer.from(memory), 0, at, at + piece);
        yield* spare.lent(memory, size, isBrief);
      }
    };
    assert.deepEqual(await repository.pushStream?.(body), blob);
    assert.ok(registry.received() === long.toString('latin1'));
    // Two for each of the times it was begun.
    assert.equal(memories.size, 4);
  });

  it('goes as any other when it turns out to be small', async (t) => {
    const registry = uploads();
    const { server, repository } = await remote(t, registry.script);
    assert.deepEqual(await repository.pushStream?.(bodyOf(small)), {
      digest: digestOf(small),
      size: small.byteLength,
    });
    assert.deepEqual(steps(server.seen), ['POST', 'PUT']);
  });

  it('goes on in pieces from where the registry is when the connection breaks, and counts each byte once', async (t) => {
    const takes =
      (count: number): Script =>
      (request, response) => {
        registry.take(request.body.slice(0, count));
        response.destroy();
      };
    const { registry, made, server, push, sent } = await streaming(t, [takes(3_000_000), takes(1_000)]);
    assert.deepEqual(await push(), blob);
    assert.ok(registry.received() === long.toString('latin1'));
    assert.equal(sent(), long.byteLength);
    // Made again from its beginning once; the piece that broke was still here.
    assert.equal(made.begun(), 2);
    const ranges = server.seen.flatMap(({ method, headers }) =>
      method === 'PATCH' ? [headers['content-range']] : [],
    );
    assert.equal(ranges[0], undefined);
    assert.match(ranges[1] ?? '', /^3000000-/);
    assert.match(ranges[2] ?? '', /^3001000-/);
    assert.ok(ranges.every((range) => range === undefined || lengthOf(range) < held + 1_000_000));
  });

  it('begins anew where nothing of it was kept, and once more where the session is lost', async (t) => {
    for (const faults of [
      [breaks],
      [status(404)],
      [undefined, status(404)],
      [status(503), status(404), breaks],
    ]) {
      const { registry, push, sent } = await streaming(t, faults);
      assert.deepEqual(await push(), blob);
      assert.ok(registry.received() === long.toString('latin1'));
      assert.equal(sent(), long.byteLength);
    }
  });

  for (const code of [400, 411, 413, 501]) {
    it(`goes in pieces where a request without a length is answered with ${code}, the next time at once`, async (t) => {
      const { registry, push, server } = await streaming(t, [status(code)]);
      assert.deepEqual(await push(), blob);
      assert.ok(registry.received() === long.toString('latin1'));
      assert.ok(steps(server.seen).includes('DELETE'), 'the first session is given back');
      const before = server.seen.length;
      await push();
      assert.ok(server.seen.slice(before).every(({ headers }) => headers['transfer-encoding'] === undefined));
    });
  }

  it('is left to who knows its digest where a registry takes only whole blobs, the next time without a request', async (t) => {
    const { push, server, sent } = await streaming(t, [status(405), status(405)]);
    assert.equal(await push(), undefined);
    assert.equal(sent(), 0);
    assert.deepEqual(steps(server.seen), ['POST', 'PATCH', 'DELETE', 'POST', 'PATCH', 'DELETE']);
    assert.equal(await push(), undefined);
    assert.equal(server.seen.length, 6);
  });

  it('that is not allowed says so, and gives its session back', async (t) => {
    const { push, server } = await streaming(t, [status(403)]);
    assert.ok(isOciError(await failureOf(push()), 'denied'));
    assert.deepEqual(steps(server.seen), ['POST', 'PATCH', 'DELETE']);
  });

  it('that got through though its answer did not is done', async (t) => {
    const { registry, push, server } = await streaming(t, [
      undefined,
      (_, response) => {
        registry.blobs.add(blob.digest);
        response.destroy();
      },
      status(404),
    ]);
    assert.deepEqual(await push(), blob);
    assert.deepEqual(steps(server.seen), ['POST', 'PATCH', 'PUT', 'PUT', 'HEAD']);
  });

  it('whose files cannot be read any more fails as they do, and gives its session back', async (t) => {
    const registry = uploads();
    const { server, repository } = await remote(t, registry.script);
    const body = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield* making().body();
      throw new OciError('file-changed', 'It grew');
    };
    assert.ok(canStream(repository));
    assert.ok(isOciError(await failureOf(repository.pushStream(body)), 'file-changed'));
    assert.deepEqual(steps(server.seen).at(-1), 'DELETE');
    assert.equal(registry.blobs.size, 0);
  });

  it('that is given up gives its session back', async (t) => {
    const controller = new AbortController();
    const registry = uploads();
    const { server, repository } = await remote(t, registry.script);
    let sent = 0;
    const onBytes = (bytes: number): void => {
      sent += bytes;
      if (sent > 10_000_000) {
        controller.abort();
      }
    };
    assert.ok(canStream(repository));
    const error = await failureOf(
      repository.pushStream(making().body, { signal: controller.signal, onBytes }),
    );
    assert.equal(error.name, 'AbortError');
    assert.deepEqual(steps(server.seen), ['POST', 'DELETE']);
  });
});

describe('a mount', () => {
  for (const [name, script, isMounted] of [
    ['201', (_, response) => response.writeHead(201).end(), true],
    ['202', (_, response) => response.writeHead(202, { location: '/up/1' }).end(), false],
    ['401', status(401), false],
    ['400', status(400), false],
    ['500', status(500), false],
  ] as const satisfies readonly (readonly [string, Script, boolean])[]) {
    it(`that is answered with ${name} is ${isMounted ? 'done' : 'not done'}`, async (t) => {
      const { server, repository } = await remote(t, script);
      assert.equal(await repository.mount?.(descriptorOf(small), 'team/base'), isMounted);
      const [first, second] = server.seen;
      assert.equal(first?.url, `/v2/app/blobs/uploads/?mount=${descriptorOf(small).digest}&from=team%2Fbase`);
      assert.equal(second?.method, name === '202' ? 'DELETE' : undefined);
    });
  }
});
