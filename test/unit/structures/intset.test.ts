// The expected bytes are what Redis 8.0's DUMP answered.

import { expect, test } from "bun:test";
import { Int64 } from "../../../src/base/int64.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import {
  containsValue,
  elementOffset,
  INTSET_HEADER_BYTES,
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
} from "../../../src/structures/intset.ts";

function integer(text: string): Int64 {
  const value = new Int64();
  const bytes = latin1Bytes(text);
  expect(value.parse(bytes, 0, bytes.length)).toBe(true);
  return value;
}

function textOf(value: Int64): string {
  const bytes = new Uint8Array(20);
  return latin1Text(bytes, 0, value.writeText(bytes, 0));
}

/** Builds an intset by inserting in the order given, inside a larger array. */
class Built {
  readonly bytes = new Uint8Array(1 + intsetBytes(8, 100)).fill(0xee);
  readonly start = 1;

  constructor(...values: string[]) {
    writeIntsetHeader(this.bytes, this.start, 2, 0);
    for (const value of values) this.insert(integer(value));
  }

  insert(value: Int64): void {
    const length = lengthAt(this.bytes, this.start);
    if (widthOf(value) > widthAt(this.bytes, this.start)) {
      widen(this.bytes, this.start, widthOf(value));
    }
    const index = ~search(this.bytes, this.start, value);
    const width = widthAt(this.bytes, this.start);
    const at = this.start + elementOffset(width, index);
    this.bytes.copyWithin(at + width, at, this.start + elementOffset(width, length));
    writeElement(this.bytes, this.start, index, value);
    setLength(this.bytes, this.start, length + 1);
  }

  get end(): number {
    const width = widthAt(this.bytes, this.start);
    return this.start + intsetBytes(width, lengthAt(this.bytes, this.start));
  }

  get hex(): string {
    return Buffer.from(this.bytes).toString("hex", this.start, this.end);
  }

  get values(): string[] {
    const element = new Int64();
    return Array.from({ length: lengthAt(this.bytes, this.start) }, (_, k) => {
      loadElement(this.bytes, this.start, k, element);
      return textOf(element);
    });
  }
}

test("the bytes are those of Redis in every width", () => {
  expect(new Built("1", "2", "-3").hex).toBe("0200000003000000fdff01000200");
  expect(new Built("1", "70000").hex).toBe("04000000020000000100000070110100");
  const values = ["1", "-5000000000", "9223372036854775807", "-9223372036854775808"];
  expect(new Built(...values, "9007199254740993").hex).toBe(
    "08000000050000000000000000000080000efad5feffffff0100000000000000" +
      "0100000000002000ffffffffffffff7f",
  );
});

test("widening keeps order and values, negative ones included", () => {
  const set = new Built("5", "-5", "32767", "-32768");
  expect(widthAt(set.bytes, set.start)).toBe(2);
  set.insert(integer("32768"));
  expect(widthAt(set.bytes, set.start)).toBe(4);
  set.insert(integer("-2147483649"));
  expect(widthAt(set.bytes, set.start)).toBe(8);
  expect(set.values).toEqual(["-2147483649", "-32768", "-5", "5", "32767", "32768"]);
  expect(set.bytes[set.end]).toBe(0xee);
  expect(isValidIntset(set.bytes, set.start, set.end, true)).toBe(true);
});

test("search finds elements and the places of others", () => {
  for (const extra of [[], ["100000"], ["9007199254740993", "9007199254740992"]]) {
    const set = new Built("10", "-10", "0", "20", ...extra);
    const find = (value: string) => search(set.bytes, set.start, integer(value));
    expect(["-10", "0", "10", "20"].map(find)).toEqual([0, 1, 2, 3]);
    expect(["-11", "-9", "1", "19"].map(find)).toEqual([~0, ~1, ~2, ~3]);
    expect(find("9223372036854775807")).toBe(~(4 + extra.length));
    expect(find("-9223372036854775808")).toBe(~0);
    for (const value of extra) {
      expect(containsValue(set.bytes, set.start, integer(value))).toBe(true);
    }
    expect(containsValue(set.bytes, set.start, integer("9007199254740991"))).toBe(false);
  }
});

test("widthOf draws the lines at the edges of int16 and int32", () => {
  const widths = (values: string[]) => values.map((value) => widthOf(integer(value)));
  expect(widths(["0", "32767", "-32768"])).toEqual([2, 2, 2]);
  expect(widths(["32768", "-32769", "2147483647", "-2147483648"])).toEqual([4, 4, 4, 4]);
  expect(widths(["2147483648", "-2147483649", "9223372036854775807"])).toEqual([8, 8, 8]);
});

test("validation refuses frames and orders that Redis would not write", () => {
  const valid = (hex: string, deep = true) => {
    const bytes = Buffer.from(`ff${hex}ff`, "hex");
    return isValidIntset(bytes, 1, bytes.length - 1, deep);
  };
  expect(valid("02000000" + "02000000" + "ffff" + "0100")).toBe(true);
  const refused = ["", "0200000001", "0200000000000000", "0300000001000000000000"];
  refused.push("0200000002000000ffff", "0200000001000000ffffff", "0201000001000000ffff");
  refused.push("02000000ffffff7fffff", "0200000002000000" + "0100ffff", "020000000200000001000100");
  for (const hex of refused) expect([hex, valid(hex)]).toEqual([hex, false]);
  expect(valid("0200000002000000" + "01000100", false)).toBe(true);
  expect(INTSET_HEADER_BYTES).toBe(8);
});
