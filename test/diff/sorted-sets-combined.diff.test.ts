// Unions, intersections and differences of sorted sets and sets against Redis 8.0.

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

const REPLIES = ["zunion", "zinter", "zdiff"];
const STORES = ["zunionstore", "zinterstore", "zdiffstore"];
const NAMES = [...REPLIES, ...STORES, "zintercard"];

const LONG = "m".repeat(70);

function* state(key: string): Generator<Command> {
  yield ["zrange", key, "0", "-1", "withscores"];
  yield ["object", "encoding", key];
}

/** Sorted sets a, b (large), c, sets s, i (integers), t (large) and nothing at n. */
function* fill(): Generator<Command> {
  yield ["del", "a", "b", "c", "s", "i", "t", "n", "d"];
  yield ["zadd", "a", "1", "x", "2", "y", "3.5", "z", "0", "7"];
  yield ["zadd", "b", "10", "x", "-inf", "y", "0.1", "w", "5", LONG, "-0", "7"];
  yield ["zadd", "c", "inf", "y", "0.2", "w", "1e300", "x"];
  yield ["sadd", "s", "x", "w", "q"];
  yield ["sadd", "i", "7", "8", "9"];
  yield ["sadd", "t", "x", "y", "7", LONG];
}

const KEY_LISTS: readonly (readonly string[])[] = [
  ...[["a"], ["b"], ["s"], ["n"], ["a", "b"], ["b", "a"], ["a", "a"], ["b", "b", "b"], ["a", "n"]],
  ...[
    ["n", "a"],
    ["a", "s"],
    ["s", "a"],
    ["i", "a"],
    ["a", "i"],
    ["t", "b"],
    ["b", "t"],
  ],
  ...[
    ["a", "b", "c"],
    ["c", "b", "a"],
    ["a", "b", "c", "s", "t", "i"],
    ["s", "t"],
    ["n", "n"],
  ],
];

function optionsFor(count: number): readonly (readonly string[])[] {
  const weights = ["2", "-1.5", "inf", "0", "-inf", "3"].slice(0, count);
  return [
    ["weights", ...weights],
    ["aggregate", "min"],
    ["AGGREGATE", "Max"],
    ["aggregate", "sum"],
    ["withscores"],
    ["limit", "2"],
  ];
}

differential("combined sorted sets", "redis8", ({ compare }) => {
  compare("every command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 6);
    for (const name of NAMES) for (const [, ...rest] of arities("", 5)) yield [name, "1", ...rest];
  });

  compare("every command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "1", "1", "2"];
    }
    for (const option of ["weights", "aggregate", "withscores"]) {
      for (const variant of caseVariants(option)) yield ["zunion", "1", "a", variant, "1"];
      for (const variant of caseVariants(option)) yield ["zunion", "1", "a", variant, "sum"];
    }
    for (const variant of caseVariants("limit")) yield ["zintercard", "1", "a", variant, "1"];
  });

  compare("only sorted sets and sets are combined", function* (known) {
    yield ["zadd", "a", "1", "x"];
    for (const { make } of otherTypes(known)) {
      yield ["del", "k"];
      yield make("k");
      for (const name of REPLIES) {
        yield [name, "2", "a", "k"];
        yield [name, "2", "k", "none", "bad option"];
      }
      for (const name of STORES) {
        yield [name, "d", "2", "k", "a"];
        yield ["exists", "d"];
      }
      yield ["zintercard", "2", "k", "none"];
      yield ["zunionstore", "k", "1", "a"];
      yield ["type", "k"];
    }
  });

  compare("all of them with all options", function* () {
    yield* fill();
    for (const keys of KEY_LISTS) {
      for (const options of selections(optionsFor(keys.length), 3)) {
        const args = [String(keys.length), ...keys, ...options.flat()];
        for (const name of REPLIES) yield [name, ...args];
        for (const name of STORES) {
          yield [name, "d", ...args];
          yield* state("d");
        }
        yield ["zintercard", ...args];
      }
    }
  });

  compare("numbers of keys, weights and limits are read as in Redis", function* () {
    yield* fill();
    for (const text of HOSTILE_INTEGERS) {
      for (const name of REPLIES) yield [name, text, "a", "b"];
      for (const name of STORES) yield [name, "d", text, "a", "b"];
      yield ["zintercard", text, "a", "b"];
      yield ["zintercard", "2", "a", "b", "limit", text];
    }
    for (const text of HOSTILE_DOUBLES) {
      yield ["zunion", "2", "a", "b", "weights", "1", text, "withscores"];
      yield ["zinterstore", "d", "2", "a", "b", "weights", text, "2"];
      yield* state("d");
    }
    for (const rest of [["weights"], ["weights", "1"], ["weights", "1", "2", "3"], ["aggregate"]]) {
      yield ["zunion", "2", "a", "b", ...rest];
      yield ["zunionstore", "d", "2", "a", "b", ...rest];
    }
  });

  compare("a result takes the place of whatever there was", function* () {
    yield* fill();
    for (const name of STORES) {
      yield ["set", "d", "string", "ex", "1000"];
      yield [name, "d", "1", "a"];
      yield ["ttl", "d"];
      yield* state("d");
      yield ["zadd", "e", "1", "x"];
      yield [name, "e", "2", "e", "a"];
      yield* state("e");
      yield [name, "e", "1", "n"];
      yield ["exists", "e"];
    }
    yield ["config", "set", "zset-max-listpack-entries", "4", "zset-max-listpack-value", "3"];
    for (const keys of KEY_LISTS) {
      yield ["zunionstore", "d", String(keys.length), ...keys];
      yield* state("d");
      yield ["zinterstore", "d", String(keys.length), ...keys];
      yield* state("d");
    }
    yield ["config", "set", "zset-max-listpack-entries", "128", "zset-max-listpack-value", "64"];
  });

  compare("sums of many scores come in Redis's order (seed 33)", function* () {
    const choices = new Choices(33);
    for (let round = 0; round < 30; round++) {
      const keys = ["a", "b", "c", "d", "e"];
      yield ["del", ...keys];
      for (const key of keys) {
        const count = 1 + choices.below(choices.pick([5, 5, 200]));
        for (let k = 0; k < count; k += 20) {
          const members = Array.from({ length: 20 }, () => `m${choices.below(count)}`);
          yield ["zadd", key, ...members.flatMap((member) => [choices.decimal(3, 12), member])];
        }
      }
      for (const name of REPLIES) yield [name, "5", ...keys, "withscores"];
      for (const name of ["zunion", "zinter"]) {
        const weights = keys.map(() => choices.decimal(1, 5));
        yield [name, "5", ...keys, "withscores", "weights", ...weights];
        yield [name, "5", ...keys, "withscores", "aggregate", choices.pick(["min", "max"])];
      }
      yield ["zunionstore", "f", "5", ...keys];
      yield* state("f");
      yield ["zintercard", "3", "a", "b", "c", "limit", "3"];
    }
  });
});
