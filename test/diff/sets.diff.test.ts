// The set commands of Redis 8.0 against Redis 8.0.

import type { RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  Choices,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
} from "../harness/generate.ts";
import { SET_TEMPLATES } from "../harness/random-sets.ts";
import { plainValue, type Reply } from "../harness/reply.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["sadd", "scard", "sdiff", "sdiffstore", "sinter", "sintercard", "sinterstore", "sismember"],
  ...["smembers", "smismember", "smove", "spop", "srandmember", "srem", "sscan", "sunion"],
  "sunionstore",
];

/** Members and encoding, in the order that Redis keeps where that is not a hash table's. */
function* state(...keys: string[]): Generator<Command> {
  for (const key of keys) {
    yield ["smembers", key];
    yield ["scard", key];
    yield ["object", "encoding", key];
  }
}

function numbers(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, k) => String(from + k));
}

function texts(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, k) => `${prefix}${k}`);
}

/** Sets of every encoding, overlapping each other. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  none: [],
  ints: ["1", "2", "3", "-5", "70000"],
  wide: ["2", "9223372036854775807", "-9223372036854775808", "3"],
  pack: ["a", "3", "b", "2", "", "70000"],
  packed: ["2", "b", "9223372036854775807", "c"],
  manyints: numbers(0, 300),
  table: [...texts("a", 150), "2", "3", "b", "a", "9223372036854775807", "70000"],
  tableints: numbers(0, 200),
  longone: ["x".repeat(65), "2", "3"],
};

function* makeSets(): Generator<Command> {
  yield ["flushall"];
  for (const [key, members] of Object.entries(SETS)) {
    if (members.length > 0) yield ["sadd", key, ...members];
  }
  // Numbers in a table.
  yield ["sadd", "tableints", "text"];
  yield ["sadd", "tableints", ...texts("long", 130)];
  yield ["srem", "tableints", "text", ...texts("long", 130)];
}

function* pairs(): Generator<string[]> {
  const keys = Object.keys(SETS);
  for (const left of keys) {
    yield [left];
    for (const right of keys) yield [left, right];
  }
}

differential("sets", "redis8", ({ compare, probe }) => {
  compare("every set command checks its arity", function* () {
    for (const name of NAMES) yield* arities(name, 5);
  });

  compare("every set command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "0", "2"].slice(0, 3);
    }
  });

  compare("every set command refuses values of other types, in any place", function* (known) {
    const others: Command[] = [["set", "k", "value"]];
    for (const { type, make } of otherTypes(known)) if (type !== "set") others.push(make("k"));
    for (const other of others) {
      yield* makeSets();
      yield other;
      for (const name of NAMES) {
        yield [name, "k", "1", "2"];
        yield [name, "k"];
        yield [name, "k", "a"];
        yield [name, "ints", "k"];
        yield [name, "ints", "k", "ints"];
        yield [name, "none", "k", "ints"];
        yield [name, "none", "ints", "k"];
        yield [name, "none", "none", "k"];
        yield [name, "2", "ints", "k"];
        yield [name, "2", "none", "k"];
        yield [name, "k", "k"];
      }
      yield* state("k", "ints");
      yield ["type", "k"];
    }
  });

  compare("members of any content come back unchanged", function* () {
    for (const member of HOSTILE_STRINGS) {
      yield ["del", "k"];
      yield ["sadd", "k", member, "other", member];
      yield* state("k");
      yield ["sismember", "k", member];
      yield ["sadd", "k", ...HOSTILE_STRINGS];
      yield ["sadd", "k", ...HOSTILE_STRINGS];
      yield* state("k");
      yield ["smismember", "k", ...HOSTILE_STRINGS, "absent"];
      yield ["smove", "k", "copy", member];
      yield ["srem", "k", ...HOSTILE_STRINGS, "other"];
      yield ["exists", "k"];
      yield ["sadd", member, member];
      yield ["smembers", member];
    }
    yield* state("copy");
  });

  compare("every text that may be an integer is kept as Redis keeps it", function* () {
    for (const prior of [[], ["1"], ["text"], ["-32769", "40000"], ["9223372036854775807"]]) {
      for (const member of HOSTILE_INTEGERS) {
        yield ["del", "k"];
        if (prior.length > 0) yield ["sadd", "k", ...prior];
        yield ["sadd", "k", member];
        yield* state("k");
        yield ["sismember", "k", member];
        yield ["smismember", "k", member, "1", ...prior];
        yield ["srem", "k", member, "1"];
        yield* state("k");
      }
    }
    for (const member of HOSTILE_INTEGERS) {
      yield ["sadd", "all", member];
      yield* state("all");
    }
  });

  compare("encodings change at the configured limits", function* () {
    for (const intset of ["0", "1", "3", "512", "1000000"]) {
      for (const entries of ["0", "1", "3", "128", "200"]) {
        for (const value of ["0", "1", "2", "64"]) {
          yield ["flushall"];
          yield ["config", "set", "set-max-intset-entries", intset];
          yield ["config", "set", "set-max-listpack-entries", entries];
          yield ["config", "set", "set-max-listpack-value", value];
          for (const [k, members] of [
            ["1"],
            ["a"],
            ["1", "2", "3"],
            ["1", "2", "3", "4"],
            ["1", "22", "a"],
            ["a", "1"],
            ["333", "a"],
            ["a", "bb"],
            ["a", "b", "c", "d"],
            ["1", "1", "1", "1"],
            ["", "1"],
          ].entries()) {
            yield ["sadd", `k${k}`, ...members];
            yield* state(`k${k}`);
            yield ["sadd", `k${k}`, ...members];
            yield* state(`k${k}`);
            for (const member of members) {
              yield ["sadd", `one${k}`, member];
              yield* state(`one${k}`);
            }
            yield ["sadd", `one${k}`, "a"];
            yield ["sadd", `one${k}`, "5"];
            yield ["sadd", `one${k}`, "long text"];
            yield* state(`one${k}`);
            yield ["smove", `one${k}`, `k${k}`, "long text"];
            yield ["smove", `one${k}`, "fresh", "5"];
            yield ["smove", `k${k}`, "fresh", "a"];
            yield* state(`k${k}`, "fresh");
            yield ["sunionstore", "u", `k${k}`, `one${k}`];
            yield ["sinterstore", "i", `k${k}`, `one${k}`];
            yield ["sdiffstore", "d", `k${k}`, `one${k}`];
            yield* state("i");
            // Their encodings depend on the order of sources that may be hash tables.
            for (const key of ["u", "d"]) yield ["smembers", key];
          }
        }
      }
    }
    yield ["config", "set", "set-max-intset-entries", "512"];
    yield ["config", "set", "set-max-listpack-entries", "128"];
    yield ["config", "set", "set-max-listpack-value", "64"];
  });

  compare("sets outgrow their encodings member by member as Redis's do", function* () {
    for (const sequence of [
      numbers(-300, 700),
      texts("m", 200),
      [...numbers(0, 100), "text", ...numbers(100, 100)],
      [...numbers(0, 200), "text"],
      ["text", ...numbers(0, 140)],
      [...numbers(0, 3), "y".repeat(64), "z".repeat(65)],
      ["32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483649"],
    ]) {
      yield ["del", "k"];
      for (const [k, member] of sequence.entries()) {
        yield ["sadd", "k", member];
        yield ["object", "encoding", "k"];
        if (k % 50 === 0 || sequence.length < 20) yield ["smembers", "k"];
      }
      yield* state("k");
      for (const member of sequence) yield ["srem", "k", member, "absent"];
      yield ["exists", "k"];
      yield ["del", "all"];
      yield ["sadd", "all", ...sequence];
      yield* state("all");
      yield ["srem", "all", ...sequence.slice(0, -1)];
      yield* state("all");
    }
  });

  compare("sets are combined as Redis combines them", function* () {
    yield* makeSets();
    for (const keys of pairs()) {
      for (const name of ["sinter", "sunion", "sdiff"]) {
        yield [name, ...keys];
        yield [`${name}store`, "stored", ...keys];
        yield* state("stored");
      }
      for (const limit of ["0", "1", "2", "1000"]) {
        yield ["sintercard", String(keys.length), ...keys, "limit", limit];
      }
    }
    for (const keys of pairs()) {
      for (const third of ["none", "ints", "table", "pack"]) {
        for (const name of ["sinterstore", "sunionstore", "sdiffstore"]) {
          yield [name, "stored", ...keys, third];
          yield* state("stored");
        }
      }
    }
  });

  compare("a destination may be a source, of another type, or expire", function* () {
    for (const name of ["sinterstore", "sunionstore", "sdiffstore"]) {
      for (const target of ["ints", "pack", "table", "none", "string"]) {
        for (const sources of [["ints", "pack"], ["table"], ["none"], [target], ["pack", target]]) {
          yield* makeSets();
          yield ["set", "string", "value"];
          yield ["pexpireat", target, "33177117420000"];
          yield [name, target, ...sources];
          yield ["pexpiretime", target];
          yield ["type", target];
          if (!sources.includes("string")) yield* state(target);
        }
      }
    }
  });

  compare("SMOVE moves between sets of every encoding", function* () {
    for (const from of Object.keys(SETS)) {
      for (const to of [...Object.keys(SETS), "fresh"]) {
        yield* makeSets();
        for (const member of ["2", "b", "absent", "9223372036854775807", "x".repeat(65)]) {
          yield ["smove", from, to, member];
          yield* state(to);
        }
        yield* state(from);
      }
    }
    yield ["sadd", "last", "1"];
    yield ["smove", "last", "other", "1"];
    yield ["exists", "last", "other"];
  });

  compare("hostile counts, cursors and limits are refused as by Redis", function* () {
    for (const key of ["none", "ints", "pack", "table"]) {
      yield* makeSets();
      for (const value of HOSTILE_INTEGERS) {
        yield ["sscan", "none", value];
        yield ["sscan", "ints", value];
        yield ["sscan", "pack", "0", "count", value];
        yield ["sscan", "pack", "0", "match", value];
        yield ["sscan", "pack", "0", value, "1"];
        yield ["sintercard", value, key];
        yield ["sintercard", value, key, "ints"];
        yield ["sintercard", "2", key, "ints", "limit", value];
        yield ["sintercard", "2", key, "ints", value, "1"];
        yield ["spop", "none", value];
        yield ["srandmember", "none", value];
        // Not those that would be random, or endless.
        const number = Number(value);
        if (!(number < 0 || number > 400) && key !== "table") {
          if (number === 0 || Number.isNaN(number)) yield ["spop", key, value];
          if (number === 0 || Number.isNaN(number)) yield ["srandmember", key, value];
        }
      }
    }
    yield ["spop", "ints", "1", "2"];
    yield ["srandmember", "ints", "1", "2"];
    yield ["spop", "ints", "-1"];
    yield ["srandmember", "ints", "-9223372036854775808"];
  });

  compare("SSCAN returns a small set whole, and filters", function* () {
    yield* makeSets();
    for (const key of ["ints", "pack", "packed", "wide", "none"]) {
      for (const pattern of ["*", "a", "?", "[0-9]", "-*", "", "7*"]) {
        yield ["sscan", key, "0", "match", pattern];
        yield ["sscan", key, "7", "count", "1", "match", pattern];
        yield ["sscan", key, "0", "match", "x", "match", pattern, "count", "5", "count", "1"];
      }
    }
    yield ["sscan", "ints", "0", "novalues"];
    yield ["sscan", "ints", "0", "type", "set"];
    yield ["sscan", "ints", "0", "count"];
    yield ["sscan", "ints", "0", "match"];
    yield ["sscan", "ints", "0", "count", "0"];
    yield ["sscan", "ints", "0", "count", "1", "novalues"];
    yield ["sscan", "none", "0", "nonsense"];
  });

  compare("SPOP and SRANDMEMBER with as many as there are return all in order", function* () {
    for (const key of Object.keys(SETS)) {
      if (key.includes("table") || key === "longone") continue;
      yield* makeSets();
      yield ["srandmember", key, "1000000"];
      yield ["srandmember", key, "9223372036854775807"];
      yield ["spop", key, "0"];
      yield ["spop", key, "1000000"];
      yield ["exists", key];
      yield ["spop", key];
      yield ["spop", key, "1"];
      yield ["srandmember", key];
      yield ["sadd", key, "only"];
      yield ["srandmember", key];
      yield ["srandmember", key, "-3"];
      yield ["spop", key];
      yield ["exists", key];
    }
  });

  probe("SPOP and SRANDMEMBER return members, as many and as distinct as Redis", async (client) => {
    const results: unknown[] = [];
    for (const key of ["ints", "pack", "table", "manyints", "tableints"]) {
      for (const count of [undefined, 1, 2, 60, 120, 149, -1, -10, -500]) {
        for (const command of makeSets()) await client.ask(...command);
        const all = new Set(listed(await client.ask("smembers", key)));
        for (const name of ["srandmember", "spop"]) {
          if (name === "spop" && count !== undefined && count < 0) continue;
          const reply = await client.ask(
            name,
            key,
            ...(count === undefined ? [] : [String(count)]),
          );
          const members = listed(reply);
          const foreign = members.filter((member) => !all.has(member)).length;
          const isDistinct = new Set(members).size === members.length;
          results.push([key, name, count, reply.kind, members.length, foreign]);
          if (count === undefined || count > 0) results.push(isDistinct);
          results.push(plainValue(await client.ask("scard", key)));
          results.push(plainValue(await client.ask("object", "encoding", key)));
          if (name !== "spop") continue;
          const gone = await client.ask("smismember", key, ...members);
          results.push(listed(gone).every((flag) => flag === "0"));
        }
      }
    }
    return results;
  });

  probe("SSCAN returns every member of a large set", async (client) => {
    await client.ask("sadd", "k", ...texts("m", 5000));
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const reply = await client.ask("sscan", "k", cursor, "count", "100");
      cursor = reply.items[0].text;
      for (const item of reply.items[1].items) seen.add(item.text);
    } while (cursor !== "0");
    return seen.size;
  });

  probe("changes are counted as Redis counts them", async (client) => {
    const counts: unknown[] = [];
    const commands: Command[] = [
      ["sadd", "a", "1", "2", "3", "1"],
      ["sadd", "a", "1"],
      ["sadd", "b", "3", "4", "x"],
      ["srem", "a", "9"],
      ["srem", "a", "1", "2", "9"],
      ["smove", "a", "b", "9"],
      ["smove", "b", "b", "4"],
      ["smove", "b", "a", "4"],
      ["smove", "b", "a", "3"],
      ["smove", "b", "fresh", "x"],
      ["sinterstore", "d", "a", "a"],
      ["sinterstore", "d", "a", "none"],
      ["sinterstore", "d", "a", "none"],
      ["sunionstore", "d", "a", "fresh"],
      ["sdiffstore", "d", "a", "a"],
      ["sdiffstore", "d", "none"],
      ["sunionstore", "d", "none"],
      ["spop", "a", "0"],
      ["spop", "a"],
      ["spop", "a", "5"],
      ["spop", "a", "5"],
      ["srem", "fresh", "x"],
    ];
    const before = await changes(client);
    for (const command of commands) {
      await client.ask(...command);
      counts.push([command.join(" "), (await changes(client)) - before]);
    }
    return counts;
  });

  probe("hits and misses are counted as Redis counts them", async (client) => {
    const counts: unknown[] = [];
    await client.ask("sadd", "s", "1", "2", "3", "4");
    await client.ask("sadd", "t", "1", "x");
    await client.ask("set", "string", "value");
    let before = await hitsAndMisses(client);
    for (const name of NAMES) {
      for (const args of [
        ["s", "0", "1"],
        ["none", "0", "1"],
        ["s", "t", "none"],
        ["none", "s", "1"],
        ["2", "s", "t"],
        ["2", "none", "t"],
        ["s", "string", "t"],
        ["s", "2"],
        ["s"],
        ["none"],
      ]) {
        await client.ask(name, ...args);
        await client.ask("sadd", "s", "1", "2", "3", "4");
        await client.ask("sadd", "t", "1", "x");
        await client.ask("del", "2", "none");
        const after = await hitsAndMisses(client);
        counts.push([name, ...args, after[0] - before[0], after[1] - before[1]]);
        before = after;
      }
    }
    return counts;
  });

  probe("small sets keep the order that Redis gives them (seed 5)", async (client) => {
    const choices = new Choices(5);
    const names = Object.keys(SET_TEMPLATES).filter((name) => !/^s(inter|union|diff)$/.test(name));
    const results: unknown[] = [];
    for (let step = 0; step < 400; step++) {
      // No hash tables: their order would spread to what is stored from them.
      const commands = Array.from({ length: 5 }, () =>
        SET_TEMPLATES[choices.pick(names)](choices),
      ).filter((command) => command.length < 10 && !/x{65}/.test(command.join(" ")));
      const keys = ["k0", "k1", "k2", "k3", "k4"];
      const looks = keys.flatMap((key) => [
        ["smembers", key],
        ["object", "encoding", key],
      ]);
      const pair = [choices.pick(keys), choices.pick(keys)];
      looks.push(["sinter", ...pair], ["sunion", ...pair], ["sdiff", ...pair]);
      const replies = await client.pipeline([...commands, ...looks]);
      const shown = replies.slice(commands.length);
      const encodings = new Map(keys.map((key, k) => [key, shown[2 * k + 1].text]));
      for (const [k, key] of keys.entries()) {
        results.push([step, key, encodings.get(key), ordered(shown[2 * k], encodings.get(key))]);
      }
      const isSmall = pair.every((key) => encodings.get(key) !== "hashtable");
      const isIntset = pair.every((key) => encodings.get(key) === "intset");
      results.push(["sinter", ordered(shown[10], isSmall ? "" : "hashtable")]);
      // Redis collects these in a hash table, but for intsets alone.
      results.push(["sunion", ordered(shown[11], isIntset ? "" : "hashtable")]);
      results.push(["sdiff", ordered(shown[12], isIntset ? "" : "hashtable")]);
      if (choices.oneIn(20)) await client.ask("del", choices.pick(keys));
    }
    return results;
  });
});

function listed(reply: Reply): string[] {
  if (reply.kind !== "$") return reply.items.map((item) => item.text);
  return reply.isNull ? [] : [reply.text];
}

async function hitsAndMisses(client: RawClient): Promise<number[]> {
  const info = String(plainValue(await client.ask("info", "stats")));
  return ["hits", "misses"].map((name) =>
    Number(new RegExp(`keyspace_${name}:(\\d+)`).exec(info)?.[1]),
  );
}

/** Elements in their order, where it is not a hash table's. */
function ordered(reply: Reply, encoding: string | undefined): string[] {
  const members = reply.items.map((item) => item.text);
  return encoding === "hashtable" ? members.sort() : members;
}

async function changes(client: RawClient): Promise<number> {
  const info = String(plainValue(await client.ask("info", "persistence")));
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(info)?.[1]);
}
