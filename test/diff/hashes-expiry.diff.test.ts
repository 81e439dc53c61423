// The expiry of hashes' fields against Redis 8.0: replies, what is hidden when, effects.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseInteger } from "../../src/base/ascii.ts";
import type { Argument } from "../harness/client.ts";
import { type Command, differential, type Side } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import type { Reply } from "../harness/reply.ts";
import { otherTypes } from "./other-types.ts";

const SETTERS = ["hexpire", "hpexpire", "hexpireat", "hpexpireat"];
const TELLERS = ["httl", "hpttl", "hexpiretime", "hpexpiretime"];
const NAMES = [...SETTERS, ...TELLERS, "hpersist", "hgetex", "hsetex", "hgetdel"];

const FAR_S = "33177117420";
const FAR_MS = "33177117420000";
const FARTHER_MS = "33177117421000";

/** Everything that can be asked of a hash in place, whose fields have an order. */
function* state(key: Argument): Generator<Command> {
  yield ["hgetall", key];
  yield ["hlen", key];
  yield ["object", "encoding", key];
  yield ["hpexpiretime", key, "fields", "4", "a", "b", "c", "d"];
}

/** The same where they have none. */
function* contents(key: Argument): Generator<Command> {
  yield ["hmget", key, "a", "b", "c", "d", "long"];
  yield ["hlen", key];
  yield ["object", "encoding", key];
  yield ["hpexpiretime", key, "fields", "4", "a", "b", "c", "d"];
}

/** A long value, which makes a hash a table. */
const LONG = "x".repeat(65);
const MAKE: Command = ["hset", "h", "a", "1", "b", "2", "c", "3"];
const MAKE_TABLE: Command = ["hset", "h", "a", "1", "b", "2", "c", "3", "long", LONG];

