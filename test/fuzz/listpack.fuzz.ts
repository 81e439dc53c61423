// A listpack against an array of strings: inserting, replacing and removing at random places as
// owners do it, finding, walking. Copies with changed bytes are validated: what is found valid must
// be walked alike in both directions.

import { latin1Bytes, latin1Text } from "../../src/base/text.ts";
import {
  adjustHeader,
  Entry,
  elementCount,
  encodedSize,
  endOf,
  entryAt,
  findEntry,
  firstEntry,
  isValidListpack,
  NO_ENTRY,
  nextEntry,
  previousEntry,
  TERMINATOR,
  totalBytes,
  writeEmpty,
  writeEntry,
} from "../../src/structures/listpack.ts";
import { type Choices, HOSTILE_INTEGERS } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const START = 3;
const BYTES_MAX = 1 << 16;

function randomText(choices: Choices): string {
  switch (choices.below(6)) {
    case 0:
      return Buffer.from(choices.pick(HOSTILE_INTEGERS)).toString("latin1");
    case 1:
      return String(BigInt.asIntN(1 + choices.below(64), choices.bytes(8).readBigInt64LE()));
    case 2:
      return choices.bytes(choices.below(choices.pick([3, 70, 200, 5000]))).toString("latin1");
    default:
      return String(choices.below(choices.pick([10, 200, 10_000])));
  }
}

class Model {
  readonly bytes = new Uint8Array(BYTES_MAX);
  readonly elements: string[] = [];
  readonly #entry = new Entry();

  constructor() {
    writeEmpty(this.bytes, START);
  }

  get end(): number {
    return START + totalBytes(this.bytes, START);
  }

  text(at: number): string {
    const next = this.#entry.load(this.bytes, at);
    check(next === nextEntry(this.bytes, at), "loading an entry ends where stepping over it does");
    return latin1Text(this.#entry.bytes, this.#entry.start, this.#entry.end);
  }

  /** Replaces `removed` elements from an index on by others. */
  splice(index: number, removed: number, added: readonly string[]): void {
    const from = index === this.elements.length ? endOf(this.bytes, START) : this.offsetOf(index);
    let to = from;
    for (let k = 0; k < removed; k++) to = nextEntry(this.bytes, to);
    const texts = added.map(latin1Bytes);
    const size = texts.reduce((sum, text) => sum + encodedSize(text, 0, text.length), 0);
    if (this.end + size > BYTES_MAX) return;
    this.bytes.copyWithin(from + size, to, this.end);
    let at = from;
    for (const text of texts) at = writeEntry(this.bytes, at, text, 0, text.length);
    check(at === from + size, "entries take the bytes that were announced");
    adjustHeader(this.bytes, START, size - (to - from), added.length - removed);
    this.elements.splice(index, removed, ...added);
  }

  offsetOf(index: number): number {
    const at = entryAt(this.bytes, START, index);
    check(at !== NO_ENTRY, "an index inside has an entry");
    const negative = entryAt(this.bytes, START, index - this.elements.length);
    check(at === negative, "an entry is the same from both ends");
    return at;
  }

  find(text: string, skip: number): void {
    const needle = latin1Bytes(text);
    const at = findEntry(this.bytes, START, needle, 0, needle.length, skip);
    const index = this.elements.findIndex((it, k) => it === text && k % (skip + 1) === 0);
    check(at === (index < 0 ? NO_ENTRY : this.offsetOf(index)), `finds ${JSON.stringify(text)}`);
  }

  verify(): void {
    check(isValidListpack(this.bytes, START, this.end, true), "what was written is valid");
    check(elementCount(this.bytes, START) === this.elements.length, "elements are counted");
    let index = 0;
    let at = firstEntry(START);
    for (; this.bytes[at] !== TERMINATOR; at = nextEntry(this.bytes, at)) {
      check(this.text(at) === this.elements[index++], `element ${index - 1} is what was stored`);
    }
    check(index === this.elements.length && at === endOf(this.bytes, START), "all are walked");
  }

  /** Validates a copy in which bytes were changed. */
  corrupt(choices: Choices): void {
    const copy = this.bytes.slice(START, this.end);
    for (let k = 1 + choices.below(3); k > 0; k--) {
      copy[choices.below(copy.length)] = choices.below(256);
    }
    if (!isValidListpack(copy, 0, copy.length, true)) return;
    const forward: number[] = [];
    for (let at = firstEntry(0); copy[at] !== TERMINATOR; at = nextEntry(copy, at)) {
      forward.push(at);
      this.#entry.load(copy, at);
      check(this.#entry.end <= this.#entry.bytes.length, "a valid entry's text is inside");
    }
    const backward: number[] = [];
    let at = previousEntry(copy, 0, endOf(copy, 0));
    for (; at !== NO_ENTRY; at = previousEntry(copy, 0, at)) {
      backward.unshift(at);
    }
    check(Bun.deepEquals(forward, backward), "a valid listpack is walked alike both ways");
  }
}

export const listpackFuzzer: Fuzzer = {
  name: "listpack",
  run(choices, steps) {
    const model = new Model();
    let growth = 60;
    for (let step = 1; step <= steps; step++) {
      const count = model.elements.length;
      const index = choices.below(count + 1);
      const removed = Math.min(choices.below(3), count - index);
      const texts = Array.from({ length: choices.below(3) }, () => randomText(choices));
      if (choices.oneIn(4)) model.find(choices.pick([...model.elements, "x"]), choices.below(3));
      else if (choices.oneIn(6)) model.corrupt(choices);
      else if (choices.below(100) < growth) model.splice(index, 0, texts);
      else model.splice(index, removed, choices.oneIn(2) ? texts : []);
      if (choices.oneIn(50)) model.verify();
      if (choices.oneIn(100)) growth = choices.pick([20, 50, 80]);
      // Long ones spend all time walking.
      if (model.elements.length > 300) model.splice(0, 200, []);
    }
    model.verify();
  },
};
