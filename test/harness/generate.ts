// Inputs for batteries and fuzzers: hostile numbers and strings, option combinations, seeded
// random values.

import { Xoshiro } from "../../src/base/random.ts";
import { type Argument, binary } from "./client.ts";

/** Integers, near-integers and texts at every boundary a server may mishandle. */
export const HOSTILE_INTEGERS: readonly string[] = [
  ...["0", "-0", "+0", "00", "01", "1", "-1", "+1", "-01", "10", "-10"],
  ...["2147483646", "2147483647", "2147483648", "-2147483647", "-2147483648", "-2147483649"],
  ...["4294967294", "4294967295", "4294967296", "4294967297", "-4294967296"],
  ...["9007199254740990", "9007199254740991", "9007199254740992", "9007199254740993"],
  ...["-9007199254740991", "-9007199254740992", "-9007199254740993"],
  ...["9223372036854775806", "9223372036854775807", "9223372036854775808"],
  ...["-9223372036854775807", "-9223372036854775808", "-9223372036854775809"],
  ...["18446744073709551615", "18446744073709551616", "-18446744073709551616"],
  ...["99999999999999999999999999", "9".repeat(200), "1".repeat(5000)],
  ...["", " ", " 1", "1 ", "\t1", "1\n", "1\0", "\0", "-", "+", "--1", "1-", "1_000", "1,000"],
  ...["0x10", "0b1", "0o7", "1e3", "1E3", "1.0", "1.5", ".5", "5.", "nan", "NaN", "-nan", "inf"],
  ...["-inf", "+inf", "Infinity", "infinity", "abc", "1a", "a1", "true", "null", "١"],
];

/** The same for doubles. */
export const HOSTILE_DOUBLES: readonly string[] = [
  ...HOSTILE_INTEGERS,
  ...["3.0e3", "1e-3", "1e+3", "1e", "e1", "1e400", "-1e400", "1e308", "1e-400", "1.7e308"],
  ...["0.1", "-0.1", "+0.1", "00.1", "0.1 ", " 0.1", "0.10", "-0.0", "0x1p3", "0x.8", "0xABC"],
  ...["1.23456789012345678901234567890", "123456789012345678901234567890.5", "1e17", "1e21"],
  ...["5.0e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "nan(1)", "1.5.5", "1..5"],
  ...["100000000000000000000000", "17179869184.000000001", "0.000000000000000000001"],
];

/** Strings with bytes that text handling tends to break. */
export const HOSTILE_STRINGS: readonly Argument[] = [
  ...["", " ", "\r\n", "a\r\nb", "\0", "a\0b", '"', "'", "\\", "*", "?", "[a]", "{", "}", "%"],
  ...["$-1\r\n", "+OK\r\n", "__proto__", "constructor", "é", "日本語", "👍", "\ufeff"],
  ...[binary("\xff\xfe\x80"), binary("\xc3"), binary("\xed\xa0\x80"), Buffer.alloc(600, 255)],
  ...["x".repeat(43), "x".repeat(44), "x".repeat(45), "x".repeat(47), "x".repeat(48)],
  ...["x".repeat(63), "x".repeat(64), "x".repeat(127), "x".repeat(128), "x".repeat(16_384)],
];

/** All ordered selections of up to `most` different items, the empty one first. */
export function* selections<T>(items: readonly T[], most: number): Generator<T[]> {
  yield [];
  if (most === 0) return;
  for (let k = 0; k < items.length; k++) {
    const others = items.filter((_, other) => other !== k);
    for (const rest of selections(others, most - 1)) yield [items[k], ...rest];
  }
}

/** A name in lower, upper, capitalised and alternating case. */
export function caseVariants(name: string): string[] {
  const alternating = [...name].map((c, k) => (k % 2 ? c.toUpperCase() : c.toLowerCase()));
  const capitalised = name[0].toUpperCase() + name.slice(1).toLowerCase();
  return [name.toLowerCase(), name.toUpperCase(), capitalised, alternating.join("")];
}

/** Every argument count from the bare name to `most` arguments, all of them the text "x". */
export function arities(name: string, most: number): string[][] {
  return Array.from({ length: most + 1 }, (_, k) => [name, ...new Array<string>(k).fill("x")]);
}

/** Seeded random choices. */
export class Choices {
  readonly seed: number;
  readonly #random: Xoshiro;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = new Xoshiro(seed);
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor((this.#random.uint32() / 2 ** 32) * bound);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Each item with probability one half, at least one of them. */
  subset<T>(items: readonly T[]): T[] {
    const chosen = items.filter(() => this.oneIn(2));
    return chosen.length > 0 ? chosen : [this.pick(items)];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let k = 0; k < length; k++) bytes[k] = this.below(256);
    return bytes;
  }

  /** A decimal number with up to `whole` and `fraction` digits, sometimes with an exponent. */
  decimal(whole: number, fraction: number): string {
    const digits = (count: number) =>
      Array.from({ length: count }, () => String(this.below(10))).join("");
    const sign = this.oneIn(2) ? "-" : "";
    const front = this.below(9) + 1 + digits(this.below(whole));
    const back = this.oneIn(4) ? "" : `.${digits(1 + this.below(fraction))}`;
    const exponent = this.oneIn(12) ? `e${this.below(40) - 20}` : "";
    return sign + (this.oneIn(4) ? "0" : front) + back + exponent;
  }
}
