import { expect, test } from "bun:test";
import { Int64 } from "../../../src/base/int64.ts";
import { latin1Bytes, latin1Text } from "../../../src/base/text.ts";
import { Choices, HOSTILE_INTEGERS } from "../../harness/generate.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Reads a text surrounded by digits, so that reading past the range would show. */
function parse(text: string, into = new Int64()): Int64 | undefined {
  const bytes = latin1Bytes(`1${text}1`);
  return into.parse(bytes, 1, bytes.length - 1) ? into : undefined;
}

function written(value: Int64): string {
  const bytes = new Uint8Array(24);
  const end = value.writeText(bytes, 2);
  expect(value.textLength).toBe(end - 2);
  return latin1Text(bytes, 2, end);
}

/** Whether a text is a canonical 64-bit integer, as BigInt sees it. */
function isCanonical(text: string): boolean {
  if (!/^-?\d{1,30}$/.test(text)) return false;
  const value = BigInt(text);
  return String(value) === text && value >= INT64_MIN && value <= INT64_MAX;
}

const EDGES = [0n, 1n, 9n, 10n, 99_999n, 100_000n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n]
  .flatMap((edge) => [edge - 1n, edge, edge + 1n, -edge - 1n, -edge, 1n - edge])
  .concat(Array.from({ length: 20 }, (_, k) => 10n ** BigInt(k)))
  .filter((value) => value >= INT64_MIN && value <= INT64_MAX);

test("parse takes canonical 64-bit integers and nothing else", () => {
  for (const text of [...HOSTILE_INTEGERS, "-9223372036854775808", "-0000000000000000000"]) {
    const latin1 = Buffer.from(text).toString("latin1");
    expect([text, parse(latin1) !== undefined]).toEqual([text, isCanonical(text)]);
  }
});

test("text to halves to bytes and back is the identity at every edge", () => {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  for (const edge of EDGES) {
    const value = parse(String(edge)) ?? new Int64();
    expect([value.high, value.low]).toEqual([
      Number(BigInt.asIntN(32, edge >> 32n)),
      Number(BigInt.asUintN(32, edge)),
    ]);
    expect(written(value)).toBe(String(edge));
    expect(value.number).toBe(Number(edge));
    expect(value.isSafe).toBe(Number.isSafeInteger(Number(edge)));
    value.writeBytes(bytes, 1);
    expect(view.getBigInt64(1, true)).toBe(edge);
    const copy = new Int64();
    copy.readBytes(bytes, 1);
    expect(copy.equals(value)).toBe(true);
  }
});

test("compare orders as 64-bit integers are ordered", () => {
  for (const left of EDGES) {
    for (const right of EDGES) {
      const order = (parse(String(left)) ?? new Int64()).compare(
        parse(String(right)) ?? new Int64(),
      );
      expect(Math.sign(order)).toBe(left < right ? -1 : left > right ? 1 : 0);
    }
  }
});

test("random 64-bit integers survive the way through text (seed 7)", () => {
  const choices = new Choices(7);
  for (let round = 0; round < 3000; round++) {
    const bits = 1 + choices.below(64);
    const value = BigInt.asIntN(bits, choices.bytes(8).readBigInt64LE());
    expect(written(parse(String(value)) ?? new Int64())).toBe(String(value));
  }
});
