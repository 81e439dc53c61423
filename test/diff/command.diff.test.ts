// COMMAND and its subcommands against Redis 8.0, for the commands that our server has.

import { type Command, differential } from "../harness/differential.ts";
import { HOSTILE_INTEGERS } from "../harness/generate.ts";
import { DOCUMENTED_PROSE, LATER_ARGUMENTS } from "../harness/normalise.ts";
import { plainValue, type Reply, type Value } from "../harness/reply.ts";

/** Commands that Redis 8.0 does not have; Valkey decides about them. */
const NOT_IN_REDIS = new Set(["msetex", "delifeq", "commandlog", "script|show"]);

/** A map, or RESP2's flat array, as pairs; undefined where it is no list of pairs. */
function pairsOf(value: Value): [string, Value][] | undefined {
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length === 0) return undefined;
  const pairs: [string, Value][] = [];
  for (let k = 0; k < value.length; k += 2) {
    const name = value[k];
    if (typeof name !== "string") return undefined;
    pairs.push([name, value[k + 1]]);
  }
  return pairs;
}

/** Documentation without its prose; subcommands that are not known are left out, others sorted. */
function documented(value: Value, known: (name: string) => boolean): unknown {
  const pairs = pairsOf(value);
  if (pairs === undefined) return value;
  return pairs
    .filter(([name]) => !DOCUMENTED_PROSE.includes(name))
    .map(([name, inner]) => [name, documentedField(name, inner, known)]);
}

function documentedField(name: string, inner: Value, known: (name: string) => boolean): unknown {
  if (name === "arguments" && Array.isArray(inner)) {
    return inner
      .filter((argument) => !LATER_ARGUMENTS.includes(String(pairsOf(argument)?.[0][1])))
      .map((argument) => documented(argument, known));
  }
  if (name === "subcommands") {
    const entries = (pairsOf(inner) ?? []).filter(([subcommand]) => known(subcommand)).sort();
    return entries.map(([subcommand, entry]) => [
      subcommand,
      documented(entry, (one) => known(one) && !NOT_IN_REDIS.has(one)),
    ]);
  }
  return inner;
}

/** COMMAND INFO's entry without notes; subcommands that are not known are left out. */
function described(reply: Reply, known: (name: string) => boolean): unknown {
  if (reply.isNull) return null;
  const [name, arity, flags, first, last, step, categories, tips, specs, subcommands] = reply.items;
  const entries = subcommands.items.map((entry) => described(entry, known));
  const named = (entry: unknown) => (Array.isArray(entry) ? String(entry[0]) : "");
  return [
    ...[name, arity, first, last, step].map((item) => item.raw),
    ...[flags, categories, tips].map((item) => item.kind + item.items.map((one) => one.raw)),
    specs.items.map((spec) => [spec.kind, documented(plainValue(spec), known)]),
    entries
      .filter((entry) => known(named(entry).split("\r\n")[1]))
      .sort((left, right) => named(left).localeCompare(named(right))),
  ];
}

/** Every way to name keys that GETKEYS must find, and some that name none. */
const KEY_CALLS: readonly Command[] = [
  ...[
    ["get", "a"],
    ["set", "a", "v", "get"],
    ["mset", "a", "1", "b", "2"],
    ["mset", "a", "1", "b"],
  ],
  ...[
    ["mget", "a", "b", "c"],
    ["msetnx", "a", "1", "b", "2"],
    ["del", "a", "b"],
    ["exists", "a"],
  ],
  ...[
    ["copy", "a", "b", "db", "1"],
    ["rename", "a", "b"],
    ["lcs", "a", "b"],
    ["getex", "a"],
  ],
  ...[["object", "encoding", "a"], ["object", "help"], ["memory", "usage", "a"], ["ping"], ["get"]],
  ...[["nosuch", "a"], ["config", "get", "a"], ["config"], ["client", "id"], ["object", "nosuch"]],
  ...[
    ["set", "a", "v"],
    ["set", "a", "v", "nx"],
    ["append", "a", "v"],
    ["touch", "a", "b"],
  ],
  ...[
    ["eval", "x", "2", "a", "b"],
    ["eval", "x", "x"],
    ["zunionstore", "a", "2", "b", "c"],
  ],
  ...[
    ["sort", "a", "by", "b", "store", "c"],
    ["migrate", "h", "1", "", "0", "1", "keys", "a", "b"],
  ],
  ...[
    ["xread", "streams", "a", "b", "1", "2"],
    ["blpop", "a", "b", "0"],
    ["lmpop", "1", "a", "left"],
  ],
  ...[["georadius", "a", "1", "1", "1", "m", "store", "b"], ["expire", "a", "1"], ["flushall"]],
  ...[
    ["move", "a", "1"],
    ["unlink", "a", "b", "c"],
    ["substr", "a", "0", "1"],
    ["scan", "0"],
  ],
  ...[["watch", "a", "b"], ["multi"], ["swapdb", "0", "1"], ["hello", "3"], ["wait", "1", "1"]],
];

