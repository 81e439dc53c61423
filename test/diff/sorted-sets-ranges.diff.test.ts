// Intervals of sorted sets against Redis 8.0: walks, counts, removals, ZRANGESTORE.

import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  selections,
} from "../harness/generate.ts";
import { otherTypes } from "./other-types.ts";

const WALKS = [
  ...["zrange", "zrevrange", "zrangebyscore", "zrevrangebyscore", "zrangebylex"],
  ...["zrevrangebylex"],
];
const COUNTS = ["zcount", "zlexcount"];
const REMOVALS = ["zremrangebyrank", "zremrangebyscore", "zremrangebylex"];
const NAMES = [...WALKS, ...COUNTS, ...REMOVALS];

const LONG = "m".repeat(70);

/** One with different scores, one with equal ones, each in both encodings. */
function* fill(key: string, isLarge: boolean, isLexical: boolean): Generator<Command> {
  yield ["del", key];
  const scores = ["-inf", "-1.5", "0", "1", "1", "1", "2.25", "3", "17", "inf"];
  const members = ["", "a", "aa", "b", "B", "c", "ca", "d\0", "e", "z"];
  yield [
    "zadd",
    key,
    ...members.flatMap((member, k) => [isLexical ? "0" : scores[k], member]),
    ...(isLarge ? [isLexical ? "0" : "5", LONG] : []),
  ];
}

function* state(key: string): Generator<Command> {
  yield ["zrange", key, "0", "-1", "withscores"];
  yield ["object", "encoding", key];
}

const RANKS = ["0", "-1", "1", "3", "-3", "9", "10", "100", "-100", "-11"];
const SCORES = ["-inf", "+inf", "0", "(0", "1", "(1", "2", "-1.5", "(-1.5", "(inf", "(-inf", "4"];
const ENDS = ["-", "+", "[a", "(a", "[b", "(c", "[", "(", "[zz", "(z", `[${LONG}`, "[d\0"];

const OPTIONS: readonly (readonly string[])[] = [
  ["withscores"],
  ["rev"],
  ["byscore"],
  ["bylex"],
  ["limit", "1", "3"],
  ["LIMIT", "0", "-1"],
];

function endsOf(name: string): readonly string[] {
  if (name.includes("lex")) return ENDS;
  return name.includes("score") || name === "zcount" ? SCORES : RANKS;
}

