// Bits of strings against strings of "0" and "1": counting, searching, combining, and integers of
// any width against BigInt.

import {
  addToField,
  FAIL,
  field,
  field64,
  type Int64,
  readField,
  SATURATE,
  setField64,
  WRAP,
  writeField,
} from "../../src/structures/bitfield.ts";
import {
  AND,
  ANDOR,
  combineWords,
  countBitRange,
  countBits,
  DIFF,
  DIFF1,
  findBit,
  finishWords,
  NOT,
  NOT_FOUND,
  ONE,
  OR,
  XOR,
} from "../../src/structures/bits.ts";
import type { Choices } from "../harness/generate.ts";
import { check, type Fuzzer } from "./fuzzer.ts";

const MEMORY_BYTES = 512;

/** A string somewhere in a chunk of memory, with noise around it. */
class Sample {
  readonly words = new Uint32Array(MEMORY_BYTES / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly start: number;
  readonly end: number;

  constructor(choices: Choices) {
    this.bytes.set(choices.bytes(MEMORY_BYTES));
    this.start = choices.below(16);
    this.end = this.start + choices.below(choices.pick([3, 20, MEMORY_BYTES - 32]));
    // Runs of equal bytes, which searches skip.
    if (choices.oneIn(2)) this.bytes.fill(choices.pick([0, 255]), this.start, this.end);
    for (let k = choices.below(4); k > 0 && this.length > 0; k--) {
      this.bytes[this.start + choices.below(this.length)] = choices.below(256);
    }
  }

  get length(): number {
    return this.end - this.start;
  }

  /** The string's bits as text. */
  get text(): string {
    const bytes = this.bytes.subarray(this.start, this.end);
    return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  }
}

function ones(text: string): number {
  return text.replaceAll("0", "").length;
}

function checkCounts(choices: Choices): void {
  const { bytes, words, start, end, length, text } = new Sample(choices);
  check(countBits(bytes, words, start, end) === ones(text), `counts the set bits of ${text}`);
  if (length === 0) return;
  const first = choices.below(text.length);
  const last = first + choices.below(text.length - first);
  const range = text.slice(first, last + 1);
  const counted = countBitRange(bytes, words, start, first, last);
  check(counted === ones(range), `counts the set bits of ${range}`);
  for (const bit of [0, 1]) {
    const expected = range.indexOf(String(bit));
    const found = findBit(bytes, words, start, first, last, bit);
    const place = expected < 0 ? NOT_FOUND : first + expected;
    check(found === place, `finds the first ${bit} of ${range} at ${place}`);
  }
}

/** What an operation makes of one bit of each string. */
const OPERATIONS: readonly (readonly [number, (bits: readonly number[]) => boolean])[] = [
  [AND, (bits) => !bits.includes(0)],
  [OR, (bits) => bits.includes(1)],
  [XOR, (bits) => bits.filter((bit) => bit === 1).length % 2 === 1],
  [NOT, ([bit]) => bit === 0],
  [DIFF, ([bit, ...others]) => bit === 1 && !others.includes(1)],
  [DIFF1, ([bit, ...others]) => bit === 0 && others.includes(1)],
  [ANDOR, ([bit, ...others]) => bit === 1 && others.includes(1)],
  [ONE, (bits) => bits.filter((bit) => bit === 1).length === 1],
];

function checkOperation(choices: Choices): void {
  const [operation, expected] = choices.pick(OPERATIONS);
  const count = operation === NOT ? 1 : 2 + choices.below(4);
  const strings = Array.from({ length: count }, () => Int32Array.of(random32(choices), 0, -1));
  const accumulator = strings[0].slice();
  const seen = new Int32Array(3);
  for (const next of strings.slice(1)) combineWords(operation, accumulator, seen, next, 3);
  finishWords(operation, accumulator, seen, 3);
  for (let bit = 0; bit < 96; bit++) {
    const bits = strings.map((words) => (words[bit >> 5] >>> (bit & 31)) & 1);
    const result = ((accumulator[bit >> 5] >>> (bit & 31)) & 1) === 1;
    check(result === expected(bits), `operation ${operation} of ${bits} is ${expected(bits)}`);
  }
}

function random32(choices: Choices): number {
  return (choices.below(2 ** 16) << 16) | choices.below(2 ** 16);
}

/** An int64, often near a power of two. */
function random64(choices: Choices): bigint {
  const bits = BigInt(choices.below(64));
  const value = choices.oneIn(2)
    ? 2n ** bits - BigInt(choices.below(3))
    : BigInt.asUintN(Number(bits), BigInt(random32(choices)) * BigInt(random32(choices)));
  return BigInt.asIntN(64, choices.oneIn(2) ? -value : value);
}

function halves(value: bigint): Int64 {
  setField64(value);
  return { ...field };
}

function checkField(choices: Choices): void {
  const sample = new Sample(choices);
  const { bytes, start, end } = sample;
  const isSigned = choices.oneIn(2);
  const width = 1 + choices.below(isSigned ? 64 : 63);
  const offset = choices.below(sample.length * 8 + 80);
  const text = sample.text.padEnd(offset + width, "0").slice(offset, offset + width);
  const extend = (value: bigint) =>
    isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  readField(bytes, start, end, offset, width, isSigned);
  check(field64() === extend(BigInt(`0b${text}`)), `reads ${text} as ${width} bits`);
  if (offset + width <= sample.length * 8) {
    const before = sample.text;
    const value = random64(choices);
    setField64(value);
    writeField(bytes, start, offset, width);
    const written = BigInt.asUintN(width, value).toString(2).padStart(width, "0");
    const after = before.slice(0, offset) + written + before.slice(offset + width);
    check(sample.text === after, `writes ${value} into ${width} bits at ${offset}`);
  }
  checkSum(choices, width, isSigned);
}

/** Sums of a value that the field can hold; of others the differential tests know. */
function checkSum(choices: Choices, width: number, isSigned: boolean): void {
  const bits = BigInt(width);
  const least = isSigned ? -(2n ** (bits - 1n)) : 0n;
  const most = isSigned ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  const value = isSigned
    ? BigInt.asIntN(width, random64(choices))
    : BigInt.asUintN(width, random64(choices));
  const increment = random64(choices);
  const sum = value + increment;
  const fits = sum >= least && sum <= most;
  for (const policy of [WRAP, SATURATE, FAIL]) {
    const overflows = addToField(halves(value), halves(increment), width, isSigned, policy);
    const shown = `${value} + ${increment} in ${isSigned ? "i" : "u"}${width}`;
    check(overflows === !fits, `${shown} ${fits ? "fits" : "overflows"}`);
    if (policy === FAIL && overflows) continue;
    const wrapped = isSigned ? BigInt.asIntN(width, sum) : BigInt.asUintN(width, sum);
    const saturated = sum < least ? least : sum > most ? most : sum;
    const expected = policy === SATURATE ? saturated : wrapped;
    check(field64() === expected, `${shown} is ${expected} under policy ${policy}`);
  }
}

export const bitsFuzzer: Fuzzer = {
  name: "bits",
  run(choices, steps) {
    const checks = choices.subset([checkCounts, checkOperation, checkField]);
    for (let step = 0; step < steps; step++) choices.pick(checks)(choices);
  },
};
