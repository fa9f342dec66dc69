/**
 * Compresses blocks.
 * @param bytes a block behind the bytes before it
 * @param before how many of `bytes` stand before the block, at most 32 KiB
 * @returns whole bytes of deflate, in memory that is used again at the next call
 */
export type BlockPacker = (bytes: Buffer, before: number, level: number) => Buffer;

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
  let out = Buffer.allocUnsafeSlow(0);
  let end = 0;

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

  function store(bytes: Buffer): void {
    for (let from = 0; from < bytes.byteLength; from += maxStored) {
      const piece = bytes.subarray(from, from + maxStored);
      end = out.writeUInt8(0, end);
      end = out.writeUInt16LE(piece.byteLength, end);
      end = out.writeUInt16LE(piece.byteLength ^ 0xffff, end);
      out.set(piece, end);
      end += piece.byteLength;
    }
  }

  return (bytes, before, level) => {
    // More than deflate makes of what it cannot compress, in as many runs as there can be.
    const most = bytes.byteLength + (bytes.byteLength >> 6) + 1024;
    if (out.byteLength < most) {
      out = Buffer.allocUnsafeSlow(most);
    }
    end = 0;
    /** A run of the block that is all dense, or not: what is compressed already takes no time. */
    const pack = (from: number, to: number, dense: boolean): void => {
      const run = bytes.subarray(from, to);
      if (dense && !hasRepeats(bytes, from, to)) {
        store(run);
        return;
      }
      const dictionary = bytes.subarray(Math.max(0, from - windowSize), from);
      const packed = deflateRawSync(run, {
        level,
        finishFlush: constants.Z_SYNC_FLUSH,
        // Memory that is given back only when a thread tidies up, so no more than is needed.
        chunkSize: 16 * 1024,
        ...(dictionary.byteLength > 0 ? { dictionary } : {}),
      });
      out.set(packed, end);
      end += packed.byteLength;
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
    return out.subarray(0, end);
  };
}
