import { OciError } from '../oci/errors.ts';
import type { PlannedFile } from '../oci/layout/layoutPlan.ts';
import { writeFileWhole } from '../oci/layout/writeFile.ts';
import type { Op } from '../oci/store.ts';
import { blockSize, padding, tarHeader } from './tarHeader.ts';

/**
 * Writes the tar whole or not at all.
 * @throws {OciError} as `layoutTar`, and what the disk says
 */
export function writeLayoutTar(
  path: string,
  files: readonly PlannedFile[],
  { signal, onBytes }: Op & { readonly onBytes?: (bytes: number) => void },
): Promise<void> {
  return writeFileWhole(path, layoutTar(files, signal), onBytes);
}

/** Bytes of the tar of these files, without reading one. */
export function layoutTarSize(files: readonly PlannedFile[]): number {
  return files.reduce(
    (sum, { path, size }) => sum + headerOf({ path, size }).byteLength + size + padding(size),
    2 * blockSize,
  );
}

/**
 * The files one after another as a tar, without times and owners: the same files give the same bytes.
 * @throws {OciError} `size-mismatch` for a file that is not as long as was planned
 */
async function* layoutTar(
  files: readonly PlannedFile[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { path, size, body } of files) {
    signal?.throwIfAborted();
    yield headerOf({ path, size });
    let left = size;
    for await (const chunk of body()) {
      signal?.throwIfAborted();
      left -= chunk.byteLength;
      if (left < 0) {
        break;
      }
      yield chunk;
    }
    if (left !== 0) {
      throw new OciError('size-mismatch', `${path} is not as long as the ${size} bytes it is said to have`);
    }
    yield Buffer.alloc(padding(size));
  }
  yield Buffer.alloc(2 * blockSize);
}

function headerOf({ path, size }: Pick<PlannedFile, 'path' | 'size'>): Buffer {
  return tarHeader({ name: path, kind: 'file', size, mode: 0o644, time: 0 });
}
