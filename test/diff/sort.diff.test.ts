// SORT and SORT_RO of Redis 8.0 against Redis 8.0.

import type { Argument } from "../harness/client.ts";
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
import { changesOf } from "./changes.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = ["sort", "sort_ro"];

const WORDS = ["banana", "Apple", "cherry", "apple", "_", "10", "9", "é", "", "a\0c", "a\0b", "a"];

/** Weights and names of the elements 1 to 9, some of them missing or of other types. */
function* related(): Generator<Command> {
  yield ["mset", "w_1", "30", "w_2", "10", "w_3", "20", "w_4", "10", "w_6", "-5", "w_9", "1.5"];
  yield ["mset", "n_1", "one", "n_2", "two", "n_3", "Three", "n_4", "two", "n_8", ""];
  yield ["rpush", "n_5", "a list"];
  yield ["hset", "h_1", "weight", "3", "name", "first", "->", "arrow"];
  yield ["hset", "h_2", "weight", "1", "name", "second"];
  yield ["hset", "h_3", "name", "third"];
  yield ["hset", "h_6", "weight", "9"];
  yield ["hset", "h_4", "weight", "2", "big", "x".repeat(100)];
}

const NUMBERS = ["3", "1", "2", "9", "5", "4", "8", "6", "7", "1", "4"];

function* collections(): Generator<Command> {
  yield ["rpush", "list", ...NUMBERS];
  yield ["sadd", "ints", ...NUMBERS];
  yield ["sadd", "words", "b", "a", "c", "1", "B"];
  // No two of its members have the same text to be sorted by: Redis takes them in a random order.
  yield ["zadd", "zset", "3", "1", "1", "2", "2", "3", "2", "6"];
}

const SOURCES = ["list", "ints", "zset", "absent"];

function* result(key: string): Generator<Command> {
  yield ["lrange", key, "0", "-1"];
  yield ["object", "encoding", key];
}

const OPTIONS: readonly (readonly string[])[] = [
  ["asc"],
  ["DESC"],
  ["alpha"],
  ["limit", "1", "3"],
  ["limit", "-2", "4"],
  ["limit", "2", "-1"],
  ["limit", "100", "5"],
  ["by", "w_*"],
  ["by", "nosort"],
  ["by", "h_*->weight"],
  ["get", "n_*"],
  ["get", "#"],
  ["get", "h_*->name"],
  ["store", "d"],
];

const BAD_OPTIONS: readonly (readonly string[])[] = [
  ["limit", "x", "1"],
  ["limit", "1", "x"],
  ["limit", "1"],
  ["limit"],
  ["by"],
  ["get"],
  ["store"],
  ["junk"],
  ["alpha"],
];

