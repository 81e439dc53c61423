// The generic (key) commands against Redis 8.0.

import type { RawClient } from "../harness/client.ts";
import { type Command, differential } from "../harness/differential.ts";
import {
  arities,
  caseVariants,
  HOSTILE_INTEGERS,
  HOSTILE_STRINGS,
  selections,
} from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";
import { otherTypes } from "./other-types.ts";

const NAMES = [
  ...["copy", "del", "exists", "expire", "expireat", "expiretime", "keys", "move", "object"],
  ...["persist", "pexpire", "pexpireat", "pexpiretime", "pttl", "randomkey", "rename"],
  ...["renamenx", "scan", "touch", "ttl", "type", "unlink", "dbsize", "flushall", "flushdb"],
  ...["swapdb", "wait"],
];

/** A year far ahead, in the unit of each expiry command, and one further ahead. */
const EXPIRIES = [
  { name: "expire", near: "1000000", far: "2000000", scale: 1 },
  { name: "pexpire", near: "1000000000", far: "2000000000", scale: 1000 },
  { name: "expireat", near: "33177117420", far: "33177127420", scale: 1 },
  { name: "pexpireat", near: "33177117420000", far: "33177127420000", scale: 1000 },
];

const CONDITIONS = [["nx"], ["XX"], ["gt"], ["LT"], ["junk"], [""]];

function* times(key: string): Generator<Command> {
  for (const name of ["ttl", "pttl", "expiretime", "pexpiretime", "exists"]) yield [name, key];
}

