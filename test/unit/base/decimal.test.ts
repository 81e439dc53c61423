// The expected sums are what Redis 8.0 on x86-64 answered to SET and INCRBYFLOAT.

import { expect, test } from "bun:test";
import {
  addDecimals,
  decimalKind,
  FINITE,
  INFINITE,
  INVALID,
  INVALID_LEFT,
  INVALID_RIGHT,
  NOT_FINITE,
  SUM_BYTES_MAX,
} from "../../../src/base/decimal.ts";
import { randomBelow, Xoshiro } from "../../../src/base/random.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";

/** The sum of two texts, or the negative result that says why there is none. */
function add(left: string, right: string): string | number {
  // Surrounded by digits, so that reading past a range would show.
  const a = latin1Bytes(`9${left}9`);
  const b = latin1Bytes(`8${right}8`);
  const output = new Uint8Array(SUM_BYTES_MAX + 3);
  const length = addDecimals(a, 1, a.length - 1, b, 1, b.length - 1, output, 3);
  return length < 0 ? length : latin1Text(output, 3, 3 + length);
}

const LARGEST = "1.18973149535723176502e4932";

const sums: readonly (readonly [left: string, right: string, sum: string])[] = [
  ["0", "0.1", "0.1"],
  ["0.1", "0.2", "0.3"],
  ["1.5", "-1.5", "0"],
  ["10.50", "0.1", "10.6"],
  ["5.0e3", "2.0e2", "5200"],
  ["3", "1.1", "4.1"],
  ["1000.1", "0.1", "1000.19999999999999996"],
  ["-1000.1", "-0.1", "-1000.19999999999999996"],
  ["100", "0.01", "100.01"],
  ["17179869184", "1.5", "17179869185.5"],
  ["9007199254740992", "1", "9007199254740993"],
  ["9223372036854775807", "1", "9223372036854775808"],
  ["18446744073709551615", "1", "18446744073709551616"],
  ["18446744073709551616", "1", "18446744073709551616"],
  ["1e18", "0.5", "1000000000000000000.5"],
  ["1e19", "0.5", "10000000000000000000"],
  ["1e22", "1", "10000000000000000000000"],
  ["1e30", "1", "1000000000000000000024696061952"],
  ["31.99999999999999", "0.00000000000001", "32"],
  ["15.99999999999999", "15.99999999999999", "31.99999999999998"],
  ["31.99999999999999", "31.99999999999999", "63.99999999999998"],
  ["3.14159265358979323846264338327950288", "2.71828182845904523536028747", "5.85987448204883847"],
  ["123456789.987654321", "-0.000000001", "123456789.98765432000072906"],
];

test("addDecimals rounds as the 80-bit format does", () => {
  for (const [left, right, sum] of sums) {
    expect([left, right, add(left, right)]).toEqual([left, right, sum]);
    expect([right, left, add(right, left)]).toEqual([right, left, sum]);
  }
});

test("addDecimals prints 17 decimals, ties to even in binary, and no negative zero", () => {
  expect(add("0.00000000000000001", "0")).toBe("0.00000000000000001");
  expect(add("0.000000000000000004", "0")).toBe("0");
  expect(add("0.000000000000000005", "0")).toBe("0");
  expect(add("0.000000000000000015", "0")).toBe("0.00000000000000002");
  expect(add("-0.000000000000000001", "0")).toBe("0");
  expect(add("-0", "-0")).toBe("0");
  expect(add("-0.5", "0.25")).toBe("-0.25");
});

test("addDecimals reads what strtold reads, hexadecimal numbers included", () => {
  expect(add(".5", "5.")).toBe("5.5");
  expect(add("+1", "+.25")).toBe("1.25");
  expect(add("0x10", "0")).toBe("16");
  expect(add("0x1p4", "0X.8")).toBe("16.5");
  expect(add("0x1.8p-1", "-0x.1")).toBe("0.6875");
  expect(add("2.5", "0x2.8p1")).toBe("7.5");
  expect(add("0e99999999999999999999", "1")).toBe("1");
  expect(add("0".repeat(5119), "1")).toBe("1");
});

test("addDecimals refuses what is no number", () => {
  const invalid = [
    ...["", " 1", "1 ", "\t1", "1\n", ".", "e5", "1e", "1e+", "0x", "0x.", "0x1p", "--1", "+-1"],
    ...["1.2.3", "1_0", "1d", "\0", "1\0", "nan", "nan(1)", "infinit", "+", "0".repeat(5120)],
  ];
  for (const text of invalid) {
    expect([text, add(text, "1")]).toEqual([text, INVALID_LEFT]);
    expect([text, add("1", text)]).toEqual([text, INVALID_RIGHT]);
    expect([text, decimalKind(latin1Bytes(text), 0, text.length)]).toEqual([text, INVALID]);
  }
});

test("addDecimals refuses numbers that the format turns into zero or infinity", () => {
  const gone = ["1e-4951", "1.8e-4951", "0x1p-16446", "1e99999999999", "1e-99999999999"];
  const tooLarge = ["1e4933", "-1e4933", "0x1p16384", "0xffffffffffffffff8p16316"];
  for (const text of [...gone, ...tooLarge]) {
    expect([text, add(text, "0")]).toEqual([text, INVALID_LEFT]);
  }
  for (const text of ["3.6e-4951", "1.9e-4951", "0x1p-16445", "0x1.8p-16446"]) {
    expect([text, add(text, "0")]).toEqual([text, "0"]);
  }
});

test("addDecimals tells infinities from invalid texts", () => {
  for (const text of ["inf", "-INF", "Infinity", "+infinity"]) {
    expect(add(text, "1")).toBe(NOT_FINITE);
    expect(add("1", text)).toBe(NOT_FINITE);
    expect(decimalKind(latin1Bytes(text), 0, text.length)).toBe(INFINITE);
  }
  expect(add("inf", "-inf")).toBe(NOT_FINITE);
  expect(add("bogus", "inf")).toBe(INVALID_LEFT);
  expect(add(LARGEST, LARGEST)).toBe(NOT_FINITE);
  expect(decimalKind(latin1Bytes("-12.5e3"), 0, 7)).toBe(FINITE);
});

test("the largest finite numbers print in full", () => {
  const sum = add(LARGEST, "0");
  expect(sum).toStartWith("11897314953572317650212638530309702051690633222946242");
  expect(sum).toHaveLength(4933);
  expect(add("0xffffffffffffffff7p16316", "0")).toBe(sum);
});

test("short decimals sum to the same text on the exact and on the general path (seed 41)", () => {
  const random = new Xoshiro(41);
  const digits = (count: number) => {
    let text = "";
    for (let k = 0; k < count; k++) text += "0123456789099"[randomBelow(random, 13)];
    return text;
  };
  const number = () => {
    const sign = ["", "-", "+"][randomBelow(random, 3)];
    const fraction = randomBelow(random, 4) === 0 ? "" : `.${digits(randomBelow(random, 15))}`;
    return sign + digits(1 + randomBelow(random, 2)) + fraction;
  };
  for (let round = 0; round < 5000; round++) {
    const left = number();
    const right = number();
    // An exponent of zero keeps the value but leads past the path through doubles.
    expect([left, right, add(left, right)]).toEqual([left, right, add(`${left}e0`, `${right}e0`)]);
  }
});
