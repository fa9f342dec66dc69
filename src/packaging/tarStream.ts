import { open } from 'node:fs/promises';
import { blockSize, padding, tarHeader } from '../archive/tarHeader.ts';
import { fileError, OciError } from '../oci/errors.ts';
import type { PlanEntry } from './plan.ts';

export interface TarOptions {
  /** True: times and permission bits as they are on disk, as oras packs; else the same everywhere. */
  readonly keepFileTimes: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tar of a folder, piece by piece.
 * @throws {OciError} `file-changed` when a file is not as long as it was when it was looked at
 */
export async function* tarOf(
  entries: readonly PlanEntry[],
  { keepFileTimes, signal }: TarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const entry of entries) {
    signal?.throwIfAborted();
    const { kind, mode, time, size } = entry;
    // Of the permission bits only who may run it is the same on every system.
    const common = kind === 'folder' || (mode & 0o100) !== 0 ? 0o755 : 0o644;
    const fixed = kind === 'link' ? 0o777 : common;
    yield tarHeader({ ...entry, mode: keepFileTimes ? mode : fixed, time: keepFileTimes ? time : 0 });
    if (kind === 'file') {
      yield* fileOf(entry, signal);
      yield Buffer.alloc(padding(size));
    }
  }
  yield Buffer.alloc(2 * blockSize);
}

const chunkSize = 256 * 1024;

/**
 * Exactly the bytes that were planned.
 * @throws {OciError} `file-changed`
 */
export async function* fileOf(
  { path, size }: PlanEntry,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  try {
    for (let isMore = true; isMore && read <= size;) {
      signal?.throwIfAborted();
      // One byte more than there should be shows a file that grew.
      const wanted = Math.min(chunkSize, size - read + 1);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted);
      read += bytesRead;
      isMore = bytesRead === wanted;
      if (bytesRead > 0 && read <= size) {
        yield buffer.subarray(0, bytesRead);
      }
    }
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await file.close();
  }
  if (read !== size) {
    throw new OciError('file-changed', `${path} changed while it was read`, { url: path });
  }
}
