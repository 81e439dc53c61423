// Numbers and byte ranges: what every argument and every reply goes through.

import { do_not_optimize } from "mitata";
import {
  compareBytes,
  copyBytes,
  equalBytes,
  equalsToken,
  integerLength,
  parseInt64,
  parseInteger,
  writeInteger,
} from "../../../src/base/ascii.ts";
import { randomBelow } from "../../../src/base/random.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { randomText, rangesOf, seeded } from "../../harness/data.ts";
import { checkResult, digestOfText } from "../../harness/digest.ts";

const COUNT = 1000;

/** Integers of up to so many digits, half of them negative. */
function integers(digits: number): number[] {
  const random = seeded(`integers of ${digits}`);
  return Array.from({ length: COUNT }, () => {
    const magnitude = Math.floor((random.uint32() / 2 ** 32) * 10 ** digits);
    return random.uint32() % 2 === 0 ? magnitude : -magnitude;
  });
}

benchmark("parse 1,000 integers of $digits digits", function* (args) {
  const numbers = integers(args.get("digits"));
  const { bytes, starts, ends } = rangesOf(numbers.map((number) => String(number)));
  const parseAll = () => {
    let sum = 0;
    for (let k = 0; k < COUNT; k++) sum += parseInteger(bytes, starts[k], ends[k]);
    return sum;
  };
  const expected = numbers.reduce((sum, number) => sum + number, 0);
  checkResult("parseInteger", parseAll(), expected);
  yield () => do_not_optimize(parseAll());
})
  .args("digits", [1, 4, 9, 15])
  .gc("inner");

benchmark("parse 1,000 int64s beyond 2^53", function* () {
  const random = seeded("int64");
  const numbers = Array.from({ length: COUNT }, () => 2n ** 62n + BigInt(random.uint32()));
  const { bytes, starts, ends } = rangesOf(numbers.map(String));
  const parseAll = () => {
    let sum = 0n;
    for (let k = 0; k < COUNT; k++) sum += parseInt64(bytes, starts[k], ends[k]) ?? 0n;
    return sum;
  };
  const expected = numbers.reduce((sum, number) => sum + number, 0n);
  checkResult("parseInt64", Number(parseAll() - expected), 0);
  yield () => do_not_optimize(parseAll());
});

benchmark("write 1,000 integers of $digits digits", function* (args) {
  const numbers = integers(args.get("digits"));
  const target = new Uint8Array(COUNT * 18);
  const writeAll = () => {
    let at = 0;
    for (let k = 0; k < COUNT; k++) at = writeInteger(target, at, numbers[k]);
    return at;
  };
  const length = writeAll();
  const lengths = numbers.reduce((sum, number) => sum + integerLength(number), 0);
  checkResult("integerLength", lengths, length);
  const written = Buffer.from(target.buffer, 0, length).toString("latin1");
  const expected = numbers.map((number) => (number === 0 ? "0" : String(number))).join("");
  checkResult("writeInteger", digestOfText(written), digestOfText(expected));
  yield () => do_not_optimize(writeAll());
})
  .args("digits", [1, 4, 9, 15])
  .gc("inner");

benchmark("copy 100 ranges of $bytes bytes", function* (args) {
  const length = args.get("bytes");
  const source = rangesOf([randomText(seeded("copy"), length * 100)]).bytes;
  const target = new Uint8Array(length * 100 + 3);
  const copyAll = () => {
    for (let k = 0; k < 100; k++) {
      copyBytes(target, k * length + 3, source, k * length, (k + 1) * length);
    }
    return target[3];
  };
  copyAll();
  const copied = Buffer.from(target.buffer, 3).toString("latin1");
  const expected = Buffer.from(source.buffer).toString("latin1");
  checkResult("copyBytes", digestOfText(copied), digestOfText(expected));
  yield () => do_not_optimize(copyAll());
})
  .args("bytes", [16, 32, 48, 49, 64, 256, 1024, 16384])
  .gc("inner");

benchmark("compare 1,000 keys of $bytes bytes with equal ones", function* (args) {
  const length = args.get("bytes");
  const random = seeded("compare");
  const texts = Array.from({ length: COUNT }, () => randomText(random, length));
  const left = rangesOf(texts);
  const right = rangesOf(texts);
  const compareAll = () => {
    let equal = 0;
    for (let k = 0; k < COUNT; k++) {
      if (equalBytes(left.bytes, left.starts[k], right.bytes, right.starts[k], length)) equal++;
    }
    return equal;
  };
  checkResult("equalBytes", compareAll(), COUNT);
  yield () => do_not_optimize(compareAll());
})
  .args("bytes", [16, 64, 256])
  .gc("inner");

benchmark("order 1,000 pairs of keys", function* () {
  const random = seeded("order");
  const texts = Array.from({ length: COUNT + 1 }, () =>
    randomText(random, 1 + randomBelow(random, 30)),
  );
  const { bytes, starts, ends } = rangesOf(texts);
  const orderAll = () => {
    let ascending = 0;
    for (let k = 0; k < COUNT; k++) {
      const [next, last] = [starts[k + 1], ends[k + 1]];
      if (compareBytes(bytes, starts[k], ends[k], bytes, next, last) < 0) ascending++;
    }
    return ascending;
  };
  const expected = texts.filter((text, k) => k < COUNT && text < texts[k + 1]).length;
  checkResult("compareBytes", orderAll(), expected);
  yield () => do_not_optimize(orderAll());
}).gc("inner");

benchmark("tell 1,000 option names", function* () {
  const names = ["EX", "px", "KeepTTL", "NX", "get", "persist"];
  const { bytes, starts, ends } = rangesOf(
    Array.from({ length: COUNT }, (_, k) => names[k % names.length]),
  );
  const tellAll = () => {
    let found = 0;
    for (let k = 0; k < COUNT; k++) if (equalsToken(bytes, starts[k], ends[k], "keepttl")) found++;
    return found;
  };
  checkResult("equalsToken", tellAll(), Math.ceil((COUNT - 2) / names.length));
  yield () => do_not_optimize(tellAll());
}).gc("inner");
