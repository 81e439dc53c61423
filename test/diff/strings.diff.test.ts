// The string commands of Redis 8.0 against Redis 8.0.

import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["append", "decr", "decrby", "get", "getdel", "getex", "getrange", "getset", "incr"],
  ...["incrby", "incrbyfloat", "lcs", "mget", "mset", "msetnx", "psetex", "set", "setex"],
  ...["setnx", "setrange", "strlen", "substr"],
];

const FUTURE_S = "33177117420";
const FUTURE_MS = "33177117420000";

/** Values a key may have before a command meets it; undefined is no key. */
const PRIOR = [undefined, "", "0", "10", "-5", "9223372036854775807", "1.5", "abc"];

function* withPrior(key: string, prior: string | undefined): Generator<Command> {
  yield ["del", key];
  if (prior !== undefined) yield ["set", key, prior];
}

/** The value, its encoding and its expiry. */
function* state(key: string): Generator<Command> {
  yield ["get", key];
  yield ["object", "encoding", key];
  yield ["pexpiretime", key];
}

differential("strings", "redis8", ({ compare }) => {
  compare("every string command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 9);
  });

  compare("every string command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "1", "2"].slice(0, 3);
    }
  });

  compare("every string command refuses values of other types", function* (known) {
    for (const { make } of otherTypes(known)) {
      for (const name of NAMES) {
        for (let count = 1; count <= 4; count++) {
          yield ["del", "k", "2", "3"];
          yield make("k");
          yield [name, "k", ...["2", "3", "4"].slice(0, count - 1)];
          yield ["type", "k"];
        }
      }
    }
  });

  compare("binary and empty keys and values come back unchanged", function* () {
    for (const value of HOSTILE_STRINGS) {
      yield ["set", value, value];
      yield ["get", value];
      yield ["strlen", value];
      yield ["object", "encoding", value];
      yield ["append", value, value];
      yield ["getset", value, value];
      yield ["getrange", value, "0", "-1"];
      yield ["setrange", value, "1", value];
      yield ["mget", value, "absent", value];
      yield ["getdel", value];
      yield ["exists", value];
    }
  });

  compare("INCR and its siblings treat hostile values as Redis does", function* () {
    for (const value of HOSTILE_INTEGERS) {
      for (const command of [["incr"], ["decr"], ["incrby", "7"], ["decrby", "-7"]]) {
        yield ["set", "k", value, "pxat", FUTURE_MS];
        yield [command[0], "k", ...command.slice(1)];
        yield* state("k");
      }
    }
  });

  compare("INCRBY and DECRBY treat hostile increments as Redis does", function* () {
    for (const prior of PRIOR) {
      for (const value of HOSTILE_INTEGERS) {
        for (const name of ["incrby", "decrby"]) {
          yield* withPrior("k", prior);
          yield [name, "k", value];
          yield* state("k");
        }
      }
    }
  });

  compare("INCRBYFLOAT treats hostile values and increments as Redis does", function* () {
    for (const value of HOSTILE_DOUBLES) {
      for (const prior of PRIOR) {
        yield* withPrior("k", prior);
        yield ["incrbyfloat", "k", value];
        yield* state("k");
      }
      for (const increment of ["0", "1", "0.1", "-1e-3"]) {
        yield ["set", "k", value];
        yield ["incrbyfloat", "k", increment];
        yield* state("k");
      }
    }
  });

  compare("INCRBYFLOAT adds random decimals as Redis does (seed 20)", function* () {
    const choices = new Choices(20);
    for (let k = 0; k < 4000; k++) {
      if (k % 3 === 0) yield ["set", "k", choices.decimal(18, 17)];
      yield ["incrbyfloat", "k", choices.decimal(choices.pick([3, 9, 18]), 17)];
    }
  });

  compare("INCRBYFLOAT adds plain amounts as Redis does (seed 21)", function* () {
    const choices = new Choices(21);
    for (let k = 0; k < 4000; k++) {
      if (k % 8 === 0) yield ["set", "k", (choices.below(200000) / 100).toFixed(2)];
      yield ["incrbyfloat", "k", (choices.below(20000) / 1000 - 10).toFixed(choices.below(4))];
    }
  });

  compare("GETRANGE and SUBSTR clamp every pair of offsets", function* () {
    const offsets = ["-100", "-6", "-5", "-4", "-1", "0", "1", "3", "4", "5", "6", "100"];
    yield ["set", "k", "hello"];
    yield ["set", "n", "12345"];
    yield ["set", "e", ""];
    for (const name of ["getrange", "substr"]) {
      for (const key of ["k", "n", "e", "absent"]) {
        for (const start of offsets) for (const end of offsets) yield [name, key, start, end];
      }
    }
    for (const value of HOSTILE_INTEGERS) {
      for (const key of ["k", "absent"]) {
        yield ["getrange", key, value, "-1"];
        yield ["getrange", key, "0", value];
        yield ["getrange", key, value, value];
      }
    }
  });

  compare("SETRANGE grows, overwrites and refuses", function* () {
    const offsets = HOSTILE_INTEGERS.concat("3", "5", "20", "536870912", "536870911999");
    for (const prior of PRIOR.concat("x".repeat(40))) {
      for (const offset of offsets) {
        for (const value of ["", "ab"]) {
          yield* withPrior("k", prior);
          yield ["setrange", "k", offset, value];
          yield* state("k");
        }
      }
    }
  });

  compare("SETEX and PSETEX take only times in range", function* () {
    for (const value of HOSTILE_INTEGERS.concat("100000", "9223372036854775", "9223372036854776")) {
      if (/^[1-9]\d?$/.test(value)) continue;
      for (const name of ["setex", "psetex"]) {
        yield ["del", "k"];
        yield [name, "k", value, "v"];
        yield* state("k");
      }
    }
  });

  compare("MSET, MSETNX and MGET handle pairs, repeats and odd counts", function* () {
    const keys = ["a", "b", "c"];
    for (const chosen of selections(keys, 3)) {
      for (const name of ["mset", "msetnx"]) {
        yield ["flushall"];
        yield ["set", "b", "old", "pxat", FUTURE_MS];
        yield [name, ...chosen.flatMap((key, k) => [key, String(k)])];
        yield [name, ...chosen.flatMap((key) => [key, "1", key, "2"])];
        yield [name, ...chosen.flatMap((key) => [key, "1"]), "odd"];
        yield ["mget", ...keys, ...keys];
        yield ["pexpiretime", "b"];
      }
    }
  });

  compare("GETDEL, GETSET and SETNX in every state", function* () {
    for (const prior of PRIOR) {
      for (const command of [["getdel"], ["getset", "new"], ["setnx", "new"], ["append", "7"]]) {
        yield* withPrior("k", prior);
        yield ["pexpireat", "k", FUTURE_MS];
        yield [command[0], "k", ...command.slice(1)];
        yield* state("k");
        yield ["exists", "k"];
      }
    }
  });
});

