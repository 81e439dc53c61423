// The expected texts are what Redis 8.0 on x86-64 answered to ZADD, ZSCORE and ZCOUNT.

import { expect, test } from "bun:test";
import {
  DOUBLE_BYTES_MAX,
  doubleText,
  parseBound,
  parseDouble,
  writeDouble,
} from "../../../src/base/double.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { ReplyWriter } from "../../../src/resp/reply.ts";
import { Choices } from "../../harness/generate.ts";

/** Surrounded by digits, so that reading past a range would show. */
function read(parse: typeof parseDouble, text: string): number {
  const bytes = latin1Bytes(`9${text}9`);
  return parse(bytes, 1, bytes.length - 1);
}

function written(value: number): string {
  const output = new Uint8Array(DOUBLE_BYTES_MAX + 3);
  return latin1Text(output, 3, writeDouble(output, 3, value));
}

const INF = Number.POSITIVE_INFINITY;

test("parseDouble takes what is a score", () => {
  const cases: readonly (readonly [text: string, value: number])[] = [
    ...([
      ["0", 0],
      ["-0", -0],
      ["+0", 0],
      ["00", 0],
      ["01", 1],
      ["-01", -1],
    ] as const),
    ...([
      ["1.5", 1.5],
      [".5", 0.5],
      ["5.", 5],
      ["+.5", 0.5],
      ["-.5", -0.5],
      ["1.e2", 100],
    ] as const),
    ...([
      ["1e3", 1000],
      ["1E3", 1000],
      ["1e+3", 1000],
      ["1e-3", 0.001],
      ["3.0e3", 3000],
    ] as const),
    ...([
      ["inf", INF],
      ["+inf", INF],
      ["-INF", -INF],
      ["Infinity", INF],
    ] as const),
    ...([
      ["0x10", 16],
      ["0X1P-2", 0.25],
      ["0x1.8", 1.5],
      ["0x.8", 0.5],
      ["0xABC", 2748],
    ] as const),
    ...([
      ["0x1.fffffffffffff8p0", 2],
      ["0x1p-1074", 5e-324],
      ["0x1.8p-1075", 5e-324],
    ] as const),
    ...([
      ["0x1.fffffffffffff7fp1023", Number.MAX_VALUE],
      ["0e99999999999", 0],
    ] as const),
    ...([
      ["9007199254740993", 2 ** 53],
      ["18446744073709551616", 2 ** 64],
    ] as const),
    ...([
      ["1e308", 1e308],
      ["3e-324", 5e-324],
      ["1e-310", 1e-310],
    ] as const),
    [`1${"0".repeat(400)}e-400`, 1],
    [`0.${"0".repeat(400)}1e401`, 1],
    ["1.23456789012345678901234567890", 1.2345678901234567],
  ];
  for (const [text, value] of cases) expect([text, read(parseDouble, text)]).toEqual([text, value]);
});

test("parseDouble refuses the rest", () => {
  for (const text of [
    ...["", " ", " 1", "1 ", "\t1", "1\n", "1\0", "\0", "-", "+", ".", "--1", "1-", "1_0", "1,5"],
    ...["nan", "-nan", "NaN", "nan(1)", "infi", "infinit", "abc", "1a", "e1", "1e", "1e+", ".e2"],
    ...["0x", "0x1p", "0x1p+", "0x.p1", "0x1g", "0b1", "1.5.5", "1e5.5", "1..5", "1d"],
    ...["1e309", "-1e309", "1e400", "2e-324", "1e-400", "0x1p2000", "0x1p-2000", "0x1p-1075"],
    ...["0x1.fffffffffffff8p1023", "1.797693134862315808e308", "1".repeat(5000)],
  ]) {
    expect([text, read(parseDouble, text)]).toEqual([text, Number.NaN]);
  }
});

test("parseBound reads the ends of intervals", () => {
  const cases: readonly (readonly [text: string, value: number])[] = [
    ...([
      ["", 0],
      ["\0", 0],
      ["1\0", 1],
      ["1\0x", 1],
      ["+1", 1],
      ["-1.5", -1.5],
    ] as const),
    ...([
      ["1e400", INF],
      ["-1e400", -INF],
      ["1e-400", 0],
      ["2e-324", 0],
      ["+inf", INF],
    ] as const),
  ];
  for (const [text, value] of cases) expect([text, read(parseBound, text)]).toEqual([text, value]);
  for (const text of [" ", " 1", "1 ", "nan", "+", "-", "0x10", "0x", "1e", "(1", "[1", "++1"]) {
    expect([text, read(parseBound, text)]).toEqual([text, Number.NaN]);
  }
});

test("doubles are printed as Redis prints them", () => {
  const cases: readonly (readonly [value: number, text: string])[] = [
    ...([
      [0, "0"],
      [-0, "-0"],
      [1, "1"],
      [-1.5, "-1.5"],
      [0.1, "0.1"],
      [INF, "inf"],
    ] as const),
    ...([
      [-INF, "-inf"],
      [2 ** 60, "1152921504606846976"],
      [1e18, "1000000000000000000"],
    ] as const),
    ...([
      [2 ** 62, "4611686018427387904"],
      [2 ** 62 + 1024, "4611686018427389000"],
    ] as const),
    ...([
      [1e19, "1e+19"],
      [1e20, "1e+20"],
      [1.5e21, "1.5e+21"],
      [1.1e300, "1.1e+300"],
    ] as const),
    ...([
      [1e23, "99999999999999990000000"],
      [5e22, "49999999999999996000000"],
    ] as const),
    ...([
      [1e-4, "0.0001"],
      [1e-6, "0.000001"],
      [1e-7, "1e-7"],
      [1.5e-7, "1.5e-7"],
    ] as const),
    ...([
      [0.000012345678901, "1.2345678901e-5"],
      [12345.12345678, "1.234512345678e+4"],
    ] as const),
    ...([
      [0.0012345678901234567, "0.0012345678901234567"],
      [5e-324, "5e-324"],
    ] as const),
    ...([
      [123456.789, "123456.789"],
      [3.0000000000000004, "3.0000000000000004"],
    ] as const),
    ...([
      [2.2250738585072014e-308, "2.2250738585072014e-308"],
      [2 ** 53, "9007199254740992"],
    ] as const),
  ];
  for (const [value, text] of cases) {
    expect(written(value)).toBe(text);
    expect(doubleText(value)).toBe(text);
  }
});

test("what is printed reads back as the same number (seed 7)", () => {
  const choices = new Choices(7);
  for (let k = 0; k < 3000; k++) {
    const value = Number(choices.decimal(12, 12));
    const text = written(value);
    expect(read(parseDouble, text)).toBe(value);
  }
});

test("a double is a bulk string in RESP2 and a double in RESP3", () => {
  const replies = ([2, 3] as const).map((protocol) => {
    const reply = new ReplyWriter();
    reply.protocol = protocol;
    for (const value of [3, -0, 1.5, -INF, 1.2345678901234567]) reply.double(value);
    return latin1Text(reply.buffer, 0, reply.length);
  });
  expect(replies).toEqual([
    "$1\r\n3\r\n$2\r\n-0\r\n$3\r\n1.5\r\n$4\r\n-inf\r\n$18\r\n1.2345678901234567\r\n",
    ",3\r\n,-0\r\n,1.5\r\n,-inf\r\n,1.2345678901234567\r\n",
  ]);
});
