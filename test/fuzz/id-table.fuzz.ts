// Tables of pending entries against a sorted array: insertion mostly at the end, removal anywhere,
// searches, walks, copies, evacuated chunks.

import { Pool } from "../../src/memory/pool.ts";
import { IdTable } from "../../src/structures/id-table.ts";
import { ID_WORDS, StreamId } from "../../src/structures/stream-id.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const PAYLOAD = 2;
/** Each word of an ID holds a digit of this base, so that all of them decide the order. */
const BASE = 1000;

function idOf(number: number): StreamId {
  const id = new StreamId();
  id.msHigh = number >= BASE ** 3 ? 0xffff_ffff : 0;
  id.msLow = Math.floor(number / BASE ** 2) % BASE;
  id.seqHigh = Math.floor(number / BASE) % BASE;
  id.seqLow = number % BASE;
  return id;
}

function numberOf(id: StreamId): number {
  const high = id.msHigh > 0 ? BASE ** 3 : 0;
  return high + (id.msLow * BASE + id.seqHigh) * BASE + id.seqLow;
}

class Model {
  readonly pool = new Pool();
  table = new IdTable(this.pool, PAYLOAD);
  /** In order. */
  readonly numbers: number[] = [];
  readonly payloads = new Map<number, number>();

  #lowerBound(number: number): number {
    let low = 0;
    let high = this.numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numbers[middle] < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #current(): number {
    const id = new StreamId();
    id.load(this.table.words, this.table.at);
    const number = numberOf(id);
    const payload = this.table.words[this.table.at + ID_WORDS + 1];
    check(this.payloads.get(number) === payload, "a record has its payload");
    return number;
  }

  insert(number: number, payload: number): void {
    const at = this.#lowerBound(number);
    const isThere = this.numbers[at] === number;
    check(this.table.find(idOf(number)) === isThere, "finds exactly what is there");
    if (isThere) return;
    this.table.insert(idOf(number));
    this.table.words[this.table.at + ID_WORDS] = 0;
    this.table.words[this.table.at + ID_WORDS + 1] = payload;
    this.numbers.splice(at, 0, number);
    this.payloads.set(number, payload);
  }

  remove(number: number): void {
    const at = this.#lowerBound(number);
    const isThere = this.numbers[at] === number;
    check(this.table.find(idOf(number)) === isThere, "finds exactly what is there");
    if (!isThere) return;
    check(this.#current() === number, "finding points at the record");
    this.table.remove();
    this.numbers.splice(at, 1);
    this.payloads.delete(number);
  }

  walk(from: number, count: number): void {
    let at = this.#lowerBound(from);
    let more = this.table.seek(idOf(from));
    for (let k = 0; k < count && more; k++) {
      check(this.#current() === this.numbers[at], "a walk goes in order");
      more = this.table.advance();
      at++;
      check(more === at < this.numbers.length, "a walk ends at the end");
    }
    check(this.table.seekLast() === this.numbers.length > 0, "there is a last one");
    if (this.numbers.length > 0) check(this.#current() === this.numbers.at(-1), "the last one");
    check(this.table.seekFirst() === this.numbers.length > 0, "there is a first one");
    if (this.numbers.length > 0) check(this.#current() === this.numbers[0], "the first one");
  }

  /** Goes on with a copy, after emptying the original in slices. */
  copy(): void {
    const copy = new IdTable(this.pool, PAYLOAD);
    copy.copy(this.table);
    while (!this.table.release(3));
    this.table = copy;
  }

  relocate(): void {
    if (this.pool.evacuate() === 0) return;
    for (let k = 0; k < this.table.blockCount; k++) this.table.relocate(k);
    this.pool.endEvacuation();
  }

  verify(): void {
    this.table.verify();
    this.pool.verify();
    check(this.table.count === this.numbers.length, "records are counted");
  }
}

export const idTableFuzzer: Fuzzer = {
  name: "id-table",
  run(choices, steps) {
    const model = new Model();
    let newest = 0;
    let growth = 60;
    for (let step = 1; step <= steps; step++) {
      const some = model.numbers[choices.below(model.numbers.length + 1)] ?? 0;
      if (choices.below(100) < growth) {
        newest += choices.below(choices.pick([3, 2000]));
        const anywhere = choices.oneIn(50) ? BASE ** 3 + 5 : choices.below(newest + 2);
        model.insert(choices.oneIn(5) ? anywhere : newest, step);
      } else if (choices.oneIn(2)) {
        model.remove(model.numbers[0] ?? 0);
      } else {
        model.remove(choices.oneIn(3) ? choices.below(newest + 1) : some);
      }
      if (choices.oneIn(100)) growth = choices.pick([20, 50, 60, 95]);
      if (choices.oneIn(40)) model.walk(some + choices.below(3), choices.below(300));
      if (choices.oneIn(200)) model.verify();
      if (choices.oneIn(900)) model.copy();
      if (choices.oneIn(900)) model.relocate();
    }
    model.verify();
    while (!model.table.release(5));
    check(model.pool.usedBytes === 0 && model.pool.outsideBytes === 0, "everything is given back");
  },
};