differential("sorted set ranges", "redis8", ({ compare }) => {
  compare("every command checks its arity", function* () {
    for (const name of [...NAMES, "zrangestore"]) yield* arities(name, 9);
  });

  compare("every command is found whatever its case", function* () {
    for (const name of [...NAMES, "zrangestore"]) {
      for (const variant of caseVariants(name)) yield [variant, "k", "1", "2"];
    }
  });

  compare("every command refuses values of other types", function* (known) {
    for (const { make } of otherTypes(known)) {
      for (const name of NAMES) {
        yield ["del", "k"];
        yield make("k");
        yield [name, "k", endsOf(name)[1], endsOf(name)[2]];
        yield [name, "k", "bad", "worse"];
        yield ["type", "k"];
      }
      yield ["zrangestore", "d", "k", "0", "-1"];
      yield ["zadd", "s", "1", "a"];
      yield ["zrangestore", "k", "s", "0", "-1"];
      yield ["type", "k"];
    }
  });

  compare("walks and counts take every pair of ends as Redis does", function* () {
    for (const isLarge of [false, true]) {
      for (const name of [...WALKS, ...COUNTS]) {
        yield* fill("k", isLarge, name.includes("lex"));
        for (const left of endsOf(name)) {
          for (const right of endsOf(name)) {
            yield [name, "k", left, right];
            if (name.includes("by")) yield [name, "k", left, right, "limit", "1", "2"];
            if (!name.includes("lex")) yield [name, "k", left, right, "withscores"];
          }
        }
      }
    }
  });

  compare("ZRANGE takes every selection of options as Redis does", function* () {
    for (const isLarge of [false, true]) {
      for (const isLexical of [false, true]) {
        yield* fill("k", isLarge, isLexical);
        for (const options of selections(OPTIONS, 4)) {
          // By member only where that is defined.
          if (options.flat().includes("bylex") !== isLexical) continue;
          const ends = isLexical ? ["[a", "(c"] : ["1", "5"];
          for (const pair of [ends, ends.toReversed()]) {
            yield ["zrange", "k", ...pair, ...options.flat()];
            yield ["zrangestore", "d", "k", ...pair, ...options.flat()];
          }
          yield* state("d");
        }
      }
    }
  });

  compare("the older commands take every pair of options as Redis does", function* () {
    for (const name of WALKS) {
      yield* fill("k", false, name.includes("lex"));
      for (const options of selections([...OPTIONS, ["junk"], ["limit", "1"]], 2)) {
        yield [name, "k", endsOf(name)[0], endsOf(name)[1], ...options.flat()];
        yield [name, "none", endsOf(name)[0], endsOf(name)[1], ...options.flat()];
      }
    }
  });

  compare("ends, offsets and limits are read as in Redis", function* () {
    for (const isLarge of [false, true]) {
      yield* fill("k", isLarge, false);
      for (const text of HOSTILE_DOUBLES) {
        yield ["zrangebyscore", "k", text, "+inf"];
        yield ["zcount", "k", "-inf", `(${text}`];
        yield ["zrevrangebyscore", "none", text, "0"];
      }
      for (const text of HOSTILE_INTEGERS) {
        yield ["zrange", "k", text, "-1"];
        yield ["zrevrange", "k", "0", text];
        yield ["zrange", "none", "0", text];
        yield ["zrangebyscore", "k", "-inf", "+inf", "limit", text, "2"];
        yield ["zrevrangebyscore", "k", "+inf", "-inf", "limit", "2", text];
        yield ["zrevrangebyscore", "k", "+inf", "-inf", "limit", text, "3"];
        yield ["zrangebyscore", "k", "0", "4", "limit", text, "-1"];
      }
      yield* fill("k", isLarge, true);
      for (const text of [
        "",
        "a",
        "--",
        "-\0",
        "+\0x",
        "+x",
        "[",
        "(",
        "{a",
        "[\0",
        "(\xff",
        "\0",
      ]) {
        yield ["zrangebylex", "k", text, "+"];
        yield ["zlexcount", "k", "-", text];
        yield ["zrevrangebylex", "none", text, "x"];
      }
      for (const text of HOSTILE_INTEGERS.slice(0, 30)) {
        yield ["zrangebylex", "k", "-", "+", "limit", text, "2"];
        yield ["zrevrangebylex", "k", "+", "-", "limit", "1", text];
        yield ["zrevrangebylex", "k", "[c", "-", "limit", text, "-1"];
      }
    }
  });

  compare("removals take every pair of ends as Redis does", function* () {
    for (const isLarge of [false, true]) {
      for (const name of REMOVALS) {
        for (const left of endsOf(name)) {
          for (const right of endsOf(name)) {
            yield* fill("k", isLarge, name.includes("lex"));
            yield [name, "k", left, right];
            yield* state("k");
          }
        }
      }
    }
  });

  compare("ZRANGESTORE replaces, deletes, and chooses the encoding", function* () {
    for (const isLarge of [false, true]) {
      yield* fill("k", isLarge, false);
      yield ["set", "d", "string"];
      yield ["expire", "d", "1000"];
      yield ["zrangestore", "d", "k", "0", "-1"];
      yield ["ttl", "d"];
      yield* state("d");
      yield ["zrangestore", "k", "k", "1", "3"];
      yield* state("k");
      yield ["zrangestore", "d", "none", "0", "-1"];
      yield ["exists", "d"];
      yield ["zrangestore", "k", "k", "5", "1"];
      yield ["exists", "k"];
    }
    yield ["config", "set", "zset-max-listpack-entries", "4"];
    yield* fill("k", false, false);
    for (const last of ["2", "3", "4", "5"]) {
      yield ["zrangestore", "d", "k", "0", last];
      yield* state("d");
      yield ["zrangestore", "d", "k", "-inf", "0", "byscore"];
      yield* state("d");
    }
    yield ["config", "set", "zset-max-listpack-entries", "128"];
  });

  compare("intervals of large sorted sets (seed 32)", function* () {
    const choices = new Choices(32);
    for (let round = 0; round < 3; round++) {
      yield ["del", "k", "l"];
      for (let k = 0; k < 20; k++) {
        const pairs = Array.from({ length: 100 }, () => choices.below(5000));
        yield ["zadd", "k", ...pairs.flatMap((n) => [choices.decimal(3, 2), `m${n}`])];
        yield ["zadd", "l", ...pairs.flatMap((n) => ["0", `m${n}`])];
      }
      for (let k = 0; k < 300; k++) {
        const low = choices.decimal(3, 2);
        const high = choices.decimal(3, 2);
        yield ["zcount", "k", low, high];
        yield ["zrange", "k", low, high, "byscore", "limit", choices.below(20), choices.below(50)];
        yield ["zrevrangebyscore", "k", high, low, "limit", choices.below(20), "5", "withscores"];
        const rank = choices.below(2000);
        yield ["zrange", "k", rank, rank + choices.below(100)];
        yield ["zrevrange", "k", rank, rank + choices.below(100), "withscores"];
        const [from, to] = [`[m${choices.below(5000)}`, `(m${choices.below(5000)}`];
        yield ["zlexcount", "l", from, to];
        yield ["zrangebylex", "l", from, to, "limit", choices.below(20), "10"];
        yield ["zrevrangebylex", "l", to, from, "limit", choices.below(20), "10"];
        if (choices.oneIn(10)) yield ["zremrangebylex", "l", from, `${from}z`];
        if (choices.oneIn(10)) yield ["zremrangebyrank", "k", rank, rank + 20];
        if (choices.oneIn(10)) yield ["zremrangebyscore", "k", low, low];
      }
    }
  });
});