differential("hash field expiry", "redis8", ({ compare }) => {
  compare("every command checks its arity", function* () {
    for (const name of NAMES) {
      yield* arities(name, 9);
      for (const variant of caseVariants(name)) yield [variant, "h", "1", "2", "3", "4", "5"];
    }
  });

  compare("every command refuses values of other types", function* (known) {
    for (const { type, make } of otherTypes(known)) {
      if (type === "hash") continue;
      yield ["del", "k"];
      yield make("k");
      for (const name of SETTERS) {
        yield [name, "k", "1", "fields", "1", "a"];
        yield [name, "k", "abc", "fields", "1", "a"];
        yield [name, "k", "1", "junk", "1", "a"];
      }
      for (const name of [...TELLERS, "hpersist", "hgetdel", "hgetex"]) {
        yield [name, "k", "fields", "1", "a"];
        yield [name, "k", "fields", "2", "a"];
        yield [name, "k", "junk", "2", "a"];
      }
      yield ["hgetex", "k", "ex", "abc", "fields", "1", "a"];
      yield ["hsetex", "k", "fields", "1", "a", "1"];
      yield ["hsetex", "k", "ex", "abc", "fields", "1", "a", "1"];
      yield ["hsetex", "k", "fields", "0", "a", "1"];
      yield ["type", "k"];
    }
  });

  compare("FIELDS and its number are checked as in Redis", function* () {
    const tails = [
      [],
      ["fields"],
      ["fields", "1"],
      ["FIELDS", "1", "a"],
      ["fields", "1", "a", "b"],
      ["fields", "2", "a"],
      ["fields", "2", "a", "a"],
      ["fields", "3", "a", "zz", "b"],
      ["field", "1", "a"],
      ["1", "a", "b", "c"],
      ["fields", "1", "fields", "1"],
    ];
    for (const key of ["h", "absent"]) {
      for (const tail of tails) {
        yield MAKE;
        for (const name of SETTERS) {
          for (const condition of [[], ["nx"], ["XX"], ["gt"], ["Lt"], ["nx", "gt"], ["junk"]]) {
            yield [name, key, FAR_S, ...condition, ...tail];
            yield [name, key, "abc", ...condition, ...tail];
          }
        }
        for (const name of [...TELLERS, "hpersist", "hgetex", "hgetdel"]) {
          yield [name, key, ...tail];
        }
        yield* contents(key);
      }
      for (const count of HOSTILE_INTEGERS) {
        yield MAKE;
        for (const name of SETTERS) yield [name, key, FAR_S, "fields", count, "a"];
        for (const name of [...TELLERS, "hpersist", "hgetex", "hgetdel"]) {
          yield [name, key, "fields", count, "a"];
        }
        yield ["hgetex", key, "exat", FAR_S, "fields", count, "a"];
        yield ["hgetex", key, "persist", "fields", count, "a"];
        yield ["hsetex", key, "fields", count, "a", "1"];
      }
    }
  });

  compare("times are taken within their range", function* () {
    const times = HOSTILE_INTEGERS.concat(
      ...["70368744177", "70368744178", "70368744177663", "70368744177664", "70368744177665"],
      ...["281474976710655", "281474976710656", "1", "33177117420"],
    );
    for (const time of times) {
      for (const make of [MAKE, MAKE_TABLE]) {
        // Times near now would not be the same for both.
        const isNear = /^[1-9]\d{0,5}$/.test(time);
        for (const name of SETTERS) {
          if (isNear && !name.endsWith("at")) continue;
          yield ["del", "h"];
          yield make;
          yield [name, "h", time, "fields", "2", "a", "zz"];
          if (name.endsWith("at")) yield* contents("h");
          yield [name, "absent", time, "fields", "1", "a"];
        }
        for (const unit of ["ex", "px", "exat", "pxat"]) {
          if (isNear && !unit.endsWith("at")) continue;
          yield ["del", "h"];
          yield make;
          yield ["hgetex", "h", unit, time, "fields", "2", "a", "zz"];
          yield ["hgetex", "absent", unit, time, "fields", "2", "a", "zz"];
          yield ["hsetex", "h", unit, time, "fields", "2", "b", "x", "d", "y"];
          if (unit.endsWith("at")) yield* contents("h");
        }
      }
    }
  });

  compare("times are told in seconds and milliseconds", function* () {
    for (const make of [MAKE, MAKE_TABLE]) {
      yield ["del", "h"];
      yield make;
      for (const rest of ["000", "001", "499", "500", "501", "999"]) {
        yield ["hpexpireat", "h", FAR_S + rest, "fields", "1", "a"];
        for (const name of ["hexpiretime", "hpexpiretime"]) {
          yield [name, "h", "fields", "4", "a", "b", "zz", "a"];
        }
        yield ["httl", "h", "fields", "2", "zz", "b"];
        yield ["hpttl", "h", "fields", "2", "b", "zz"];
      }
      yield ["hexpire", "h", "1000", "fields", "1", "b"];
      yield ["httl", "h", "fields", "1", "b"];
    }
  });

  compare("conditions look at the time there is", function* () {
    for (const make of [MAKE, MAKE_TABLE]) {
      for (const before of [undefined, FAR_MS, FARTHER_MS]) {
        for (const after of [FAR_MS, FARTHER_MS, "1"]) {
          for (const condition of [[], ["nx"], ["xx"], ["gt"], ["lt"]]) {
            yield ["del", "h"];
            yield make;
            if (before) yield ["hpexpireat", "h", before, "fields", "2", "a", "b"];
            yield ["hpexpireat", "h", after, ...condition, "fields", "4", "a", "c", "zz", "a"];
            yield* contents("h");
          }
        }
      }
    }
  });

  compare("fields in place are ordered by their times as in Redis (seed 40)", function* () {
    const choices = new Choices(40);
    const fields = ["a", "b", "c", "d"];
    const times = [FAR_MS, FARTHER_MS, "33177117420001", "33177117420002"];
    for (let k = 0; k < 1500; k++) {
      const field = choices.pick(fields);
      const value = choices.oneIn(2)
        ? String(choices.below(100_000))
        : "v".repeat(choices.below(9));
      const two = ["fields", "2", field, choices.pick(fields)];
      const time = choices.pick(times);
      switch (choices.below(10)) {
        case 0:
          yield ["hdel", "h", field];
          break;
        case 1:
          yield ["hpersist", "h", ...two];
          break;
        case 2:
          yield ["hset", "h", field, value];
          break;
        case 3:
          yield ["hincrby", "h", field, "7"];
          break;
        case 4:
          yield ["hsetex", "h", "keepttl", "fields", "1", field, value];
          break;
        case 5:
          yield ["hsetex", "h", "pxat", time, "fields", "2", field, value, "a", "1"];
          break;
        case 6:
          yield ["hgetex", "h", ...choices.pick([["persist"], ["pxat", time], []]), ...two];
          break;
        default:
          yield ["hpexpireat", "h", time, ...two];
      }
      yield* state("h");
      if (choices.oneIn(200)) yield ["del", "h"];
    }
  });

  compare("binary fields expire like any other", function* () {
    for (const text of HOSTILE_STRINGS) {
      yield ["hsetex", text, "exat", FAR_S, "fields", "1", text, text];
      yield ["hexpiretime", text, "fields", "1", text];
      yield ["hgetex", text, "persist", "fields", "1", text];
      yield ["hgetall", text];
      yield ["hpexpireat", text, FAR_MS, "fields", "1", text];
      yield ["hgetdel", text, "fields", "1", text];
      yield ["exists", text];
    }
  });

  compare("times stay with a hash that becomes a table", function* () {
    for (const grow of [
      ["hset", "h", "long", LONG],
      ["hsetex", "h", "pxat", FARTHER_MS, "fields", "1", "long", LONG],
      ["hsetex", "h", "keepttl", "fields", "1", "a", LONG],
      ["hset", "h", "a", LONG],
      ["hincrby", "h", LONG, "1"],
    ]) {
      yield ["del", "h"];
      yield MAKE;
      yield ["hpexpireat", "h", FAR_MS, "fields", "2", "b", "a"];
      yield grow;
      yield* contents("h");
      yield ["hset", "h", "b", "new"];
      yield ["hincrby", "h", "c", "5"];
      yield ["hpersist", "h", "fields", "1", "a"];
      yield* contents("h");
    }
    yield ["config", "set", "hash-max-listpack-entries", "3"];
    for (const tail of [[], ["pxat", FAR_MS], ["keepttl"]]) {
      yield ["del", "h"];
      yield ["hsetex", "h", ...tail, "fields", "3", "a", "1", "b", "2", "a", "3"];
      yield* contents("h");
      yield ["hsetex", "h", ...tail, "fields", "4", "a", "1", "b", "2", "c", "3", "a", "4"];
      yield* contents("h");
      yield ["del", "h"];
      yield ["hsetex", "h", ...tail, "fields", "4", "a", "1", "b", "2", "c", "3", "a", "4"];
      yield* contents("h");
    }
    yield ["config", "set", "hash-max-listpack-entries", "512"];
  });

  compare("copies, renamed and moved hashes keep their fields' times", function* () {
    for (const make of [MAKE, MAKE_TABLE]) {
      yield ["flushall"];
      yield make;
      yield ["hpexpireat", "h", FAR_MS, "fields", "2", "a", "b"];
      yield ["copy", "h", "g"];
      yield ["rename", "h", "i"];
      yield ["info", "keyspace"];
      yield* contents("g");
      yield* contents("i");
      yield ["move", "i", "1"];
      yield ["swapdb", "0", "1"];
      yield ["info", "keyspace"];
      yield* contents("i");
      yield ["set", "i", "string"];
      yield ["swapdb", "0", "1"];
      yield ["unlink", "g"];
      yield ["info", "keyspace"];
    }
  });
});

