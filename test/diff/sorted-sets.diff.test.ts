// The sorted set commands on members and scores against Redis 8.0.

import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = ["zadd", "zincrby", "zrem", "zcard", "zscore", "zmscore", "zrank", "zrevrank"];

/** Members, scores and encoding. */
function* state(key: string): Generator<Command> {
  yield ["zrange", key, "0", "-1", "withscores"];
  yield ["object", "encoding", key];
}

/** A sorted set below and above the limits of the small encoding. */
const LONG = "long".repeat(20);
const PRIORS: readonly Command[] = [
  ["zadd", "k", "1", "a", "2.5", "b", "2.5", "c", "inf", "d"],
  ["zadd", "k", "1", "a", "2.5", "b", "2.5", "c", "inf", "d", "7", LONG],
];

const OPTIONS = ["nx", "xx", "gt", "lt", "ch", "incr"];

differential("sorted sets", "redis8", ({ compare }) => {
  compare("every command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 6);
  });

  compare("every command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "1", "2"].slice(0, 4);
    }
  });

  compare("every command refuses values of other types", function* (known) {
    for (const { make } of otherTypes(known)) {
      for (const name of NAMES) {
        for (let count = 1; count <= 4; count++) {
          yield ["del", "k"];
          yield make("k");
          yield [name, "k", ...["2", "3", "4"].slice(0, count - 1)];
          yield ["type", "k"];
        }
      }
    }
  });

  compare("ZADD takes every selection of options as Redis does", function* () {
    for (const options of selections(OPTIONS, 3)) {
      for (const prior of [undefined, ...PRIORS]) {
        for (const pairs of [
          ["2", "b"],
          ["-inf", "d"],
          ["1", "new", "9", "a"],
          ["x", "b"],
          ["1"],
        ]) {
          yield ["del", "k"];
          if (prior !== undefined) yield prior;
          yield ["zadd", "k", ...options, ...pairs];
          yield* state("k");
        }
      }
    }
  });

  compare("option names are recognised whatever their case", function* () {
    for (const name of OPTIONS) {
      for (const variant of caseVariants(name)) yield ["zadd", "k", variant, "1", "a"];
    }
    for (const variant of caseVariants("withscore")) {
      yield ["zrank", "k", "a", variant];
      yield ["zrevrank", "none", "a", variant];
    }
    yield ["zrank", "k", "a", "withscores"];
    yield ["zrank", "k", "a", "withscore", "x"];
  });

  compare("scores are read and printed as in Redis", function* () {
    for (const prior of PRIORS) {
      yield ["del", "k"];
      yield prior;
      for (const score of HOSTILE_DOUBLES) {
        yield ["zadd", "k", score, "m"];
        yield ["zscore", "k", "m"];
        yield ["zincrby", "k", score, "m"];
        yield ["zmscore", "k", "m", "none", "a"];
        yield ["zadd", "k", "1", "never", score, "m", "x", "never"];
      }
      yield* state("k");
    }
  });

  compare("sums are floating sums, and none is no number", function* () {
    const numbers = ["0.1", "-0.3", "1e300", "-1e300", "inf", "-inf", "1e-320", "-0", "3", "9e15"];
    for (const prior of PRIORS) {
      for (const left of numbers) {
        for (const right of numbers) {
          yield ["del", "k"];
          yield prior;
          yield ["zadd", "k", left, "m"];
          yield ["zincrby", "k", right, "m"];
          yield ["zadd", "k", "xx", "gt", "incr", left, "m"];
          yield ["zscore", "k", "m"];
        }
      }
    }
  });

  compare("members are any bytes, ordered as bytes where scores are equal", function* () {
    for (const prior of PRIORS) {
      yield ["del", "k"];
      yield prior;
      for (const member of HOSTILE_STRINGS) {
        yield ["zadd", "k", "5", member];
        yield ["zrank", "k", member, "withscore"];
        yield ["zrevrank", "k", member];
      }
      yield* state("k");
      for (const member of HOSTILE_STRINGS) yield ["zrem", "k", member, member];
      yield* state("k");
    }
  });

  compare("the small encoding ends where its limits say", function* () {
    yield ["config", "set", "zset-max-listpack-entries", "4", "zset-max-listpack-value", "5"];
    for (let count = 1; count <= 6; count++) {
      const pairs = Array.from({ length: count }, (_, k) => [String(k), `m${k}`]).flat();
      yield ["del", "k", "d"];
      yield ["zadd", "k", ...pairs];
      yield* state("k");
      yield ["zadd", "d", ...Array.from({ length: count }, () => ["1", "same"]).flat()];
      yield* state("d");
      yield ["zadd", "d", ...Array.from({ length: count }, () => ["1", "same"]).flat()];
      yield* state("d");
      yield ["zadd", "k", "xx", "1", "m0", "2", "longer than five"];
      yield* state("k");
      yield ["zadd", "k", "1", "five5"];
      yield ["zincrby", "k", "1", "sixsix"];
      yield* state("k");
    }
    for (const limit of ["0", "1"]) {
      yield ["config", "set", "zset-max-listpack-entries", limit];
      yield ["del", "k"];
      yield ["zincrby", "k", "1", "a"];
      yield* state("k");
    }
    yield ["config", "set", "zset-max-listpack-entries", "128", "zset-max-listpack-value", "64"];
  });

  compare("ZREM deletes the emptied key and counts what it removed", function* () {
    for (const prior of PRIORS) {
      yield ["del", "k"];
      yield prior;
      yield ["zrem", "k", "a", "none", "a", "b"];
      yield* state("k");
      yield ["zrem", "k", "c", "d", LONG, "a", "b"];
      yield ["exists", "k"];
    }
  });

  compare("random changes of a few sorted sets (seed 31)", function* () {
    const choices = new Choices(31);
    for (let k = 0; k < 4000; k++) {
      const key = choices.pick(["k", "l", "m"]);
      const member = () => `m${choices.below(choices.pick([5, 200]))}`;
      const score = () => choices.pick([String(choices.below(5)), choices.decimal(3, 3)]);
      const action = choices.below(10);
      if (action < 4) yield ["zadd", key, score(), member(), score(), member()];
      else if (action < 5) yield ["zadd", key, choices.pick(["gt", "lt", "nx"]), score(), member()];
      else if (action < 6) yield ["zincrby", key, score(), member()];
      else if (action < 8) yield ["zrem", key, member(), member()];
      else yield [choices.pick(["zrank", "zrevrank"]), key, member(), "withscore"];
      if (k % 200 === 0) for (const name of ["k", "l", "m"]) yield* state(name);
    }
  });
});