const SET_OPTIONS: readonly (readonly string[])[] = [
  ["nx"],
  ["XX"],
  ["get"],
  ["keepttl"],
  ["ex", "100000"],
  ["PX", "100000000"],
  ["exat", FUTURE_S],
  ["pxat", FUTURE_MS],
  ["exat", "1"],
  ["pxat", "1"],
  ["ex"],
  ["ex", "0"],
  ["px", "-1"],
  ["ex", "abc"],
  ["persist"],
  ["junk"],
  [""],
];

const GETEX_OPTIONS: readonly (readonly string[])[] = [
  ["persist"],
  ["ex", "100000"],
  ["PX", "100000000"],
  ["exat", FUTURE_S],
  ["pxat", FUTURE_MS],
  ["exat", "1"],
  ["pxat", "1"],
  ["ex"],
  ["px", "0"],
  ["ex", "abc"],
  ["keepttl"],
  ["nx"],
  ["junk"],
];

differential("string options", "redis8", ({ compare }) => {
  compare("SET takes every pair and triple of options as Redis does", function* () {
    for (const prior of [undefined, "old"]) {
      for (const options of selections(SET_OPTIONS, 3)) {
        yield* withPrior("k", prior);
        yield ["pexpireat", "k", "33177117429999"];
        yield ["set", "k", "new", ...options.flat()];
        yield* state("k");
      }
    }
  });

  compare("SET repeats options as Redis does", function* () {
    for (const option of SET_OPTIONS) {
      yield ["del", "k"];
      yield ["set", "k", "v", ...option, ...option];
      yield* state("k");
    }
  });

  compare("SET takes only times in range", function* () {
    for (const value of HOSTILE_INTEGERS.concat("9223372036854775", "9223372036854776")) {
      for (const unit of ["ex", "px", "exat", "pxat"]) {
        if (unit !== "exat" && unit !== "pxat" && /^[1-9]\d?$/.test(value)) continue;
        for (const condition of [[], ["get"], ["nx"], ["xx"]]) {
          yield ["del", "k"];
          yield ["set", "k", "v", unit, value, ...condition];
          yield* state("k");
          yield ["getex", "k", unit, value];
          yield* state("k");
        }
      }
    }
  });

  compare("SET ... GET refuses other types and leaves them alone", function* (known) {
    for (const { make } of otherTypes(known)) {
      for (const options of selections(SET_OPTIONS, 2)) {
        yield ["del", "k"];
        yield make("k");
        yield ["set", "k", "v", ...options.flat()];
        yield ["type", "k"];
      }
    }
  });

  compare("GETEX takes every pair and triple of options as Redis does", function* () {
    for (const prior of [undefined, "old"]) {
      for (const options of selections(GETEX_OPTIONS, 2)) {
        yield* withPrior("k", prior);
        yield ["pexpireat", "k", "33177117429999"];
        yield ["getex", "k", ...options.flat()];
        yield* state("k");
      }
    }
  });

  compare("option names are recognised whatever their case", function* () {
    for (const name of ["nx", "xx", "get", "keepttl"]) {
      for (const variant of caseVariants(name)) yield ["set", "k", "v", variant];
    }
    for (const name of ["ex", "px", "exat", "pxat"]) {
      for (const variant of caseVariants(name)) {
        yield ["set", "k", "v", variant, FUTURE_S];
        yield ["getex", "k", variant, FUTURE_S];
      }
    }
    for (const name of ["len", "idx", "withmatchlen"]) {
      for (const variant of caseVariants(name)) yield ["lcs", "k", "k", variant];
    }
  });
});

