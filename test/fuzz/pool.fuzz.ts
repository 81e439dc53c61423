// The byte pool against a Map from ref to what was written there: no block overlaps another, none
// changes under its owner, the counted bytes are exact, and an empty pool gives its memory back.

import { CHUNK_SHIFT, GRANULE_MASK, Pool } from "../../src/memory/pool.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

interface Block {
  readonly byteCount: number;
  readonly mark: number;
}

/** Marks the first and last word of a block; whole small blocks are filled. */
function write(pool: Pool, ref: number, { byteCount, mark }: Block): void {
  const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
  const start = (ref & GRANULE_MASK) * 8;
  const edge = Math.min(byteCount, 64);
  bytes.fill(mark, start, start + edge);
  bytes.fill(mark, start + byteCount - edge, start + byteCount);
}

function isIntact(pool: Pool, ref: number, { byteCount, mark }: Block): boolean {
  const bytes = pool.bytes[ref >>> CHUNK_SHIFT];
  const start = (ref & GRANULE_MASK) * 8;
  const edge = Math.min(byteCount, 64);
  for (let k = 0; k < edge; k++) {
    if (bytes[start + k] !== mark || bytes[start + byteCount - 1 - k] !== mark) return false;
  }
  return true;
}

const SIZES = [1, 8, 24, 100, 500, 4000, 70_000, 300_000];

function size(choices: Choices): number {
  if (choices.oneIn(2000)) return 9 * 1024 * 1024 + choices.below(1000);
  const most = choices.pick(choices.oneIn(20) ? SIZES : SIZES.slice(0, 5));
  return 1 + choices.below(most);
}

class Model {
  readonly pool = new Pool();
  readonly #blocks = new Map<number, Block>();
  readonly #refs: number[] = [];
  #bytes = 0;

  get count(): number {
    return this.#refs.length;
  }

  allocate(choices: Choices): void {
    const block = { byteCount: size(choices), mark: choices.below(256) };
    const ref = this.pool.allocate(block.byteCount);
    check(ref > 0 && ref < 2 ** 32 && !this.#blocks.has(ref), "a new block has a ref of its own");
    const capacity = this.pool.capacity(ref);
    check(capacity >= block.byteCount, "a block is at least as large as asked for");
    check(capacity === Pool.capacityFor(block.byteCount), "capacityFor foretells the capacity");
    this.#bytes += capacity;
    write(this.pool, ref, block);
    this.#blocks.set(ref, block);
    this.#refs.push(ref);
  }

  free(choices: Choices): void {
    if (this.#refs.length === 0) return;
    const at = choices.below(this.#refs.length);
    const ref = this.#refs[at];
    this.#refs[at] = this.#refs[this.#refs.length - 1];
    this.#refs.pop();
    this.#checkBlock(ref);
    this.#bytes -= this.pool.capacity(ref);
    this.#blocks.delete(ref);
    this.pool.free(ref);
  }

  /** Evacuates sparse chunks as an owner of all blocks would. */
  compact(): void {
    if (this.pool.evacuate() === 0) return;
    for (let k = 0; k < this.#refs.length; k++) {
      const ref = this.#refs[k];
      const block = this.#blocks.get(ref);
      if (block === undefined || !this.pool.isEvacuating(ref)) continue;
      const moved = this.pool.allocate(block.byteCount);
      check(!this.pool.isEvacuating(moved), "nothing is allocated in a chunk being evacuated");
      write(this.pool, moved, block);
      this.pool.free(ref);
      this.#blocks.delete(ref);
      this.#blocks.set(moved, block);
      this.#refs[k] = moved;
    }
    this.pool.endEvacuation();
  }

  verify(): void {
    this.pool.verify();
    check(this.pool.usedBytes === this.#bytes, "usedBytes is the sum of the live capacities");
    check(this.pool.chunkBytes >= this.pool.usedBytes, "chunks hold at least what is used");
    for (const ref of this.#refs) this.#checkBlock(ref);
  }

  #checkBlock(ref: number): void {
    const block = this.#blocks.get(ref);
    check(block !== undefined && isIntact(this.pool, ref, block), "a block keeps its content");
  }
}

export const poolFuzzer: Fuzzer = {
  name: "pool",
  run(choices, steps) {
    const model = new Model();
    // Grows, shrinks or stays, for a while each.
    let growth = 50;
    for (let step = 1; step <= steps; step++) {
      if (choices.below(100) < growth) model.allocate(choices);
      else model.free(choices);
      if (choices.oneIn(500)) growth = choices.pick([20, 48, 52, 80]);
      if (choices.oneIn(1000)) model.compact();
      if (choices.oneIn(200)) model.verify();
    }
    while (model.count > 0) model.free(choices);
    model.verify();
    check(model.pool.usedBytes === 0, "an empty pool uses nothing");
  },
};
