/**
 * Compresses blocks.
 * @param bytes a block behind the bytes before it
 * @param before how many of `bytes` stand before the block, at most 32 KiB
 * @param out takes whole bytes of deflate; `packedSize` of them are always enough
 * @returns how many they are
 */
export type BlockPacker = (bytes: Buffer, before: number, level: number, out: Buffer) => number;

/** More than deflate makes of what it cannot compress, in as many runs as there can be. */
export function packedSize(size: number): number {
  return size + (size >> 6) + 1024;
}

/**
 * Makes one. Threads run the text of this function, so that there is no file of theirs to be found in a bundle: it names nothing that
 * is outside of it.
 */
export function blockPacker(): BlockPacker {
  const { constants, deflateRawSync } = process.getBuiltinModule('node:zlib');
  const windowSize = 32 * 1024;
  /** Bytes judged at once. */
  const unitSize = 64 * 1024;
  /** Most bytes of a block that is stored as it is (RFC 1951, 3.2.4). */
  const maxStored = 65_535;
  const counts = new Uint32Array(256);
  /** Of every so many bytes one is counted: what is dense is so everywhere. */
  const stride = 4;
  /** Of 8. Text has 4 to 5, programs 6 to 7; what is compressed, encrypted or random already 7.9 and more. */
  const denseBits = 7.85;
  /** A byte that random bytes have once in 256: what stands behind it, 4 bytes, is the same by chance in one of 2 ** 32. */
  const anchor = 0x5a;
  /** Of the anchors, the part that must have been there before: below, a repeat gains less than it costs to look for. */
  const repeated = 0.05;

  /** Whether bytes are spread so evenly that coding them by how often each is there gains nothing; repeats are not looked for. */
  function isDense(bytes: Buffer): boolean {
    const samples = Math.ceil(bytes.byteLength / stride);
    // Of fewer, the count says nothing.
    if (samples < 4096) {
      return false;
    }
    counts.fill(0);
    for (let at = 0; at < bytes.byteLength; at += stride) {
      const byte = bytes[at] ?? 0;
      counts[byte] = (counts[byte] ?? 0) + 1;
    }
    let sum = 0;
    for (const count of counts) {
      sum += count > 0 ? count * Math.log2(count) : 0;
    }
    return Math.log2(samples) - sum / samples >= denseBits;
  }

  /** Whether dense bytes say again what was said within the last 32 KiB, as files that are the same one behind the other do. */
  function hasRepeats(bytes: Buffer, from: number, to: number): boolean {
    const seen = new Map<number, number>();
    let count = 0;
    let again = 0;
    const first = Math.max(0, from - windowSize);
    const last = Math.min(to, from + unitSize) - 5;
    for (let at = bytes.indexOf(anchor, first); at >= 0 && at <= last; at = bytes.indexOf(anchor, at + 1)) {
      const key = bytes.readUInt32LE(at + 1);
      if (at >= from) {
        count++;
        again += at - (seen.get(key) ?? -Infinity) <= windowSize ? 1 : 0;
      }
      seen.set(key, at);
    }
    return again > repeated * count;
  }

  function store(bytes: Buffer, out: Buffer, start: number): number {
    let end = start;
    for (let from = 0; from < bytes.byteLength; from += maxStored) {
      const piece = bytes.subarray(from, from + maxStored);
      end = out.writeUInt8(0, end);
      end = out.writeUInt16LE(piece.byteLength, end);
      end = out.writeUInt16LE(piece.byteLength ^ 0xffff, end);
      out.set(piece, end);
      end += piece.byteLength;
    }
    return end;
  }

  return (bytes, before, level, out) => {
    let end = 0;
    /** A run of the block that is all dense, or not: what is compressed already takes no time. */
    const pack = (from: number, to: number, dense: boolean): void => {
      const run = bytes.subarray(from, to);
      if (dense && !hasRepeats(bytes, from, to)) {
        end = store(run, out, end);
        return;
      }
      const dictionary = bytes.subarray(Math.max(0, from - windowSize), from);
      // All of it in one piece, whose memory is given back at once: what a thread leaves to be tidied up grows to tens of megabytes.
      const chunkSize = run.byteLength + (run.byteLength >> 6) + 1024;
      const packed = deflateRawSync(run, {
        level,
        finishFlush: constants.Z_SYNC_FLUSH,
        chunkSize,
        ...(dictionary.byteLength > 0 ? { dictionary } : {}),
      });
      out.set(packed, end);
      end += packed.byteLength;
      // Of a small one, others may have a part.
      if (packed.buffer.byteLength === chunkSize) {
        packed.buffer.transfer(0);
      }
    };
    let start = before;
    let dense = false;
    for (let at = before; at < bytes.byteLength; at += unitSize) {
      const isUnitDense = isDense(bytes.subarray(at, at + unitSize));
      if (at > start && isUnitDense !== dense) {
        pack(start, at, dense);
        start = at;
      }
      dense = isUnitDense;
    }
    if (start < bytes.byteLength) {
      pack(start, bytes.byteLength, dense);
    }
    return end;
  };
}