differential("generic", "redis8", ({ compare }) => {
  compare("a key that a pipeline has just read is replaced from another database", function* () {
    for (const reader of ["get", "exists", "type"]) {
      yield ["mset", "a", "1", "b", "2"];
      yield ["select", "1"];
      yield ["mset", "a", "3", "b", "4"];
      yield [reader, "b"];
      yield ["select", "0"];
      yield ["copy", "a", "b", "db", "1", "replace"];
      yield ["select", "1"];
      yield ["mget", "a", "b"];
      yield ["dbsize"];
      yield ["select", "0"];
    }
  });

  compare("every key command checks its arity", function* () {
    for (const name of NAMES) {
      // WAIT x x is an integer error; more would be no different.
      yield* arities(name, 7);
    }
  });

  compare("every key command is found whatever its case", function* () {
    for (const name of NAMES) {
      for (const variant of caseVariants(name)) yield [variant, "k", "k2"];
    }
  });

  compare("binary and empty keys work in every key command", function* () {
    for (const key of HOSTILE_STRINGS) {
      yield ["flushall"];
      yield ["set", key, "v"];
      yield ["keys", "*"];
      yield ["exists", key, key, "absent"];
      yield ["type", key];
      yield ["touch", key, key];
      yield ["copy", key, "copy"];
      yield ["rename", key, "new"];
      yield ["renamenx", "new", key];
      yield ["persist", key];
      yield ["expireat", key, "33177117420"];
      yield ["expiretime", key];
      yield ["object", "encoding", key];
      yield ["object", "refcount", key];
      yield ["unlink", key, key, "copy"];
      yield ["dbsize"];
    }
  });

  compare("DEL, UNLINK, EXISTS and TOUCH count keys", function* () {
    for (const name of ["del", "unlink", "exists", "touch"]) {
      for (const chosen of selections(["a", "b", "c", "absent"], 3)) {
        yield ["mset", "a", "1", "b", "2", "c", "3"];
        yield [name, ...chosen];
        yield [name, ...chosen, ...chosen];
        yield ["dbsize"];
      }
    }
  });

  compare("the EXPIRE family takes every pair and triple of conditions", function* () {
    for (const { name, near, far } of EXPIRIES) {
      for (const conditions of selections(CONDITIONS, 3)) {
        for (const present of [undefined, "no expiry", near, far]) {
          yield ["del", "k"];
          if (present !== undefined) yield ["set", "k", "v"];
          if (present === near || present === far) yield [name, "k", present];
          yield [name, "k", name.endsWith("at") ? "33177122420000" : near, ...conditions.flat()];
          yield* times("k");
        }
        yield ["set", "k", "v"];
        yield [name, "k", "-1", ...conditions.flat()];
        yield* times("k");
      }
    }
  });

  compare("the EXPIRE family repeats conditions as Redis does", function* () {
    for (const { name, near, far } of EXPIRIES) {
      for (const [condition] of CONDITIONS) {
        yield ["set", "k", "v"];
        yield [name, "k", near, condition, condition];
        yield [name, "k", far, condition, condition, condition];
        yield* times("k");
      }
    }
  });

  compare("the EXPIRE family takes only times in range", function* () {
    const more = ["9223372036854775", "9223372036854776", "-9223372036854775", "9.5e3"];
    for (const { name } of EXPIRIES) {
      for (const value of HOSTILE_INTEGERS.concat(more)) {
        if (/^[1-9]\d?$/.test(value) && !name.endsWith("at")) continue;
        yield [name, "absent", value];
        for (const condition of [[], ["nx"], ["gt"], ["lt", "junk"]]) {
          yield ["set", "k", "v"];
          yield [name, "k", value, ...condition];
          yield* times("k");
        }
      }
    }
  });

  compare("writing a key keeps or clears its expiry as Redis does", function* () {
    const writes: Command[] = [
      ["set", "k", "1"],
      ["set", "k", "1", "keepttl"],
      ["getset", "k", "1"],
      ["append", "k", "1"],
      ["incr", "k"],
      ["incrbyfloat", "k", "1"],
      ["setrange", "k", "0", "2"],
      ["mset", "k", "1"],
      ["msetnx", "k", "1"],
      ["setnx", "k", "1"],
      ["persist", "k"],
      ["persist", "absent"],
      ["rename", "k", "k"],
      ["renamenx", "k", "k"],
      ["copy", "k", "k"],
    ];
    for (const write of writes) {
      yield ["set", "k", "1", "exat", "33177117420"];
      yield write;
      yield* times("k");
      yield ["get", "k"];
    }
  });

  compare("TTL and its siblings of keys without expiry and without existence", function* (known) {
    yield ["set", "k", "v"];
    yield* times("k");
    yield* times("absent");
    for (const { type, make } of otherTypes(known)) {
      yield make(type);
      yield* times(type);
      yield ["type", type];
      yield ["object", "encoding", type];
      yield ["expireat", type, "33177117420"];
      yield* times(type);
      yield ["copy", type, "copy", "replace"];
      yield* times("copy");
      yield ["rename", type, "renamed"];
      yield ["type", "renamed"];
      yield* times("renamed");
      yield ["unlink", "renamed", "copy"];
      yield ["dbsize"];
    }
  });

  compare("RENAME and RENAMENX in every state", function* () {
    for (const name of ["rename", "renamenx"]) {
      for (const source of [undefined, "plain", "expiring"]) {
        for (const target of [undefined, "plain", "expiring"]) {
          yield ["flushall"];
          if (source) yield ["set", "a", "1"];
          if (source === "expiring") yield ["expireat", "a", "33177117420"];
          if (target) yield ["set", "b", "2"];
          if (target === "expiring") yield ["expireat", "b", "33177117421"];
          yield [name, "a", "b"];
          for (const key of ["a", "b"]) yield* times(key);
          yield ["mget", "a", "b"];
          yield [name, "b", "b"];
          yield [name, "absent", "absent"];
        }
      }
    }
  });

  compare("COPY takes every pair and triple of options", function* () {
    const options = [["db", "1"], ["DB", "0"], ["replace"], ["db"], ["db", "16"], ["db", "x"]];
    options.push(["db", "-1"], ["db", "9223372036854775808"], ["junk"]);
    for (const chosen of selections(options, 3)) {
      for (const target of [undefined, "old"]) {
        yield ["flushall"];
        yield ["set", "a", "1", "exat", "33177117420"];
        if (target) yield ["set", "b", target];
        yield ["copy", "a", "b", ...chosen.flat()];
        yield ["copy", "a", "a", ...chosen.flat()];
        yield ["copy", "absent", "b", ...chosen.flat()];
        yield ["get", "b"];
        yield ["expiretime", "b"];
        yield ["select", "1"];
        yield ["mget", "a", "b"];
        yield ["expiretime", "b"];
        yield ["select", "0"];
      }
    }
  });

  compare("MOVE, SELECT and SWAPDB take only databases that exist", function* () {
    for (const value of HOSTILE_INTEGERS.concat("15", "16")) {
      yield ["flushall"];
      yield ["set", "k", "v", "exat", "33177117420"];
      yield ["move", "k", value];
      yield ["move", "absent", value];
      yield ["swapdb", value, "0"];
      yield ["swapdb", "0", value];
      yield ["dbsize"];
      yield ["select", value];
      yield ["get", "k"];
      yield* times("k");
      yield ["select", "0"];
    }
  });

  compare("MOVE and SWAPDB carry keys and expiries", function* () {
    yield ["set", "a", "0", "exat", "33177117420"];
    yield ["move", "a", "1"];
    yield ["exists", "a"];
    yield ["set", "a", "again"];
    yield ["move", "a", "1"];
    yield ["move", "a", "0"];
    yield ["select", "1"];
    yield* times("a");
    yield ["swapdb", "0", "1"];
    yield ["get", "a"];
    yield ["swapdb", "1", "1"];
    yield ["swapdb", "1", "2"];
    yield ["dbsize"];
    yield ["flushdb"];
    yield ["select", "0"];
    yield ["get", "a"];
    yield ["flushall"];
    yield ["dbsize"];
  });

  compare("FLUSHALL and FLUSHDB take SYNC and ASYNC", function* () {
    for (const name of ["flushall", "flushdb"]) {
      for (const options of selections(["sync", "ASYNC", "junk", ""], 2)) {
        yield ["mset", "a", "1", "b", "2"];
        yield ["select", "3"];
        yield ["set", "c", "3"];
        yield [name, ...options];
        yield ["dbsize"];
        yield ["select", "0"];
        yield ["dbsize"];
      }
    }
  });

  compare("OBJECT and its subcommands", function* () {
    const subcommands = ["encoding", "refcount", "idletime", "freq", "help", "junk", ""];
    yield ["set", "int", "123"];
    yield ["set", "embstr", "abc"];
    yield ["set", "raw", "x".repeat(100)];
    yield ["set", "shared", "9999"];
    yield ["set", "unshared", "10000"];
    for (const name of subcommands) {
      for (const variant of name ? caseVariants(name) : [""]) {
        if (name !== "help") yield ["object", variant];
        for (const key of ["int", "embstr", "raw", "shared", "unshared", "absent"]) {
          yield ["object", variant, key];
        }
        yield ["object", variant, "int", "embstr"];
      }
    }
    yield ["object", "help"];
  });

  compare("KEYS matches patterns as Redis does", function* () {
    const keys = ["a", "b", "ab", "abc", "hello", "hallo", "h*llo", "h[llo", "", "a\\b", "-", "^"];
    keys.push("hxllo", "hllo", "a]b", "A", "key:1", "key:12", "key:1:2", "日本", "a\nb");
    yield ["mset", ...keys.flatMap((key) => [key, "1"])];
    const patterns = ["", "*", "?", "??", "h?llo", "h*llo", "h[ae]llo", "h[^e]llo", "h[a-e]llo"];
    patterns.push("h[e-a]llo", "h[", "h[a", "h[^", "[", "[]", "[]]", "[^]", "\\", "a\\", "h\\*llo");
    patterns.push(
      "h\\[llo",
      "*:*",
      "key:*",
      "**",
      "*?*",
      "[a-",
      "[a-]",
      "[\\a]",
      "[\\]]",
      "a\\\\b",
    );
    patterns.push("?*?", "*a*b*", "[^a]", "[--]", "[A-Z]", "[z-a]", "a*\\", "[[]", "h[[]llo", "A");
    patterns.push("???", "日*", "*".repeat(200), `${"*a".repeat(30)}b`, `${"a*".repeat(30)}`);
    for (const pattern of patterns) yield ["keys", pattern];
  });

  compare("RANDOMKEY of no key and of one", function* () {
    yield ["randomkey"];
    yield ["set", "only", "1"];
    yield ["randomkey"];
  });

  compare("WAIT and WAITAOF without replicas", function* (known) {
    for (const name of ["wait", "waitaof"].filter(known)) {
      const local = name === "waitaof" ? ["0"] : [];
      for (const value of HOSTILE_INTEGERS) {
        yield [name, ...local, "0", value];
        // A positive count would wait for replicas that never come.
        if (!/^[1-9]\d{0,18}$/.test(value)) yield [name, ...local, value, "1"];
      }
      yield [name, ...local, "1", "1"];
    }
  });
});

