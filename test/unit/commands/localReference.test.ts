import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identify } from '../../../src/artifacts/identify.ts';
import { pullCommand } from '../../../src/artifacts/pullCommand.ts';
import type { Place } from '../../../src/browse/place.ts';
import { findLocal, isWholeLayout } from '../../../src/commands/localReference.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

function place(kind: Place['kind'], host: string, name: string): Place {
  return {
    id: name,
    kind,
    host,
    name,
    pinned: [],
    pinnedOnly: false,
    countsReads: false,
  } as unknown as Place;
}

const local = place('local', '/home/ann/Local store', 'Local');
const shelf = place('layout', "/data/ann's shelf", "ann's shelf");
const many = place('layout', '/data/many', 'many');
const places = { all: () => [local, place('remote', 'ghcr.io', 'ghcr.io'), shelf, many] };
const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.manifest, layers: [] }));
const manifest = parseManifest(bytes, MediaType.manifest);
const descriptor = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength };
const digest = `sha256:${'a'.repeat(64)}`;

const found = (text: string): unknown => {
  const pasted = findLocal(text, places);
  return pasted && [pasted.place.name, pasted.repository, pasted.digest ?? pasted.tag];
};

describe('a reference to what is on this machine', () => {
  it('is found as it is copied, and as it is read', () => {
    assert.deepEqual(found('/home/ann/Local store/team/app:1.0'), ['Local', 'team/app', '1.0']);
    assert.deepEqual(found(' local/team/app:1.0 '), ['Local', 'team/app', '1.0']);
    assert.deepEqual(found(`Local/team/app@${digest}`), ['Local', 'team/app', digest]);
    assert.deepEqual(found("/data/ann's shelf:2"), ["ann's shelf", 'ann-s-shelf', '2']);
    assert.deepEqual(found(`/data/ann's shelf@${digest}`), ["ann's shelf", 'ann-s-shelf', digest]);
    assert.deepEqual(found('/data/many/team/app:1'), ['many', 'team/app', '1']);
  });

  it('is found by its pull command, quotes and all', () => {
    for (const [where, repository] of [
      [local, 'team/app'],
      [shelf, 'ann-s-shelf'],
      [many, 'team/app'],
    ] as const) {
      const kind = isWholeLayout(where, repository) ? 'layout' : 'local';
      const target = { kind, registry: where.host, repository, tag: '1', digest, plainHttp: false } as const;
      const command = pullCommand(identify(manifest, descriptor), target);
      assert.deepEqual(found(command), [where.name, repository, '1'], command);
    }
  });

  it('is nothing else', () => {
    for (const text of [
      'ghcr.io/team/app:1',
      '/data/ann',
      '/data/many-more/app:1',
      'Local/UPPER CASE',
      'x',
    ]) {
      assert.equal(found(text), undefined, text);
    }
  });
});