differential("command", "redis8", ({ compare, probe }) => {
  probe("COMMAND INFO describes every command as Redis does", async (client, { known }) => {
    const names = await knownNames(client, known);
    const reply = await client.ask("command", "info", ...names);
    return names.map((name, k) => [
      name,
      described(reply.items[k], (one) => known(one) && !NOT_IN_REDIS.has(one)),
    ]);
  });

  probe("COMMAND DOCS documents every command as Redis does", async (client, { known }) => {
    const names = await knownNames(client, known);
    const results: unknown[] = [];
    for (const name of names) {
      const docs = plainValue(await client.ask("command", "docs", name));
      results.push([
        name,
        pairsOf(docs)?.map(([key, entry]) => [
          key,
          documented(entry, (one) => known(one) && !NOT_IN_REDIS.has(one)),
        ]),
      ]);
    }
    return results;
  });

  probe("COMMAND DOCS and INFO without names cover everything", async (client) => {
    const count = await client.run("command", "count");
    const info = await client.ask("command");
    const docs = await client.ask("command", "docs");
    const same = await client.ask("command", "info");
    const pairs = docs.kind === "%" || docs.kind === "*" ? docs.items.length / 2 : -1;
    return [info.items.length === count, pairs === count, same.items.length === count];
  });

  compare("COMMAND INFO and DOCS of subcommands and of nothing", function* () {
    yield ["command", "info", "nosuch", "config|nosuch", "get|get", "|", ""];
    yield ["command", "docs", "nosuch", "config|nosuch", "get|get", "|", ""];
    yield ["command", "info", "GET", "get", "Get"];
    yield ["command", "nosuch"];
    yield ["command", "count", "x"];
    yield ["command", "help", "x"];
    yield ["command", "getkeys"];
    yield ["command", "getkeysandflags"];
    yield ["command", "list", "x"];
    yield ["command", "list", "filterby"];
    yield ["command", "list", "filterby", "nosuch", "x"];
    yield ["command", "list", "filterby", "module"];
    yield ["command", "list", "filterby", "module", "nosuch"];
    yield ["command", "list", "filterby", "aclcat", "nosuch"];
    yield ["command", "list", "filterby", "pattern", "nosuch*"];
    yield ["command", "list", "FILTERBY", "PATTERN", "mge[t]"];
    yield ["command", "list", "filterby", "pattern", "x", "y"];
  });

  compare("COMMAND GETKEYS and GETKEYSANDFLAGS find the keys", function* (known) {
    for (const call of KEY_CALLS) {
      const name = String(call[0]);
      if (!known(name) && name !== "nosuch") continue;
      yield ["command", "getkeys", ...call];
      yield ["command", "getkeysandflags", ...call];
      yield ["command", "GETKEYS", name.toUpperCase(), ...call.slice(1)];
    }
    for (const value of HOSTILE_INTEGERS) {
      if (known("eval")) yield ["command", "getkeys", "eval", "x", value, "a", "b"];
    }
  });

  probe("COMMAND LIST filters by category and pattern", async (client, { known }) => {
    const results: unknown[] = [];
    const categories = ["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string"];
    categories.push("bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow");
    categories.push("blocking", "dangerous", "connection", "transaction", "scripting", "FAST");
    for (const category of categories) {
      const names = plainValue(await client.ask("command", "list", "filterby", "aclcat", category));
      results.push(category, common(names, known));
    }
    for (const pattern of ["*", "get*", "*|*", "CLIENT|*", "m?et", "config"]) {
      const names = plainValue(await client.ask("command", "list", "filterby", "pattern", pattern));
      results.push(pattern, common(names, known));
    }
    return results;
  });
});

function common(names: Value, known: (name: string) => boolean): string[] | string {
  if (!Array.isArray(names)) return String(names);
  return names
    .map(String)
    .filter(
      (name) => known(name) && !NOT_IN_REDIS.has(name) && !NOT_IN_REDIS.has(name.split("|")[0]),
    )
    .sort();
}

/** The commands, subcommands too, that both servers have. */
async function knownNames(
  client: { run(...args: string[]): Promise<Value> },
  known: (name: string) => boolean,
): Promise<string[]> {
  const names = common(await client.run("command", "list"), known);
  return Array.isArray(names) ? names : [];
}
