// A sequence of blocks as it was at one instant, handed over block by block in its order while it
// goes on changing. What has not been handed over is a list of runs: blocks that are still where
// the sequence has them, as they were, and copies of those that have changed or gone meanwhile.
//
//   at the beginning          | 0 ................................ 99 |
//   0..9 were handed over,    | 10 .. 41 | copy of 42 | 43 ....... 99 |
//   then block 42 changed
//   then one joined before    | 10 .. 41 | copy of 42 | 43 .. 59 | 61 .. 100 |
//   block 60
//
// Blocks that joined are in no run, and what happens to them is of no interest.

import type { BlockGate } from "../structures/block-gate.ts";

/** `next` has nothing more. */
export const NO_MORE = -1;
/** The next block is `copy`. */
export const COPIED = -2;

interface Run<Copy> {
  /** Where it begins in the sequence; of a copy, nowhere. */
  first: number;
  count: number;
  readonly copy: Copy | undefined;
}

/** The blocks of one sequence that are still to be handed over. */
export class BlockRuns<Copy extends { readonly byteLength: number }> implements BlockGate {
  readonly #copyOf: (index: number) => Copy;
  #runs: Run<Copy>[];
  /** Runs before this one have been handed over. */
  #head = 0;
  /** The block, where `next` returned COPIED. */
  copy: Copy | undefined;
  /** Bytes of copies not handed over yet. */
  copiedBytes = 0;
  /** Bytes of all copies that were ever made. */
  copiedTotal = 0;

  /** Of a sequence of `count` blocks, of which `copyOf` makes copies. */
  constructor(count: number, copyOf: (index: number) => Copy) {
    this.#copyOf = copyOf;
    this.#runs = count > 0 ? [live(0, count)] : [];
  }

  /** Hands over a block: its place in the sequence, COPIED or NO_MORE. */
  next(): number {
    const run = this.#runs[this.#head];
    if (run === undefined) return NO_MORE;
    if (run.copy !== undefined) {
      this.#head++;
      this.copy = run.copy;
      this.copiedBytes -= run.copy.byteLength;
      return COPIED;
    }
    if (--run.count === 0) this.#head++;
    return run.first++;
  }

  beforeChange(index: number): void {
    const runs = this.#runs;
    for (let k = this.#head; k < runs.length; k++) {
      const { first, count, copy } = runs[k];
      if (copy !== undefined || index < first || index >= first + count) continue;
      const split = [this.#copied(index)];
      if (index > first) split.unshift(live(first, index - first));
      if (index + 1 < first + count) split.push(live(index + 1, first + count - index - 1));
      runs.splice(k, 1, ...split);
      return;
    }
  }

  beforeInsert(index: number): void {
    const runs = this.#runs;
    for (let k = this.#head; k < runs.length; k++) {
      const run = runs[k];
      if (run.copy !== undefined || index >= run.first + run.count) continue;
      if (index <= run.first) {
        run.first++;
        continue;
      }
      const behind = run.first + run.count - index;
      run.count -= behind;
      runs.splice(++k, 0, live(index + 1, behind));
    }
  }

  beforeRemove(index: number, count: number): void {
    const end = index + count;
    const runs: Run<Copy>[] = [];
    for (let k = this.#head; k < this.#runs.length; k++) {
      const run = this.#runs[k];
      const runEnd = run.first + run.count;
      if (run.copy !== undefined || runEnd <= index) {
        runs.push(run);
        continue;
      }
      if (run.first < index) runs.push(live(run.first, index - run.first));
      const to = Math.min(runEnd, end);
      for (let at = Math.max(run.first, index); at < to; at++) runs.push(this.#copied(at));
      const from = Math.max(run.first, end);
      if (from < runEnd) runs.push(live(from - count, runEnd - from));
    }
    this.#runs = runs;
    this.#head = 0;
  }

  #copied(index: number): Run<Copy> {
    const copy = this.#copyOf(index);
    this.copiedBytes += copy.byteLength;
    this.copiedTotal += copy.byteLength;
    return { first: NO_MORE, count: 1, copy };
  }
}

function live(first: number, count: number): { first: number; count: number; copy: undefined } {
  return { first, count, copy: undefined };
}
