import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ownName, sweep } from '../../base/leftovers.ts';
import { fileError } from '../errors.ts';

/**
 * Writes a file whole or not at all: a temporary one beside it, flushed, then renamed. `source` may fail half-way, as when
 * its digest is wrong; then nothing is left.
 */
export function writeFileWhole(
  path: string,
  source: AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  return writeFileNamed(dirname(path), source, () => Promise.resolve(basename(path)), path, onBytes);
}

/**
 * As `writeFileWhole`, where only what is written says what it is called.
 * @param nameOf asked at the end; undefined: it is not wanted, as it is there
 * @param told what a fault is said to be about
 */
export async function writeFileNamed(
  folder: string,
  source: AsyncIterable<Uint8Array>,
  nameOf: () => Promise<string | undefined>,
  told: string,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const temporary = join(folder, `${ownName('.tmp-')}${randomUUID()}`);
  let sent = 0;
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await writeAll(file, source, (bytes) => {
        sent += bytes;
        onBytes?.(bytes);
      });
      await file.sync();
    } finally {
      await file.close();
    }
    const name = await nameOf();
    await (name === undefined ? rm(temporary) : rename(temporary, join(folder, name)));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    onBytes?.(-sent);
    throw fileError(error, told);
  }
}

/** Removes what is left of files that a process was writing when it was killed. */
export async function sweepTemporary(folder: string): Promise<void> {
  await sweep(folder, { before: /\.tmp-/, behind: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/ });
}

/** What a network gives in small chunks is written in few calls, each while the next chunks come. */
const batchSize = 1024 * 1024;

/** Where a part of a file goes. */
export interface Place {
  readonly start: number;
  /** Told as far as what was written goes. */
  readonly onWritten: (end: number) => void;
  /** True: nobody else looks at the pieces, so that their memory is given back as soon as they are written. */
  readonly isOwn?: boolean | undefined;
}

/** Writes all of `source`, holding two megabytes at most. @param place default the end of a new file */
export async function writeAll(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
  place?: Place,
): Promise<void> {
  let batch: Uint8Array[] = [];
  let size = 0;
  let at = place?.start ?? 0;
  let writing: Promise<void> = Promise.resolve();
  const write = async (start: number, chunks: readonly Uint8Array[], bytes: number): Promise<void> => {
    await writeBatch(file, chunks, bytes, place && start);
    if (place?.isOwn === true) {
      chunks.forEach(giveBack);
    }
    place?.onWritten(start + bytes);
  };
  try {
    for await (const chunk of source) {
      batch.push(chunk);
      size += chunk.byteLength;
      onBytes?.(chunk.byteLength);
      if (size >= batchSize) {
        await writing;
        writing = write(at, batch, size);
        // Its fault is met at the next turn; until then it is nobody's.
        writing.catch(() => undefined);
        at += size;
        batch = [];
        size = 0;
      }
    }
    await writing;
    await write(at, batch, size);
  } finally {
    await Promise.allSettled([writing]);
  }
}

/** V8 lets tens of megabytes come together before it tidies up. What is a part of something larger is left to it. */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) {
    buffer.transfer(0);
  }
}

/** A disk that is nearly full takes a part, and says why only when asked again. */
async function writeBatch(
  file: FileHandle,
  batch: readonly Uint8Array[],
  size: number,
  position?: number,
): Promise<void> {
  const { bytesWritten } = size > 0 ? await file.writev([...batch], position) : { bytesWritten: 0 };
  if (bytesWritten < size) {
    const left = Buffer.concat(batch).subarray(bytesWritten);
    for (let at = 0; at < left.byteLength;) {
      const from = position === undefined ? undefined : position + bytesWritten + at;
      at += (await file.write(left, at, left.byteLength - at, from)).bytesWritten;
    }
  }
}
