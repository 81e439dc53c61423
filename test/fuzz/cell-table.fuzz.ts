// The index against a Map from hash to refs: lookups, removals, scans that span growth and
// shrinking, counts. Hashes are uniform, crowded into few prefixes, or equal.

import { CellTable, NO_CELL } from "../../src/memory/cell-table.ts";
import { NULL_REF, Pool } from "../../src/memory/pool.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

/** More equal hashes than this would not fit one segment, nor occur. */
const EQUAL_MAX = 20;

type HashSource = (choices: Choices) => number;

const uniform: HashSource = (choices) => (choices.below(2 ** 16) << 16) | choices.below(2 ** 16);

const SOURCES: readonly HashSource[] = [
  uniform,
  // Few prefixes: deep directories.
  (choices) => (choices.below(4) << 30) | (choices.below(3000) << 6),
  // Few hashes: equal ones in a row.
  (choices) => Math.imul(choices.below(300), 0x9e3779b1),
  (choices) => choices.pick([0, -1, 1, 0x7fffffff, -0x80000000, uniform(choices)]),
];

class Model {
  readonly table = new CellTable(new Pool());
  readonly #refs = new Map<number, number[]>();
  readonly #volatile = new Set<number>();
  #nextRef = 1;
  #count = 0;

  constructor() {
    this.table.isVolatile = (ref) => this.#volatile.has(ref);
  }

  get count(): number {
    return this.#count;
  }

  insert(hash: number, isVolatile: boolean): void {
    const refs = this.#refs.get(hash) ?? [];
    if (refs.length >= EQUAL_MAX) return;
    const ref = this.#nextRef++;
    // The owner's ref must be known as volatile before growth asks for it.
    this.table.insert(hash, ref);
    if (isVolatile) {
      this.#volatile.add(ref);
      this.table.addVolatile(1);
    }
    refs.push(ref);
    this.#refs.set(hash, refs);
    this.#count++;
  }

  /** Removes a random one of the cells with this hash. */
  remove(choices: Choices, hash: number): void {
    const refs = this.#refs.get(hash);
    if (refs === undefined) {
      check(this.table.seek(hash) === NO_CELL, "an absent hash is not found");
      return;
    }
    const ref = choices.pick(refs);
    let cell = this.table.seek(hash);
    while (cell !== NO_CELL && this.table.refAt(cell) !== ref) cell = this.table.next(cell);
    check(cell !== NO_CELL, "a cell that is there is found");
    this.table.remove(cell, hash, this.#volatile.delete(ref));
    refs.splice(refs.indexOf(ref), 1);
    if (refs.length === 0) this.#refs.delete(hash);
    this.#count--;
  }

  lookUp(hash: number): void {
    const expected = this.#refs.get(hash) ?? [];
    const found: number[] = [];
    for (let cell = this.table.seek(hash); cell !== NO_CELL; cell = this.table.next(cell)) {
      found.push(this.table.refAt(cell));
    }
    check(sameMembers(found, expected), `finds exactly the cells of hash ${hash}`);
    const peeked = this.table.peek(hash);
    check(peeked === (found[0] ?? NULL_REF), "peek finds what seek finds");
    this.table.touch(hash);
  }

  /** A full scan during which the table changes returns all that was there from start to end. */
  scan(choices: Choices, source: HashSource): void {
    const before = new Set([...this.#refs.values()].flat());
    const seen = new Set<number>();
    // Small tables in small bites; large ones in larger, or scanning would be all there is.
    const limit = 1 + choices.below(20) + (before.size >>> 7);
    let previous = -1;
    let position = 0;
    do {
      position = this.table.scan(position, limit, (ref, hash) => {
        const order = hash >>> 0;
        check(order >= previous, "a scan goes in hash order");
        previous = order;
        seen.add(ref);
      });
      for (let k = choices.below(4); k > 0; k--) {
        if (choices.oneIn(2)) this.insert(source(choices), false);
        else this.remove(choices, source(choices));
      }
    } while (position !== 0);
    const still = new Set([...this.#refs.values()].flat());
    for (const ref of before) check(!still.has(ref) || seen.has(ref), "a scan misses nothing");
  }

  verify(): void {
    this.table.verify();
    check(this.table.count === this.#count, "cells are counted");
    check(this.table.volatileCount === this.#volatile.size, "volatile cells are counted");
  }

  empty(choices: Choices): void {
    for (const [hash, refs] of [...this.#refs]) {
      for (let k = refs.length; k > 0; k--) this.remove(choices, hash);
    }
    this.verify();
  }
}

function sameMembers(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && new Set([...left, ...right]).size === left.length;
}

export const cellTableFuzzer: Fuzzer = {
  name: "cell-table",
  run(choices, steps) {
    const model = new Model();
    let sources = choices.subset(SOURCES);
    let growth = 60;
    for (let step = 1; step <= steps; step++) {
      const source = choices.pick(sources);
      const hash = source(choices);
      if (choices.oneIn(4)) model.lookUp(hash);
      else if (choices.below(100) < growth) model.insert(hash, choices.oneIn(3));
      else model.remove(choices, hash);
      if (choices.oneIn(500)) growth = choices.pick([30, 50, 70, 95]);
      if (choices.oneIn(2000)) sources = choices.subset(SOURCES);
      if (choices.oneIn(500)) model.verify();
      if (choices.oneIn(700)) model.scan(choices, source);
    }
    model.empty(choices);
    check(model.count === 0, "an emptied table is empty");
  },
};
