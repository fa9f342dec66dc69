/** First byte, and the one behind the last. */
export type Part = readonly [start: number, end: number];

/** Which parts of a file are there: in order, none touching another. */
export class PullParts {
  #parts: Part[] = [];

  constructor(parts: readonly Part[] = []) {
    for (const [start, end] of parts) {
      this.add(start, end);
    }
  }

  /** Of lines of `start end`; what is none, such as a last one that was cut, is left out. @param size what the file has */
  static parse(text: string, size: number): PullParts {
    const parts: Part[] = [];
    for (const [, start, end] of text.matchAll(/^(\d{1,15}) (\d{1,15})\n/gm)) {
      if (Number(start) < Number(end) && Number(end) <= size) {
        parts.push([Number(start), Number(end)]);
      }
    }
    return new PullParts(parts);
  }

  add(start: number, end: number): void {
    if (end <= start) {
      return;
    }
    const apart = this.#parts.filter(([from, to]) => to < start || from > end);
    const touching = this.#parts.filter(([from, to]) => to >= start && from <= end);
    const merged: Part = [
      Math.min(start, ...touching.map(([from]) => from)),
      Math.max(end, ...touching.map(([, to]) => to)),
    ];
    this.#parts = [...apart, merged].sort(([one], [other]) => one - other);
  }

  get bytes(): number {
    return this.#parts.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** Bytes from the start without a gap. */
  get prefix(): number {
    const [first] = this.#parts;
    return first?.[0] === 0 ? first[1] : 0;
  }

  /** What is not there of a file of `size`, in pieces. */
  gaps(size: number, piece: number): Part[] {
    const gaps: Part[] = [];
    let at = 0;
    for (const [start, end] of [...this.#parts, [size, size] as const]) {
      for (; at < start; at = Math.min(start, at + piece)) {
        gaps.push([at, Math.min(start, at + piece)]);
      }
      at = end;
    }
    return gaps;
  }
}
