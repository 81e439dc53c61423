// What works on keys of every type, over collections in every encoding, against Redis 8.0: what
// they are called, their digests, and that they survive being copied, renamed, moved and swapped.

import type { RawClient } from "../harness/client.ts";
import { type Command, differential, type Known } from "../harness/differential.ts";
import { HOSTILE_DOUBLES, HOSTILE_STRINGS } from "../harness/generate.ts";
import { plainValue } from "../harness/reply.ts";

/** Elements: none of a conversion, just before one, beyond one, and many. */
const SIZES = [1, 5, 127, 129, 513, 2000];
const LONG = "x".repeat(65);
const HUGE = "y".repeat(9000);
/** A time that is far away, Unix seconds. */
const FAR = "33177117420";
/** Elements per command. */
const BATCH = 500;

interface Collection {
  readonly key: string;
  readonly make: readonly Command[];
}

function numbered(count: number, elementOf: (k: number) => readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let from = 0; from < count; from += BATCH) {
    const length = Math.min(BATCH, count - from);
    batches.push(Array.from({ length }, (_, k) => elementOf(from + k)).flat());
  }
  return batches;
}

/** What makes a collection of each type from numbers, and from texts. */
const MAKERS = [
  { name: "rpush", element: (text: string) => [text] },
  { name: "sadd", element: (text: string) => [text] },
  { name: "hset", element: (text: string) => [`f${text}`, text] },
  { name: "zadd", element: (text: string, k: number) => [String(k / 8 - 3), text] },
];

/** Collections of every type that our server has, in every encoding. */
function* collections(known: Known): Generator<Collection> {
  for (const { name, element } of MAKERS) {
    if (!known(name)) continue;
    const of = (key: string, count: number, textOf: (k: number) => string): Collection => ({
      key,
      make: numbered(count, (k) => element(textOf(k), k)).map((args) => [name, key, ...args]),
    });
    for (const count of SIZES) {
      yield of(`${name}:integers:${count}`, count, String);
      yield of(`${name}:texts:${count}`, count, (k) => `text:${k}`);
    }
    yield of(`${name}:longs`, 3, (k) => `${k}9223372036854775${k}`);
    yield of(`${name}:long`, 5, (k) => (k === 4 ? LONG : String(k)));
    yield of(`${name}:huge`, 3, (k) => `${k}${HUGE}`);
  }
  if (known("zadd")) {
    const finite = HOSTILE_DOUBLES.filter((text) => Number.isFinite(Number(text)) && text !== "");
    const pairs = [...finite, "inf", "-inf", "1e17", "123456789.123456789", "5e-324", "1e8", "-0"];
    const key = "zset:scores";
    yield { key, make: pairs.map((score, k) => ["zadd", key, score, `member:${k}`]) };
  }
  if (known("hpexpireat")) {
    for (const count of [3, 300]) {
      const key = `hash:expiring:${count}`;
      const fields = numbered(count, (k) => [`f${k}`, String(k)]);
      const expire = ["hpexpireat", key, `${FAR}000`, "fields", "2", "f0", "f2"];
      yield { key, make: [...fields.map((args) => ["hset", key, ...args]), expire] };
    }
  }
  if (known("xadd")) {
    for (const count of [1, 90, 250]) {
      const key = `stream:${count}`;
      const ids = Array.from({ length: count }, (_, k) => `${1 + (k >> 2)}-${k}`);
      const make = ids.map((id, k) => ["xadd", key, id, `f${k % 3}`, String(k), "g", LONG]);
      yield { key, make: [...make, ["xdel", key, ids[count >> 1]]] };
    }
  }
}

function* stateOf(key: string): Generator<Command> {
  yield ["type", key];
  yield ["object", "encoding", key];
  yield ["debug", "digest-value", key];
  yield ["expiretime", key];
}

