import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError } from '../errors.ts';

/**
 * Writes a file whole or not at all: a temporary one beside it, flushed, then renamed. `source` may fail half-way, as when
 * its digest is wrong; then nothing is left.
 */
export async function writeFileWhole(
  path: string,
  source: AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const temporary = join(dirname(path), `.tmp-${randomUUID()}`);
  let sent = 0;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      for await (const chunk of source) {
        await file.write(chunk);
        sent += chunk.byteLength;
        onBytes?.(chunk.byteLength);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    onBytes?.(-sent);
    throw fileError(error, path);
  }
}
