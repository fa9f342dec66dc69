/** Bytes judged at once. */
export const unitSize = 64 * 1024;

const counts = new Uint32Array(256);
/** Of every so many bytes one is counted: what is dense is so everywhere. */
const stride = 4;
/** Of 8. Text has 4 to 5, programs 6 to 7; what is compressed, encrypted or random already 7.9 and more. */
const denseBits = 7.85;

/** Whether bytes are spread so evenly that coding them by how often each is there gains nothing; repeats are not looked for. */
export function isDense(bytes: Uint8Array): boolean {
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

/** A byte that random bytes have once in 256: what stands behind it is compared. */
const anchor = 0x5a;
/** Bytes behind an anchor that are the same by chance in one of 2 ** 32. */
const seenSize = 4;
const windowSize = 32 * 1024;
/** Of the anchors, the part that must have been there before: below, a repeat gains less than it costs to look for. */
const repeated = 0.05;

/**
 * Whether dense bytes say again what was said within the last 32 KiB, as files that are the same one behind the other do.
 * @param before what stands before them, which may be short
 */
export function hasRepeats(bytes: Buffer, before: Buffer): boolean {
  const seen = new Map<number, number>();
  let count = 0;
  let again = 0;
  const look = (part: Buffer, start: number, isCounted: boolean): void => {
    for (
      let at = part.indexOf(anchor);
      at >= 0 && at + seenSize < part.byteLength;
      at = part.indexOf(anchor, at + 1)
    ) {
      const key = part.readUInt32LE(at + 1);
      const last = seen.get(key);
      if (isCounted) {
        count++;
        again += last !== undefined && start + at - last <= windowSize ? 1 : 0;
      }
      seen.set(key, start + at);
    }
  };
  look(before.subarray(-windowSize), -Math.min(windowSize, before.byteLength), false);
  look(bytes.subarray(0, unitSize), 0, true);
  return again > repeated * count;
}
