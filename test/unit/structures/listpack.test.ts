// The expected bytes are what Redis 8.0's DUMP answered, with rdbcompression off.

import { expect, test } from "bun:test";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import {
  adjustHeader,
  COUNT_UNKNOWN,
  EMPTY_BYTES,
  Entry,
  elementCount,
  encodedIntegerSize,
  encodedSize,
  endOf,
  entryAt,
  entryEquals,
  findEntry,
  finish,
  firstEntry,
  HEADER_BYTES,
  isIntegerEntry,
  isValidListpack,
  NO_ENTRY,
  nextEntry,
  previousEntry,
  skipEntries,
  storedCount,
  TERMINATOR,
  totalBytes,
  writeEmpty,
  writeEntry,
  writeHeader,
  writeIntegerEntry,
} from "../../../src/structures/listpack.ts";

const entry = new Entry();

function text(bytes: Uint8Array, at: number): string {
  entry.load(bytes, at);
  return latin1Text(entry.bytes, entry.start, entry.end);
}

/** Encodes one text, surrounded by digits, so that reading past the range would show. */
function encode(value: string): Uint8Array {
  const source = latin1Bytes(`1${value}1`);
  const size = encodedSize(source, 1, source.length - 1);
  const target = new Uint8Array(size);
  expect(writeEntry(target, 0, source, 1, source.length - 1)).toBe(size);
  return target;
}

/** A listpack of texts at an odd offset inside a larger array. */
function listpackOf(...values: string[]): { bytes: Uint8Array; start: number; end: number } {
  const entries = values.map(encode);
  const total = entries.reduce((sum, { length }) => sum + length, EMPTY_BYTES);
  const bytes = new Uint8Array(total + 8).fill(0xee);
  let at = firstEntry(5);
  for (const one of entries) {
    bytes.set(one, at);
    at += one.length;
  }
  expect(finish(bytes, 5, at, values.length)).toBe(5 + total);
  return { bytes, start: 5, end: 5 + total };
}

const INTEGERS: readonly (readonly [text: string, hex: string])[] = [
  ["0", "0001"],
  ["1", "0101"],
  ["127", "7f01"],
  ["128", "c08002"],
  ["-1", "dfff02"],
  ["-4096", "d00002"],
  ["-4097", "f1ffef03"],
  ["4095", "cfff02"],
  ["4096", "f1001003"],
  ["32767", "f1ff7f03"],
  ["32768", "f200800004"],
  ["-32768", "f1008003"],
  ["-32769", "f2ff7fff04"],
  ["8388607", "f2ffff7f04"],
  ["8388608", "f30000800005"],
  ["-8388608", "f200008004"],
  ["-8388609", "f3ffff7fff05"],
  ["2147483647", "f3ffffff7f05"],
  ["2147483648", "f4000000800000000009"],
  ["-2147483648", "f30000008005"],
  ["-2147483649", "f4ffffff7fffffffff09"],
  ["9007199254740993", "f4010000000000200009"],
  ["-9007199254740993", "f4ffffffffffffdfff09"],
  ["9223372036854775807", "f4ffffffffffffff7f09"],
  ["-9223372036854775808", "f4000000000000008009"],
];

const STRINGS: readonly (readonly [text: string, hex: string])[] = [
  ["", "8001"],
  ["9223372036854775808", "933932323333373230333638353437373538303814"],
  ["-0", "822d3003"],
  ["01", "82303103"],
  ["+1", "822b3103"],
  ["-", "812d02"],
];

/** Long strings of `x`: the bytes in front of and behind them. */
const LONG: readonly (readonly [length: number, head: string, size: string])[] = [
  [1, "81", "02"],
  [62, "be", "3f"],
  [63, "bf", "40"],
  [64, "e040", "42"],
  [125, "e07d", "7f"],
  [126, "e07e", "0180"],
  [4095, "efff", "2081"],
  [4096, "f000100000", "2085"],
  [16377, "f0f93f0000", "7ffe"],
  [16378, "f0fa3f0000", "00ffff"],
  [16379, "f0fb3f0000", "018080"],
  [2097145, "f0f9ff1f00", "7ffffe"],
  [2097146, "f0faff1f00", "00ffffff"],
  [2097147, "f0fbff1f00", "01808080"],
];

