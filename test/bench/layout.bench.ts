import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bodyOf } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { encodeManifest } from '../../src/oci/goJson.ts';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { measure } from '../support/bench.ts';
import { runPeer } from '../support/peers.ts';

// Copies one artifact of a few large blobs from layout to layout, beside the same by oras.
const count = 6;
const size = 32 * 1024 * 1024;

const work = await mkdtemp(path.join(tmpdir(), 'oci-bench-'));
try {
  const from = localRegistry(path.join(work, 'from')).repository('big');
  const layers = [];
  for (let number = 0; number < count; number++) {
    const bytes = Buffer.alloc(size, `layer ${number} `);
    const layer = { mediaType: MediaType.octetStream, digest: digestOf(bytes), size };
    await from.push(layer, bodyOf(bytes));
    layers.push(layer);
  }
  const empty = Buffer.from('{}');
  const config = { mediaType: MediaType.empty, digest: digestOf(empty), size: empty.byteLength };
  await from.push(config, bodyOf(empty));
  const manifest = encodeManifest({ schemaVersion: 2, mediaType: MediaType.manifest, config, layers });
  const descriptor = {
    mediaType: MediaType.manifest,
    digest: digestOf(manifest),
    size: manifest.byteLength,
  };
  await from.push(descriptor, bodyOf(manifest), { tag: '1' });

  let run = 0;
  const ours = await measure(`copy ${count} blobs of ${size >> 20} MiB, layout to layout`, async () => {
    const to = localRegistry(path.join(work, `ours-${run++}`)).repository('big');
    await copy(from, '1', to, '1');
  });
  run = 0;
  const oras = await measure('the same by oras cp', async () => {
    const target = path.join(work, `oras-${run++}`);
    await runPeer('oras', [
      'cp',
      '--from-oci-layout',
      '--to-oci-layout',
      `${work}/from/big:1`,
      `${target}:1`,
    ]);
  });
  console.log(`ratio ${(ours.ms / oras.ms).toFixed(2)}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
