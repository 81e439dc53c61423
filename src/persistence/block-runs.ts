// A sequence of blocks as it was at one instant, handed over block by block in its order while it
// goes on changing. What has not been handed over is a list of runs: blocks that are still where
// the sequence has them, as they were, and what is held of those that have changed or gone
// meanwhile: copies of the former, the latter themselves where they can be kept.
//
//   at the beginning          | 0 ................................ 99 |
//   0..9 were handed over,    | 10 .. 41 | held: 42 | 43 ......... 99 |
//   then block 42 changed
//   then one joined before    | 10 .. 41 | held: 42 | 43 .. 59 | 61 .. 100 |
//   block 60
//   then 20 to 44 were        | 10 .. 19 | held: 20 .. 44 | 20 .. 34 | 36 .. 75 |
//   removed
//
// Blocks that joined are in no run, and what happens to them is of no interest. Neighbours that are
// held are one run, so that removing many blocks one by one costs the same for each.

import type { BlockGate } from "../structures/block-gate.ts";

/** `next` has nothing more. */
export const NO_MORE = -1;
/** The next block is in `held`. */
export const HELD = -2;

/** What is held of a block. */
export interface HeldBlock {
  /** Of the block, or of its copy. */
  readonly byteLength: number;
  /** Whether it is the block itself, which is whoever's it is handed over to, to be freed. */
  readonly isKept: boolean;
}

interface Run<Held> {
  /** Where it begins in the sequence, or of what is held, in `held`. */
  first: number;
  count: number;
  readonly held: (Held | undefined)[] | undefined;
}

/** The blocks of one sequence that are still to be handed over. */
export class BlockRuns<Held extends HeldBlock> implements BlockGate {
  readonly #copyOf: (index: number) => Held;
  readonly #keep: (index: number) => Held;
  readonly #runs: Run<Held>[];
  /** Runs before this one have been handed over. */
  #head = 0;
  /** The block, where `next` returned HELD. */
  held: Held | undefined;
  /** Bytes of copies not handed over yet. */
  copiedBytes = 0;
  /** Bytes of all blocks that were ever held. */
  copiedTotal = 0;

  /**
   * Of a sequence of `count` blocks, of which `copyOf` makes copies. `keep` takes a block that is
   * about to be removed out of the sequence, which then must not free it, or makes a copy as well.
   */
  constructor(
    count: number,
    copyOf: (index: number) => Held,
    keep: (index: number) => Held = copyOf,
  ) {
    this.#copyOf = copyOf;
    this.#keep = keep;
    this.#runs = count > 0 ? [live(0, count)] : [];
  }

  /** Hands over a block: its place in the sequence, HELD or NO_MORE. */
  next(): number {
    const run = this.#runs[this.#head];
    if (run === undefined) return NO_MORE;
    const index = run.first++;
    if (--run.count === 0) this.#head++;
    if (run.held === undefined) return index;
    const held = run.held[index]!;
    run.held[index] = undefined;
    this.held = held;
    if (!held.isKept) this.copiedBytes -= held.byteLength;
    return HELD;
  }

  /** As `next`, of what is held alone: a kept block must be freed even if nobody wants it. */
  nextHeld(): Held | undefined {
    while (this.#runs[this.#head]?.held === undefined) {
      if (this.#head >= this.#runs.length) return undefined;
      this.#head++;
    }
    this.next();
    return this.held;
  }

  beforeChange(index: number): void {
    const runs = this.#runs;
    for (let k = this.#head; k < runs.length; k++) {
      const { first, count, held } = runs[k];
      if (held !== undefined || index < first || index >= first + count) continue;
      this.#hold(k, index, index + 1, index + 1, this.#copyOf);
      return;
    }
  }

  beforeInsert(index: number): void {
    const runs = this.#runs;
    for (let k = this.#head; k < runs.length; k++) {
      const run = runs[k];
      if (run.held !== undefined || index >= run.first + run.count) continue;
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
    if (count === 0) return;
    const end = index + count;
    const runs = this.#runs;
    for (let k = this.#head; k < runs.length; k++) {
      const run = runs[k];
      if (run.held !== undefined || run.first + run.count <= index) continue;
      if (run.first >= end) {
        run.first -= count;
        continue;
      }
      const from = Math.max(run.first, index);
      const to = Math.min(run.first + run.count, end);
      // What is left behind them moves to where they were.
      k = this.#hold(k, from, to, index, this.#keep);
    }
  }

  /**
   * Holds the blocks from `from` to `to` of a run that has them where they are; what follows them
   * in it begins at `next` then. Returns the place of the last run that has come of it.
   */
  #hold(k: number, from: number, to: number, next: number, take: (index: number) => Held): number {
    const runs = this.#runs;
    const run = runs[k];
    const before = from - run.first;
    const behind = run.first + run.count - to;
    const former = before === 0 && k > this.#head ? runs[k - 1] : undefined;
    const joins = former?.held !== undefined;
    const target = joins ? former : { first: 0, count: 0, held: [] };
    for (let at = from; at < to; at++) {
      const held = take(at);
      if (!held.isKept) this.copiedBytes += held.byteLength;
      this.copiedTotal += held.byteLength;
      target.held!.push(held);
      target.count++;
    }
    if (joins && behind > 0) {
      run.first = next;
      run.count = behind;
      return k;
    }
    const pieces: Run<Held>[] = [];
    if (before > 0) pieces.push(live(run.first, before));
    if (!joins) pieces.push(target);
    if (behind > 0) pieces.push(live(next, behind));
    runs.splice(k, 1, ...pieces);
    return k + pieces.length - 1;
  }
}

function live(first: number, count: number): { first: number; count: number; held: undefined } {
  return { first, count, held: undefined };
}