test("integers are encoded as Redis encodes them, whatever they are written from", () => {
  for (const [value, hex] of INTEGERS) {
    const bytes = encode(value);
    expect([value, Buffer.from(bytes).toString("hex")]).toEqual([value, hex]);
    expect([text(bytes, 0), entry.isInteger, entry.value]).toEqual([value, true, Number(value)]);
    expect(nextEntry(bytes, 0)).toBe(bytes.length);
    expect(entry.load(bytes, 0)).toBe(bytes.length);
    expect(isIntegerEntry(bytes, 0)).toBe(true);
    if (!Number.isSafeInteger(Number(value))) continue;
    const target = new Uint8Array(encodedIntegerSize(Number(value)));
    expect(writeIntegerEntry(target, 0, Number(value))).toBe(target.length);
    expect(Buffer.from(target).toString("hex")).toBe(hex);
  }
});

test("what is no canonical integer is kept as a string", () => {
  for (const [value, hex] of STRINGS) {
    const bytes = encode(value);
    expect([value, Buffer.from(bytes).toString("hex")]).toEqual([value, hex]);
    expect([text(bytes, 0), entry.isInteger, entry.value]).toEqual([value, false, Number.NaN]);
    expect(isIntegerEntry(bytes, 0)).toBe(false);
  }
});

test("string heads and entry sizes change their width where Redis's do", () => {
  for (const [length, head, size] of LONG) {
    const value = "x".repeat(length);
    const bytes = Buffer.from(encode(value));
    const start = head.length / 2;
    expect([length, bytes.toString("hex", 0, start)]).toEqual([length, head]);
    expect([length, bytes.toString("hex", start + length)]).toEqual([length, size]);
    expect(text(bytes, 0) === value).toBe(true);
    expect(nextEntry(bytes, 0)).toBe(bytes.length);
    const pack = listpackOf("a", value, "b");
    expect(isValidListpack(pack.bytes, pack.start, pack.end, true)).toBe(true);
    expect(text(pack.bytes, entryAt(pack.bytes, pack.start, -2)) === value).toBe(true);
  }
});

test("a whole listpack is what Redis writes for the same hash", () => {
  const { bytes, start, end } = listpackOf("name", "xxx", "n", "-5", "empty", "");
  const hex = "210000000600846e616d65058378787804816e02dffb0285656d707479068001ff";
  expect(Buffer.from(bytes).toString("hex", start, end)).toBe(hex);
  expect(totalBytes(bytes, start)).toBe(0x21);
  expect(storedCount(bytes, start)).toBe(6);
  const empty = new Uint8Array(9);
  expect(writeEmpty(empty, 1)).toBe(7);
  expect(Buffer.from(empty).toString("hex")).toBe("0007000000" + "0000ff00");
  expect(isValidListpack(empty, 1, 8, true)).toBe(true);
});

test("walking meets every entry in both directions and stops at the ends", () => {
  const values = ["a", "1", "x".repeat(70), "-5000", "y".repeat(5000), "", "9007199254740993"];
  const { bytes, start } = listpackOf(...values);
  const forward: string[] = [];
  for (let at = firstEntry(start); bytes[at] !== TERMINATOR; at = nextEntry(bytes, at)) {
    forward.push(text(bytes, at));
  }
  expect(forward).toEqual(values);
  const backward: string[] = [];
  let at = previousEntry(bytes, start, endOf(bytes, start));
  for (; at !== NO_ENTRY; at = previousEntry(bytes, start, at)) {
    backward.unshift(text(bytes, at));
  }
  expect(backward).toEqual(values);
  for (let k = 0; k < values.length; k++) {
    expect(text(bytes, entryAt(bytes, start, k))).toBe(values[k]);
    expect(text(bytes, entryAt(bytes, start, k - values.length))).toBe(values[k]);
    expect(text(bytes, skipEntries(bytes, firstEntry(start), k))).toBe(values[k]);
  }
  for (const index of [values.length, -values.length - 1, 2 ** 40, -(2 ** 40)]) {
    expect(entryAt(bytes, start, index)).toBe(NO_ENTRY);
  }
  expect(skipEntries(bytes, firstEntry(start), 100)).toBe(endOf(bytes, start));
});

test("beyond 65,534 elements the count is not stored and is found by walking", () => {
  const values = Array.from({ length: 65_536 }, (_, k) => String(k & 127));
  const { bytes, start, end } = listpackOf(...values);
  expect(storedCount(bytes, start)).toBe(COUNT_UNKNOWN);
  expect(elementCount(bytes, start)).toBe(65_536);
  expect(text(bytes, entryAt(bytes, start, 65_535))).toBe("127");
  expect(text(bytes, entryAt(bytes, start, -65_536))).toBe("0");
  expect(entryAt(bytes, start, 65_536)).toBe(NO_ENTRY);
  expect(entryAt(bytes, start, -65_537)).toBe(NO_ENTRY);
  expect(isValidListpack(bytes, start, end, true)).toBe(true);
  adjustHeader(bytes, start, 0, -3);
  expect(storedCount(bytes, start)).toBe(COUNT_UNKNOWN);
});

