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
