/**
 * Bytes behind a piece until its memory is used again: a socket may hold less than its `writableHighWaterMark` (64 KiB) when it
 * asks for more, and nothing of what stands before that.
 */
const margin = 128 * 1024;

/**
 * Pieces of memory of one size that are used again, so that little is left to be tidied up: V8 lets tens of megabytes come
 * together before it does.
 */
export class SpareMemory {
  readonly #size: number;
  readonly #free: ArrayBuffer[] = [];
  /** The last piece, which may still be looked at. */
  #last: ArrayBuffer | undefined;

  /** @param size in bytes, more than `margin` */
  constructor(size: number) {
    this.#size = size;
  }

  take(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(this.#size);
  }

  /**
   * The first `size` bytes of what was taken, which is taken back behind it.
   * @param isBrief true: a piece is done with when the next is asked for
   */
  *lent(memory: ArrayBuffer, size: number, isBrief: boolean): Generator<Uint8Array, void, undefined> {
    const bytes = Buffer.from(memory, 0, size);
    if (!isBrief || size < margin) {
      this.#free.push(memory);
      yield Buffer.from(bytes);
    } else {
      yield bytes;
      if (this.#last) {
        this.#free.push(this.#last);
      }
      this.#last = memory;
    }
  }
}
