import { performance } from 'node:perf_hooks';
import { setImmediate as immediate } from 'node:timers/promises';

/** Milliseconds of work before others get their turn: the extension host is never held for longer than some of these. */
const budget = 8;

/**
 * Work over long lists in slices: `turn` between two pieces gives the event loop to others when the time is up. All who share
 * one share its time, so that many at once hold the loop no longer than one does.
 */
export class Slices {
  #start = performance.now();
  #next: Promise<void> | undefined;

  /** Undefined while there is time left, so that a tight loop does not wait for nothing. */
  turn(): Promise<void> | undefined {
    if (this.#next === undefined && performance.now() - this.#start < budget) {
      return undefined;
    }
    return (this.#next ??= this.#pause());
  }

  async #pause(): Promise<void> {
    await immediate();
    this.#next = undefined;
    this.#start = performance.now();
  }
}

/** Pieces that are surely short. */
const run = 256;

/** A stable merge sort of a copy, in slices. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  slices: Slices,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += run) {
    runs.push(items.slice(start, start + run).sort(compare));
    await slices.turn();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(await mergeInSlices(runs[index] ?? [], runs[index + 1] ?? [], compare, slices));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Two sorted lists as one; of equals those of `first` come first. */
export async function mergeInSlices<T>(
  first: T[],
  second: T[],
  compare: (a: T, b: T) => number,
  slices: Slices,
): Promise<T[]> {
  if (second.length === 0) {
    return first;
  }
  const merged: T[] = [];
  let a = 0;
  let b = 0;
  while (a < first.length && b < second.length) {
    const [left, right] = [first[a] as T, second[b] as T];
    if (compare(left, right) <= 0) {
      merged.push(left);
      a++;
    } else {
      merged.push(right);
      b++;
    }
    if (merged.length % run === 0) {
      await slices.turn();
    }
  }
  return merged.concat(first.slice(a), second.slice(b));
}
