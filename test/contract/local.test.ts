import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { storeContract } from './storeContract.ts';

storeContract('memory', () => Promise.resolve({ store: new MemoryStore() }));

storeContract('layout', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oci-layout-'));
  const registry = localRegistry(folder);
  return {
    store: registry.repository('team/app'),
    other: registry.repository('team/app/nested'),
    stop: () => rm(folder, { recursive: true }),
  };
});