differential(
  "collections",
  "redis8",
  ({ compare, probe }) => {
    compare("digests, encodings and reference counts", function* (known) {
      for (const { key, make } of collections(known)) {
        yield* make;
        yield* stateOf(key);
        yield ["object", "refcount", key];
        yield ["object", "idletime", key];
        yield ["object", "freq", key];
        yield ["expireat", key, FAR];
        yield* stateOf(key);
      }
      yield ["dbsize"];
      yield ["debug", "digest"];
    });

    compare("hostile elements have the digest that Redis computes", function* (known) {
      for (const { name, element } of MAKERS) {
        if (!known(name)) continue;
        for (const text of HOSTILE_STRINGS) {
          // Elements are bytes; the makers put text around some.
          const [first, ...rest] = element("*", 1);
          const put = (part: string) => (part === "*" ? text : part);
          yield [name, `${name}:h`, put(first), ...rest.map(put)];
          yield* stateOf(`${name}:h`);
        }
      }
      yield ["debug", "digest"];
    });

    compare("COPY, RENAME, MOVE and SWAPDB keep every value", function* (known) {
      for (const { key, make } of collections(known)) {
        yield ["flushall"];
        yield* make;
        yield ["expireat", key, FAR];
        yield ["copy", key, "copied"];
        yield* stateOf("copied");
        yield ["copy", key, "copied"];
        yield ["set", "copied", "x"];
        yield ["copy", key, "copied", "replace"];
        yield ["copy", key, key];
        yield ["copy", key, "far", "db", "2"];
        yield ["persist", key];
        yield ["rename", key, "copied"];
        yield* stateOf("copied");
        yield ["renamenx", "copied", "far"];
        yield ["move", "far", "1"];
        yield ["exists", "far", key];
        yield ["swapdb", "0", "2"];
        yield* stateOf("far");
        yield ["swapdb", "0", "1"];
        yield* stateOf("far");
        yield ["debug", "digest"];
        yield ["unlink", "far"];
        yield ["debug", "digest"];
      }
    });

    compare("deletion in every way leaves nothing", function* (known) {
      for (const ways of [["del"], ["unlink"], ["set"], ["expire"], ["flushall"], ["flushdb"]]) {
        for (const { key, make } of collections(known)) {
          yield* make;
          if (ways[0] === "set") yield ["set", key, "x"];
          else if (ways[0] === "expire") yield ["pexpireat", key, "1"];
          else if (ways[0].startsWith("flush")) yield [ways[0], "async"];
          else yield [ways[0], key];
          yield* stateOf(key);
        }
        yield ["debug", "digest"];
      }
    });

    compare("commands on strings refuse every collection", function* (known) {
      for (const { key, make } of collections(known)) {
        if (/:(127|129|513|2000)$/.test(key)) continue;
        yield* make;
        for (const name of ["get", "incr", "strlen", "getdel", "append"])
          yield [name, key, "1"].slice(0, name === "append" ? 3 : 2);
        yield ["set", key, "x", "get"];
        yield ["mget", key, key];
        yield* stateOf(key);
      }
    });

    compare("DEBUG knows which encoding a value has", function* (known) {
      for (const { key, make } of collections(known)) {
        yield* make;
        yield ["debug", "listpack", key];
        yield ["debug", "quicklist", key];
        // What is in a table is ours to tell; that a value has none is not.
        if (!/:(127|129|513|2000|long|huge|300)$/.test(key)) yield ["debug", "htstats-key", key];
        yield ["debug", "sdslen", key];
        yield ["memory", "usage", key];
        yield ["memory", "usage", key, "samples", "0"];
        yield ["memory", "usage", key, "samples", "3"];
        yield ["memory", "usage", key, "samples", "-1"];
      }
      for (const name of ["listpack", "quicklist", "htstats-key", "sdslen", "object"]) {
        yield ["debug", name, "absent"];
        yield ["debug", name];
        if (name !== "htstats-key") yield ["debug", name, "k", "x", "x"];
      }
    });

    probe("SCAN finds the keys of each type", async (client, { known }) => {
      for (const { make } of collections(known)) await client.pipeline(make);
      const found: Record<string, string[]> = {};
      for (const type of ["string", "list", "set", "zset", "hash", "stream", "junk"]) {
        found[type] = [];
        let cursor = "0";
        do {
          const reply = await client.ask("scan", cursor, "type", type, "count", "100");
          const [next, keys] = plainValue(reply) as [string, string[]];
          cursor = String(next);
          found[type].push(...keys);
        } while (cursor !== "0");
        found[type].sort();
      }
      return found;
    });

    probe("INFO counts keys by type and size", async (client, { known }) => {
      const sizes: string[] = [];
      for (const { key, make } of collections(known)) {
        await client.pipeline(make);
        await client.run("copy", key, `${key}:copy`);
      }
      sizes.push(...(await keysizes(client)));
      await client.run("select", "1");
      await client.run("swapdb", "0", "1");
      for (const { key } of collections(known)) await client.run("rename", key, `${key}:copy`);
      sizes.push(...(await keysizes(client)));
      await client.run("flushall");
      sizes.push(...(await keysizes(client)));
      return sizes;
    });
  },
  { args: ["--enable-debug-command", "yes"] },
);

async function keysizes(client: RawClient): Promise<string[]> {
  const text = String(await client.run("info", "keysizes"));
  return text.split("\r\n").filter((line) => line.startsWith("db"));
}
