/** Reads a stream in pieces of a wanted length, without holding more than a chunk. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes given so far. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, or all that are left, without moving on. For small sizes: they are held. */
  async peek(size: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let last = this.#chunk;
    let held = last.byteLength;
    while (held < size) {
      // Its memory may be used again when the next is asked for.
      const copy = Buffer.from(last);
      const chunk = await this.#next();
      if (!chunk) {
        break;
      }
      chunks.push(copy);
      last = chunk;
      held += chunk.byteLength;
    }
    if (chunks.length > 0) {
      this.#chunk = Buffer.concat([...chunks, last], held);
    }
    return this.#chunk.subarray(0, size);
  }

  /** As `peek`, and moves on: shorter than `size` only at the end. */
  async read(size: number): Promise<Buffer> {
    const bytes = await this.peek(size);
    this.#advance(bytes.byteLength);
    return bytes;
  }

  /** At most `size` bytes as they come; fewer only at the end. */
  async *take(size: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = size; left > 0;) {
      if (this.#chunk.byteLength === 0) {
        const chunk = await this.#next();
        if (!chunk) {
          return;
        }
        this.#chunk = chunk;
      }
      const bytes = this.#chunk.subarray(0, left);
      left -= bytes.byteLength;
      this.#advance(bytes.byteLength);
      yield bytes;
    }
  }

  /** @returns the bytes that were there to be skipped */
  async skip(size: number): Promise<number> {
    let skipped = 0;
    for await (const bytes of this.take(size)) {
      skipped += bytes.byteLength;
    }
    return skipped;
  }

  /** Ends the source, wherever it stands. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#source.return?.();
  }

  #advance(size: number): void {
    this.#chunk = this.#chunk.subarray(size);
    this.position += size;
  }

  async #next(): Promise<Buffer | undefined> {
    const next = this.#ended ? undefined : await this.#source.next();
    if (next === undefined || next.done === true) {
      this.#ended = true;
      return undefined;
    }
    const { buffer, byteOffset, byteLength } = next.value;
    return Buffer.from(buffer, byteOffset, byteLength);
  }
}