const HGETEX_OPTIONS: readonly (readonly string[])[] = [
  ["persist"],
  ["exat", FAR_S],
  ["PXAT", FAR_MS],
  ["exat", "1"],
  ["ex"],
  ["ex", "-1"],
  ["ex", "abc"],
  ["keepttl"],
  ["fnx"],
  ["junk"],
  ["fields", "1", "a"],
];

const HSETEX_OPTIONS: readonly (readonly string[])[] = [
  ["fnx"],
  ["FXX"],
  ["keepttl"],
  ["exat", FAR_S],
  ["PXAT", FAR_MS],
  ["exat", "1"],
  ["ex"],
  ["ex", "-1"],
  ["px", "abc"],
  ["persist"],
  ["nx"],
  ["junk"],
  ["fields", "1", "a", "1"],
];

differential("hash field options", "redis8", ({ compare }) => {
  compare("HGETEX takes every pair of options as Redis does", function* () {
    for (const make of [MAKE, MAKE_TABLE]) {
      for (const options of selections(HGETEX_OPTIONS, 2)) {
        yield ["del", "h"];
        yield make;
        yield ["hpexpireat", "h", FARTHER_MS, "fields", "1", "b"];
        yield ["hgetex", "h", ...options.flat(), "fields", "3", "a", "b", "zz"];
        yield* contents("h");
        yield ["hgetex", "h", "fields", "1", "c", ...options.flat()];
        yield ["hgetex", "absent", ...options.flat(), "fields", "2", "a", "b"];
        yield* contents("h");
      }
    }
  });

  compare("HSETEX takes every pair and triple of options as Redis does", function* () {
    for (const make of [undefined, MAKE, MAKE_TABLE]) {
      for (const options of selections(HSETEX_OPTIONS, make === MAKE ? 3 : 2)) {
        yield ["del", "h"];
        if (make !== undefined) yield make;
        yield ["hpexpireat", "h", FARTHER_MS, "fields", "1", "b"];
        yield ["hsetex", "h", ...options.flat(), "fields", "2", "a", "x", "b", "y"];
        yield* contents("h");
        yield ["hsetex", "h", ...options.flat(), "fields", "2", "d", "x", "d", "y"];
        yield* contents("h");
        yield ["hsetex", "h", "fields", "1", "c", "1", ...options.flat()];
      }
    }
  });
});