/** Everything a full SCAN returns, sorted, each key once. */
async function scanAll(client: RawClient, ...options: string[]): Promise<string[]> {
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const reply = await client.run("scan", cursor, ...options);
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new Error("not a SCAN reply");
    cursor = String(reply[0]);
    for (const key of reply[1]) seen.add(String(key));
  } while (cursor !== "0");
  return [...seen].sort();
}

const SCAN_OPTIONS = [
  ["match", "key:1*"],
  ["COUNT", "7"],
  ["type", "string"],
  ["TYPE", "LIST"],
];
const BAD_SCAN_OPTIONS = [["count"], ["count", "0"], ["count", "x"], ["count", "-1"], ["junk"]];

differential("scan", "redis8", ({ compare, probe }) => {
  probe("SCAN returns every key under every pair and triple of options", async (client) => {
    const keys = Array.from({ length: 300 }, (_, k) => `key:${k}`);
    await client.run("mset", ...keys.flatMap((key) => [key, "1"]));
    const results: unknown[] = [];
    for (const options of selections(SCAN_OPTIONS, 3)) {
      results.push(options, await scanAll(client, ...options.flat()));
    }
    return results;
  });

  probe("SCAN with a COUNT above the number of keys ends at once", async (client) => {
    await client.run("mset", "a", "1", "b", "2", "c", "3");
    const reply = plainValue(await client.ask("scan", "0", "count", "1000"));
    const keys = Array.isArray(reply) && Array.isArray(reply[1]) ? reply[1].map(String) : [];
    return [Array.isArray(reply) && reply[0], keys.sort()];
  });

  compare("SCAN refuses bad cursors and options", function* () {
    for (const value of HOSTILE_INTEGERS) {
      yield ["scan", value];
      yield ["scan", "0", "count", value];
      yield ["scan", "0", "type", value];
      yield ["scan", "0", "match", value];
    }
    for (const options of selections([...SCAN_OPTIONS, ...BAD_SCAN_OPTIONS], 2)) {
      yield ["scan", "0", ...options.flat()];
    }
  });
});

differential("lfu", "redis8", ({ compare }) => {
  compare("OBJECT FREQ and IDLETIME depend on maxmemory-policy", function* () {
    yield ["set", "k", "v"];
    for (const policy of ["allkeys-lfu", "volatile-lfu", "allkeys-lru", "noeviction"]) {
      yield ["config", "set", "maxmemory-policy", policy];
      yield ["object", "freq", "k"];
      yield ["object", "idletime", "k"];
      yield ["object", "freq", "absent"];
      yield ["object", "idletime", "absent"];
    }
  });
});
