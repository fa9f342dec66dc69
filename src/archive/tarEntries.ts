import type { ByteReader } from './byteReader.ts';
import { archiveLimits } from './limits.ts';
import { archiveInvalid, hasChecksum, paxRecords, tarNumber, tarText, type PaxRecords } from './tarFields.ts';
import { blockSize, padding } from './tarHeader.ts';

/** One entry of a tar that is read. Nothing of it is checked to be safe. */
export interface ArchiveEntry {
  /** As it stands in the archive. */
  readonly name: string;
  /** `other`: devices, pipes and what no system knows. */
  readonly kind: 'file' | 'folder' | 'link' | 'hard-link' | 'other';
  /** Bytes of the content. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Of links: the text of a symbolic one, the name of another entry for a hard one. */
  readonly target: string;
  /** Name of the owner; tools are told apart by whether they write one. */
  readonly owner: string;
  /** The content; can be read until the next entry is asked for. */
  readonly body: () => AsyncIterable<Buffer>;
}

const kinds: Readonly<Record<string, ArchiveEntry['kind']>> = {
  '\0': 'file',
  0: 'file',
  7: 'file',
  1: 'hard-link',
  2: 'link',
  5: 'folder',
};

/** What would have to be put together from several places, which no tool that packs folders writes. */
const refused: Readonly<Record<string, string>> = {
  S: 'a sparse file',
  M: 'a part of a file',
  D: 'an incremental backup',
};

/**
 * The entries of a tar (V7, ustar, PAX, GNU), one after another. Reads up to the end of the archive; what stands behind it
 * is left in the reader.
 * @throws {OciError} `archive-invalid` for one that is damaged, cut off, or means different things to different tools
 */
export async function* tarEntries(reader: ByteReader): AsyncGenerator<ArchiveEntry, void, undefined> {
  let pending: Pending | undefined;
  let globals: PaxRecords = new Map();
  for (let headers = 0; ; headers++) {
    const block = await reader.read(blockSize);
    if (block.byteLength === 0 || isZero(block)) {
      const next = block.byteLength === 0 ? block : await reader.read(blockSize);
      if (pending || !isZero(next) || block.byteLength % blockSize !== 0) {
        throw archiveInvalid('It ends in the middle');
      }
      return;
    }
    if (block.byteLength < blockSize || !hasChecksum(block)) {
      throw archiveInvalid(headers === 0 ? 'It is not a tar' : 'A header is damaged');
    }
    if (headers > 4 * archiveLimits.entries) {
      throw archiveInvalid('It has too many headers');
    }
    const flag = block.toString('latin1', 156, 157);
    const size = tarNumber(block.subarray(124, 136), 'size');
    if (flag === 'x' || flag === 'L' || flag === 'K') {
      pending = withMeta(pending, flag, await meta(reader, size));
    } else if (flag === 'g') {
      globals = globalRecords(globals, paxRecords(await meta(reader, size)));
    } else {
      const entry = entryOf(block, flag, size, pending, globals, reader);
      pending = undefined;
      const end = reader.position + entry.size + padding(entry.size);
      if (entry.kind !== 'other' || flag !== 'V') {
        yield entry;
      }
      const left = end - reader.position;
      if ((await reader.skip(left)) < left) {
        throw archiveInvalid('It ends in the middle of an entry');
      }
    }
  }
}

interface Pending {
  readonly pax?: PaxRecords;
  readonly name?: string;
  readonly target?: string;
}

function withMeta(pending: Pending | undefined, flag: 'x' | 'L' | 'K', content: Buffer): Pending {
  return flag === 'x'
    ? { ...pending, pax: new Map([...(pending?.pax ?? []), ...paxRecords(content)]) }
    : { ...pending, [flag === 'L' ? 'name' : 'target']: tarText(content) };
}

/** Content of a header about another. Its own header says how long it is, whatever PAX says of the entry. */
async function meta(reader: ByteReader, size: number): Promise<Buffer> {
  if (size > archiveLimits.metaBytes) {
    throw archiveInvalid('An extended header is too long');
  }
  const content = Buffer.from(await reader.read(size));
  if (content.byteLength < size || (await reader.skip(padding(size))) < padding(size)) {
    throw archiveInvalid('It ends in the middle of a header');
  }
  return content;
}

/** Every entry of one name or size: tools disagree on what that means. */
function globalRecords(known: PaxRecords, records: PaxRecords): PaxRecords {
  if (['path', 'linkpath', 'size'].some((key) => records.has(key))) {
    throw archiveInvalid('A header for all entries gives them one name or size');
  }
  return new Map([...known, ...records]);
}

function entryOf(
  block: Buffer,
  flag: string,
  headerSize: number,
  { pax = new Map(), ...long }: Pending = {},
  globals: PaxRecords,
  reader: ByteReader,
): ArchiveEntry {
  const isSparse = [...pax.keys(), ...globals.keys()].some((key) => key.startsWith('GNU.sparse.'));
  const refusal = isSparse ? refused['S'] : refused[flag];
  const name = pax.get('path') ?? long.name ?? headerName(block);
  if (refusal !== undefined || name === '') {
    throw archiveInvalid(refusal === undefined ? 'An entry has no name' : `It holds ${refusal}`);
  }
  const size = pax.has('size') ? paxSize(pax.get('size') ?? '') : headerSize;
  const known = kinds[flag] ?? 'other';
  const kind = known === 'file' && name.endsWith('/') ? 'folder' : known;
  if (size > 0 && kind !== 'file' && kind !== 'other') {
    throw archiveInvalid(`${JSON.stringify(name.slice(0, 200))} is no file and has content`);
  }
  const time = Number(pax.get('mtime') ?? globals.get('mtime') ?? NaN);
  return {
    name,
    kind,
    size,
    mode: tarNumber(block.subarray(100, 108), 'mode') & 0o777,
    time: Number.isFinite(time) ? time : timeOf(block),
    target: pax.get('linkpath') ?? long.target ?? tarText(block.subarray(157, 257)),
    owner: tarText(block.subarray(265, 297)),
    body: () => reader.take(size),
  };
}

/** Times before 1970 and beyond a number are of no use to a file. */
function timeOf(block: Buffer): number {
  try {
    return tarNumber(block.subarray(136, 148), 'time');
  } catch {
    return 0;
  }
}

function paxSize(text: string): number {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(size)) {
    throw archiveInvalid('An extended header has no valid size');
  }
  return size;
}

/** Only ustar splits a name in two; where GNU has other things, `ustar` is followed by a blank. */
function headerName(block: Buffer): string {
  const name = tarText(block.subarray(0, 100));
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const isStar = block.toString('latin1', 508, 512) === 'tar\0';
  const prefix = isUstar ? tarText(block.subarray(345, isStar ? 476 : 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
