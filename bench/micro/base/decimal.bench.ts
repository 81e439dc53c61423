// Decimal sums as INCRBYFLOAT makes them: short ones in doubles, the rest in extended precision.

import { do_not_optimize } from "mitata";
import { addDecimals, SUM_BYTES_MAX } from "../../../src/base/decimal.ts";
import { randomBelow } from "../../../src/base/random.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { rangesOf, seeded } from "../../harness/data.ts";
import { checkResult, Digest, digestOfText } from "../../harness/digest.ts";

const COUNT = 100;

/** Sums neighbours of a list of texts; returns the digest of the sums when asked to. */
function adder(texts: readonly string[]) {
  const { bytes, starts, ends } = rangesOf(texts);
  const output = new Uint8Array(SUM_BYTES_MAX);
  const add = (k: number) =>
    addDecimals(bytes, starts[k], ends[k], bytes, starts[k + 1], ends[k + 1], output, 0);
  return {
    addAll() {
      let length = 0;
      for (let k = 0; k < COUNT; k++) length += add(k);
      return length;
    },
    digest() {
      const digest = new Digest();
      for (let k = 0; k < COUNT; k++) digest.bytes(output, 0, add(k)).text(" ");
      return digest.value;
    },
  };
}

function sumsDigest(sums: readonly string[]): number {
  return digestOfText(sums.map((sum) => `${sum} `).join(""));
}

/** A whole number of hundredths as a decimal without trailing zeros. */
function hundredths(value: number): string {
  const sign = value < 0 ? "-" : "";
  const fraction = String(Math.abs(value) % 100).padStart(2, "0");
  return `${sign}${Math.floor(Math.abs(value) / 100)}.${fraction}`.replace(/\.?0+$/, "");
}

benchmark("add 100 pairs of short decimals", function* () {
  const random = seeded("short decimals");
  const values = Array.from({ length: COUNT + 1 }, () => randomBelow(random, 2000) - 1000);
  const { addAll, digest } = adder(values.map((value) => (value / 100).toFixed(2)));
  const sums = values.slice(0, COUNT).map((value, k) => hundredths(value + values[k + 1]));
  checkResult("addDecimals", digest(), sumsDigest(sums));
  yield () => do_not_optimize(addAll());
}).gc("inner");

benchmark("add 100 pairs of $digits-digit integers", function* (args) {
  const random = seeded("long decimals");
  const values = Array.from({ length: COUNT + 1 }, () => {
    return 10n ** BigInt(args.get("digits") - 1) + BigInt(random.uint32());
  });
  const { addAll, digest } = adder(values.map(String));
  const sums = values.slice(0, COUNT).map((value, k) => String(value + values[k + 1]));
  checkResult("addDecimals", digest(), sumsDigest(sums));
  yield () => do_not_optimize(addAll());
}).args("digits", [12, 19]);

benchmark("add 100 pairs of decimals with exponents", function* () {
  const random = seeded("exponents");
  // Multiples of 1/64 are exact in binary, and so are their sums.
  const values = Array.from({ length: COUNT + 1 }, () => (randomBelow(random, 1e6) - 5e5) / 64);
  const { addAll, digest } = adder(values.map((value) => `${value * 1000}e-3`));
  const sums = values.slice(0, COUNT).map((value, k) => String(value + values[k + 1]));
  checkResult("addDecimals", digest(), sumsDigest(sums));
  yield () => do_not_optimize(addAll());
});