/** Commands that meet fields `a` and `b` of hash `h`. */
const MEETINGS: readonly Command[] = [
  ["hget", "h", "a"],
  ["hmget", "h", "a", "b", "c"],
  ["hmget", "h", "a", "a"],
  ["hexists", "h", "a"],
  ["hstrlen", "h", "a"],
  ["hlen", "h"],
  ["hgetall", "h"],
  ["hkeys", "h"],
  ["hvals", "h"],
  ["hscan", "h", "0"],
  ["hrandfield", "h"],
  ["hrandfield", "h", "5"],
  ["hrandfield", "h", "-2", "withvalues"],
  ["hset", "h", "a", "9"],
  ["hset", "h", "a", "9", "n", "1"],
  ["hset", "h", "a", "9", "a", "1"],
  ["hmset", "h", "a", "9"],
  ["hsetnx", "h", "a", "9"],
  ["hsetnx", "h", "n", "9"],
  ["hdel", "h", "a"],
  ["hdel", "h", "a", "b", "c"],
  ["hdel", "h", "zz", "a", "a"],
  ["hincrby", "h", "a", "5"],
  ["hincrby", "h", "a", "abc"],
  ["hincrby", "h", "n", "5"],
  ["hincrbyfloat", "h", "a", "5"],
  ["hincrbyfloat", "h", "a", "abc"],
  ["hincrbyfloat", "h", "c", "abc"],
  ["hexpiretime", "h", "fields", "3", "a", "b", "c"],
  ["hpexpiretime", "h", "fields", "2", "a", "c"],
  ["hpersist", "h", "fields", "3", "a", "b", "c"],
  ["hpexpireat", "h", FAR_MS, "fields", "3", "a", "c", "zz"],
  ["hpexpireat", "h", FAR_MS, "xx", "fields", "2", "a", "c"],
  ["hpexpireat", "h", FAR_MS, "nx", "fields", "2", "a", "c"],
  ["hpexpireat", "h", FAR_MS, "gt", "fields", "2", "a", "c"],
  ["hexpireat", "h", "1", "fields", "2", "a", "c"],
  ["hexpire", "h", "1000", "fields", "2", "a", "c"],
  ["hgetdel", "h", "fields", "1", "c"],
  ["hgetdel", "h", "fields", "3", "a", "c", "zz"],
  ["hgetex", "h", "fields", "2", "a", "c"],
  ["hgetex", "h", "exat", FAR_S, "fields", "2", "a", "c"],
  ["hgetex", "h", "exat", "1", "fields", "2", "a", "c"],
  ["hgetex", "h", "persist", "fields", "2", "a", "c"],
  ["hsetex", "h", "fields", "2", "a", "9", "n", "8"],
  ["hsetex", "h", "keepttl", "fields", "2", "a", "9", "c", "8"],
  ["hsetex", "h", "ex", "1000", "fields", "2", "a", "9", "c", "8"],
  ["hsetex", "h", "fnx", "ex", "1000", "fields", "2", "a", "9", "b", "8"],
  ["hsetex", "h", "fnx", "fields", "2", "a", "9", "c", "8"],
  ["hsetex", "h", "fxx", "fields", "2", "a", "9", "c", "8"],
  ["hsetex", "h", "fxx", "fields", "2", "c", "9", "a", "8"],
  ["hsetex", "h", "exat", "1", "fields", "3", "a", "9", "a", "8", "n", "8"],
  ["rename", "h", "g"],
  ["copy", "h", "g"],
  ["exists", "h"],
  ["type", "h"],
  ["object", "encoding", "h"],
  ["randomkey"],
  ["touch", "h"],
  ["persist", "h"],
  ["del", "h"],
  ["unlink", "h"],
  ["set", "h", "string"],
];

