// An intset against a Set of BigInts: inserting with widening as owners do it, removing, searching.

import { Int64 } from "../../src/base/int64.ts";
import { latin1Bytes } from "../../src/base/text.ts";
import {
  elementOffset,
  intsetBytes,
  isValidIntset,
  lengthAt,
  loadElement,
  search,
  setLength,
  widen,
  widthAt,
  widthOf,
  writeElement,
  writeIntsetHeader,
} from "../../src/structures/intset.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const START = 5;
const LENGTH_MAX = 400;

class Model {
  readonly bytes = new Uint8Array(START + intsetBytes(8, LENGTH_MAX));
  readonly elements = new Set<bigint>();
  readonly #value = new Int64();

  constructor() {
    writeIntsetHeader(this.bytes, START, 2, 0);
  }

  #parse(value: bigint): void {
    const text = latin1Bytes(String(value));
    check(this.#value.parse(text, 0, text.length), "a 64-bit integer is one");
  }

  insert(value: bigint): void {
    this.#parse(value);
    const found = search(this.bytes, START, this.#value);
    check(found >= 0 === this.elements.has(value), `${value} is found where it is an element`);
    if (found >= 0 || this.elements.size === LENGTH_MAX) return;
    const length = lengthAt(this.bytes, START);
    if (widthOf(this.#value) > widthAt(this.bytes, START)) {
      widen(this.bytes, START, widthOf(this.#value));
      const index = ~search(this.bytes, START, this.#value);
      check(index === (value < 0n ? 0 : length), "what widens goes to an end");
    }
    this.#move(~search(this.bytes, START, this.#value), 1);
    writeElement(this.bytes, START, ~search(this.bytes, START, this.#value), this.#value);
    setLength(this.bytes, START, length + 1);
    this.elements.add(value);
  }

  /** Moves the elements from an index on by so many places. */
  #move(index: number, places: number): void {
    const width = widthAt(this.bytes, START);
    const from = START + elementOffset(width, index);
    const to = START + elementOffset(width, lengthAt(this.bytes, START));
    this.bytes.copyWithin(from + places * width, from, to);
  }

  remove(value: bigint): void {
    this.#parse(value);
    const index = search(this.bytes, START, this.#value);
    check(index >= 0 === this.elements.delete(value), `${value} is found to be removed`);
    if (index < 0) return;
    this.#move(index + 1, -1);
    setLength(this.bytes, START, lengthAt(this.bytes, START) - 1);
  }

  verify(): void {
    const sorted = [...this.elements].sort((left, right) => (left < right ? -1 : 1));
    check(lengthAt(this.bytes, START) === sorted.length, "elements are counted");
    for (let k = 0; k < sorted.length; k++) {
      loadElement(this.bytes, START, k, this.#value);
      const { high, low } = this.#value;
      check((BigInt(high) << 32n) + BigInt(low) === sorted[k], `element ${k} is ${sorted[k]}`);
    }
    const end = START + intsetBytes(widthAt(this.bytes, START), sorted.length);
    check(isValidIntset(this.bytes, START, end, true) === sorted.length > 0, "it is valid");
  }
}

export const intsetFuzzer: Fuzzer = {
  name: "intset",
  run(choices, steps) {
    let model = new Model();
    for (let step = 1; step <= steps; step++) {
      if (choices.oneIn(400)) model = new Model();
      const bits = 1 + choices.below(choices.pick([8, 16, 32, 64]));
      const random = BigInt.asIntN(bits, choices.bytes(8).readBigInt64LE());
      if (choices.below(10) < 6) model.insert(random);
      else model.remove(choices.pick([random, ...model.elements]));
      if (choices.oneIn(30)) model.verify();
    }
    model.verify();
  },
};
