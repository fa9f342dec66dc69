import { close, open as openFile, read } from 'node:fs';
import { open } from 'node:fs/promises';
import { SpareMemory } from '../base/spareMemory.ts';
import { blockSize, padding, tarHeader } from '../archive/tarHeader.ts';
import { fileError, OciError } from '../oci/errors.ts';
import type { PlanEntry } from './plan.ts';

export interface TarOptions {
  /** True: times and permission bits as they are on disk, as oras packs; else the same everywhere. */
  readonly keepFileTimes: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Which pieces are done with when the next is asked for, and their memory used again: `large` as of `StreamBody`. */
  readonly brief?: 'all' | 'large' | undefined;
}

/**
 * The tar of a folder, piece by piece. Small files are read ahead of the place they are wanted at.
 * @throws {OciError} `file-changed` when a file is not as long as it was when it was looked at
 */
export async function* tarOf(
  entries: readonly PlanEntry[],
  { keepFileTimes, signal, brief }: TarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const memory = new Memory(brief === 'all');
  const ahead = new ReadAhead(entries, memory);
  try {
    for (const [index, entry] of entries.entries()) {
      signal?.throwIfAborted();
      const { kind, mode, time, size } = entry;
      // Of the permission bits only who may run it is the same on every system.
      const common = kind === 'folder' || (mode & 0o100) !== 0 ? 0o755 : 0o644;
      const fixed = kind === 'link' ? 0o777 : common;
      yield tarHeader({ ...entry, mode: keepFileTimes ? mode : fixed, time: keepFileTimes ? time : 0 });
      if (kind === 'file') {
        const whole = await ahead.take(index);
        if (whole) {
          yield whole;
          memory.give(whole);
        } else {
          yield* fileOf(entry, signal, brief !== undefined);
        }
        const rest = padding(size);
        if (rest > 0) {
          yield zeros.subarray(0, rest);
        }
      }
    }
  } finally {
    await ahead.end();
  }
  yield Buffer.alloc(2 * blockSize);
}

const zeros = Buffer.alloc(blockSize);
/** Files up to here are read whole, larger ones in pieces. */
const chunkSize = 256 * 1024;
const pieceSize = 512 * 1024;
/** Files, and bytes of them, that are read before they are wanted: to open one takes longer than to read it. */
const maxAhead = 16;
const maxBytesAhead = 4 * 1024 * 1024;

class ReadAhead {
  readonly #entries: readonly PlanEntry[];
  readonly #reading = new Map<number, Promise<Uint8Array>>();
  #next = 0;
  #bytes = 0;

  readonly #memory: Memory;

  constructor(entries: readonly PlanEntry[], memory: Memory) {
    this.#entries = entries;
    this.#memory = memory;
  }

  /** The content of a small file; undefined for one that is read in pieces. @throws {OciError} `file-changed` */
  async take(index: number): Promise<Uint8Array | undefined> {
    this.#next = Math.max(this.#next, index);
    for (; this.#next < this.#entries.length && this.#hasRoom; this.#next++) {
      const entry = this.#entries[this.#next];
      if (entry && isSmall(entry)) {
        const content = smallFile(entry, this.#memory);
        // One that nobody asks for any more has no fault to tell of.
        content.catch(() => undefined);
        this.#reading.set(this.#next, content);
        this.#bytes += entry.size;
      }
    }
    const content = await this.#reading.get(index);
    if (content) {
      this.#reading.delete(index);
      this.#bytes -= content.byteLength;
    }
    return content;
  }

  get #hasRoom(): boolean {
    return this.#reading.size === 0 || (this.#reading.size < maxAhead && this.#bytes < maxBytesAhead);
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#reading.values());
  }
}

/** What small files are read into. */
class Memory {
  readonly #isBrief: boolean;
  readonly #free: ArrayBuffer[] = [];

  constructor(isBrief: boolean) {
    this.#isBrief = isBrief;
  }

  take(size: number): Buffer {
    return this.#isBrief
      ? Buffer.from(this.#free.pop() ?? new ArrayBuffer(chunkSize + 1), 0, size)
      : Buffer.allocUnsafeSlow(size);
  }

  give({ buffer }: Uint8Array): void {
    if (this.#isBrief) {
      this.#free.push(buffer as ArrayBuffer);
    }
  }
}

function isSmall({ kind, size }: PlanEntry): boolean {
  return kind === 'file' && size <= chunkSize;
}

/** Without the promises of `node:fs`, which take twice the time for thousands of files. */
function smallFile({ path, size }: PlanEntry, memory: Memory): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(fileError(error, path));
    openFile(path, 'r', (error, file) => {
      if (error) {
        fail(error);
        return;
      }
      // One byte more than there should be shows a file that grew.
      const content = memory.take(size + 1);
      const from = (filled: number): void => {
        read(file, content, filled, content.byteLength - filled, null, (readError, count) => {
          if (!readError && count > 0 && filled + count < content.byteLength) {
            from(filled + count);
            return;
          }
          close(file, () => {
            if (readError) {
              fail(readError);
            } else if (filled + count === size) {
              resolve(content.subarray(0, size));
            } else {
              reject(changed(path));
            }
          });
        });
      };
      from(0);
    });
  });
}

function changed(path: string): OciError {
  return new OciError('file-changed', `${path} changed while it was read`, { url: path });
}

/**
 * Exactly the bytes that were planned.
 * @param isBrief true: a piece is done with when the next is asked for, and its memory used again
 * @throws {OciError} `file-changed`
 */
export async function* fileOf(
  { path, size }: Pick<PlanEntry, 'path' | 'size'>,
  signal?: AbortSignal,
  isBrief = false,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  const memory = isBrief && size > pieceSize ? new SpareMemory(pieceSize) : undefined;
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, path);
  });
  // One byte more than there should be shows a file that grew. The next piece is read while this one is used.
  const next = (from: number): ReturnType<typeof file.read<Buffer<ArrayBuffer>>> => {
    const wanted = Math.max(1, Math.min(pieceSize, size - from + 1));
    const into = memory ? Buffer.from(memory.take(), 0, wanted) : Buffer.allocUnsafeSlow(wanted);
    const reading = file.read(into, 0, wanted, from);
    // Its fault is met when it is its turn.
    reading.catch(() => undefined);
    return reading;
  };
  try {
    let reading = next(0);
    for (let isMore = true; isMore && read <= size;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await reading;
      read += bytesRead;
      isMore = bytesRead === buffer.byteLength;
      if (isMore && read <= size) {
        reading = next(read);
      }
      if (bytesRead > 0 && read <= size) {
        yield* memory?.lent(buffer.buffer, bytesRead, true) ?? [buffer.subarray(0, bytesRead)];
      }
    }
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await file.close();
  }
  if (read !== size) {
    throw changed(path);
  }
}
