import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { parseManifest, successors } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { manifestDigest } from '../../../src/oci/schema1.ts';

const [top, base] = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`);
const document = {
  schemaVersion: 1,
  name: 'app',
  tag: '1',
  architecture: 'amd64',
  fsLayers: [{ blobSum: top }, { blobSum: base }],
  history: [
    {
      v1Compatibility: JSON.stringify({
        created: '2026-02-01T00:00:00Z',
        container_config: { Cmd: ['/bin/sh', '-c', 'make'] },
      }),
    },
    { v1Compatibility: '{"created":"2026-01-01T00:00:00Z"' },
  ],
};
const payload = JSON.stringify(document, undefined, 3);

/** As libtrust writes it: the signatures stand before the end of what is signed. */
function signed(shown: string, formatLength = shown.lastIndexOf('\n}'), tail = '\n}'): Buffer {
  const said = { formatLength, formatTail: Buffer.from(tail).toString('base64url') };
  const protectedHeader = Buffer.from(JSON.stringify(said)).toString('base64url');
  const signatures = JSON.stringify([{ header: {}, signature: 'AA', protected: protectedHeader }]);
  return Buffer.from(`${shown.slice(0, shown.lastIndexOf('\n}'))},\n   "signatures": ${signatures}\n}`);
}

describe('docker schema 1', () => {
  it('has its layers from the lowest up, each with what made it, and no sizes', () => {
    const manifest = parseManifest(Buffer.from(payload), MediaType.dockerSchema1);
    assert.ok(manifest.kind === 'manifest');
    assert.deepEqual(
      manifest.layers.map(({ digest, size }) => [digest, size]),
      [
        [base, 0],
        [top, 0],
      ],
    );
    assert.deepEqual(manifest.history, [
      {},
      { created: '2026-02-01T00:00:00Z', createdBy: '/bin/sh -c make' },
    ]);
    assert.deepEqual(successors(manifest), []);
  });

  it('is refused where a layer has no digest', () => {
    for (const fsLayers of [{}, [{}], [null], [{ blobSum: 'sha256:../x' }]]) {
      const bytes = Buffer.from(JSON.stringify({ ...document, fsLayers }));
      assert.throws(() => parseManifest(bytes, MediaType.dockerSchema1Signed), /fsLayers/);
    }
  });

  it('is named by its payload where it is signed, as long as that says what is shown', () => {
    const type = MediaType.dockerSchema1Signed;
    const name = digestOf(Buffer.from(payload));
    assert.equal(manifestDigest(signed(payload), type), name);
    assert.equal(manifestDigest(signed(payload), type, 'sha512'), digestOf(Buffer.from(payload), 'sha512'));
    // What is signed is all there, and something else is shown.
    assert.equal(manifestDigest(signed(payload.replace('amd64', 'arm64'), 0, payload), type), undefined);
    assert.equal(manifestDigest(Buffer.from(payload), type), undefined);
    assert.equal(manifestDigest(Buffer.from('[]'), type), undefined);
    assert.equal(manifestDigest(Buffer.from(payload), MediaType.dockerSchema1), name);
  });
});