/** Ways to make the hash: in place and as a table; with a field that stays and without. */
const HASHES: readonly (readonly [name: string, make: Command, short: readonly string[]])[] = [
  ["in place", ["hset", "h", "a", "1", "b", "2", "c", "3"], ["a", "b"]],
  ["in place, all gone", ["hset", "h", "a", "1", "b", "2"], ["a", "b"]],
  ["in place, the only one gone", ["hset", "h", "a", "1"], ["a"]],
  ["a table", ["hset", "h", "a", "1", "b", LONG, "c", "3"], ["a"]],
  ["a table, all gone", ["hset", "h", "a", LONG], ["a"]],
  ["in place, none gone", ["hset", "h", "a", "1", "c", "3"], []],
];

/** The commands in a server's AOF from an offset on; times near now are named so. */
class Log {
  readonly #path: string;
  #read = 0;

  constructor(side: Side) {
    const folder = join(side.server.directory, "appendonlydir");
    const name = readdirSync(folder).find((file) => file.endsWith(".incr.aof"));
    this.#path = join(folder, name ?? "");
    this.next();
  }

  next(): string[] {
    const bytes = readFileSync(this.#path);
    const lines = bytes.subarray(this.#read).toString("latin1").split("\r\n");
    this.#read = bytes.length;
    const commands: string[] = [];
    for (let at = 0; at + 1 < lines.length; ) {
      if (lines[at].startsWith("#")) {
        const end = lines[at].indexOf("\n");
        if (end < 0) at++;
        else lines[at] = lines[at].slice(end + 1);
        continue;
      }
      const count = Number(lines[at++].slice(1));
      const words: string[] = [];
      for (let k = 0; k < count; k++, at += 2) words.push(nameTime(lines[at + 1]));
      commands.push(words.join(" "));
    }
    return commands.filter((command) => !/^select/i.test(command));
  }
}

/** A time within a day of now as a word: the two servers' clocks are read at different moments. */
function nameTime(word: string): string {
  const bytes = Buffer.from(word, "latin1");
  const time = parseInteger(bytes, 0, bytes.length);
  return Math.abs(time - Date.now()) < 86_400_000 ? "<time>" : word;
}

const STATISTICS = ["expired_subkeys", "keyspace_hits", "keyspace_misses"];

function changesIn(info: Reply): number {
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(info.text)?.[1]);
}

function statisticsIn(info: Reply): string {
  return STATISTICS.map((name) => new RegExp(`${name}:\\d+`).exec(info.text)?.[0]).join(" ");
}

/** A reply whose elements are told in an order of their own, as those of tables are. */
function unordered(reply: Reply): string {
  if (reply.items.length === 0) return reply.raw;
  return reply.kind + reply.items.map(unordered).sort().join("");
}

differential(
  "hash fields that have expired",
  "redis8",
  ({ probe }) => {
    for (const [name, make, short] of HASHES) {
      probe(`replies, effects and counters of every command: ${name}`, async (client, side) => {
        await client.ask("debug", "set-active-expire", "0");
        // What happens does not depend on the protocol, and times take their time.
        if (side.protocol === 3) return [];
        const log = new Log(side);
        const results: unknown[] = [];
        for (const command of MEETINGS) {
          const setup: Command[] = [
            ["flushall"],
            make,
            ["hpexpireat", "h", FARTHER_MS, "fields", "1", "c"],
          ];
          if (short.length > 0) {
            setup.push(["hpexpire", "h", "1", "fields", String(short.length), ...short]);
            setup.push(["debug", "sleep", "0.0025"]);
          }
          await client.pipeline([...setup, ["config", "resetstat"]]);
          const before = changesIn(await client.ask("info", "persistence"));
          log.next();
          const reply = await client.ask(...command);
          const [persistence, stats, ...after] = await client.pipeline([
            ["info", "persistence"],
            ["info", "stats"],
            ["hlen", "h"],
            ["object", "encoding", "h"],
            ["hkeys", "h"],
          ]);
          results.push({
            command: command.join(" "),
            reply: command[0] === "hrandfield" ? "random" : unordered(reply),
            changes: changesIn(persistence) - before,
            effects: log.next(),
            statistics: statisticsIn(stats),
            after: after.map(unordered),
          });
        }
        return results;
      });
    }
  },
  {
    args: ["--appendonly", "yes", "--appendfsync", "no", "--enable-debug-command", "yes"],
  },
);