test("adjustHeader counts what was inserted or removed", () => {
  const bytes = new Uint8Array(8);
  writeHeader(bytes, 1, 300, 5);
  adjustHeader(bytes, 1, -43, -2);
  expect(Buffer.from(bytes).toString("hex")).toBe("0001010000" + "030000");
  writeHeader(bytes, 1, 70_000, 65_533);
  adjustHeader(bytes, 1, 6, 1);
  expect([totalBytes(bytes, 1), storedCount(bytes, 1)]).toEqual([70_006, 65_534]);
  adjustHeader(bytes, 1, 6, 1);
  expect([totalBytes(bytes, 1), storedCount(bytes, 1)]).toEqual([70_012, COUNT_UNKNOWN]);
});

test("finding compares integers by value and can pass entries over", () => {
  const { bytes, start } = listpackOf("f", "x", "x", "12", "12", "f", "9007199254740993", "z");
  const find = (needle: string, skip: number) => {
    const range = latin1Bytes(`9${needle}9`);
    const at = findEntry(bytes, start, range, 1, range.length - 1, skip);
    if (at === NO_ENTRY) return -1;
    expect(entryEquals(bytes, at, range, 1, range.length - 1)).toBe(true);
    let index = 0;
    for (let k = firstEntry(start); k !== at; k = nextEntry(bytes, k)) index++;
    return index;
  };
  expect([find("f", 0), find("x", 0), find("x", 1), find("12", 0), find("12", 1)]).toEqual([
    ...[0, 1, 2, 3, 4],
  ]);
  expect([find("z", 0), find("z", 1), find("", 0), find("012", 0), find("1", 0)]).toEqual([
    ...[7, -1, -1, -1, -1],
  ]);
  // Both are the same double.
  expect([find("9007199254740993", 0), find("9007199254740992", 0)]).toEqual([6, -1]);
});

test("integers in other encodings than ours are found, as Redis finds them", () => {
  // 12 as a string, and 12 in 64 bits.
  const bytes = Buffer.from("150000000200" + "82313203" + "f40c0000000000000009" + "ff", "hex");
  expect(isValidListpack(bytes, 0, bytes.length, true)).toBe(true);
  const needle = latin1Bytes("12");
  expect(entryEquals(bytes, 6, needle, 0, 2)).toBe(true);
  expect(entryEquals(bytes, 10, needle, 0, 2)).toBe(true);
  expect(text(bytes, 10)).toBe("12");
});

test("validation refuses every frame and entry that does not add up", () => {
  const valid = (hex: string, deep = true) => {
    const bytes = Buffer.from(`ff${hex}ff`, "hex");
    return isValidListpack(bytes, 1, bytes.length - 1, deep);
  };
  expect(valid("070000000000ff")).toBe(true);
  expect(valid("0a0000000100816102ff")).toBe(true);
  const refused = [
    ...["", "07", "07000000000", "080000000000ff", "060000000000ff", "07000000000000"],
    // A wrong count, a wrong size behind the entry, an entry past the end, no terminator.
    ...["0a0000000200816102ff", "0a0000000100816103ff", "0a0000000100846102ff"],
    ...["0a00000001008161ffff", "0800000001" + "00e0ff", "0900000001" + "00f101ff"],
    // Heads that are cut off, lengths far outside, bytes that are no head, a terminator inside.
    ...["0900000001" + "00f0ffff", "0d0000000100" + "f0ffffffff01" + "ff"],
    ...["090000000100" + "f501ff", "090000000100fe01ff", "090000000000ff01ff"],
    // Sizes spelled longer than they need be, or without an end.
    ...["0b0000000100" + "8161" + "0082" + "ff", "0a0000000100" + "8161" + "82" + "ff"],
  ];
  for (const hex of refused) expect([hex, valid(hex)]).toEqual([hex, false]);
  expect(valid("0a0000000200816103ff", false)).toBe(true);
});

test("an entry may be presented while another listpack is read", () => {
  const { bytes, start } = listpackOf("10", "20", "text");
  const first = new Entry();
  const second = new Entry();
  let at = first.load(bytes, firstEntry(start));
  at = second.load(bytes, at);
  expect(latin1Text(first.bytes, first.start, first.end)).toBe("10");
  expect([first.length, first.isSafe, second.value]).toEqual([2, true, 20]);
  expect(second.load(bytes, at)).toBe(endOf(bytes, start));
  expect([second.length, second.isSafe, second.bytes === bytes]).toEqual([4, false, true]);
  expect(HEADER_BYTES).toBe(firstEntry(0));
});