differential("sort", "redis8", ({ compare, probe }) => {
  compare("SORT and SORT_RO check their arity and are found whatever their case", function* () {
    yield* collections();
    for (const name of NAMES) {
      yield* arities(name, 6);
      for (const variant of caseVariants(name)) yield [variant, "list"];
    }
  });

  compare("SORT refuses what cannot be sorted, after it has read its options", function* (known) {
    const string = { type: "string", make: (key: string): Command => ["set", key, "5"] };
    for (const { type, make } of [...otherTypes(known), string]) {
      if (["list", "set", "zset"].includes(type)) continue;
      yield ["del", "k"];
      yield make("k");
      for (const name of NAMES) {
        yield [name, "k"];
        for (const options of BAD_OPTIONS) yield [name, "k", ...options];
        yield [name, "k", "store", "d"];
      }
      // A destination may hold anything.
      yield ["rpush", "l", "2", "1"];
      yield ["sort", "l", "store", "k"];
      yield* result("k");
      yield ["del", "l"];
    }
  });

  compare("all pairs of options give what Redis gives", function* () {
    yield* related();
    yield* collections();
    for (const source of SOURCES) {
      for (const selection of selections(OPTIONS, 2)) {
        yield ["sort", source, ...selection.flat()];
        yield* result("d");
        yield ["sort_ro", source, ...selection.flat()];
      }
    }
  });

  compare("three options in random orders give what Redis gives (seed 3)", function* () {
    yield* related();
    yield* collections();
    const choices = new Choices(3);
    for (let k = 0; k < 3000; k++) {
      const options = Array.from({ length: choices.below(6) }, () =>
        choices.pick(choices.oneIn(30) ? BAD_OPTIONS : OPTIONS),
      ).flat();
      yield [choices.oneIn(5) ? "sort_ro" : "sort", choices.pick(SOURCES), ...options];
      if (options.includes("store")) yield* result("d");
    }
  });

  compare("sorting a sorted set gives it its large form", function* () {
    for (const command of [["sort"], ["sort_ro"], ["sort", "by", "nosort", "limit", "0", "1"]]) {
      yield ["del", "z"];
      yield ["zadd", "z", "1", "3", "2", "2", "3", "1"];
      yield ["object", "encoding", "z"];
      yield [command[0], "z", ...command.slice(1)];
      yield ["object", "encoding", "z"];
      yield ["zrange", "z", "0", "-1", "withscores"];
    }
  });

  compare("texts are compared as C strings, or as bytes where they are stored", function* () {
    yield ["rpush", "l", ...WORDS, ...WORDS];
    for (const options of [[], ["desc"], ["limit", "2", "7"], ["store", "d"]]) {
      yield ["sort", "l", "alpha", ...options];
      yield* result("d");
    }
    yield ["rpush", "binary", ...HOSTILE_STRINGS];
    yield ["sort", "binary", "alpha"];
    yield ["sort", "binary", "alpha", "desc", "store", "d"];
    yield* result("d");
    yield ["rpush", "ids", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
    for (let k = 1; k < 10; k++) yield ["set", `t_${k}`, WORDS[k % WORDS.length]];
    for (const options of [[], ["desc"], ["limit", "2", "5"], ["desc", "limit", "0", "3"]]) {
      yield ["sort", "ids", "alpha", "by", "t_*", ...options];
      yield ["sort", "ids", "alpha", "by", "t_*", ...options, "store", "d", "get", "t_*"];
      yield* result("d");
    }
  });

  compare("weights that are hostile are read as in Redis", function* () {
    for (const text of [...HOSTILE_DOUBLES, "1\0x", "\0", "1 \0", "+.5", "-.", "1e5\0"]) {
      yield ["del", "l"];
      yield ["rpush", "l", text, "1", "-1", "0"];
      yield ["sort", "l"];
      yield ["sort", "l", "desc", "limit", "0", "2"];
      yield ["set", "w_2", text];
      yield ["del", "ids"];
      yield ["rpush", "ids", "2", "3", "1"];
      yield ["sort", "ids", "by", "w_*", "store", "d"];
      yield* result("d");
    }
  });

  compare("patterns that are hostile find what they find in Redis", function* () {
    yield* related();
    yield ["set", "*", "asterisk", "ex", "10000"];
    yield ["mset", "w_1->", "arrow", "w_1-", "dash", "a1b*c", "two", "1", "alone", "x1\0y", "zero"];
    yield ["rpush", "l", "1", "2"];
    const patterns: Argument[] = [
      "#",
      "##",
      "#\0x",
      "\0#",
      "",
      "*",
      "**",
      "w_*->",
      "w_*-",
      "a*b*c",
    ];
    patterns.push("h_*->name", "h_*->->", "h_*->", "h_*->absent", "h_1->name", "->*", "*->*");
    patterns.push("h_*->name\0x", "h_*\0->name", "\0*", "x*\0y", "w_*\0", "h->*->name", "n_*->x");
    for (const pattern of patterns) {
      yield ["sort", "l", "get", pattern];
      yield ["sort", "l", "by", pattern, "alpha", "desc"];
      yield ["sort", "l", "by", pattern, "get", "#", "get", pattern, "store", "d"];
      yield* result("d");
    }
  });

  compare("limits that are hostile are bounded or refused alike", function* () {
    yield* collections();
    for (const text of HOSTILE_INTEGERS) {
      for (const source of ["list", "ints", "zset"]) {
        for (const by of [[], ["by", "nosort"], ["by", "nosort", "desc"]]) {
          yield ["sort", source, ...by, "limit", text, "2"];
          yield ["sort", source, ...by, "limit", "1", text];
        }
      }
    }
  });

  compare("what is stored has the form that Redis gives it", function* () {
    const choices = new Choices(8);
    for (const size of ["-2", "-1", "-5", "5", "64", "0"]) {
      yield ["config", "set", "list-max-listpack-size", size];
      for (let round = 0; round < 12; round++) {
        const length = choices.pick([3, 100, 1200, 5000, 9000]);
        const count = 1 + choices.below(choices.pick([3, 8, 100]));
        const values = Array.from({ length: count }, (_, k) => `${k}`.padEnd(length, "x"));
        yield ["del", "l"];
        yield ["rpush", "l", ...values];
        yield ["sort", "l", "alpha", "store", "d"];
        yield* result("d");
        yield ["sort", "l", "alpha", "store", "l"];
        yield* result("l");
      }
    }
    yield ["config", "set", "list-max-listpack-size", "-2"];
    yield ["set", "d", "a string", "ex", "10000"];
    yield ["sort", "l", "alpha", "store", "d"];
    yield ["ttl", "d"];
  });

  compare("long lists of equal weights come in Redis's order (seed 9)", function* () {
    const choices = new Choices(9);
    for (const count of [6, 7, 8, 39, 41, 300, 2000]) {
      const variety = choices.pick([2, 5, 40]);
      yield ["del", "l"];
      for (let from = 0; from < count; from += 500) {
        const length = Math.min(500, count - from);
        yield ["rpush", "l", ...Array.from({ length }, (_, k) => `${from + k}`)];
      }
      for (let k = 0; k < count; k++) yield ["set", `w_${k}`, String(choices.below(variety))];
      for (let round = 0; round < 12; round++) {
        const limit = [String(choices.below(count)), String(choices.below(20))];
        const order = choices.pick(["asc", "desc"]);
        yield ["sort", "l", "by", "w_*", "alpha", order, "limit", ...limit];
        yield ["sort", "l", "by", "w_*", order, "limit", ...limit];
      }
      yield ["sort", "l", "by", "w_*", "alpha"];
      yield ["flushall"];
    }
  });

  probe("SORT counts changes, hits and misses as Redis does", async (client) => {
    for (const command of [...related(), ...collections()]) await client.ask(...command);
    const changes = await changesOf(client, [
      ["sort", "list", "store", "d"],
      ["sort", "list", "get", "n_*", "get", "#", "store", "d"],
      ["sort", "absent", "store", "d"],
      ["sort", "absent", "store", "d"],
      ["sort", "list", "limit", "50", "5", "store", "absent"],
      ["sort", "zset"],
      ["sort_ro", "list", "by", "w_*"],
    ]);
    await client.ask("config", "resetstat");
    await client.ask("sort", "list", "by", "w_*", "get", "n_*", "get", "#", "get", "h_*->name");
    await client.ask("sort", "absent", "by", "w_*");
    const stats = String((await client.ask("info", "stats")).text);
    return [changes, /keyspace_hits:\d+/.exec(stats)?.[0], /keyspace_misses:\d+/.exec(stats)?.[0]];
  });

  probe("SORT deletes what has expired when it looks there", async (client) => {
    await client.ask("rpush", "l", "1", "2");
    await client.ask("hset", "h_1", "name", "gone");
    await client.ask("hset", "h_2", "name", "stays", "other", "gone");
    await client.ask("debug", "set-active-expire", "0");
    await client.ask("set", "w_1", "5", "px", "1");
    await client.ask("hpexpire", "h_1", "1", "fields", "1", "name");
    await client.ask("hpexpire", "h_2", "1", "fields", "1", "other");
    while ((await client.ask("exists", "w_1")).text !== "0");
    while ((await client.ask("hexists", "h_2", "other")).text !== "0");
    const sorted = await client.ask("sort", "l", "by", "w_*", "get", "h_*->name", "get", "w_*");
    const keys = await client.ask("dbsize");
    await client.ask("debug", "set-active-expire", "1");
    return [sorted.raw, keys.raw];
  });
});