const LCS_OPTIONS: readonly (readonly string[])[] = [
  ["len"],
  ["IDX"],
  ["withmatchlen"],
  ["minmatchlen", "2"],
  ["minmatchlen", "-3"],
  ["minmatchlen", "abc"],
  ["minmatchlen"],
  ["junk"],
];

differential("lcs", "redis8", ({ compare }) => {
  compare("LCS takes every pair and triple of options as Redis does", function* () {
    yield ["mset", "a", "ohmytext", "b", "mynewtext", "e", "", "n", "12345"];
    for (const [left, right] of [...selections(["a", "b", "e", "n", "absent"], 2)]) {
      if (right === undefined) continue;
      for (const options of selections(LCS_OPTIONS, left === "a" && right === "b" ? 3 : 2)) {
        yield ["lcs", left, right, ...options.flat()];
      }
    }
  });

  compare("LCS of random strings (seed 22)", function* () {
    const choices = new Choices(22);
    const text = () =>
      Array.from({ length: choices.below(60) }, () => choices.pick(["a", "b", "c", "\0"])).join("");
    for (let k = 0; k < 300; k++) {
      yield ["mset", "a", text(), "b", text()];
      yield ["lcs", "a", "b"];
      yield ["lcs", "a", "b", "len"];
      yield ["lcs", "a", "b", "idx", "withmatchlen"];
      yield ["lcs", "a", "b", "idx", "minmatchlen", String(choices.below(6))];
    }
  });

  compare("LCS refuses other types", function* (known) {
    yield ["set", "s", "text"];
    for (const { make } of otherTypes(known)) {
      yield ["del", "k"];
      yield make("k");
      yield ["lcs", "k", "s"];
      yield ["lcs", "s", "k", "idx", "len"];
    }
  });
});
