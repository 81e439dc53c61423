// The commands on hashes of Redis 8.0 against Redis 8.0, but for the expiry of fields.

import type { Argument } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_DOUBLES,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
} from "../harness/generate.ts";
import { changesOf } from "./changes.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["hdel", "hexists", "hget", "hgetall", "hincrby", "hincrbyfloat", "hkeys", "hlen", "hmget"],
  ...["hmset", "hrandfield", "hscan", "hset", "hsetnx", "hstrlen", "hvals"],
];

/** Everything that can be asked of a hash in place. */
function* state(key: Argument): Generator<Command> {
  yield ["hgetall", key];
  yield ["hlen", key];
  yield ["object", "encoding", key];
}

/** Everything that can be asked of a hash without a known order. */
function* contents(key: Argument, fields: readonly Argument[]): Generator<Command> {
  yield ["hmget", key, ...fields];
  yield ["hlen", key];
  yield ["object", "encoding", key];
}

/** A long value, which makes a hash a table. */
const LONG = "x".repeat(65);

/** What turns a hash in place into a table that differs in one field; or nothing. */
const FORMS: readonly (readonly Command[])[] = [[], [["hset", "h", "long", LONG]]];

differential("hashes", "redis8", ({ compare, probe }) => {
  compare("every hash command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 9);
  });

  compare("every hash command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) {
        for (const count of [2, 3, 4]) yield [variant, "h", "1", "2"].slice(0, count);
      }
    }
  });

  compare("every hash command refuses values of other types", function* (known) {
    for (const { type, make } of otherTypes(known).concat({
      type: "string",
      make: (key) => ["set", key, "5"],
    })) {
      if (type === "hash") continue;
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

  compare("hash commands on keys that do not exist", function* () {
    for (const name of NAMES) {
      for (let count = 1; count <= 4; count++) {
        yield ["del", "k"];
        yield [name, "k", ...["2", "3", "4"].slice(0, count - 1)];
        yield* state("k");
      }
    }
  });

  compare("binary and empty keys, fields and values come back unchanged", function* () {
    for (const form of FORMS) {
      for (const text of HOSTILE_STRINGS) {
        yield ["del", text, "h"];
        yield ["hset", text, text, text];
        yield* state(text);
        yield ["hget", text, text];
        yield ["hstrlen", text, text];
        yield ["hexists", text, text];
        yield ["hincrby", text, text, "1"];
        yield ["hincrbyfloat", text, text, "1"];
        yield* form;
        yield ["hsetnx", "h", text, text];
        yield ["hmset", "h", text, text, "other", text];
        yield* contents("h", [text, "other", "absent"]);
        yield ["hdel", "h", text, text];
        yield* contents("h", [text, "other", "long"]);
        yield ["hdel", text, text];
        yield ["exists", text];
      }
    }
  });

  compare("integers are told as they were given, whatever their size", function* () {
    for (const number of HOSTILE_DOUBLES) {
      // In a table the order of fields is nobody's business.
      if (number.length > 64) continue;
      yield ["del", "h"];
      yield ["hset", "h", number, number, "a", "1"];
      yield* state("h");
      yield ["hget", "h", number];
      yield ["hstrlen", "h", number];
      yield ["hdel", "h", number];
      yield* state("h");
    }
    for (let bits = 5; bits <= 64; bits++) {
      yield ["del", "n"];
      for (const sign of [1n, -1n]) {
        for (const near of [-2n, -1n, 0n, 1n, 2n]) {
          const number = String(sign * 2n ** BigInt(bits) + near);
          yield ["hset", "n", number, number];
          yield ["hget", "n", number];
        }
      }
      yield ["hgetall", "n"];
    }
  });

  compare("HINCRBY treats hostile values and increments as Redis does", function* () {
    for (const form of FORMS) {
      for (const value of HOSTILE_INTEGERS) {
        for (const increment of ["1", "-1", "9223372036854775807", "-9223372036854775808"]) {
          yield ["del", "h"];
          yield ["hset", "h", "f", value];
          yield* form;
          yield ["hincrby", "h", "f", increment];
          yield* contents("h", ["f", "long"]);
        }
        yield ["hset", "h", "f", "5"];
        yield ["hincrby", "h", "f", value];
        yield ["hincrby", "h", "new", value];
        yield ["hincrby", "absent", "f", value];
        yield* contents("h", ["f", "new"]);
        yield* state("absent");
        yield ["del", "absent"];
      }
    }
  });

  compare("HINCRBYFLOAT treats hostile values and increments as Redis does", function* () {
    for (const value of HOSTILE_DOUBLES) {
      for (const increment of ["0", "1", "0.1", "-1e-3"]) {
        yield ["hset", "h", "f", value];
        yield ["hincrbyfloat", "h", "f", increment];
        yield ["hget", "h", "f"];
      }
      yield ["hset", "h", "f", "1.5"];
      yield ["hincrbyfloat", "h", "f", value];
      yield ["hincrbyfloat", "h", "new", value];
      yield* contents("h", ["f", "new"]);
      yield ["hdel", "h", "new"];
      yield ["hincrbyfloat", "absent", "f", value];
      yield* state("absent");
      yield ["del", "absent"];
    }
  });

  compare("HINCRBYFLOAT adds random decimals as Redis does (seed 30)", function* () {
    const choices = new Choices(30);
    for (let k = 0; k < 1500; k++) {
      if (k % 3 === 0) yield ["hset", "h", "f", choices.decimal(18, 17)];
      yield ["hincrbyfloat", "h", "f", choices.decimal(choices.pick([3, 9, 18]), 17)];
    }
  });

  compare("HSET and HMSET handle pairs, repeats and odd counts", function* () {
    for (const form of FORMS) {
      for (const name of ["hset", "hmset"]) {
        yield ["del", "h"];
        yield [name, "h", "a", "1", "a", "2", "b", "3", "a", "4"];
        yield* state("h");
        yield* form;
        yield [name, "h", "c", "1", "a", "5", "c", "2"];
        yield [name, "h", "c", "1", "a"];
        yield [name, "absent", "c", "1", "a"];
        yield ["exists", "absent"];
        yield* contents("h", ["a", "b", "c"]);
        yield ["hmget", "h", "a", "a", "absent", "b"];
        yield ["hdel", "h", "a", "absent", "a", "b"];
        yield* contents("h", ["a", "b", "c"]);
        yield ["hdel", "h", "c", "long", "c"];
        yield ["exists", "h"];
      }
    }
  });

  compare("values are replaced by shorter and longer ones in place", function* () {
    const choices = new Choices(31);
    const fields = ["a", "b", "c", "d", "12", "-7"];
    for (let k = 0; k < 1500; k++) {
      const value = choices.oneIn(3)
        ? String(choices.below(choices.pick([100, 5000, 40_000, 9_000_000, 2 ** 31])))
        : "v".repeat(choices.below(64));
      if (choices.oneIn(3)) yield ["hdel", "h", choices.pick(fields)];
      else yield ["hset", "h", choices.pick(fields), value];
      yield* state("h");
    }
  });

  compare("a hash becomes a table by its fields' number and length as in Redis", function* () {
    for (const [most, longest] of [
      [3, 10],
      [0, 10],
      [3, 0],
      [512, 64],
    ]) {
      yield ["config", "set", "hash-max-listpack-entries", most];
      yield ["config", "set", "hash-max-listpack-value", longest];
      for (const name of ["hset", "hmset", "hsetnx", "hincrby", "hincrbyfloat"]) {
        yield ["del", "h"];
        for (let k = 0; k < 5; k++) {
          yield [name, "h", `f${k}`, String(k)];
          yield ["object", "encoding", "h"];
        }
      }
      for (const length of [longest - 1, longest, longest + 1, 64, 65]) {
        const text = "9".repeat(Math.max(length, 0));
        for (const command of [
          ["hset", "h", text, "1"],
          ["hset", "h", "1", text],
          ["hset", "h", "1", "2", "3", "4", "5", text],
          ["hset", "h", "1", "2", "1", "2", "1", "2", "1", "2"],
          ["hsetnx", "h", "1", text],
          ["hsetnx", "h", text, "1"],
          ["hincrby", "h", text, "1"],
          ["hincrbyfloat", "h", text, "1"],
          ["hincrbyfloat", "h", "1", "1.12345678901"],
          ["hincrby", "h", "1", "12345678901"],
        ]) {
          yield ["del", "h"];
          yield command;
          yield* contents("h", [text, "1"]);
          yield ["hset", "h", "a", "b"];
          yield command;
          yield* contents("h", [text, "1"]);
          yield ["hdel", "h", "a", text];
          yield ["object", "encoding", "h"];
        }
      }
    }
    yield ["config", "set", "hash-max-listpack-entries", 512];
    yield ["config", "set", "hash-max-listpack-value", 64];
  });

  compare("a large hash holds what was set", function* () {
    for (let k = 0; k < 2000; k += 4) {
      yield ["hset", "h", ...[k, k + 1, k + 2, k + 3].flatMap((f) => [`f${f}`, f * f])];
    }
    yield ["hlen", "h"];
    for (let k = 0; k < 2000; k += 7) yield ["hget", "h", `f${k}`];
    for (let k = 0; k < 2000; k += 3) yield ["hdel", "h", `f${k}`];
    for (let k = 0; k < 2000; k += 11) yield ["hmget", "h", `f${k}`, `f${k + 1}`];
    yield* contents("h", ["f1"]);
  });

  compare("HSCAN takes its options as Redis does", function* () {
    yield ["hset", "h", "a", "1", "b", "2", "12", "3", "abc", ""];
    for (const key of ["h", "absent"]) {
      for (const options of [
        [],
        ["match", "a*"],
        ["MATCH", "*"],
        ["match", "nothing"],
        ["match", ""],
        ["match", "[1-9]*"],
        ["count", "1"],
        ["COUNT", "1000", "match", "b"],
        ["novalues"],
        ["NOVALUES", "match", "a*", "count", "2"],
        ["novalues", "novalues"],
        ["match", "a", "match", "b"],
        ["count", "0"],
        ["count", "-1"],
        ["count", "abc"],
        ["count", "99999999999999999999"],
        ["count", "9223372036854775807"],
        ["count"],
        ["match"],
        ["type", "string"],
        ["junk"],
        ["novalues", "junk"],
      ]) {
        for (const cursor of ["0", "17", "abc", "-1", "18446744073709551615", ""]) {
          yield ["hscan", key, cursor, ...options];
        }
      }
    }
  });

  compare("HRANDFIELD takes its options as Redis does", function* () {
    yield ["hset", "one", "f", "v"];
    yield ["hset", "large", "f", LONG];
    for (const key of ["one", "large", "absent"]) {
      yield ["hrandfield", key];
      for (const count of HOSTILE_INTEGERS) {
        // So many repeats are not to be asked of any server.
        if (/^-\d{5,}/.test(count)) continue;
        yield ["hrandfield", key, count];
        yield ["hrandfield", key, count, "withvalues"];
      }
      for (const options of [["WithValues"], ["junk"], ["withvalues", "1"], [""]]) {
        yield ["hrandfield", key, "1", ...options];
        yield ["hrandfield", key, "-2", ...options];
        yield ["hrandfield", key, "0", ...options];
        yield ["hrandfield", key, "abc", ...options];
      }
    }
    for (const count of ["-9223372036854775808", "-9223372036854775807", "-4611686018427387904"]) {
      yield ["hrandfield", "one", count, "withvalues"];
    }
  });

  probe("each command counts its changes as Redis does", async (client) => {
    await client.ask("hset", "h", "a", "1", "b", "2", "c", "3");
    return changesOf(client, [
      ["hset", "h", "a", "1", "new", "2"],
      ["hset", "h", "a", "1", "a", "2", "a", "3"],
      ["hmset", "h", "a", "1", "b", "2"],
      ["hsetnx", "h", "a", "1"],
      ["hsetnx", "h", "n", "1"],
      ["hincrby", "h", "n", "1"],
      ["hincrby", "h", "n", "x"],
      ["hincrbyfloat", "h", "n", "1"],
      ["hrandfield", "h", "2"],
      ["hdel", "h", "a", "b", "absent"],
      ["hdel", "h", "absent"],
      ["hdel", "h", "c", "c", "n", "new"],
      ["hdel", "h", "c"],
    ]);
  });

  probe("INFO counts hashes by their size", async (client) => {
    await client.ask("hset", "h1", "a", "1");
    await client.ask("hset", "h3", "a", "1", "b", "2", "c", "3");
    await client.ask("hset", "h4", "a", "1", "b", "2", "c", "3", "d", LONG);
    await client.ask("hdel", "h4", "a");
    await client.ask("hset", "gone", "a", "1");
    await client.ask("hdel", "gone", "a");
    await client.ask("copy", "h4", "h5");
    await client.ask("rename", "h3", "h6");
    return String((await client.ask("info", "keysizes")).text);
  });
});
