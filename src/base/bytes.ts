/** Joins chunks, at most `limit` bytes. @throws {RangeError} as soon as there are more */
export async function collect(source: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > limit) {
      throw new RangeError(`More than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
}

/** One chunk as a body that can be read again. */
export function bodyOf(bytes: Uint8Array): () => AsyncIterable<Uint8Array> {
  // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable over what is already here
  return async function* () {
    yield bytes;
  };
}
