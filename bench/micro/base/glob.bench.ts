// Glob matching, as KEYS and SCAN do it for every key.

import { do_not_optimize } from "mitata";
import { globMatches } from "../../../src/base/glob.ts";
import { randomBelow } from "../../../src/base/random.ts";
import { benchmark } from "../../harness/benchmark.ts";
import { rangesOf, seeded } from "../../harness/data.ts";
import { checkResult } from "../../harness/digest.ts";

const COUNT = 1000;

/** Patterns, with the regular expressions that say the same. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ["user:*", /^user:/],
  ["*:profile", /:profile$/],
  ["*:1?3:*", /:1.3:/],
  ["user:[0-4][^5]*", /^user:[0-4][^5]/],
  ["u*e*r*1*e", /^u.*e.*r.*1.*e$/],
];

function keys(): string[] {
  const random = seeded("glob");
  return Array.from({ length: COUNT }, () => {
    const kind = ["user", "session", "cart"][randomBelow(random, 3)];
    const field = ["profile", "items", "seen"][randomBelow(random, 3)];
    return `${kind}:${randomBelow(random, 1000)}:${field}`;
  });
}

for (const [pattern, expression] of PATTERNS) {
  benchmark(`match 1,000 keys with ${pattern}`, function* () {
    const texts = keys();
    const { bytes, starts, ends } = rangesOf(texts);
    const glob = rangesOf([pattern]).bytes;
    const matchAll = () => {
      let matched = 0;
      for (let k = 0; k < COUNT; k++) {
        if (globMatches(glob, 0, glob.length, bytes, starts[k], ends[k])) matched++;
      }
      return matched;
    };
    const expected = texts.filter((text) => expression.test(text)).length;
    checkResult(`globMatches ${pattern}`, matchAll(), expected);
    yield () => do_not_optimize(matchAll());
  }).gc("inner");
}

benchmark("fail on $bytes bytes of a with *a*a*a*a*b", function* (args) {
  const { bytes } = rangesOf(["a".repeat(args.get("bytes"))]);
  const glob = rangesOf(["*a*a*a*a*b"]).bytes;
  const match = () => globMatches(glob, 0, glob.length, bytes, 0, bytes.length);
  checkResult("globMatches", Number(match()), 0);
  yield () => do_not_optimize(match());
}).args("bytes", [64, 1024, 65536]);
